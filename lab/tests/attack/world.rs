//! The cluster that is attacked: one pod that may do little, one that nobody may talk to freely, and
//! others who must not suffer.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flows_lab::netns;
use flows_lab::plan::Pod;
use testing_lab::{TestLab, options};

use crate::common::program;

fn cluster() -> String {
    let near = ["evil", "jail", "victim", "friend", "client", "server"];
    let mut pods = near
        .map(|name| testing_lab::pod(name, &format!("app: {name}"), "one", &[]))
        .to_vec();
    pods.push(testing_lab::pod("remote", "app: remote", "two", &[]));
    pods.join("---\n")
}

/// The victim: DNS and ping from evil, nothing else. The jail: DNS out to the remote pod and the world.
/// The server: what the client opens at one port.
pub(crate) const POLICIES: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: victim}
spec:
  endpointSelector: {matchLabels: {app: victim}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: evil}}]
    toPorts: [{ports: [{port: "53", protocol: UDP}]}]
  - fromEndpoints: [{matchLabels: {app: evil}}]
    icmps:
    - fields: [{type: 8, family: IPv4}, {type: 128, family: IPv6}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: jail}
spec:
  endpointSelector: {matchLabels: {app: jail}}
  egress:
  - toEndpoints: [{matchLabels: {app: remote}}]
    toPorts: [{ports: [{port: "53", protocol: UDP}]}]
  - toEntities: [world]
    toPorts: [{ports: [{port: "53", protocol: UDP}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: server}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: client}}]
    toPorts: [{ports: [{port: "8081", protocol: TCP}]}]
"#;

/// Brings it up. `agent_args` are added to the agents' command lines.
pub(crate) fn up(agent_args: &[&str]) -> TestLab {
    let mut options = options(program(), true);
    options.outside = true;
    options.agent_args = agent_args.iter().map(|&arg| arg.to_owned()).collect();
    TestLab::up(&options, &format!("{}---{POLICIES}", cluster())).unwrap()
}

/// Somebody in the lab, with addresses and a network namespace.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) v4: IpAddr,
    pub(crate) v6: IpAddr,
    pub(crate) netns: PathBuf,
    /// Ethernet addresses of its own end, and of the end that its frames go to.
    pub(crate) macs: [[u8; 6]; 2],
}

pub(crate) fn pod(lab: &TestLab, name: &str) -> Host {
    let pod: &Pod = lab.lab().find_pod(name).unwrap();
    Host {
        v4: pod.ipv4.into(),
        v6: pod.ipv6.into(),
        netns: lab.lab().paths().pod_namespace(pod),
        macs: [pod.mac(), pod.host_mac()],
    }
}

/// The host outside; its Ethernet addresses aren't needed, as no frames are crafted in it.
pub(crate) fn outside(lab: &TestLab) -> Host {
    Host {
        v4: "203.0.113.10".parse().unwrap(),
        v6: "2001:db8::10".parse().unwrap(),
        netns: lab.lab().paths().outside_namespace(),
        macs: [[0; 6]; 2],
    }
}

impl Host {
    /// Runs `work` on a thread inside the namespace. Sockets opened there stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                netns::enter(&self.netns).unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }

    /// A UDP socket of its own address that waits for half a second.
    pub(crate) fn udp(&self, address: IpAddr, port: u16) -> UdpSocket {
        let socket = self.inside(|| UdpSocket::bind(SocketAddr::new(address, port)).unwrap());
        let half = Duration::from_millis(500);
        socket.set_read_timeout(Some(half)).unwrap();
        socket
    }
}

/// What comes to a socket within its time.
pub(crate) fn received(socket: &UdpSocket) -> Option<Vec<u8>> {
    let mut bytes = [0; 2048];
    let (length, _) = socket.recv_from(&mut bytes).ok()?;
    Some(bytes[..length].to_vec())
}

/// What comes to a socket that something is sure to come to.
pub(crate) fn awaited(socket: &UdpSocket) -> Option<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let bytes = received(socket);
        if bytes.is_some() || Instant::now() > deadline {
            return bytes;
        }
    }
}
