//! How `observe` prints.

use std::io::{self, IsTerminal as _};

use flow::{
    print::{Format, Options},
    time::{TimeFormat, Zone},
};

use crate::{
    error::Error,
    flag::{self, Given, Switch, Value, no_format, or_environment},
};

/// How flows are printed.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FormatArgs {
    /// wide, compact, dict, json, jsonpb or table. wide is ours, with reason and policy; the others are hubble's, whose default is compact [default: wide] [env: FLOWS_OUTPUT]
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Given<FormatName>>,
    /// count connections in groups instead of showing them (with --events flows): src.workload,dst.workload,verdict,reason; with -f refreshed in place, with -o json an object per group [default: those of the last 10000 flows]
    #[arg(long, value_name = "FIELD,...")]
    pub(super) aggregate_by: Option<String>,
    /// with --aggregate-by: the N groups with the most connections or flows, and the rest as one
    #[arg(long, value_name = "N")]
    pub(super) top: Option<Given<u64>>,
    /// show events, not connections: each packet that was judged or reported, as the nodes tell it (so does any -o without --aggregate-by)
    #[arg(long)]
    events: Option<Given<Switch>>,
    /// show the node that saw the flow
    #[arg(long)]
    print_node_name: Option<Given<Switch>>,
    /// show the deciding policies' names after the verdict
    #[arg(long)]
    print_policy_names: Option<Given<Switch>>,
    /// stampMilli, YearMonthDay, YearMonthDayHour, YearMonthDayHourMinute, RFC3339, RFC3339Milli, RFC3339Micro, RFC3339Nano or RFC1123Z [default: StampMilli]
    #[arg(long, value_name = "FORMAT")]
    time_format: Option<String>,
    /// show times in UTC, not in the local zone (TZ, else /etc/localtime); hubble's formats and JSON always are in UTC
    #[arg(long)]
    utc: Option<Given<Switch>>,
    /// show addresses as numbers
    #[arg(long)]
    numeric: Option<Given<Switch>>,
    /// show addresses as pods, services and names [default: true]
    #[arg(long)]
    ip_translation: Option<Given<Switch>>,
    /// auto, always or never [default: auto]
    #[arg(long, value_name = "WHEN")]
    color: Option<String>,
    /// print nothing about nodes and unreadable input
    #[arg(short, long)]
    silent_errors: Option<Given<Switch>>,
    /// request only these fields of a flow, comma-separated (json and jsonpb)
    #[arg(long, value_name = "FIELDS")]
    pub(super) field_mask: Vec<String>,
    #[arg(long, hide = true)]
    use_default_field_masks: Option<Given<Switch>>,
}

impl FormatArgs {
    fn output(&self) -> Option<Given<FormatName>> {
        or_environment(&self.output, "output")
    }

    /// Whether what is shown is in our format, not in one of Hubble's.
    pub(super) fn is_ours(&self) -> bool {
        let is_wide =
            |output: Given<FormatName>| output.get().is_ok_and(|it| it == FormatName::Wide);
        self.output().is_none_or(is_wide) || self.aggregate_by.is_some()
    }
}

impl FormatArgs {
    /// Whether words behind the command select flows. In the formats that are only Hubble's they mean nothing,
    /// as for Hubble.
    pub(super) fn filters_by_words(&self) -> bool {
        let hubbles = |output: Given<FormatName>| {
            let format = output.get();
            format.is_ok_and(|format| {
                matches!(
                    format,
                    FormatName::Compact | FormatName::Dict | FormatName::Table
                )
            })
        };
        self.aggregate_by.is_some() || !self.output().is_some_and(hubbles)
    }
}

/// The name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FormatName {
    Wide,
    Compact,
    Dict,
    Json,
    Jsonpb,
    Table,
}

impl Value for FormatName {
    const NAMES: &'static [&'static str] = &["wide", "compact", "dict", "json", "jsonpb", "table"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "wide" => Ok(Self::Wide),
            "compact" => Ok(Self::Compact),
            "dict" => Ok(Self::Dict),
            "json" | "JSON" => Ok(Self::Json),
            "jsonpb" => Ok(Self::Jsonpb),
            "table" | "tab" => Ok(Self::Table),
            other => Err(no_format(other, "wide, compact, dict, table, json, jsonpb")),
        }
    }
}

/// How flows are shown.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) options: Options,
    /// The name of the format, for messages.
    pub(crate) output: &'static str,
    pub(super) silent: bool,
    /// Connections are shown, one row each, not events.
    pub(super) connections: bool,
    /// A person looks at it.
    pub(super) is_terminal: bool,
    /// It was said how moments are to be written.
    pub(super) has_time_format: bool,
}

impl View {
    pub(super) fn from_args(args: &FormatArgs, follow: bool, debug: bool) -> Result<Self, Error> {
        let output = flag::get(&args.output())?.unwrap_or(FormatName::Wide);
        let (format, output) = match output {
            FormatName::Wide => (Format::Wide, "wide"),
            FormatName::Compact => (Format::Compact, "compact"),
            FormatName::Dict => (Format::Dict, "dict"),
            FormatName::Table if follow => {
                return Err(Error::Usage(
                    "table output format is not compatible with follow mode".to_owned(),
                ));
            }
            FormatName::Table => (Format::Table, "table"),
            FormatName::Json if legacy_json() => (Format::LegacyJson, "json"),
            FormatName::Json => (Format::Json, "json"),
            FormatName::Jsonpb => (Format::Json, "jsonpb"),
        };
        if let Some(name) = args.time_format.as_deref().filter(|_| args.is_ours()) {
            let mut known = TimeFormat::NAMES.into_iter().map(|(name, _)| name);
            if !name.is_empty() && !known.any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(Error::Hinted(
                    format!("--time-format takes the name of a format, not {name:?}"),
                    format!(
                        "one of {}",
                        TimeFormat::NAMES.map(|(name, _)| name).join(", ")
                    ),
                ));
            }
        }
        let color = match args.color.as_deref() {
            Some(other) if args.is_ours() && !matches!(other, "auto" | "always" | "never" | "") => {
                return Err(Error::Usage(format!(
                    "--color takes auto, always or never, not {other:?}"
                )));
            }
            Some("always") => true,
            Some("never") => false,
            _ => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
            }
        };
        let Switch(translate) = flag::get(&args.ip_translation)?.unwrap_or(Switch(true));
        let numeric = flag::is_on(&args.numeric)?;
        let ours = format == Format::Wide || format == Format::Table && args.aggregate_by.is_some();
        let options = Options {
            format,
            time: TimeFormat::named(args.time_format.as_deref().unwrap_or_default()),
            // What is ours to show is in the zone of who looks; Hubble's formats and JSON in UTC.
            zone: match ours && !flag::is_on(&args.utc)? {
                true => Zone::local(),
                false => Zone::UTC,
            },
            color,
            node_names: flag::is_on(&args.print_node_name)?,
            policy_names: flag::is_on(&args.print_policy_names)?,
            translate: translate && !numeric,
            debug,
        };
        // What only events have asks for events.
        let events = flag::is_on(&args.events)? || options.node_names || options.policy_names;
        let shows_connections = match &args.aggregate_by {
            // A mask may lack what tells connections apart.
            Some(_) => args.field_mask.is_empty(),
            None => args.output().is_none(),
        };
        let connections = shows_connections && !events;
        Ok(Self {
            options,
            output,
            silent: flag::is_on(&args.silent_errors)?,
            connections,
            is_terminal: io::stdout().is_terminal(),
            has_time_format: args.time_format.is_some(),
        })
    }
}

/// Bare flows instead of responses, for scripts from before there were responses.
fn legacy_json() -> bool {
    let words = std::env::var("HUBBLE_COMPAT").unwrap_or_default();
    words.split(',').any(|word| word == "legacy-json-output")
}
