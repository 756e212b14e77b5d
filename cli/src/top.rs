//! `flows top`: connections as they happen, why each was decided as it was, and what would allow it, on
//! a terminal.
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

mod acknowledged;
mod bar;
mod changes;
mod data;
mod details;
mod edit;
mod export;
mod filter_history;
mod filters;
mod groups;
mod incidents;
mod keys;
mod model;
mod nodes;
mod policies;
mod runtime;
mod services;
mod source;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use client::{FlowQuery, Source};
use flow::flags::{FilterFlags, Lists};
use proto::google::Timestamp;

use crate::{
    connect::ServerArgs,
    error::Error,
    filter_args::FilterArgs,
    flag::{self, Given, Switch, Value},
    observe::filter_plan::FilterPlan,
    text,
    time_args::TimeArgs,
};
use filter_history::FilterHistory;
use filters::Filters;
use model::Model;
use runtime::FeedConfig;
use source::FlowSource;
use theme::{Colors, Theme};

/// Flows of the history that are read at first,
const LAST: u64 = 10_000;
/// and where few connections of all those that the server tells of are wanted: what is denied, say.
const LAST_OF_ALL: u64 = 100_000;
/// Flows that are held at most: about 240 MiB.
const KEEP: u64 = 200_000;

/// The least of that: flows leave about a thousand at a time.
const LEAST_KEPT: u64 = 2000;

/// What `-` stands for.
const STDIN: &str = "/dev/stdin";

const EXAMPLES: &str = "Examples:
  flows top                                    all connections, live; ? shows the keys
  flows top --verdict DROPPED                  what is dropped; Enter says why
  flows top -n production --since 30m          a namespace, with half an hour of history
  flows --lab demo top                         of a lab that runs here
  flows top --server unix:///run/flows/demo/one/hubble.sock    one agent
  flows top --input-file drops.json            saved flows
Filter flags are applied by the server; filters added on the screen (/) hide what it sent.";

/// Look at connections on the terminal as they happen: what is denied, why, what would allow it
#[derive(Clone, Debug, clap::Args)]
#[command(visible_alias = "tui", after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    pub(crate) filters: FilterArgs,
    /// print the filters as allowlist and denylist, and end
    #[arg(long, help_heading = "Filters: how they combine")]
    print_raw_filters: Option<Given<Switch>>,
}

/// What is read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Which part of the history")]
struct SourceArgs {
    /// read the newest N flows at first [default: 10000, with --verdict and the like 100000; with --since, --until or --input-file all]
    #[arg(long, value_name = "N")]
    last: Option<Given<u64>>,
    /// show flows since this time (RFC 3339, 2006-01-02) or duration ago (5m, 1h30m)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// show flows until this time, and no live ones
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// read flows from a file of JSON lines (- for standard input), not from a server
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// hold at most N flows in memory, the newest; 2000 or more [default: 200000, about 240 MiB]
    #[arg(long, value_name = "N")]
    keep: Option<Given<u64>>,
}

/// How it looks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct LookArgs {
    /// auto, dark, light or none (no colours, as with NO_COLOR) [default: auto]
    #[arg(long, value_name = "NAME")]
    theme: Option<Given<ThemeName>>,
    #[command(flatten)]
    times: TimeArgs,
}

/// What is named by `--theme`.
#[derive(Clone, Copy, Debug)]
enum ThemeName {
    Auto,
    Fixed(Colors),
}

impl Value for ThemeName {
    const NAMES: &'static [&'static str] = &["auto", "dark", "light", "none"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "auto" => Ok(Self::Auto),
            "dark" => Ok(Self::Fixed(Colors::Dark)),
            "light" => Ok(Self::Fixed(Colors::Light)),
            "none" => Ok(Self::Fixed(Colors::None)),
            other => Err((
                format!("--theme {other:?} is not one of auto, dark, light, none"),
                None,
            )),
        }
    }
}

/// Shows the screen until it is left.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let (asked, given) = given(args)?;
    if flag::is_on(&args.print_raw_filters)? {
        return Ok(io::stdout().write_all(asked.yaml()?.as_bytes())?);
    }
    // For the connections all events of them are asked for; where the filter is about single packets,
    // only those.
    let whole = asked.for_connections()?.map(|mut whole| {
        whole.rest = (!whole.filter.is_everything()).then(|| whole.filter.clone());
        whole
    });
    let of_packets = whole.is_none();
    let asked = whole.unwrap_or(asked);
    let is_of_few = !of_packets && asked.rest.is_some() && asked.events.is_everything();
    let last = if is_of_few { LAST_OF_ALL } else { LAST };
    let filters = match of_packets {
        true => Filters::of_single_packets(given, asked.rest),
        false => Filters::new(given, asked.rest),
    };
    let mut wanted = wanted(args, server, asked.lists, last)?;
    let from = match &wanted.source {
        Source::Server(target) => FlowSource::Server(target.address.clone()),
        Source::File(path) if path == Path::new(STDIN) => {
            FlowSource::File("standard input".to_owned())
        }
        Source::File(path) => FlowSource::File(path.display().to_string()),
    };
    let variable = |name: &str| std::env::var(name).ok();
    let theme = match flag::get(&args.look.theme)? {
        None | Some(ThemeName::Auto) => {
            let theme = Theme::of_environment(variable);
            // Terminals that would show the question instead of answering it.
            let terminal = variable("TERM").unwrap_or_default();
            let dumb = matches!(&*terminal, "" | "dumb" | "linux");
            wanted.ask_background = theme.0 != Colors::None && !dumb;
            theme
        }
        Some(ThemeName::Fixed(colors)) => Theme(colors),
    };
    let mut model = Box::new(Model::new(from, filters, theme, runtime::now()));
    model.zone = args.look.times.zone()?;
    model.say_what_is_of_packets();
    runtime::run(model, wanted, FilterHistory::of_environment(variable)).await
}

/// The filters of the command line: what is asked for, and how they are shown.
fn given(args: &Args) -> Result<(FilterPlan, String), Error> {
    let mut flags = FilterFlags::default();
    let mut given = Vec::new();
    let mut not = "";
    for (name, value) in &args.filters.flags {
        flags.set(name, value)?;
        match (*name, value.as_str()) {
            ("not", "true") => not = "not ",
            ("not", _) => not = "",
            (name, "true") => given.push(format!("{}{name}", std::mem::take(&mut not))),
            (name, value) => given.push(format!("{}{name} {value}", std::mem::take(&mut not))),
        }
    }
    let expressions = &args.filters.expressions;
    given.extend(expressions.iter().cloned());
    let is_file = args.source.input_file.is_some();
    let asked = FilterPlan::new(expressions, flags.finish()?, is_file, false)?;
    Ok((asked, given.join(", ")))
}

fn wanted(args: &Args, server: &ServerArgs, lists: Lists, usual: u64) -> Result<FeedConfig, Error> {
    let now = Timestamp::from(std::time::SystemTime::now());
    let zone = args.look.times.zone()?;
    let source = &args.source;
    let moment = |name: &str, text: &Option<String>| {
        let text = text.as_ref().filter(|text| !text.is_empty());
        let moment = text
            .map(|text| flow::time::parse(text, now, &zone))
            .transpose();
        moment.map_err(|error| Error::Usage(format!("failed to parse the {name} time: {error}")))
    };
    let (since, until) = (
        moment("since", &source.since)?,
        moment("until", &source.until)?,
    );
    let keep = flag::get(&source.keep)?.unwrap_or(KEEP);
    if keep < LEAST_KEPT {
        return Err(Error::Usage(format!(
            "--keep {keep} is too small: {LEAST_KEPT} flows are held at least"
        )));
    }
    let is_stdin = source.input_file.as_deref() == Some(Path::new("-"));
    let file = match &source.input_file {
        Some(_) if is_stdin && io::stdin().is_terminal() => {
            return Err(Error::Usage(
                "--input-file - reads flows from standard input, which is a terminal: name a file, \
                 or pipe flows observe -o json into it"
                    .to_owned(),
            ));
        }
        // Keys come from the terminal all the same.
        Some(_) if is_stdin => Some(PathBuf::from(STDIN)),
        file => file.clone(),
    };
    let last = match (flag::get(&source.last)?, since, until, &file) {
        (Some(last), ..) => last,
        // What a file holds, or lies within two moments, is all wanted.
        (None, _, _, Some(_)) => 0,
        (None, None, None, None) => usual,
        (None, ..) => 0,
    };
    let source = match file {
        Some(path) => Source::File(path),
        None => Source::Server(server.target()?),
    };
    Ok(FeedConfig {
        source,
        ask: FlowQuery {
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
