//! `flows top` under load: a server sends 50,000 flows a second, the real program shows them on a
//! terminal with one core to itself. Is what it shows late, does that grow, does its memory?
//!
//! Arguments: seconds of load (default 40).
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod server;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use server::{PER_SECOND, Server};
use testing_bench::Row;
use testing_program::{Pty, built, memory_mib, processor_time};

/// Time before the first look: history, first drawings.
const WARM_UP: Duration = Duration::from_secs(8);
/// Time in a view that sums up, before it is measured, and for that.
const SETTLED: Duration = Duration::from_secs(3);
const SUMMED: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// What begins a drawing.
const DRAWING: &[u8] = b"\x1b[?2026h";
const DAY_MS: i64 = 86_400_000;

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let load = Duration::from_secs(seconds.unwrap_or(40));
    // The server and this program on one core, what is measured on the other.
    pin(0);
    let directory = tempfile::tempdir().expect("a directory for the socket");
    let socket = directory.path().join("flows.sock");
    let server = Server::start(&socket);
    let mut screen = show(&socket, directory.path());
    screen.until("the connection", |text| text.contains("● live"));
    std::thread::sleep(WARM_UP);
    let halves = [
        half(&screen, &server, load / 2),
        half(&screen, &server, load / 2),
    ];
    let [first, second] = &halves;
    let named = |what: &str| format!("{what}, {PER_SECOND} flows/s, one core");
    let s = load.as_secs();
    row(
        &named("flows taken"),
        second.flows,
        "flows/s",
        Some(">= 49500"),
    );
    row(
        &named(&format!("newest row's age, first half of {s} s")),
        first.age,
        "ms",
        None,
    );
    compared(
        &named("newest row's age, second half"),
        second.age,
        "ms",
        ("first half", first.age),
        Some("no growth"),
    );
    row(
        &named("newest row's age, worst of all looks"),
        first.worst.max(second.worst),
        "ms",
        None,
    );
    row(&named("drawings"), second.drawings, "/s", Some("<= 20"));
    row(&named("processor time"), second.busy, "% of a core", None);
    row(
        &named("memory, after the first half"),
        first.memory,
        "MiB",
        None,
    );
    compared(
        &named("memory, at the end"),
        second.memory,
        "MiB",
        ("first half", first.memory),
        Some("bounded"),
    );
    // Views that sum up all that is held.
    for (key, view) in [("2", "Top"), ("3", "Services")] {
        screen.press(key);
        // What is held is looked at once.
        std::thread::sleep(SETTLED);
        let seen = half(&screen, &server, SUMMED);
        let named = |what: &str| named(&format!("{what} in {view}"));
        row(
            &named("flows taken"),
            seen.flows,
            "flows/s",
            Some(">= 49500"),
        );
        row(&named("drawings"), seen.drawings, "/s", None);
        row(&named("processor time"), seen.busy, "% of a core", None);
    }
    // Filters: few flows, and the most that there can be.
    for (filter, view) in [
        ("verdict == DROPPED", "with the drops alone"),
        ("protocol == tcp", "with a filter that all match"),
    ] {
        screen.press("1X/");
        screen.press(filter);
        screen.press("\r");
        std::thread::sleep(2 * SETTLED);
        let seen = half(&screen, &server, SUMMED);
        let named = |what: &str| named(&format!("{what} {view}"));
        row(
            &named("flows taken"),
            seen.flows,
            "flows/s",
            Some(">= 49500"),
        );
        row(&named("newest row's age"), seen.age, "ms", None);
        row(&named("drawings"), seen.drawings, "/s", None);
        row(&named("processor time"), seen.busy, "% of a core", None);
        row(&named("memory"), seen.memory, "MiB", None);
    }
}

fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core).expect("a core's number");
    sched_setaffinity(Pid::from_raw(0), &cores).expect("a core of this machine");
}

/// Starts the program on core 1 and its terminal.
fn show(socket: &Path, state: &Path) -> Pty {
    let mut command = Command::new("taskset");
    command
        .args(["--cpu-list", "1"])
        .arg(built("flows"))
        .arg("--server")
        .arg(format!("unix://{}", socket.display()))
        .arg("top")
        .env("XDG_STATE_HOME", state);
    Pty::start(&command, (160, 50))
}

/// What was seen in a stretch of time.
struct Half {
    /// Flows per second that the program took from the server.
    flows: f64,
    /// Median age of the newest row, ms; 0 where there are no rows.
    age: f64,
    worst: f64,
    /// Per second.
    drawings: f64,
    /// Per cent of a core.
    busy: f64,
    /// At the end, MiB.
    memory: f64,
}

fn half(screen: &Pty, server: &Server, time: Duration) -> Half {
    let begin = Instant::now();
    let (sent, busy, bytes) = (server.sent(), busy(screen.id()), screen.seen().bytes.len());
    let mut ages = Vec::new();
    while begin.elapsed() < time {
        std::thread::sleep(PAUSE);
        ages.extend(age(&screen.text()));
    }
    let past = begin.elapsed().as_secs_f64();
    ages.sort_by(f64::total_cmp);
    let drawings = {
        let seen = screen.seen();
        let new = &seen.bytes[bytes..];
        new.windows(DRAWING.len())
            .filter(|window| *window == DRAWING)
            .count()
    };
    Half {
        flows: (server.sent() - sent) as f64 / past,
        age: ages.get(ages.len() / 2).copied().unwrap_or_default(),
        worst: ages.last().copied().unwrap_or_default(),
        drawings: drawings as f64 / past,
        busy: (self::busy(screen.id()) - busy) * 100.0 / past,
        memory: memory_mib(screen.id()),
    }
}

/// How old the newest row is, ms; `None`: there is none.
fn age(text: &str) -> Option<f64> {
    let newest = text.lines().filter_map(time_of_day).next_back()?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = i64::try_from(since.as_millis()).expect("before the year 292,278,994") % DAY_MS;
    // Over midnight a row is of yesterday.
    Some((now - newest + DAY_MS / 2).rem_euclid(DAY_MS) as f64 - (DAY_MS / 2) as f64)
}

/// The time with which a row begins, in ms of the day.
fn time_of_day(line: &str) -> Option<i64> {
    let time = line.get(..12)?;
    let (clock, ms) = time.split_once('.')?;
    let mut parts = clock.split(':').map(str::parse::<i64>);
    let mut part = || parts.next()?.ok();
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms.parse::<i64>().ok()?)
}

/// Processor time of a process so far, s.
fn busy(process: u32) -> f64 {
    processor_time(process).as_secs_f64()
}

fn row(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    Row::new(name, value, unit).goal(goal).print();
}

fn compared(name: &str, value: f64, unit: &str, base: (&str, f64), goal: Option<&str>) {
    let row = Row::new(name, value, unit).against(Some(base));
    row.goal(goal).print();
}
