//! A change of policy under traffic: no packet sees half of it.

mod common;

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::program;
use flows_lab::netns;
use flows_lab::process::Deadline;
use flows_lab::state::write_whole;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use proto::flow::{Flow, Verdict};
use proto::flows::v1::{GetStatusRequest, status_client::StatusClient};
use proto::observer::{
    GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
};
use testing_lab::{TestLab, options, pod};
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[]),
        pod("near", "app: near, version: none", "one", &[]),
        pod("far", "app: far", "two", &[]),
    ];
    pods.join("---\n")
}

/// What is allowed changes between two ports. All three clients may always use the third.
const PORTS: [u16; 3] = [1001, 1002, 1003];
const ALWAYS: usize = 2;
const CLIENTS: [&str; 3] = ["near", "far", "outside"];
/// How often it is changed back and forth: at least and at most, and as long as this hasn't passed.
const CHANGES: Range<u32> = 8..24;
const ENOUGH: Duration = Duration::from_secs(8);

/// The two policies, beside the pod near, in one file. In `state` 0 everybody may use the first port,
/// in state 1 the second: near by the label that it then has, and by its own egress policy, the host
/// outside by a prefix that is longer in state 1. Some hundred more entries change as well, so that
/// writing them takes a while.
fn manifest(near: &str, state: usize) -> String {
    let version = ["a", "b"][state];
    let cidr = ["203.0.113.0/24", "203.0.113.10/32"][state];
    let (port, always) = (PORTS[state], PORTS[ALWAYS]);
    let near = near.replace("version: none", &format!("version: {version}"));
    let mut fillers = String::new();
    for rule in 0..8 {
        let first = 2000 + 1000 * state + 100 * rule;
        let ports: Vec<_> = (first..first + 40)
            .map(|port| format!("{{port: \"{port}\", protocol: UDP}}"))
            .collect();
        fillers.push_str(&format!(
            "    - fromEndpoints: [{{matchLabels: {{app: far}}}}]\n      toPorts: [{{ports: [{}]}}]\n",
            ports.join(", ")
        ));
    }
    format!(
        r#"{near}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: server, namespace: default}}
spec:
  endpointSelector: {{matchLabels: {{app: server}}}}
  ingress:
    - fromEndpoints: [{{matchLabels: {{version: {version}}}}}, {{matchLabels: {{app: far}}}}]
      toPorts: [{{ports: [{{port: "{port}", protocol: UDP}}]}}]
    - fromCIDR: ["{cidr}"]
      toPorts: [{{ports: [{{port: "{port}", protocol: UDP}}]}}]
    - fromEntities: [all]
      toPorts: [{{ports: [{{port: "{always}", protocol: UDP}}]}}]
{fillers}---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: near, namespace: default}}
spec:
  endpointSelector: {{matchLabels: {{version: {version}}}}}
  egress:
    - toEndpoints: [{{matchLabels: {{app: server}}}}]
      toPorts:
        - ports:
            - {{port: "{port}", protocol: UDP}}
            - {{port: "{always}", protocol: UDP}}
"#
    )
}

/// What has arrived, and when the threads are to end.
#[derive(Default)]
struct Traffic {
    /// By client and port: which datagrams, by number.
    arrived: [[Mutex<Vec<bool>>; PORTS.len()]; CLIENTS.len()],
    /// By client: how many datagrams came to the port that is always open.
    answered: [AtomicUsize; CLIENTS.len()],
    /// No more is to be sent.
    over: AtomicBool,
    /// All that was sent is under way.
    sent: AtomicBool,
}

impl Traffic {
    /// Takes what comes to the server, until all is sent and nothing is left. One thread for all ports:
    /// when it has counted a datagram to the last, it has taken up those to the others before.
    fn receive(&self, namespace: &Path, listening: &Barrier) {
        netns::enter(namespace).unwrap();
        let sockets = PORTS.map(|port| {
            let socket = UdpSocket::bind(("::", port)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        });
        listening.wait();
        let mut quiet = 0;
        while quiet < 100 {
            let mut taken = 0;
            for (port, socket) in sockets.iter().enumerate() {
                let mut datagram = [0; 9];
                while socket.recv(&mut datagram).is_ok() {
                    self.take(port, datagram);
                    taken += 1;
                }
            }
            if taken == 0 {
                quiet += usize::from(self.sent.load(Ordering::Acquire));
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn take(&self, port: usize, datagram: [u8; 9]) {
        let [client, number @ ..] = datagram;
        let client = usize::from(client);
        let number = usize::try_from(u64::from_be_bytes(number)).unwrap();
        let mut arrived = self.arrived[client][port].lock().unwrap();
        if arrived.len() <= number {
            arrived.resize(number + 1, false);
        }
        arrived[number] = true;
        if port == ALWAYS {
            self.answered[client].fetch_add(1, Ordering::Release);
        }
    }

    /// Sends to all ports in turn; returns how often. Never more than a few are under way, so that no
    /// queue overflows.
    fn send(&self, namespace: &Path, client: usize, to: IpAddr) -> usize {
        const UNDER_WAY: usize = 32;
        netns::enter(namespace).unwrap();
        // Packets of one CPU stay in order all the way.
        let mut cpu = CpuSet::new();
        cpu.set(0).unwrap();
        sched_setaffinity(Pid::from_raw(0), &cpu).unwrap();
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let standing = UdpSocket::bind(any).unwrap();
        let mut number = 0;
        while !self.over.load(Ordering::Acquire) {
            // One connection stands all the while; every now and then there is a new one.
            let new = (number % 8 == 0).then(|| UdpSocket::bind(any).unwrap());
            let socket = new.as_ref().unwrap_or(&standing);
            let mut datagram = [0; 9];
            datagram[0] = u8::try_from(client).unwrap();
            datagram[1..].copy_from_slice(&(number as u64).to_be_bytes());
            for port in PORTS {
                let to = SocketAddr::new(to, port);
                socket.send_to(&datagram, to).unwrap();
            }
            number += 1;
            let deadline = Deadline::after(Duration::from_secs(20));
            let answered = || self.answered[client].load(Ordering::Acquire);
            while number - answered() > UNDER_WAY && !self.over.load(Ordering::Acquire) {
                assert!(
                    deadline.pause(),
                    "{} was cut off from the port that is always open",
                    CLIENTS[client]
                );
            }
            thread::sleep(Duration::from_micros(500));
        }
        number
    }

    /// In which state each of a client's datagrams was judged, in the order in which they were sent.
    fn states(&self, client: usize, sent: usize) -> Vec<usize> {
        let arrived = |port: usize| {
            let mut arrived = self.arrived[client][port].lock().unwrap().clone();
            arrived.resize(sent, false);
            arrived
        };
        let always = arrived(ALWAYS).iter().filter(|arrived| **arrived).count();
        assert_eq!(always, sent, "{}: nothing else is lost", CLIENTS[client]);
        let [first, second] = [arrived(0), arrived(1)];
        let both = first.into_iter().zip(second);
        both.flat_map(|(first, second)| [usize::from(!first), usize::from(second)])
            .collect()
    }
}

fn connect(lab: &TestLab, runtime: &Runtime) -> Channel {
    let socket = lab.lab().paths().node("one").join("hubble.sock");
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
    runtime.block_on(endpoint.connect()).unwrap()
}

/// Waits until the server's agent has got everything right that is in the directory; its revision.
fn revision_above(channel: &Channel, runtime: &Runtime, before: u32) -> u32 {
    let deadline = Deadline::after(Duration::from_secs(20));
    loop {
        let mut client = StatusClient::new(channel.clone());
        let status = runtime.block_on(client.get_status(GetStatusRequest {}));
        let status = status.unwrap().into_inner();
        assert_eq!((status.failure, status.problems), (String::new(), vec![]));
        if status.revision > before {
            return status.revision;
        }
        assert!(deadline.pause(), "the change never came into force");
    }
}

/// All flows that the server's agent holds, with their extensions.
fn all_flows(channel: &Channel, runtime: &Runtime) -> Vec<Flow> {
    runtime.block_on(async {
        let mut request = Request::new(GetFlowsRequest {
            number: 40_000,
            ..GetFlowsRequest::default()
        });
        let yes = MetadataValue::from_static("1");
        request.metadata_mut().insert(proto::WANT_EXTENSIONS, yes);
        let mut client = ObserverClient::new(channel.clone());
        let mut stream = client.get_flows(request).await.unwrap().into_inner();
        let mut flows = Vec::new();
        while let Some(response) = stream.message().await.unwrap() {
            if let Some(ResponseTypes::Flow(flow)) = response.response_types {
                flows.push(flow);
            }
        }
        flows
    })
}

#[test]
fn no_packet_sees_half_a_change() {
    let mut options = options(program(), true);
    options.outside = true;
    let lab = TestLab::up(&options, &pods()).unwrap();
    let runtime = Runtime::new().unwrap();
    let channel = connect(&lab, &runtime);
    let paths = lab.lab().paths();
    let file = paths.manifests().join("pod.default.near.yaml");
    let near = fs::read_to_string(&file).unwrap();
    let change = |state: u32| {
        let text = manifest(&near, state as usize % 2);
        write_whole(&file, text.as_bytes()).unwrap();
    };
    let before = revision_above(&channel, &runtime, 0);
    change(0);
    let base = revision_above(&channel, &runtime, before);

    let pod = |name: &str| lab.lab().find_pod(name).unwrap();
    let server = pod("server");
    let server_namespace = paths.pod_namespace(server);
    let traffic = Arc::new(Traffic::default());
    let listening = Arc::new(Barrier::new(2));
    let receiver = {
        let (traffic, listening) = (Arc::clone(&traffic), Arc::clone(&listening));
        thread::spawn(move || traffic.receive(&server_namespace, &listening))
    };
    listening.wait();
    let senders = [
        (paths.pod_namespace(pod("near")), IpAddr::V4(server.ipv4)),
        (paths.pod_namespace(pod("far")), IpAddr::V6(server.ipv6)),
        (paths.outside_namespace(), IpAddr::V4(server.ipv4)),
    ];
    let mut clients = Vec::new();
    for (client, (namespace, to)) in senders.into_iter().enumerate() {
        let traffic = Arc::clone(&traffic);
        clients.push(thread::spawn(move || traffic.send(&namespace, client, to)));
    }
    // Each state is seen by each client before the next one comes.
    let until_seen = || {
        const PACKETS: usize = 64;
        let counts = |traffic: &Traffic| {
            let counts = traffic.answered.iter();
            counts
                .map(|count| count.load(Ordering::Acquire))
                .collect::<Vec<_>>()
        };
        let from = counts(&traffic);
        let deadline = Deadline::after(Duration::from_secs(20));
        while counts(&traffic)
            .iter()
            .zip(&from)
            .any(|(now, from)| *now < from + PACKETS)
        {
            assert!(deadline.pause(), "{:?} after {from:?}", counts(&traffic));
        }
    };
    until_seen();
    let mut changes = 0;
    let enough = Instant::now() + ENOUGH;
    while changes < CHANGES.end && (changes < CHANGES.start || Instant::now() < enough) {
        changes += 1;
        change(changes);
        let now = revision_above(&channel, &runtime, base + changes - 1);
        assert_eq!(now, base + changes, "one change, one flip");
        until_seen();
    }
    traffic.over.store(true, Ordering::Release);
    let sent: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    traffic.sent.store(true, Ordering::Release);
    receiver.join().unwrap();

    for (client, sent) in sent.into_iter().enumerate() {
        let states = traffic.states(client, sent);
        let pairs = states.windows(2).enumerate();
        let seen: Vec<_> = pairs
            .filter(|(_, pair)| pair[0] != pair[1])
            .map(|(at, _)| at + 1)
            .collect();
        assert_eq!(states[0], 0);
        // A packet that sees both ports allowed, or neither, looks like two changes more.
        assert_eq!(
            seen.len(),
            changes as usize,
            "{}, {sent} to each port: the state changes at {seen:?}",
            CLIENTS[client]
        );
    }
    let flows = all_flows(&channel, &runtime);
    flows_fit(&flows, base);
}

/// Every flow's verdict fits the revision that it carries.
fn flows_fit(flows: &[Flow], base: u32) {
    let mut seen = [[0_usize; 2]; 2];
    for flow in flows {
        let extension = flow.extension().unwrap();
        let Some(since) = extension.revision.checked_sub(base) else {
            continue;
        };
        let udp = flow.l4.as_ref().and_then(|l4| match &l4.protocol {
            Some(proto::flow::layer4::Protocol::Udp(udp)) => Some(udp.destination_port),
            _ => None,
        });
        let ports = [0, 1].map(|port| u32::from(PORTS[port]));
        let Some(port) = ports.iter().position(|port| udp == Some(*port)) else {
            continue;
        };
        let state = since as usize % 2;
        let allowed = port == state;
        let expected = if allowed {
            Verdict::Forwarded
        } else {
            Verdict::Dropped
        };
        assert_eq!(
            flow.verdict(),
            expected,
            "state {state}: {flow:#?} {extension:#?}"
        );
        let source = flow.source.as_ref().unwrap();
        if source.pod_name == "near" {
            let label = ["k8s:version=a", "k8s:version=b"][state];
            assert!(
                source.labels.iter().any(|known| known == label),
                "state {state}: {flow:#?} {extension:#?}"
            );
        }
        seen[state][usize::from(allowed)] += 1;
    }
    let counts = seen.as_flattened();
    assert!(counts.iter().all(|count| *count > 20), "{seen:?}");
}
