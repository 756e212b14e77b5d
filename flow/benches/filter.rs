//! Flows scanned per second by a filter on verdict and labels, over records as compact as those of
//! an agent's history, and over messages as the CLI and the relay have them; flows written and read as
//! JSON, and shown from a file by the whole command.

use std::ffi::OsStr;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use flow::filter::{Filter, Program};
use flow::view::{FlowView, Side, Transport};
use flow::{Identity, Verdict};
use flows_flow as flow;
use proto::flow::{CiliumEventType, Endpoint, Flow, FlowFilter, Ip, IpVersion, Layer4, Tcp};
use testing_bench::{Row, median};
use testing_program::built;

const FLOWS: usize = 1_000_000;
const RUNS: usize = 7;
const IDENTITIES: u32 = 1_000;

/// What an agent keeps of a flow, without what a filter doesn't see: 32 bytes.
#[derive(Clone, Copy)]
struct Record {
    ends: [u32; 2],
    addresses: [Ipv4Addr; 2],
    ports: [u16; 2],
    verdict: u8,
    _rest: [u8; 11],
}

struct View<'a> {
    record: &'a Record,
    labels: &'a [Vec<String>],
}

fn index(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
    }
}

impl FlowView for View<'_> {
    fn labels_follow_identity(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        if self.record.verdict == 1 {
            Verdict::Forwarded
        } else {
            Verdict::Dropped
        }
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        Some((1, 133))
    }
    fn transport(&self) -> Option<Transport> {
        Some(Transport::Tcp)
    }
    fn port(&self, side: Side) -> Option<u16> {
        Some(self.record.ports[index(side)])
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        Some(self.record.addresses[index(side)].into())
    }
    fn ip_version(&self) -> IpVersion {
        IpVersion::IPv4
    }
    fn identity(&self, side: Side) -> Option<Identity> {
        Some(Identity(self.record.ends[index(side)]))
    }
    fn namespace(&self, _side: Side) -> &str {
        "shop"
    }
    fn pod(&self, _side: Side) -> &str {
        "cart-0"
    }
    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        let identity = self.record.ends[index(side)] - 256;
        let labels = usize::try_from(identity).expect("a small number");
        self.labels[labels].iter().any(|label| is(label))
    }
    fn node(&self) -> &str {
        "node-a"
    }

    flow::absent! {
        time_ns drop_reason direction match_type trace_reason is_reply tcp_flags icmp
        source_xlated encrypted cluster any_workload any_name service any_node_label
        interface l7 uuid trace_id ip_trace_id summary any_policy any_policy_log connection message with_extension
    }
}

/// Numbers without a pattern.
fn next(state: &mut u64) -> u32 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    u32::try_from(*state >> 33).unwrap_or_default()
}

fn records(dropped_percent: u32) -> Vec<Record> {
    let mut state = 1;
    let mut random = |below| next(&mut state) % below;
    (0..FLOWS)
        .map(|_| Record {
            ends: [256 + random(IDENTITIES), 256 + random(IDENTITIES)],
            addresses: [
                Ipv4Addr::from(random(1 << 20)),
                Ipv4Addr::from(random(1 << 20)),
            ],
            ports: [40_000, 8080],
            verdict: if random(100) < dropped_percent {
                133
            } else {
                1
            },
            _rest: [0; 11],
        })
        .collect()
}

fn labels() -> Vec<Vec<String>> {
    (0..IDENTITIES)
        .map(|identity| {
            vec![
                format!("k8s:app=app-{}", identity % 50),
                "k8s:io.cilium.k8s.policy.cluster=default".to_owned(),
                "k8s:io.kubernetes.pod.namespace=shop".to_owned(),
                format!("k8s:tier=tier-{}", identity % 3),
            ]
        })
        .collect()
}

/// `--verdict DROPPED --from-label app=app-7,tier!=tier-0`
fn filter() -> Filter {
    Filter::from_lists(
        &[FlowFilter {
            verdict: vec![Verdict::Dropped.into()],
            source_label: vec!["app=app-7,tier!=tier-0".to_owned()],
            ..FlowFilter::default()
        }],
        &[],
    )
    .expect("a valid filter")
}

/// Millions of flows per second, median of the runs.
fn rate(flows: usize, mut scan: impl FnMut() -> usize) -> f64 {
    let rates = (0..RUNS).map(|_| {
        let start = Instant::now();
        black_box(scan());
        let flows = u32::try_from(flows).unwrap_or(u32::MAX);
        f64::from(flows) / 1e6 / start.elapsed().as_secs_f64()
    });
    median(rates.collect())
}

fn row(name: &str, value: f64) -> Row {
    Row::new(name, value, "M flows/s")
}

fn print(name: &str, value: f64, goal: Option<&str>) {
    row(name, value).goal(goal).print();
}

fn message(record: &Record, labels: &[Vec<String>]) -> Flow {
    let end = |at: usize| {
        let of = usize::try_from(record.ends[at] - 256).expect("a small number");
        Some(Endpoint {
            identity: record.ends[at],
            namespace: "shop".to_owned(),
            pod_name: "cart-0".to_owned(),
            labels: labels[of].clone(),
            ..Endpoint::default()
        })
    };
    let verdict = if record.verdict == 1 {
        Verdict::Forwarded
    } else {
        Verdict::Dropped
    };
    Flow {
        verdict: verdict.into(),
        ip: Some(Ip {
            source: record.addresses[0].to_string(),
            destination: record.addresses[1].to_string(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(proto::flow::layer4::Protocol::Tcp(Tcp {
                source_port: record.ports[0].into(),
                destination_port: record.ports[1].into(),
                flags: None,
            })),
        }),
        source: end(0),
        destination: end(1),
        event_type: Some(CiliumEventType {
            r#type: 1,
            sub_type: 133,
        }),
        ..Flow::default()
    }
}

fn scan(program: &mut Program, records: &[Record], labels: &[Vec<String>]) -> usize {
    let views = records.iter().map(|record| View { record, labels });
    views.filter(|view| program.matches(view)).count()
}

/// Flows of all kinds, those that Hubble's CLI is compared by, again and again.
fn write_file(path: &Path, flows: usize) {
    let golden = "../testdata/hubble-golden/flows.jsonl";
    let text = std::fs::read_to_string(golden).expect("the flows are there");
    let lines: Vec<&str> = text.lines().cycle().take(flows).collect();
    std::fs::write(path, lines.join("\n")).expect("room for a file of flows");
}

/// Processor time of the programs that were started and have ended, in seconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs");
    // proc(5): cutime and cstime, the 14th and 15th behind the name, in hundredths.
    let (_name, rest) = stat.rsplit_once(')').expect("a name in brackets");
    let times = rest.split_ascii_whitespace().skip(13).take(2);
    let times = times.map(|ticks| ticks.parse::<f64>().expect("a number"));
    times.sum::<f64>() / 100.0
}

/// Millions of flows of a file that a program shows per second of processor time, with its start and
/// its end.
fn shown(program: &OsStr, file: &Path, output: &str, flows: usize) -> Option<f64> {
    let mut command = Command::new(program);
    command
        .args(["observe", "--output", output, "--input-file"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let before = processor_time();
    let status = command.status().ok()?;
    let flows = u32::try_from(flows).unwrap_or(u32::MAX);
    let rate = f64::from(flows) / 1e6 / (processor_time() - before);
    status.success().then_some(rate)
}

/// Rows of the whole command; beside it Hubble's, where it is installed and has such an output.
fn whole_commands() {
    let ours = built("flows");
    let flows = 200_000;
    let file = std::env::temp_dir().join(format!("flows-bench-{}.jsonl", std::process::id()));
    write_file(&file, flows);
    for (name, output, has_base) in [
        (
            "file to wide row, whole command, of CPU time",
            "wide",
            false,
        ),
        (
            "file to compact line, whole command, of CPU time",
            "compact",
            true,
        ),
        ("file to JSON, whole command, of CPU time", "jsonpb", true),
    ] {
        let (mut rates, mut bases) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let rate = shown(ours.as_os_str(), &file, output, flows);
            rates.push(rate.expect("`flows observe` shows a file"));
            if has_base {
                bases.extend(shown(OsStr::new("hubble"), &file, output, flows));
            }
        }
        let base = (!bases.is_empty()).then(|| ("hubble observe", median(bases)));
        row(name, median(rates)).against(base).print();
    }
    std::fs::remove_file(&file).expect("the file that was written");
}

fn main() {
    let labels = labels();
    let mut program = filter().program();
    for percent in [1, 10, 100] {
        let records = records(percent);
        let found = rate(FLOWS, || scan(&mut program, &records, &labels));
        let name = format!("verdict and label, compact records, {percent} % dropped");
        print(&name, found, Some(">= 20"));
    }

    let text = "verdict == DROPPED and src.label == \"app=app-7,tier!=tier-0\"";
    let mut expression = Filter::parse_expr(text)
        .expect("a valid expression")
        .program();
    let ten_percent = records(10);
    let found = rate(FLOWS, || scan(&mut expression, &ten_percent, &labels));
    let name = "the same as an expression, compact records, 10 % dropped";
    print(name, found, Some(">= 20"));

    let mut range = Filter::parse_expr("dst.port in {8000-8999, 1-1023} and src.ns =~ \"^shop\"")
        .expect("a valid expression")
        .program();
    let found = rate(FLOWS, || scan(&mut range, &ten_percent, &labels));
    print(
        "a range of ports and a pattern, compact records",
        found,
        Some(">= 10"),
    );

    let messages: Vec<Flow> = records(10)
        .iter()
        .take(FLOWS / 20)
        .map(|record| message(record, &labels))
        .collect();
    let found = rate(messages.len(), || {
        let messages = messages.iter();
        messages.filter(|flow| program.matches(*flow)).count()
    });
    print("verdict and label, messages, 10 % dropped", found, None);

    let mut line = Vec::with_capacity(2048);
    let found = rate(messages.len(), || {
        for flow in &messages {
            line.clear();
            proto::json::append(&mut line, flow).expect("a message with a JSON form");
            black_box(&line);
        }
        messages.len()
    });
    print("written as JSON", found, Some(">= 0.6"));
    let text = proto::json::to_string(&messages[0]).expect("a message with a JSON form");
    let lines = 5_000;
    let found = rate(lines, || {
        for _ in 0..lines {
            let read = proto::json::read::<Flow>(&text, proto::json::Unknown::Refuse);
            black_box(read.is_ok());
        }
        lines
    });
    print("read from JSON", found, None);
    whole_commands();
}
