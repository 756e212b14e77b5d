//! From flags to a GetFlows request, with Hubble's defaults.

use std::path::PathBuf;

use flow::flags::Lists;
use proto::{
    google::{FieldMask, Timestamp},
    observer::GetFlowsRequest,
};

use super::{Args, view::View};
use crate::{
    error::Error,
    flag::{self, Given, Switch},
};

/// Flows shown when nothing says which.
const DEFAULT_LAST: u64 = 20;
/// The same, of groups of flows.
const DEFAULT_LAST_OF_GROUPS: u64 = 10_000;
/// Most flows a file's end is searched for.
const MOST_LAST_OF_FILE: u64 = 1_000_000;

/// Which part of the history is shown.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Which part of the history")]
pub(super) struct SelectionArgs {
    /// show flows as they happen, until Ctrl-C
    #[arg(short, long, short_alias = 'w', alias = "watch")]
    follow: Option<Given<Switch>>,
    /// the newest N flows of all nodes together, also with --since and --until [default: 20]; hubble counts per node
    #[arg(long, value_name = "N", aliases = ["tail", "limit"])]
    last: Option<Given<u64>>,
    /// the newest N flows of each node, as hubble --last gives them
    #[arg(long, value_name = "N")]
    pub(super) last_per_node: Option<Given<u64>>,
    /// the oldest N flows of all nodes together
    #[arg(long, value_name = "N")]
    first: Option<Given<u64>>,
    /// all flows
    #[arg(long)]
    all: Option<Given<Switch>>,
    /// show flows since this time (RFC 3339, 2006-01-02, 14:30, yesterday) or duration ago (5m, 1h30m, 2d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// show flows until this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// read flows from a file of JSON lines (- for standard input), not from a server
    #[arg(long, value_name = "FILE")]
    pub(super) input_file: Option<PathBuf>,
}

/// Which part of the history is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) follow: bool,
    pub(crate) all: bool,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) last_per_node: u64,
}

impl Selection {
    pub(super) fn from_args(args: &SelectionArgs) -> Result<Self, Error> {
        Ok(Self {
            last: flag::get(&args.last)?.unwrap_or(0),
            first: flag::get(&args.first)?.unwrap_or(0),
            last_per_node: flag::get(&args.last_per_node)?.unwrap_or(0),
            follow: flag::is_on(&args.follow)?,
            all: flag::is_on(&args.all)?,
        })
    }

    /// Refuses what Hubble passes over without a word.
    fn check(
        &self,
        from: &SelectionArgs,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(), Error> {
        for (flag, given) in [
            ("last", &from.last),
            ("first", &from.first),
            ("last-per-node", &from.last_per_node),
        ] {
            if flag::get(given)? == Some(0) && !self.follow {
                return Err(Error::Hinted(
                    format!("--{flag} takes a number from 1 on, not \"0\""),
                    "--all shows all flows".to_owned(),
                ));
            }
        }
        if self.follow && until.is_some() && from.input_file.is_none() {
            return Err(Error::Usage(
                "cannot set both --until and --follow".to_owned(),
            ));
        }
        if since.is_some() && until.is_some() && until < since {
            return Err(Error::Usage(
                "--until is before --since: nothing is between them".to_owned(),
            ));
        }
        Ok(())
    }

    /// The request. From a file, no number means all.
    pub(super) fn request(
        &self,
        args: &Args,
        view: &View,
        lists: &Lists,
    ) -> Result<GetFlowsRequest, Error> {
        let Self {
            follow,
            all,
            first,
            last,
            last_per_node,
        } = *self;
        let from = &args.selection;
        let file = from.input_file.is_some();
        for (one, other, names) in [
            (first > 0, last > 0, "--first and --last"),
            (first > 0, all, "--first and --all"),
            (first > 0, follow && !file, "--first and --follow"),
            (last > 0, all, "--last and --all"),
            (last_per_node > 0, last > 0, "--last-per-node and --last"),
            (last_per_node > 0, first > 0, "--last-per-node and --first"),
            (last_per_node > 0, all, "--last-per-node and --all"),
            // Where a server is to stop it doesn't count from.
            (
                last_per_node > 0,
                from.until.is_some(),
                "--last-per-node and --until",
            ),
            (last_per_node > 0, file, "--last-per-node and --input-file"),
        ] {
            if one && other {
                return Err(Error::Usage(format!("cannot set both {names}")));
            }
        }
        let now = Timestamp::from(std::time::SystemTime::now());
        let moment = |name: &str, text: &Option<String>| {
            let text = text.as_ref().filter(|text| !text.is_empty());
            let parse = match args.is_hubbles() {
                true => flow::time::parse_as_hubble,
                false => flow::time::parse,
            };
            let moment = text
                .map(|text| parse(text, now, &view.options.zone))
                .transpose();
            moment.map_err(|error| {
                Error::Hinted(
                    format!("failed to parse the {name} time: {error}"),
                    format!("--{name} 5m (before now), --{name} 2026-01-31T12:00:00Z"),
                )
            })
        };
        let since = moment("since", &from.since)?;
        let until = moment("until", &from.until)?;
        if !args.is_hubbles() {
            self.check(from, since, until)?;
        }
        let number = match (first, last.max(last_per_node)) {
            (0, 0) if since.is_some() || until.is_some() || file => 0,
            (0, 0) if all => u64::MAX,
            (0, 0) if follow => 0,
            (0, 0) if args.format.aggregate_by.is_some() => DEFAULT_LAST_OF_GROUPS,
            (0, 0) => DEFAULT_LAST,
            (0, last) => last,
            (first, _) => first,
        };
        if file && last > MOST_LAST_OF_FILE {
            return Err(Error::Usage(format!(
                "--last must be <= 1_000_000, got {last}"
            )));
        }
        Ok(GetFlowsRequest {
            number,
            first: first > 0,
            follow,
            since,
            until: until.filter(|_| !follow || file),
            whitelist: lists.whitelist.clone(),
            blacklist: lists.blacklist.clone(),
            field_mask: field_mask(&args.format.field_mask, view)?,
            ..GetFlowsRequest::default()
        })
    }
}

/// `--field-mask`, checked against the messages. No mask is sent otherwise: what Hubble's CLI leaves
/// out by default (directions, policies, DNS names) is what its own output then lacks.
fn field_mask(masks: &[String], view: &View) -> Result<Option<FieldMask>, Error> {
    let paths: Vec<String> = masks
        .iter()
        .flat_map(|text| text.split(','))
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    if paths.is_empty() {
        return Ok(None);
    }
    if !matches!(view.output, "json" | "jsonpb") {
        let output = view.output;
        return Err(Error::Usage(format!(
            "{output} output format is not compatible with custom field mask"
        )));
    }
    let flow = proto::json::descriptors().get_message_by_name("flow.Flow");
    for path in &paths {
        let mut message = flow.clone();
        for name in path.split('.') {
            let field = message
                .as_ref()
                .and_then(|message| message.get_field_by_name(name));
            let Some(field) = field else {
                return Err(Error::Usage(format!(
                    "failed to construct field mask: proto: invalid path \"{path}\" for message \"flow.Flow\""
                )));
            };
            message = field
                .kind()
                .as_message()
                .filter(|_| !field.is_list())
                .cloned();
        }
    }
    Ok(Some(FieldMask { paths }))
}
