//! The command line: what there is, grouped as `--help` shows it.
//!
//! Filter flags are order-sensitive (`--not` negates the next one), and their values, as Hubble's,
//! may begin with a dash. So clap only finds flags and values here; [`Args`] hands them on in the
//! order in which they were given, as text, and whoever owns a flag reads its value.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

pub(crate) use catalogue::is_filter;
use catalogue::{Flag, Takes};

use crate::error::Error;

mod catalogue;

/// Environment prefixes of global flags, the first one found wins.
const PREFIXES: [&str; 2] = ["FLOWS_", "HUBBLE_"];

/// A parsed command line: the command's words, and its flags in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// `observe`, `list nodes`, ...
    pub(crate) command: Vec<String>,
    /// Flag names (long, without dashes) and values in the order given; `true` for a flag alone.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// Further arguments.
    pub(crate) rest: Vec<String>,
}

/// Why there is nothing to run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or version: text for standard output, exit code 0.
    Text(String),
    /// A mistake: a line for standard error, exit code 1; and what to write instead.
    Mistake(String, Option<String>),
}

/// The whole command, for parsing, help and completion.
#[must_use]
pub fn command() -> Command {
    let observe = |name: &'static str| {
        let command = with_flags(
            Command::new(name),
            &[catalogue::SELECTORS, catalogue::FORMAT],
        );
        with_flags(
            command.args(catalogue::filters().map(|flag| arg(&flag))),
            &[catalogue::COMBINE],
        )
        .arg(Arg::new("rest").num_args(0..).hide(true))
    };
    let commands = [
        observe("observe")
            .about("Show flows: what was decided for each connection, by which rule, and why")
            .override_usage("flows observe [flows] [flags]")
            .after_help(catalogue::OBSERVE_EXAMPLES),
        with_flags(
            with_flags(Command::new("top"), &[catalogue::TOP])
                .args(catalogue::filters().map(|flag| arg(&flag))),
            &[catalogue::COMBINE],
        )
        .visible_alias("tui")
        .about("Look at flows on the terminal as they happen: what is dropped, why, what would allow it")
        .after_help(catalogue::TOP_EXAMPLES),
        with_flags(Command::new("status"), &[catalogue::STATUS])
            .about("Show the state of the server: flows held, flows per second, nodes"),
        Command::new("list")
            .about("List nodes or namespaces")
            .subcommand_required(true)
            .subcommand(
                with_flags(Command::new("nodes"), &[catalogue::LIST])
                    .visible_alias("node")
                    .about("List the nodes and the state of their agents"),
            )
            .subcommand(
                with_flags(Command::new("namespaces"), &[catalogue::LIST])
                    .about("List the namespaces seen in flows"),
            ),
        policy(),
        endpoint(),
        identity(),
        Command::new("watch")
            .about("Watch changes")
            .subcommand_required(true)
            .subcommand(
                Command::new("peers")
                    .visible_alias("peer")
                    .about("Watch an agent's list of nodes change"),
            ),
        Command::new("completion")
            .about("Print a shell's completion script")
            .arg(
                Arg::new("rest")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(["bash", "elvish", "fish", "powershell", "zsh"]),
            ),
        Command::new("version").about("Print the version"),
    ];
    let root = Command::new("flows")
        .about("See what the network allows and denies, by which policy, and why")
        .version(env!("CARGO_PKG_VERSION"))
        .max_term_width(100)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(catalogue::EXAMPLES)
        .subcommands(commands);
    with_flags(root, &[catalogue::GLOBAL])
}

/// Questions to the policy engine.
fn policy() -> Command {
    Command::new("policy")
            .about("Ask why: what would be decided and by which rules, what a policy means")
            .subcommand_required(true)
            .subcommand(
                with_flags(Command::new("trace"), &[catalogue::TRACE, catalogue::STATE])
                    .about("Say whether a connection would be allowed, and why")
                    .after_help(catalogue::TRACE_EXAMPLES),
            )
            .subcommand(
                with_flags(Command::new("get"), &[catalogue::GET])
                    .visible_alias("list")
                    .about("Show the policies in force, and how often each rule decided")
                    .arg(
                        Arg::new("rest")
                            .value_name("NAME")
                            .num_args(0..=1)
                            .help("one policy: web, shop/web or 'cnp shop/web'"),
                    ),
            )
            .subcommand(
                with_flags(Command::new("wait"), &[catalogue::WAIT])
                    .about("Wait until the kernel has a revision, or the present manifests")
                    .after_help("A revision is a node's own: name an agent's socket with --server to wait for one."),
            )
            .subcommand(
                with_flags(
                    Command::new("validate"),
                    &[catalogue::VALIDATE, catalogue::STATE],
                )
                .about(
                    "Say what is wrong with policies, what they mean and what is likely not meant",
                )
                .arg(
                    Arg::new("rest")
                        .value_name("FILE|DIR")
                        .num_args(1..)
                        .required(true)
                        .help("files of manifests, directories of them, or - for standard input"),
                )
                .after_help(catalogue::VALIDATE_EXAMPLES),
            )
}

fn endpoint() -> Command {
    Command::new("endpoint")
        .visible_alias("endpoints")
        .about("Show pods as the nodes enforce policy for them")
        .subcommand_required(true)
        .subcommand(
            with_flags(Command::new("list"), &[catalogue::GET])
                .about("List the pods: identity, what is enforced, policies that select them"),
        )
        .subcommand(
            with_flags(Command::new("get"), &[catalogue::GET])
                .about("Show a pod's labels, and its table with the rules behind each entry")
                .arg(
                    Arg::new("rest")
                        .value_name("NAMESPACE/NAME")
                        .num_args(1)
                        .required(true),
                ),
        )
}

fn identity() -> Command {
    Command::new("identity")
        .visible_alias("identities")
        .about("Show identities: the numbers for sets of labels")
        .subcommand_required(true)
        .subcommand(
            with_flags(Command::new("list"), &[catalogue::GET]).about("List the identities"),
        )
        .subcommand(
            with_flags(Command::new("get"), &[catalogue::GET])
                .about("Show an identity's labels, its pods, and policies that select it")
                .arg(
                    Arg::new("rest")
                        .value_name("NUMBER")
                        .num_args(1)
                        .required(true),
                ),
        )
}

fn with_flags(command: Command, groups: &[&'static [Flag]]) -> Command {
    command.args(groups.iter().flat_map(|group| group.iter()).map(arg))
}

fn arg(flag: &Flag) -> Arg {
    let arg = Arg::new(flag.name)
        .long(flag.name)
        .short(flag.short)
        .help(flag.help)
        .help_heading(flag.heading)
        .global(flag.heading == catalogue::SERVER)
        .hide(flag.hidden)
        .action(ArgAction::Append);
    match flag.takes {
        Takes::Nothing => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_name("BOOL"),
        Takes::Value(name) => arg.num_args(1).allow_hyphen_values(true).value_name(name),
    }
}

/// Parses a command line (with the program's name first).
///
/// # Errors
/// Help, version, or a mistake.
pub(crate) fn parse<I, T>(args: I) -> Result<Args, Stop>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command()
        .try_get_matches_from(args)
        .map_err(|error| stop(&error))?;
    let mut parsed = Args::default();
    let mut flags = Vec::new();
    collect(&matches, &mut parsed, &mut flags);
    flags.sort_by_key(|(index, ..)| *index);
    parsed.flags = flags
        .into_iter()
        .map(|(_, name, value)| (name, value))
        .collect();
    Ok(parsed)
}

/// Flags with their places on the command line; global ones appear at every level, and are taken
/// where they are seen last.
fn collect(
    matches: &ArgMatches,
    parsed: &mut Args,
    flags: &mut Vec<(usize, &'static str, String)>,
) {
    for (name, _) in catalogue::all() {
        let Ok(Some(values)) = matches.try_get_many::<String>(name) else {
            continue;
        };
        flags.retain(|(_, known, _)| *known != name);
        let indices = matches.indices_of(name).into_iter().flatten();
        flags.extend(
            values
                .zip(indices)
                .map(|(value, index)| (index, name, value.clone())),
        );
    }
    if let Ok(Some(rest)) = matches.try_get_many::<String>("rest") {
        parsed.rest.extend(rest.cloned());
    }
    if let Some((name, inner)) = matches.subcommand() {
        parsed.command.push(name.to_owned());
        collect(inner, parsed, flags);
    }
}

/// clap's errors in the words of Hubble's CLI: one line, no usage, and a hint where clap has one.
fn stop(error: &clap::Error) -> Stop {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg);
    let like = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    let mut hint = like
        .into_iter()
        .find_map(context)
        .map(|like| format!("did you mean {like}?"));
    if let (None, Some(ContextValue::Strings(values))) = (&hint, error.get(ContextKind::ValidValue))
        && !values.is_empty()
    {
        hint = Some(format!("one of {}", values.join(", ")));
    }
    let mistake = match (error.kind(), argument) {
        (
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            _,
        ) => return Stop::Text(error.render().ansi().to_string()),
        (ErrorKind::UnknownArgument, Some(flag)) if flag.starts_with("--") => {
            format!("unknown flag: {flag}")
        }
        (ErrorKind::UnknownArgument, Some(flag)) if flag.starts_with('-') => {
            let letter = flag.trim_start_matches('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let name = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            hint = hint.or_else(|| Some("flows --help lists the commands".to_owned()));
            format!("unknown command \"{name}\" for \"flows\"")
        }
        (ErrorKind::InvalidValue | ErrorKind::TooFewValues, Some(flag))
            if context(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            let flag = flag.split([' ', '=']).next().unwrap_or_default();
            format!("flag needs an argument: {flag}")
        }
        (ErrorKind::MissingRequiredArgument, Some(argument)) => {
            hint = Some("add --help to see what is expected".to_owned());
            format!("{argument} is missing")
        }
        _ => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    };
    Stop::Mistake(mistake, hint)
}

/// A format that there isn't.
pub(crate) fn no_format(name: &str, formats: &str) -> Error {
    Error::Hinted(
        format!("invalid output format: {name}"),
        format!("one of {formats}"),
    )
}

impl Args {
    /// The last value given for a flag, else the environment's (global flags, `--output`, `--allowlist`
    /// and `--denylist` only).
    #[must_use]
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let given = self.flags.iter().rev().find(|(flag, _)| *flag == name);
        given
            .map(|(_, value)| value.clone())
            .or_else(|| environment(name))
    }

    /// All values given for a flag.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.flags
            .iter()
            .filter(move |(flag, _)| *flag == name)
            .map(|(_, value)| &**value)
    }

    /// A flag that is on or off, as Go reads one.
    ///
    /// # Errors
    /// A value that is neither.
    pub(crate) fn switch(&self, name: &str, default: bool) -> Result<bool, Error> {
        let Some(value) = self.value(name) else {
            return Ok(default);
        };
        match &*value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(Error::Hinted(
                format!(
                    "invalid argument \"{value}\" for \"{}\" flag: strconv.ParseBool: parsing \"{value}\": invalid syntax",
                    shown(name)
                ),
                format!("--{name}, --{name}=true or --{name}=false"),
            )),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value that isn't one.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let why = if digits {
            "value out of range"
        } else {
            "invalid syntax"
        };
        let number = value.parse::<u64>().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| {
            Error::Hinted(
                format!(
                    "invalid argument \"{value}\" for \"{}\" flag: strconv.ParseUint: parsing \"{value}\": {why}",
                    shown(name)
                ),
                format!("a whole number, such as --{name} 100"),
            )
        })
    }
}

/// A flag as error texts spell it: `-t, --type` where there is a letter.
#[must_use]
pub(crate) fn shown(name: &str) -> String {
    let short = catalogue::all()
        .find(|(flag, _)| *flag == name)
        .and_then(|(_, short)| short);
    match short {
        Some(short) => format!("-{short}, --{name}"),
        None => format!("--{name}"),
    }
}

fn environment(name: &str) -> Option<String> {
    let known = catalogue::GLOBAL.iter().any(|flag| flag.name == name)
        || matches!(name, "output" | "allowlist" | "denylist");
    if !known {
        return None;
    }
    let upper = name.replace('-', "_").to_uppercase();
    PREFIXES.iter().find_map(|prefix| {
        // Hubble has no variable for its output.
        let ours = name != "output" || *prefix == "FLOWS_";
        std::env::var(format!("{prefix}{upper}"))
            .ok()
            .filter(|value| ours && !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Args {
        parse(std::iter::once("flows").chain(args.iter().copied())).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn flags_keep_their_order_whatever_they_are() {
        let args = parsed(&[
            "observe",
            "--not",
            "--verdict",
            "DROPPED",
            "-n",
            "a",
            "--not",
            "-t",
            "l7",
            "--encrypted=false",
            "-n",
            "b",
            "--server",
            "x:1",
        ]);
        let want = [
            ("not", "true"),
            ("verdict", "DROPPED"),
            ("namespace", "a"),
            ("not", "true"),
            ("type", "l7"),
            ("encrypted", "false"),
            ("namespace", "b"),
        ];
        let own: Vec<_> = args
            .flags
            .iter()
            .filter(|(name, _)| *name != "server")
            .map(|(name, value)| (*name, &**value))
            .collect();
        assert_eq!(own, want);
        assert_eq!(args.value("server").as_deref(), Some("x:1"));
    }

    #[test]
    fn values_may_begin_with_dashes_and_words_may_follow() {
        let args = parsed(&["observe", "flows", "--verdict", "--input-file", "x"]);
        assert_eq!(args.flags, [("verdict", "--input-file".to_owned())]);
        assert_eq!(args.rest, ["flows", "x"]);
    }

    #[test]
    fn mistakes_are_one_line() {
        for (args, want) in [
            (&["observe", "--bogus"][..], "unknown flag: --bogus"),
            (
                &["observe", "--verdict"],
                "flag needs an argument: --verdict",
            ),
            (
                &["nonsense"],
                "unknown command \"nonsense\" for \"flows\"; flows --help lists the commands",
            ),
            (
                &["obsrve"],
                "unknown command \"obsrve\" for \"flows\"; did you mean observe?",
            ),
            (
                &["observe", "--verdit", "DROPPED"],
                "unknown flag: --verdit; did you mean --verdict?",
            ),
            (
                &["completion", "foo"],
                "invalid value 'foo' for '<SHELL>'; one of bash, elvish, fish, powershell, zsh",
            ),
            (
                &["completion"],
                "<SHELL> is missing; add --help to see what is expected",
            ),
        ] {
            match parse(std::iter::once("flows").chain(args.iter().copied())) {
                Err(Stop::Mistake(line, hint)) => {
                    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    assert_eq!(format!("{line}{hint}"), want);
                }
                other => panic!("{args:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn numbers_and_switches_are_read_as_go_reads_them() {
        let args = parsed(&[
            "observe",
            "--last",
            "-1",
            "--first",
            "18446744073709551616",
            "--all=x",
        ]);
        assert_eq!(
            args.number("last").unwrap_err().to_string(),
            "invalid argument \"-1\" for \"--last\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax"
        );
        assert!(
            args.number("first")
                .unwrap_err()
                .to_string()
                .ends_with("value out of range")
        );
        assert!(
            args.switch("all", false)
                .unwrap_err()
                .to_string()
                .contains("ParseBool")
        );
        assert!(!args.switch("follow", false).unwrap());
    }
}
