//! What enforcement costs real traffic: request-response, connect-request-response and throughput
//! between pods of one node and of two, both ends on one core. Labs with policy, without any, with
//! iptables and with nftables are up at once and measured in turns, so that whatever else the
//! machine does hits all alike. Prints one JSON row per figure.

#![expect(clippy::print_stderr, reason = "what it has to leave out is said")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use flows_lab::traffic::client::Outcome;
use testing_bench::{Row, median};
use testing_lab::{Family, Probe, Running, TestLab, options};

/// Rounds; a figure is the median of as many, a ratio that of as many ratios.
const ROUNDS: usize = 11;
/// Policy entries in the server's table.
const ENTRIES: usize = 10_000;
const PORT: &str = "7000";

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: client}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: client}}
spec: {nodeName: two}
"#;

/// What stands between the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Bare,
    Flows,
    Iptables(usize),
    Nftables(usize),
}

impl Variant {
    fn name(self) -> String {
        match self {
            Self::Bare => "bare".to_owned(),
            Self::Flows => format!("flows, {ENTRIES} entries"),
            Self::Iptables(rules) => format!("iptables, {rules} rules"),
            Self::Nftables(rules) => format!("nftables, {rules} rules"),
        }
    }
}

/// A lab that is up, with a server that waits.
struct Rig {
    variant: Variant,
    lab: TestLab,
    _server: Running,
}

fn main() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "this bench makes network namespaces and needs root: run `cargo xtask bench net`"
    );
    let program = program()?;
    let mut rigs = Vec::new();
    for variant in [
        Variant::Bare,
        Variant::Flows,
        Variant::Iptables(1_000),
        Variant::Iptables(10_000),
        Variant::Nftables(1_000),
    ] {
        match rig(&program, variant) {
            Ok(rig) => rigs.push(rig),
            // The peers are programs that a machine may lack; ours and bare it must have.
            Err(error) if !matches!(variant, Variant::Bare | Variant::Flows) => {
                eprintln!("without {}: {error:#}", variant.name());
            }
            Err(error) => return Err(error).with_context(|| variant.name()),
        }
    }
    measure(&rigs)
}

/// flows-lab, with its siblings beside it.
fn program() -> Result<PathBuf> {
    let directory = std::env::var_os("FLOWS_BIN_DIR").map(PathBuf::from);
    let directory = match directory {
        Some(directory) => directory,
        None => Path::new(env!("CARGO_BIN_EXE_flows-lab")).with_file_name(""),
    };
    let program = directory.join("flows-lab");
    ensure!(program.is_file(), "{}: no such program", program.display());
    Ok(program)
}

fn rig(program: &Path, variant: Variant) -> Result<Rig> {
    let mut options = options(program, variant == Variant::Flows);
    options.patience = Duration::from_secs(60);
    let manifests = match variant {
        Variant::Flows => format!("{PODS}---\n{}", policy()),
        Variant::Bare | Variant::Iptables(_) | Variant::Nftables(_) => PODS.to_owned(),
    };
    let lab = TestLab::up(&options, &manifests)?;
    match variant {
        Variant::Bare | Variant::Flows => {}
        Variant::Iptables(rules) => feed(&lab, &["iptables-restore"], &iptables(rules))?,
        Variant::Nftables(rules) => feed(&lab, &["nft", "-f", "-"], &nftables(rules))?,
    }
    let serve = ["flows-lab", "bench-peer", "serve", "--address", "[::]:7000"];
    let server = lab.start("server", &serve)?;
    for from in ["near", "far"] {
        let to = format!("server:{PORT}");
        lab.wait_for(Outcome::Connected, from, &to, Probe::Tcp, Family::V4)
            .with_context(|| server.output().unwrap_or_default())?;
    }
    if variant == Variant::Flows {
        let outcome = lab.connect("near", "server:7001", Probe::Tcp, Family::V4)?;
        ensure!(
            outcome == Outcome::TimedOut,
            "policy isn't in force: {outcome}"
        );
    }
    Ok(Rig {
        variant,
        lab,
        _server: server,
    })
}

/// One rule that lets the client in, among so many others that the table has [`ENTRIES`].
fn policy() -> String {
    let mut text = String::from(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: server}\nspec:\n  \
         endpointSelector: {matchLabels: {app: server}}\n  ingress:\n    \
         - fromEndpoints: [{matchLabels: {app: client}}]\n      \
         toPorts: [{ports: [{port: \"7000\", protocol: TCP}]}]\n    \
         - fromCIDRSet:\n",
    );
    // A fixed number of ports for so many networks: each pair is an entry.
    for network in 0..ENTRIES / 20 {
        let (high, low) = (network / 256, network % 256);
        let _infallible = writeln!(text, "        - cidr: 198.{}.{low}.0/24", 18 + high);
    }
    text.push_str("      toPorts:\n        - ports:\n");
    for port in 0..20 {
        let _infallible = writeln!(
            text,
            "            - {{port: \"{}\", protocol: TCP}}",
            9000 + port
        );
    }
    text
}

/// Rules that don't match before one that does, as a long list of networks has them; connections
/// that are established go first, as usual.
fn iptables(rules: usize) -> String {
    let mut text = String::from(
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
    );
    for rule in 0..rules {
        let (high, low) = (rule / 256, rule % 256);
        let _infallible = writeln!(
            text,
            "-A FORWARD -s 198.{}.{low}.0/24 -p tcp --dport 9000 -j ACCEPT",
            18 + high
        );
    }
    text.push_str("-A FORWARD -p tcp --dport 7000 -j ACCEPT\nCOMMIT\n");
    text
}

fn nftables(rules: usize) -> String {
    let mut text = String::from(
        "table inet filter {\n chain forward {\n  type filter hook forward priority 0; policy drop;\n  \
         ct state established accept\n",
    );
    for rule in 0..rules {
        let (high, low) = (rule / 256, rule % 256);
        let _infallible = writeln!(
            text,
            "  ip saddr 198.{}.{low}.0/24 tcp dport 9000 accept",
            18 + high
        );
    }
    text.push_str("  tcp dport 7000 accept\n }\n}\n");
    text
}

/// Gives the text to a program on both nodes.
fn feed(lab: &TestLab, line: &[&str], text: &str) -> Result<()> {
    for node in ["one", "two"] {
        let target = flows_lab::Target::Node(node.to_owned());
        let mut child = lab
            .lab()
            .command(&target, line)?
            .stdin(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        let status = child.wait()?;
        ensure!(status.success(), "{} failed: {status}", line[0]);
    }
    Ok(())
}

fn measure(rigs: &[Rig]) -> Result<()> {
    let parts = [
        ("rr", "round trips/s"),
        ("crr", "connections/s"),
        ("stream", "bytes/s"),
    ];
    let mut figures: BTreeMap<(usize, &str, &str), Vec<f64>> = BTreeMap::new();
    for round in 0..ROUNDS {
        for (from, _) in PLACES {
            for (part, _) in parts {
                // Each has each place in the order, lest one always follows the same other.
                for turn in 0..rigs.len() {
                    let number = (turn + round) % rigs.len();
                    let rig = &rigs[number];
                    let rate = once(&rig.lab, from, part)
                        .with_context(|| format!("{}: {part} from {from}", rig.variant.name()))?;
                    figures.entry((number, from, part)).or_default().push(rate);
                }
            }
        }
    }
    for (part, unit) in parts {
        for (from, place) in PLACES {
            let rates = |number: usize| figures.get(&(number, from, part));
            let Some(bare) = rates(0) else { continue };
            for (number, rig) in rigs.iter().enumerate() {
                let Some(mine) = rates(number) else { continue };
                let (value, base) = (median(mine.clone()), median(bare.clone()));
                // Of rates from the same round: what the machine does besides changes by the second.
                let ratio = median(
                    mine.iter()
                        .zip(bare)
                        .map(|(mine, bare)| mine / bare)
                        .collect(),
                );
                let name = format!("{part}, {place}, {}", rig.variant.name());
                let row = Row::new(name, value.round(), unit);
                let row = if rig.variant == Variant::Bare {
                    row
                } else {
                    row.against(Some(("bare", base.round()))).ratio(ratio)
                };
                row.goal(goal(rig.variant, from, part)).print();
            }
        }
    }
    Ok(())
}

const PLACES: [(&str, &str); 2] = [("near", "one node"), ("far", "two nodes")];

fn goal(variant: Variant, from: &str, part: &str) -> Option<&'static str> {
    match (variant, from, part) {
        (Variant::Flows, "near", "rr") => Some("ratio >= 1.03"),
        (Variant::Flows, "near", "crr") => Some("ratio >= 1.0"),
        (Variant::Flows, "far", "rr") => Some("ratio >= 0.93"),
        (Variant::Flows, "far", "crr") => Some("ratio >= 0.88"),
        _ => None,
    }
}

fn once(lab: &TestLab, from: &str, part: &str) -> Result<f64> {
    let address = format!("{}:{PORT}", lab.lab().find_pod("server")?.ipv4);
    let line = ["flows-lab", "bench-peer", part, "--address", &address];
    let output = lab.exec(from, &line)?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
