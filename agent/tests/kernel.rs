//! Losses between the kernel and a client, with real packets: what the programs tried to send equals
//! what arrives plus what is told as lost, to the event.
//!
//! Needs root, `FLOWS_BPF_OBJECT` and `FLOWS_BIN_DIR`: `cargo xtask test` runs it.

use std::{
    fs::File,
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proto::{
    flow::LostEventSource,
    flows::v1::{EventCounts, GetStatusRequest, status_client::StatusClient},
    observer::{
        GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
    },
};
use tonic::transport::{Channel, Endpoint};

const MANIFESTS: &str = "
apiVersion: v1
kind: Node
metadata: {name: one}
---
apiVersion: v1
kind: Pod
metadata: {name: near, namespace: shop, labels: {app: near}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: flood, namespace: shop, labels: {app: flood}}
spec: {nodeName: one}
";

/// A lab with one node; gone when dropped.
struct Lab {
    program: PathBuf,
    name: String,
    _manifests: tempfile::TempDir,
}

impl Lab {
    fn up() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test loads programs into the kernel and needs root: run `cargo xtask test`"
        );
        let directory = std::env::var_os("FLOWS_BIN_DIR")
            .expect("FLOWS_BIN_DIR is not set: run `cargo xtask test`");
        let manifests = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(manifests.path().join("pods.yaml"), MANIFESTS).expect("a file");
        let lab = Self {
            program: Path::new(&directory).join("flows-lab"),
            name: format!("agent-{}", std::process::id()),
            _manifests: manifests,
        };
        let up = lab
            .command("up")
            .arg(lab._manifests.path())
            .args(["--relay-listen", "none"])
            // Smaller than the flood below.
            .arg("--agent-arg=--ring-bytes=1048576")
            .output()
            .expect("flows-lab runs");
        assert!(
            up.status.success(),
            "{}",
            String::from_utf8_lossy(&up.stderr)
        );
        lab
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args([verb, "--name", &self.name]);
        command
    }

    fn path(&self, below: &str) -> PathBuf {
        Path::new("/run/flows").join(&self.name).join(below)
    }

    fn agent(&self) -> Pid {
        let record = std::fs::read(self.path("lab.json")).expect("the lab's record");
        let record: serde_json::Value = serde_json::from_slice(&record).expect("JSON");
        let processes = record["processes"].as_array().expect("a list");
        let agent = processes
            .iter()
            .find(|process| process["role"].to_string().to_lowercase().contains("agent"))
            .expect("an agent");
        let pid = agent["pid"].as_i64().expect("a number");
        Pid::from_raw(pid.try_into().expect("a process id"))
    }

    /// The address of a pod, as the agent tells it.
    fn address(&self, pod: &str) -> std::net::IpAddr {
        let list = std::fs::read(self.path("one/endpoints.json")).expect("the agent's list");
        let list: serde_json::Value = serde_json::from_slice(&list).expect("JSON");
        let pods = list.as_array().expect("a list");
        let pod = pods.iter().find(|one| one["name"] == pod).expect("the pod");
        let address = pod["address"].as_str().expect("text");
        address.parse().expect("an address")
    }

    /// Sends a datagram to each of so many ports of a pod: as many new connections.
    fn flood(&self, from: u16, count: u16) {
        let target = self.address("near");
        let namespace = File::open(self.path("netns/pod.shop.flood")).expect("the pod's namespace");
        std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("root");
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
            for port in from..from + count {
                // An ICMP error for an earlier one may be told here; the datagram goes out all the same
                // the next time.
                if socket.send_to(b"x", SocketAddr::new(target, port)).is_err() {
                    drop(socket.send_to(b"x", SocketAddr::new(target, port)));
                }
            }
        })
        .join()
        .expect("the flood ends");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = self.command("down").output().expect("flows-lab runs");
        if !down.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&down.stderr));
        }
    }
}

async fn counts(channel: &Channel) -> EventCounts {
    let mut client = StatusClient::new(channel.clone());
    let status = client
        .get_status(GetStatusRequest {})
        .await
        .expect("status");
    status.into_inner().events.expect("counts")
}

/// Events that the stream shows, and those that it tells as lost, by source.
async fn told(channel: &Channel) -> (u64, u64, u64) {
    let mut client = ObserverClient::new(channel.clone());
    let request = GetFlowsRequest::default();
    let mut stream = client.get_flows(request).await.expect("flows").into_inner();
    let (mut shown, mut ring, mut queue) = (0, 0, 0);
    while let Some(response) = stream.message().await.expect("flows") {
        match response.response_types {
            // Without policies each event is one trace.
            Some(ResponseTypes::Flow(_)) => shown += 1,
            Some(ResponseTypes::LostEvents(lost)) => match lost.source() {
                LostEventSource::PerfEventRingBuffer => ring += lost.num_events_lost,
                LostEventSource::ObserverEventsQueue => queue += lost.num_events_lost,
                other => unreachable!("nothing is evicted: {other:?}"),
            },
            other => unreachable!("{other:?}"),
        }
    }
    (shown, ring, queue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempted_is_delivered_plus_lost_to_the_event() {
    let lab = Lab::up();
    let socket = format!("unix://{}", lab.path("one/hubble.sock").display());
    let channel = Endpoint::from_shared(socket)
        .expect("an address")
        .connect()
        .await
        .expect("the agent answers");
    lab.flood(1000, 2000);
    kill(lab.agent(), Signal::SIGSTOP).expect("our own agent");
    lab.flood(4000, 30_000);
    kill(lab.agent(), Signal::SIGCONT).expect("our own agent");
    lab.flood(40_000, 2000);

    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let before = counts(&channel).await;
        let (shown, ring, queue) = told(&channel).await;
        let after = counts(&channel).await;
        let settled = before == after
            && after.attempted >= 34_000
            && after.failed > 0
            && after.attempted == after.received + after.failed + after.malformed
            && after.received == after.stored + after.queue_lost
            && (shown, ring, queue) == (after.stored, after.failed, after.queue_lost)
            && shown + ring + queue == after.attempted;
        if settled {
            assert_eq!((after.malformed, after.left_unread), (0, 0));
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{after:?}, shown {shown}, lost in rings {ring}, in queues {queue}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
