//! How long a change of a manifest takes until the kernel has it, through a whole agent: the file is
//! put in place, noticed, read, compiled, saved, and written to the maps.
//!
//! 10,000 pods with 2,000 sets of labels in 20 namespaces and 100 files, 1,000 policies in a file each,
//! 100 pods on the node. Of each time 50 ms is the wait for more changes in the directory.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench's rows, and what it could not clean up"
)]

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, unshare};
use proto::flows::v1::{
    GetStatusRequest, WaitRevisionRequest, policy_client::PolicyClient, status_client::StatusClient,
};
use tonic::transport::{Channel, Endpoint};

/// Whatever prevents a measurement ends the bench.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: u32 = 11;
const NAMESPACES: usize = 20;
const APPS: usize = 100;
const PODS: usize = 10_000;
const POLICIES: usize = 1_000;
const NODES: usize = 100;

fn main() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let directory = tempfile::tempdir()?;
    let manifests = directory.path().join("manifests");
    std::fs::create_dir(&manifests)?;
    network()?;
    cluster(&manifests)?;
    let began = Instant::now();
    let agent = Agent::start(directory.path(), &manifests)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(measure(&agent, &manifests, began));
    drop(agent);
    result
}

async fn measure(agent: &Agent, manifests: &Path, began: Instant) -> Result<()> {
    let channel = agent.channel().await?;
    let mut status = StatusClient::new(channel.clone());
    let first = loop {
        let status = status.get_status(GetStatusRequest {}).await?.into_inner();
        if status.revision > 0 {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(first.failure, "");
    assert_eq!((first.policies, first.endpoints), (1_000, 100));
    row(
        "agent: first start until its maps are written",
        ms(began),
        "ms",
    );
    let mut bench = Bench {
        agent,
        manifests,
        waiter: PolicyClient::new(channel),
        revision: first.revision,
    };
    // In the order in which they cost the least.
    bench
        .change("agent: a policy for pods here changed", |round| {
            let n = round % NAMESPACES;
            (format!("policy-{n}.yaml"), policy(n, 1 + round))
        })
        .await?;
    bench
        .change("agent: a pod of new labels added elsewhere", |round| {
            let pod = pod(
                PODS + round,
                round % NAMESPACES,
                round % APPS,
                "node-1",
                round,
            );
            ("new.yaml".to_owned(), pod)
        })
        .await?;
    bench
        .change("agent: a prefix added to a CIDR group in use", |round| {
            ("group.yaml".to_owned(), group(2 + round))
        })
        .await?;
    row("agent: resident memory", agent.resident()?, "MB");
    Ok(())
}

struct Bench<'a> {
    agent: &'a Agent,
    manifests: &'a Path,
    waiter: PolicyClient<Channel>,
    revision: u32,
}

impl Bench<'_> {
    /// Puts a file in place and waits for the revision after that, in turns.
    async fn change(&mut self, name: &str, make: impl Fn(usize) -> (String, String)) -> Result<()> {
        let mut times = Vec::new();
        let before = self.agent.used()?;
        for round in 0..ROUNDS as usize {
            let (file, text) = make(round);
            let began = Instant::now();
            put(self.manifests, &file, &text)?;
            let wanted = WaitRevisionRequest {
                revision: self.revision + 1,
                ..WaitRevisionRequest::default()
            };
            let reached = self.waiter.wait_revision(wanted).await?.into_inner();
            times.push(ms(began));
            self.revision = reached.revision;
            // The clean-up after a change isn't a part of the next one's time.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        times.sort_by(f64::total_cmp);
        let used = self.agent.used()?;
        let each = |before: f64, after: f64| (after - before) / f64::from(ROUNDS);
        row(name, times[times.len() / 2], "ms");
        row(
            &format!("{name}: processor time"),
            each(before.0, used.0),
            "ms",
        );
        row(
            &format!("{name}: written to files"),
            each(before.1, used.1),
            "MB",
        );
        Ok(())
    }
}

/// The running agent, killed when dropped.
struct Agent {
    process: Child,
    run_dir: PathBuf,
}

impl Agent {
    fn start(directory: &Path, manifests: &Path) -> Result<Self> {
        let programs = std::env::var_os("FLOWS_BIN_DIR")
            .ok_or("FLOWS_BIN_DIR is not set: run `cargo xtask bench policy`")?;
        let run_dir = directory.join("run");
        let process = Command::new(Path::new(&programs).join("flows-agent"))
            .args(["--node", "node-0", "--state-dir"])
            .arg(manifests)
            .arg("--run-dir")
            .arg(&run_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(match std::env::var_os("FLOWS_BENCH_LOG") {
                Some(_) => Stdio::inherit(),
                None => Stdio::null(),
            })
            .spawn()?;
        Ok(Self { process, run_dir })
    }

    async fn channel(&self) -> Result<Channel> {
        let socket = format!("unix://{}", self.run_dir.join("hubble.sock").display());
        let began = Instant::now();
        loop {
            let connected = Endpoint::from_shared(socket.clone())?.connect().await;
            match connected {
                Ok(channel) => return Ok(channel),
                Err(error) if began.elapsed() > Duration::from_secs(60) => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Processor time in ms, and MB that it gave the kernel to write to files and sockets.
    fn used(&self) -> Result<(f64, f64)> {
        let process = PathBuf::from(format!("/proc/{}", self.process.id()));
        let stat = std::fs::read_to_string(process.join("stat"))?;
        // Behind the name; ticks are of 10 ms.
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let ticks: u32 = fields
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u32>())
            .sum::<std::result::Result<_, _>>()?;
        let io = std::fs::read_to_string(process.join("io"))?;
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        let written: u64 = written.ok_or("no wchar")?.parse()?;
        let kib = u32::try_from(written / 1024)?;
        Ok((f64::from(ticks) * 10.0, f64::from(kib) / 1024.0))
    }

    /// MB.
    fn resident(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        let kib: u32 = kib.ok_or("no VmRSS")?.parse()?;
        Ok(f64::from(kib) / 1024.0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("{error}");
        }
        let pins = self.run_dir.join("bpf");
        if let Err(error) = nix::mount::umount2(&pins, nix::mount::MntFlags::MNT_DETACH) {
            eprintln!("{}: {error}", pins.display());
        }
    }
}

/// Address of a pod.
fn ip(n: usize) -> String {
    format!("10.{}.{}.{}", 1 + n / 62_500, n / 250 % 250, 1 + n % 250)
}

/// The veths of the node's pods, and routes to them.
fn network() -> Result<()> {
    let mut script = "link set lo up\n".to_owned();
    for n in 0..PODS / NODES {
        writeln!(script, "link add pod{n} type veth peer name in{n}")?;
        writeln!(script, "link set pod{n} up")?;
        writeln!(script, "route add {}/32 dev pod{n}", ip(n))?;
    }
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), script)?;
    let done = Command::new("ip").arg("-batch").arg(file.path()).status()?;
    if done.success() {
        Ok(())
    } else {
        Err("ip failed".into())
    }
}

fn put(manifests: &Path, name: &str, text: &str) -> Result<()> {
    let hidden = manifests.join(format!(".{name}"));
    std::fs::write(&hidden, text)?;
    std::fs::rename(hidden, manifests.join(name))?;
    Ok(())
}

fn cluster(manifests: &Path) -> Result<()> {
    for n in 0..NODES {
        let mut text = format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: node-{n}}}, status: {{addresses: \
             [{{type: InternalIP, address: 172.16.0.{n}}}]}}}}\n"
        );
        for pod_of_node in 0..PODS / NODES {
            let number = n * (PODS / NODES) + pod_of_node;
            let (namespace, app) = (number % NAMESPACES, number / NAMESPACES % APPS);
            text.push_str("---\n");
            text.push_str(&pod(number, namespace, app, &format!("node-{n}"), 0));
        }
        put(manifests, &format!("node-{n}.yaml"), &text)?;
    }
    for n in 0..POLICIES - 1 {
        put(manifests, &format!("policy-{n}.yaml"), &policy(n, 0))?;
    }
    put(manifests, "of-group.yaml", OF_GROUP)?;
    put(manifests, "group.yaml", &group(1))
}

/// Lets what the group names in.
const OF_GROUP: &str = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: of-group, namespace: ns-0}
spec:
  endpointSelector: {matchLabels: {app: app-0}}
  ingress: [{fromCIDRSet: [{cidrGroupRef: outside}]}]
";

fn group(prefixes: usize) -> String {
    let prefixes: Vec<String> = (0..prefixes).map(|n| format!("198.51.{n}.0/24")).collect();
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {{name: outside}}, spec: \
         {{externalCIDRs: [{}]}}}}\n",
        prefixes.join(", ")
    )
}

fn pod(n: usize, namespace: usize, app: usize, node: &str, version: usize) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{n}, namespace: ns-{namespace}, \
         labels: {{app: app-{app}, tier: tier-{}, version: 'v{version}'}}}}, spec: {{nodeName: {node}}}, \
         status: {{podIP: {}}}}}\n",
        app % 5,
        ip(n)
    )
}

/// Lets two apps and a tier of the namespace in, and itself out to a third app, to DNS and outside.
fn policy(n: usize, version: usize) -> String {
    let (namespace, app) = (n % NAMESPACES, n / NAMESPACES % APPS);
    let [first, second, third] = [1, 7, 13].map(|step| (app + step) % APPS);
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
         metadata: {{name: policy-{n}, namespace: ns-{namespace}}}, \
         spec: {{endpointSelector: {{matchLabels: {{app: app-{app}}}}}, \
         ingress: [{{fromEndpoints: [{{matchLabels: {{app: app-{first}}}}}, {{matchLabels: {{app: app-{second}}}}}], \
         toPorts: [{{ports: [{{port: '{}', protocol: TCP}}]}}]}}, \
         {{fromEndpoints: [{{matchLabels: {{tier: tier-{}}}}}], toPorts: [{{ports: [{{port: '9090', protocol: TCP}}]}}]}}], \
         egress: [{{toEndpoints: [{{matchLabels: {{app: app-{third}}}}}]}}, \
         {{toEntities: [world], toPorts: [{{ports: [{{port: '443', protocol: TCP}}]}}]}}, \
         {{toCIDR: [192.0.{}.0/24]}}]}}}}\n",
        8000 + version,
        n % 5,
        n % 200
    )
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn row(name: &str, value: f64, unit: &str) {
    let value = (value * 10.0).round() / 10.0;
    println!(
        "{}",
        serde_json::json!({"name": name, "value": value, "unit": unit})
    );
}
