//! Filter flags, as `observe` and `top` take them.
//!
//! Their order counts (`--not` negates the next one), so they stay a list: names and values in the order
//! of the command line, which [`flow::flags`] reads.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::Error};

use crate::flag::{self, environment};

const ENDS: &str = "Filters: ends of a flow";
const PACKET: &str = "Filters: packet and decision";
const L7: &str = "Filters: HTTP, DNS and tracing";
const COMBINE: &str = "Filters: how they combine";

/// The filters of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterArgs {
    /// Flags of [`flow::flags`] with their values, in order; `true` for a flag alone.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// Expressions, which must hold, too.
    pub(crate) expressions: Vec<String>,
    /// Words that are to be in a name.
    pub(crate) words: Vec<String>,
}

impl FilterArgs {
    /// All values given for a flag.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let given = self.flags.iter().filter(move |(flag, _)| *flag == name);
        given.map(|(_, value)| &**value)
    }

    /// Puts names of pods and services that have no namespace into one.
    pub(crate) fn in_namespace(&mut self, namespace: &str) {
        for (flag, value) in &mut self.flags {
            let kind = flag.strip_prefix("from-").or(flag.strip_prefix("to-"));
            let is_name = matches!(kind.unwrap_or(flag), "pod" | "service");
            if is_name && !value.is_empty() && !value.contains('/') {
                *value = format!("{namespace}/{value}");
            }
        }
    }

    /// Raw filters of the environment, where no flag gives any.
    pub(crate) fn of_environment(&self) -> impl Iterator<Item = (&'static str, String)> {
        let missing = |name: &&str| self.values(name).next().is_none();
        let names = ["allowlist", "denylist"].into_iter().filter(missing);
        names.filter_map(|name| Some((name, environment(name)?)))
    }
}

/// The flags of [`flow::flags`], by heading, and how they combine.
fn all() -> impl Iterator<Item = Arg> {
    let filters = [ENDS, PACKET, L7].into_iter().flat_map(|heading| {
        let all = flow::flags::FLAGS.iter();
        let under = all.filter(move |filter| self::heading(filter.name) == heading);
        under.map(move |filter| {
            let arg = Arg::new(filter.name)
                .long(filter.name)
                .short(filter.short)
                .help(filter.help)
                .help_heading(heading)
                .action(ArgAction::Append);
            match filter.value {
                Some(name) => arg.num_args(1).value_name(name),
                None => flag::switch(arg),
            }
        })
    });
    filters.chain([
        combine(
            "filter",
            "an expression that must hold, too: 'verdict == DROPPED and dst.port in {53, 8000-8999}'; fields and operators in docs/FILTERS.md",
        )
        .value_name("EXPR"),
        flag::switch(combine(
            "not",
            "negates the next filter. All negated filters together exclude a flow, as in hubble; --denylist twice excludes either",
        )),
        combine(
            "allowlist",
            "a FlowFilter as JSON; shown besides what the other filters show [env: FLOWS_ALLOWLIST, HUBBLE_ALLOWLIST]",
        )
        .value_name("JSON"),
        combine(
            "denylist",
            "a FlowFilter as JSON; never shown [env: FLOWS_DENYLIST, HUBBLE_DENYLIST]",
        )
        .value_name("JSON"),
    ])
}

fn combine(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .help_heading(COMBINE)
        .action(ArgAction::Append)
}

impl Args for FilterArgs {
    fn augment_args(command: Command) -> Command {
        command.args(all())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let names = flow::flags::FLAGS.iter().map(|filter| filter.name);
        let mut flags = Vec::new();
        for name in names.chain(["not", "allowlist", "denylist"]) {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            let indices = matches.indices_of(name).into_iter().flatten();
            flags.extend(indices.zip(values).map(|(at, value)| (at, name, value)));
        }
        flags.sort_by_key(|(at, ..)| *at);
        let expressions = matches.get_many::<String>("filter").into_iter().flatten();
        Ok(Self {
            flags: flags
                .into_iter()
                .map(|(_, name, value)| (name, value.clone()))
                .collect(),
            expressions: expressions.cloned().collect(),
            words: Vec::new(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Where help shows a filter.
fn heading(name: &str) -> &'static str {
    let kind = name
        .strip_prefix("from-")
        .or(name.strip_prefix("to-"))
        .unwrap_or(name);
    match kind {
        "from" | "to" | "pod" | "namespace" | "all-namespaces" | "label" | "ip" | "snat-ip"
        | "fqdn" | "service" | "port" | "identity" | "workload" | "cluster" => ENDS,
        kind if kind.starts_with("http-")
            || kind.starts_with("dns-")
            || kind.ends_with("trace-id") =>
        {
            L7
        }
        _ => PACKET,
    }
}
