//! `cargo xtask shop --record`: brings up the shop of `testdata/shop` and records its flows, for tests
//! and screens that have no lab.

mod lab;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::interrupt::Interrupt;
use crate::workspace::{OBJECT_VARIABLE, cargo, root, target_dir};
use crate::{bpf, process, setup};

pub(crate) use lab::ShopLab;

/// The lab's name, which stands in the flows as the cluster's.
const LAB: &str = "shop";
/// How long flows are recorded; what of it is kept is bounded by [`MOST_BYTES`].
const DURATION: Duration = Duration::from_secs(75);
/// The recording is a file in git.
const MOST_BYTES: usize = 1_500_000;
/// Nothing for that long, in seconds: a moment at which no short connection is in the middle.
const PAUSE_S: f64 = 0.25;

/// Builds the programs, brings the lab up, records, takes the lab down.
///
/// # Errors
/// A program fails, or what came can't be a recording.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    ensure!(
        arguments == ["--record"],
        "usage: cargo xtask shop --record"
    );
    setup::programs()?;
    let object = bpf::build()?;
    process::run(
        Command::new(cargo())
            .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
            .env(OBJECT_VARIABLE, object)
            .current_dir(root()),
    )?;
    let interrupt = Interrupt::catch()?;
    let shop = ShopLab::up(LAB)?;
    let recorded = record(&interrupt);
    shop.down()?;
    let text = recorded?;
    let kept = whole_window(&text)?;
    let path = root().join(lab::MANIFESTS).join("flows.jsonl");
    std::fs::write(&path, kept).with_context(|| format!("writing {}", path.display()))?;
    let (lines, all) = (kept.lines().count(), text.lines().count());
    println!("{}: {lines} of {all} flows", path.display());
    Ok(())
}

/// All flows of the lab since it is up.
fn record(interrupt: &Interrupt) -> Result<String> {
    let end = Instant::now() + DURATION;
    while Instant::now() < end && !interrupt.came() {
        std::thread::sleep(Duration::from_millis(200));
    }
    ensure!(Instant::now() >= end, "interrupted");
    let mut flows = process::as_root(target_dir()?.join("debug/flows"))?;
    flows.args(["--lab", LAB, "observe", "-o", "json"]);
    flows.args(["--since", "1970-01-01T00:00:00Z"]);
    let line = process::line(&flows);
    process::ask(&mut flows).with_context(|| format!("`{line}` failed"))
}

#[derive(Deserialize)]
struct Response {
    time: String,
    flow: Option<serde::de::IgnoredAny>,
}

/// The longest part from the beginning that fits and ends before a pause. It holds the begin of every
/// connection in it, and the end of all but those that are kept open.
fn whole_window(text: &str) -> Result<&str> {
    let (mut length, mut whole, mut last) = (0, 0, None);
    for line in text.split_inclusive('\n') {
        let response: Response = serde_json::from_str(line).context("not a response")?;
        if response.flow.is_none() {
            bail!("not all of the nodes' flows came, record again: {line}");
        }
        let time = seconds(&response.time)?;
        if last.is_some_and(|last| time - last >= PAUSE_S) {
            whole = length;
        }
        length += line.len();
        if length > MOST_BYTES {
            break;
        }
        last = Some(time);
    }
    ensure!(whole > 0, "nothing that could be kept: {length} bytes");
    Ok(&text[..whole])
}

/// Seconds of its day, of a time as `2026-11-30T03:29:36.635834633Z`.
fn seconds(time: &str) -> Result<f64> {
    let parts = time.split_once('T').and_then(|(_, clock)| {
        let mut parts = clock.strip_suffix('Z')?.split(':').map(str::parse::<f64>);
        let mut next = || parts.next()?.ok();
        Some(next()? * 3600.0 + next()? * 60.0 + next()?)
    });
    parts.with_context(|| format!("{time:?} is not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seconds: &str) -> String {
        format!("{{\"flow\":{{}},\"time\":\"2026-11-30T03:29:{seconds}Z\"}}\n")
    }

    #[test]
    fn a_window_ends_before_a_pause() {
        let text = ["36.1", "36.2", "37.0", "37.1"].map(line).concat();
        let kept = whole_window(&text).unwrap();
        assert_eq!(kept, ["36.1", "36.2"].map(line).concat());
    }

    #[test]
    fn a_window_fits() {
        let large = |seconds: &str| {
            let padding = " ".repeat(MOST_BYTES / 2);
            line(seconds).replace("{}", &format!("{{{padding}}}"))
        };
        let text = ["01.0", "02.0", "03.0", "04.0"].map(large).concat();
        assert_eq!(whole_window(&text).unwrap(), large("01.0"));
    }

    #[test]
    fn what_is_lost_is_no_recording() {
        let text = line("36.1") + "{\"lost_events\":{},\"time\":\"2026-11-30T03:29:37Z\"}\n";
        assert!(whole_window(&text).is_err());
        assert!(seconds("yesterday").is_err());
    }
}
