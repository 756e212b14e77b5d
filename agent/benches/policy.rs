//! How long a change of a manifest takes until the kernel has it, through a whole agent: the file is
//! put in place, noticed, read, compiled, saved, and written to the maps.
//!
//! 10,000 pods with 2,000 sets of labels in 20 namespaces and 100 files, 1,000 policies in a file each,
//! 100 pods on the node. Of each time 10 ms is the wait for more changes in the directory. Processor time
//! is that of all the agent's threads, without what it takes when nothing happens.
#![expect(clippy::print_stderr, reason = "what it could not clean up")]

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, unshare};
use proto::flows::v1::{
    GetPoliciesRequest, GetStatusRequest, GetStatusResponse, WaitRevisionRequest,
    policy_client::PolicyClient, status_client::StatusClient,
};
use testing_bench::{Row, median};
use testing_program::{Background, built, memory_mib, processor_time};
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(directory.path(), &manifests))
}

async fn measure(directory: &Path, manifests: &Path) -> Result<()> {
    let began = Instant::now();
    let mut agent = Agent::start(directory, manifests);
    let first = agent.ready().await?;
    assert_eq!((first.policies, first.endpoints), (1_000, 100));
    let name = "agent: first start until its maps are written";
    row(name, ms(began), "ms", Some("<= 1000"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let resident = memory_mib(agent.process.id());
    row("agent: resident memory", resident, "MB", None);

    let mut bench = Bench::new(&agent, manifests, first.revision).await?;
    let name = "agent: nothing changes: processor time per second";
    row(name, bench.idle * 1e3, "ms", None);
    // In the order in which they cost the least.
    bench
        .change("agent: a policy for pods here changed", |round| {
            let n = round % NAMESPACES;
            (format!("policy-{n}.yaml"), policy(n, 1 + round, WORLD))
        })
        .await?;
    bench
        .change("agent: a pod of new labels added elsewhere", |round| {
            let app = round % APPS;
            let pod = pod(PODS + round, round % NAMESPACES, app, "node-1", round);
            ("new.yaml".to_owned(), pod)
        })
        .await?;
    bench
        .change("agent: a prefix added to a CIDR group in use", |round| {
            ("group.yaml".to_owned(), group(2 + round))
        })
        .await?;
    row(
        "agent: resident memory, after these",
        memory_mib(agent.process.id()),
        "MB",
        None,
    );

    let mut times = Vec::new();
    for _ in 0..5 {
        agent.process.kill();
        let began = Instant::now();
        agent.process = Agent::spawn(directory, manifests);
        agent.ready().await?;
        let mut client = PolicyClient::new(agent.channel().await?);
        client.get_policies(GetPoliciesRequest::default()).await?;
        times.push(ms(began));
    }
    let name = "agent: restart until it explains what is in force";
    row(name, median(times), "ms", Some("<= 1000"));

    // Where policies let pods out to the world, each prefix is an entry for each of them.
    for n in 0..POLICIES - 1 {
        put(manifests, &format!("policy-{n}.yaml"), &policy(n, 0, ""))?;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let revision = agent.ready().await?.revision;
    let mut bench = Bench::new(&agent, manifests, revision).await?;
    for (prefixes, with_holes) in [(10_000, false), (15_000, false), (15_000, true)] {
        bench.prefixes(prefixes, with_holes).await?;
    }
    Ok(())
}

struct Bench<'a> {
    agent: &'a Agent,
    manifests: &'a Path,
    waiter: PolicyClient<Channel>,
    revision: u32,
    /// Of processor time, how much it takes when nothing happens.
    idle: f64,
}

impl<'a> Bench<'a> {
    async fn new(agent: &'a Agent, manifests: &'a Path, revision: u32) -> Result<Self> {
        let (began, before) = (Instant::now(), agent.used()?);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (processor, _) = agent.used()?;
        let idle = (processor - before.0) / ms(began);
        Ok(Self {
            agent,
            manifests,
            waiter: PolicyClient::new(agent.channel().await?),
            revision,
            idle,
        })
    }

    /// Waits for the revision after the last one.
    async fn next(&mut self) -> Result<()> {
        self.wait(WaitRevisionRequest {
            revision: self.revision + 1,
            ..WaitRevisionRequest::default()
        })
        .await
    }

    /// Waits for a version of a policy.
    async fn version(&mut self, policy: &str, version: usize) -> Result<()> {
        let version = [(policy.to_owned(), format!("v{version}"))];
        self.wait(WaitRevisionRequest {
            versions: version.into(),
            ..WaitRevisionRequest::default()
        })
        .await
    }

    async fn wait(&mut self, wanted: WaitRevisionRequest) -> Result<()> {
        let reached = self.waiter.wait_revision(wanted).await?.into_inner();
        self.revision = reached.revision;
        Ok(())
    }

    /// Puts a file in place and waits for the revision after that, in turns.
    async fn change(&mut self, name: &str, make: impl Fn(usize) -> (String, String)) -> Result<()> {
        let mut times = Vec::new();
        let (start, before) = (Instant::now(), self.agent.used()?);
        for round in 0..ROUNDS as usize {
            let (file, text) = make(round);
            let began = Instant::now();
            put(self.manifests, &file, &text)?;
            self.next().await?;
            times.push(ms(began));
            // The clean-up after a change isn't a part of the next one's time.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let used = self.agent.used()?;
        let processor = used.0 - before.0 - self.idle * ms(start);
        row(name, median(times), "ms", Some("<= 50"));
        let of = |what: &str| format!("{name}: {what}");
        let each = processor / f64::from(ROUNDS);
        row(&of("processor time"), each, "ms", Some("<= 5"));
        let each = (used.1 - before.1) / f64::from(ROUNDS);
        row(&of("written to files"), each, "KB", Some("<= 16"));
        Ok(())
    }

    /// A policy of many prefixes comes into force, while a small one changes, and goes.
    async fn prefixes(&mut self, count: usize, with_holes: bool) -> Result<()> {
        let (mut large, mut small) = (Vec::new(), Vec::new());
        for round in 0..5 {
            let text = of_prefixes(count, with_holes, round);
            let began = Instant::now();
            put(self.manifests, "prefixes.yaml", &text)?;
            tokio::time::sleep(Duration::from_millis(30)).await;
            let meanwhile = Instant::now();
            put(self.manifests, "policy-1.yaml", &policy(1, 100 + round, ""))?;
            self.version("cnp ns-1/policy-1", 100 + round).await?;
            small.push(ms(meanwhile));
            self.version("cnp ns-0/prefixes", round).await?;
            large.push(ms(began));
            std::fs::remove_file(self.manifests.join("prefixes.yaml"))?;
            self.next().await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let holes = if with_holes {
            ", half of them taken out of others"
        } else {
            ""
        };
        let name = format!("agent: {count} prefixes in one policy{holes}: in force");
        row(&name, median(large), "ms", Some("<= 1000"));
        let name =
            format!("agent: {count} prefixes in one policy{holes}: another change meanwhile");
        row(&name, median(small), "ms", None);
        Ok(())
    }
}

/// The running agent, killed when dropped.
struct Agent {
    process: Background,
    run_dir: PathBuf,
}

impl Agent {
    fn start(directory: &Path, manifests: &Path) -> Self {
        Self {
            process: Self::spawn(directory, manifests),
            run_dir: directory.join("run"),
        }
    }

    fn spawn(directory: &Path, manifests: &Path) -> Background {
        let mut command = Command::new(built("flows-agent"));
        command
            .args(["--node", "node-0", "--state-dir"])
            .arg(manifests)
            .arg("--run-dir")
            .arg(directory.join("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(match std::env::var_os("FLOWS_BENCH_LOG") {
                Some(_) => Stdio::inherit(),
                None => Stdio::null(),
            });
        Background::start(&mut command)
    }

    /// Waits until it has brought the kernel in step.
    async fn ready(&self) -> Result<GetStatusResponse> {
        let mut status = StatusClient::new(self.channel().await?);
        loop {
            let status = status.get_status(GetStatusRequest {}).await?.into_inner();
            if status.revision > 0 && status.policies > 0 {
                assert_eq!(status.failure, "");
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
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

    /// Processor time in ms, and KB that it gave the kernel to write to files and sockets.
    fn used(&self) -> Result<(f64, f64)> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.process.id()))?;
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        let written: u64 = written.ok_or("no wchar")?.parse()?;
        let ms = processor_time(self.process.id()).as_secs_f64() * 1e3;
        Ok((ms, f64::from(u32::try_from(written)?) / 1024.0))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.process.kill();
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
        put(manifests, &format!("policy-{n}.yaml"), &policy(n, 0, WORLD))?;
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

/// Lets an app out to many prefixes; `with_holes`, to the rest of half as many.
fn of_prefixes(count: usize, with_holes: bool, version: usize) -> String {
    let mut text = format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
         metadata: {{name: prefixes, namespace: ns-0, resourceVersion: v{version}}}, \
         spec: {{endpointSelector: {{matchLabels: {{app: app-0}}}}, egress: [{{toCIDRSet: [\n"
    );
    let net = |n: usize| format!("20.{}.{}", n / 256, n % 256);
    for n in 0..if with_holes { count / 2 } else { count } {
        let net = net(n);
        text += &match with_holes {
            true => format!("  {{cidr: {net}.0/24, except: [{net}.128/25]}},\n"),
            false => format!("  {{cidr: {net}.0/24}},\n"),
        };
    }
    text + "]}]}}\n"
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

const WORLD: &str = "{toEntities: [world], toPorts: [{ports: [{port: '443', protocol: TCP}]}]}, ";

/// Lets two apps and a tier of the namespace in, and itself out to a third app, to a prefix, and further.
fn policy(n: usize, version: usize, further: &str) -> String {
    let (namespace, app) = (n % NAMESPACES, n / NAMESPACES % APPS);
    let [first, second, third] = [1, 7, 13].map(|step| (app + step) % APPS);
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
         metadata: {{name: policy-{n}, namespace: ns-{namespace}, resourceVersion: v{version}}}, \
         spec: {{endpointSelector: {{matchLabels: {{app: app-{app}}}}}, \
         ingress: [{{fromEndpoints: [{{matchLabels: {{app: app-{first}}}}}, {{matchLabels: {{app: app-{second}}}}}], \
         toPorts: [{{ports: [{{port: '{}', protocol: TCP}}]}}]}}, \
         {{fromEndpoints: [{{matchLabels: {{tier: tier-{}}}}}], toPorts: [{{ports: [{{port: '9090', protocol: TCP}}]}}]}}], \
         egress: [{{toEndpoints: [{{matchLabels: {{app: app-{third}}}}}]}}, \
         {further}{{toCIDR: [192.0.{}.0/24]}}]}}}}\n",
        8000 + version,
        n % 5,
        n % 200
    )
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn row(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    Row::new(name, value, unit).goal(goal).print();
}
