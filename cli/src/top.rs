//! `flows top`: flows as they happen, why each was decided as it was, and what would allow it, on a
//! terminal.
//!
//! ```text
//! runtime   terminal, connection, clock  -- events -->  update   changes the model
//!           carries out                 <-- effects --
//! view      draws the model: no state, no decisions
//! model     data (what matches), table, details, sums; plain state, no I/O, no clock
//! ```
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place names the keys and columns that it treats, and leaves all others alone"
)]

mod bar;
mod data;
mod details;
mod edit;
mod export;
mod filters;
mod groups;
mod keys;
mod model;
mod nodes;
mod policies;
mod remembered;
mod runtime;
mod services;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

use client::{Ask, Source};
use flow::{
    flags::{FilterFlags, Lists},
    time::Zone,
};
use proto::google::Timestamp;

use crate::{
    args::{self, Args},
    connect::target,
    error::Error,
    observe::wanted::Wanted as Asked,
    text,
};
use filters::Filters;
use model::{From, Model};
use remembered::Remembered;
use runtime::Wanted;
use theme::{Colors, Theme};

/// Flows of the history that are read at first.
const LAST: u64 = 10_000;
/// Flows that are held at most: about 240 MiB.
const KEEP: u64 = 200_000;

/// The least of that: flows leave about a thousand at a time.
const LEAST_KEPT: u64 = 2000;

/// What `-` stands for.
const STDIN: &str = "/dev/stdin";

/// Shows the screen until it is left.
pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let (asked, filters) = filters(args)?;
    if args.switch("print-raw-filters", false)? {
        return Ok(io::stdout().write_all(asked.yaml()?.as_bytes())?);
    }
    let mut wanted = wanted(args, asked.lists)?;
    let from = match &wanted.source {
        Source::Server(target) => From::Server(target.address.clone()),
        Source::File(path) if path == Path::new(STDIN) => From::File("standard input".to_owned()),
        Source::File(path) => From::File(path.display().to_string()),
    };
    let variable = |name: &str| std::env::var(name).ok();
    let theme = match args.value("theme").as_deref() {
        None | Some("auto") => {
            let theme = Theme::of_environment(variable);
            // Terminals that would show the question instead of answering it.
            let terminal = variable("TERM").unwrap_or_default();
            let dumb = matches!(&*terminal, "" | "dumb" | "linux");
            wanted.ask_background = theme.0 != Colors::None && !dumb;
            theme
        }
        Some("dark") => Theme(Colors::Dark),
        Some("light") => Theme(Colors::Light),
        Some("none") => Theme(Colors::None),
        Some(other) => {
            return Err(Error::Usage(format!(
                "--theme {other:?} is none of auto, dark, light, none"
            )));
        }
    };
    let mut model = Model::new(from, filters, theme, runtime::now());
    model.zone = zone(args)?;
    runtime::run(model, wanted, Remembered::of_environment(variable)).await
}

/// The filters of the command line: what the server applies, and how they are shown.
fn filters(args: &Args) -> Result<(Asked, Filters), Error> {
    let mut flags = FilterFlags::default();
    let mut given = Vec::new();
    let mut not = "";
    for (name, value) in &args.flags {
        if !args::is_filter(name) {
            continue;
        }
        flags.set(name, value)?;
        match (*name, value.as_str()) {
            ("not", "true") => not = "not ",
            ("not", _) => not = "",
            (name, "true") => given.push(format!("{}{name}", std::mem::take(&mut not))),
            (name, value) => given.push(format!("{}{name} {value}", std::mem::take(&mut not))),
        }
    }
    given.extend(args.values("filter").map(str::to_owned));
    let asked = Asked::new(args, flags.finish()?, false)?;
    let filters = Filters::new(given.join(", "), asked.rest.clone());
    Ok((asked, filters))
}

/// The zone of all times, those of the command line and those on the screen.
fn zone(args: &Args) -> Result<Zone, Error> {
    Ok(match args.switch("utc", false)? {
        true => Zone::UTC,
        false => Zone::local(),
    })
}

fn wanted(args: &Args, lists: Lists) -> Result<Wanted, Error> {
    let now = Timestamp::from(std::time::SystemTime::now());
    let zone = zone(args)?;
    let moment = |name: &str| {
        let text = args.value(name).filter(|text| !text.is_empty());
        let moment = text
            .map(|text| flow::time::parse(&text, now, &zone))
            .transpose();
        moment.map_err(|error| Error::Usage(format!("failed to parse the {name} time: {error}")))
    };
    let (since, until) = (moment("since")?, moment("until")?);
    let keep = args.number("keep")?.unwrap_or(KEEP);
    if keep < LEAST_KEPT {
        return Err(Error::Usage(format!(
            "--keep {keep} is too small: {LEAST_KEPT} flows are held at least"
        )));
    }
    let file = args.value("input-file");
    let file = match file.as_deref() {
        Some("-") if io::stdin().is_terminal() => {
            return Err(Error::Usage(
                "--input-file - reads flows from standard input, which is a terminal: name a file, \
                 or pipe flows observe -o json into it"
                    .to_owned(),
            ));
        }
        // Keys come from the terminal all the same.
        Some("-") => Some(STDIN.to_owned()),
        _ => file,
    };
    let last = match (args.number("last")?, since, until, &file) {
        (Some(last), ..) => last,
        // What a file holds, or lies within two moments, is all wanted.
        (None, _, _, Some(_)) => 0,
        (None, None, None, None) => LAST,
        (None, ..) => 0,
    };
    let source = match file {
        Some(path) => Source::File(path.into()),
        None => Source::Server(target(args)?),
    };
    Ok(Wanted {
        source,
        ask: Ask {
            whitelist: lists.whitelist,
            blacklist: lists.blacklist,
            since,
            until,
            last,
            follow: until.is_none(),
        },
        capacity: usize::try_from(keep).unwrap_or(usize::MAX),
        ask_background: false,
    })
}
