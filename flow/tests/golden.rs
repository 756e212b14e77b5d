//! What this crate does with flows against what Hubble's CLI printed, row by row: filters, formats,
//! and the texts of refusals. Rows about the CLI itself are left to the CLI's own tests, and listed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use flow::Filter;
use flow::flags::{FLAGS, FilterFlags};
use flow::print::{Format, Options, Printer};
use flow::time::{self, TimeFormat};
use flow::view::of_response;
use flows_flow as flow;
use proto::google::Timestamp;
use proto::json::{self, Unknown};
use proto::observer::GetFlowsResponse;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/hubble-golden/");

/// Flags that say how the CLI runs.
const NOT_OURS: &[&str] = &[
    "--field-mask",
    "--port-forward",
    "-P",
    "-s",
    "--silent-errors",
    "-D",
    "--debug",
    "--bogus-flag",
];

/// Rows about the CLI alone, whatever their flags: broken numbers, conflicts of selectors, bad
/// input lines, formats that need more than one flag.
const CLI_ROWS: &[&str] = &[
    "case-056", "case-058", "case-059", "case-060", "case-062", "case-289", "case-301",
];

static FLOWS: LazyLock<Vec<GetFlowsResponse>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(format!("{GOLDEN}flows.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| json::read(line, Unknown::Refuse).unwrap())
        .collect()
});

#[derive(Default)]
struct Run {
    filters: FilterFlags,
    options: Options,
    numeric: bool,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    first: usize,
    last: usize,
    file: String,
}

/// Stdout and stderr, or a refusal.
fn run(args: &[String], stdin: &str) -> Result<(String, String), String> {
    let run = parse(args)?;
    let lists = run.filters.finish().map_err(|e| e.to_string())?;
    let filter =
        Filter::from_lists(&lists.whitelist, &lists.blacklist).map_err(|e| e.to_string())?;
    let mut program = filter.program();
    let file = if run.file == "-" { stdin } else { &run.file };
    let file: &[GetFlowsResponse] = match file {
        "flows.jsonl" => &FLOWS,
        "empty.jsonl" => &[],
        other => panic!("input {other}"),
    };
    let mut responses: Vec<&GetFlowsResponse> = file
        .iter()
        .filter(|response| {
            let time = response.time.unwrap_or_default();
            run.since.is_none_or(|since| time >= since)
                && run.until.is_none_or(|until| time <= until)
                && match of_response(response) {
                    Ok(flow) => program.matches(flow),
                    Err(none) => program.matches(&none),
                }
        })
        .collect();
    if run.first > 0 {
        responses.truncate(run.first);
    }
    if run.last > 0 && run.last < responses.len() {
        responses.drain(..responses.len() - run.last);
    }
    let mut printer = Printer::new(run.options);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for response in responses {
        printer.print(response, &mut out, &mut err).unwrap();
    }
    printer.finish(&mut out).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ok((text(out), text(err)))
}

fn parse(args: &[String]) -> Result<Run, String> {
    let mut run = Run::default();
    let now = Timestamp::from(std::time::SystemTime::now());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (name, given) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, Some(value)),
            _ => (arg.as_str(), None),
        };
        let mut value = |switch| match given {
            Some(value) => value.to_owned(),
            None if switch => "true".to_owned(),
            None => args.next().cloned().unwrap_or_default(),
        };
        let moment = |value: &str, what| {
            time::parse_as_hubble(value, now, &time::Zone::UTC)
                .map(Some)
                .map_err(|e| format!("failed to parse the {what} time: {e}"))
        };
        match name {
            "-o" | "--output" => {
                run.options.format = match value(false).to_lowercase().as_str() {
                    "compact" => Format::Compact,
                    "dict" => Format::Dict,
                    "tab" | "table" => Format::Table,
                    "json" | "jsonpb" => Format::Json,
                    other => panic!("format {other}"),
                }
            }
            "--print-node-name" => run.options.node_names = true,
            "--print-policy-names" => run.options.policy_names = true,
            "--numeric" => run.numeric = true,
            "--ip-translation" => run.options.translate = value(true) == "true",
            "--time-format" => run.options.time = TimeFormat::named(&value(false)),
            "--color" => run.options.color = value(false) == "always",
            "--since" => run.since = moment(&value(false), "since")?,
            "--until" => run.until = moment(&value(false), "until")?,
            "--first" => run.first = value(false).parse().unwrap(),
            "--last" => run.last = value(false).parse().unwrap(),
            "--all" | "-f" | "--follow" => {}
            "--input-file" => run.file = value(false),
            name if !name.starts_with('-') => {}
            name => {
                let long = match name.strip_prefix("--") {
                    Some(long) => long,
                    None => {
                        let short = name.chars().nth(1);
                        FLAGS.iter().find(|f| f.short == short).unwrap().name
                    }
                };
                let known = FLAGS.iter().find(|f| f.name == long);
                let switch = long == "not" || known.is_some_and(|f| f.value.is_none());
                let value = value(switch);
                run.filters.set(long, &value).map_err(|e| e.to_string())?;
            }
        }
    }
    run.options.translate &= !run.numeric;
    Ok(run)
}

#[test]
fn rows_print_what_hubble_printed() {
    let rows = std::fs::read_to_string(format!("{GOLDEN}cases.jsonl")).unwrap();
    let (mut passed, mut left) = (0, 0);
    let mut failed = Vec::new();
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let id = row["id"].as_str().unwrap();
        let args: Vec<String> = serde_json::from_value(row["args"].clone()).unwrap();
        let has = |flags: &[&str]| args.iter().any(|arg| flags.contains(&arg.as_str()));
        if has(NOT_OURS) || CLI_ROWS.contains(&id) {
            left += 1;
            continue;
        }
        let stdin = row["stdin_file"].as_str().unwrap_or_default();
        let (out, err) = match run(&args[1..], stdin) {
            Ok(printed) => printed,
            Err(refused) => (String::new(), format!("{refused}\n")),
        };
        if (out.as_str(), err.as_str())
            == (
                row["stdout"].as_str().unwrap(),
                row["stderr"].as_str().unwrap(),
            )
        {
            passed += 1;
        } else {
            failed.push(format!("{id} {args:?}\n{}", difference(&row, &out, &err)));
        }
    }
    assert!(
        failed.is_empty(),
        "{passed} rows passed, {} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert_eq!((passed, left), (210, 16));
}

/// The first line that differs.
fn difference(row: &serde_json::Value, out: &str, err: &str) -> String {
    let mut text = String::new();
    for (name, found) in [("stdout", out), ("stderr", err)] {
        let mut expected = row[name].as_str().unwrap().lines();
        let mut found = found.lines();
        loop {
            match (expected.next(), found.next()) {
                (None, None) => break,
                (expected, found) if expected == found => {}
                (expected, found) => {
                    text +=
                        &format!("  {name}: expected {expected:?}\n          found {found:?}\n");
                    break;
                }
            }
        }
    }
    text
}
