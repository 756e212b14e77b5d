//! The command line: what there is, grouped as `--help` shows it.

use std::{
    ffi::OsString,
    io::{self, Write as _},
};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    connect::ServerArgs,
    error::Error,
    explain,
    flag::as_go_takes_them,
    incidents, list, observe,
    policy::{
        changes, diff, endpoint, get, history, identity, trace, validate, wait, who_can, why,
    },
    status, top, watch,
};

const EXAMPLES: &str = "Examples:
  flows observe --verdict DROPPED         recent drops, and the rules behind them
  flows observe -f --pod shop/frontend    what a pod does, as it happens
  flows status                            is the cluster healthy?
  flows --lab demo list nodes             of a lab that runs here";

/// See what the network allows and denies, by which policy, and why
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "flows",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    Observe(Box<observe::Args>),
    Incidents(Box<incidents::Args>),
    Explain(explain::Args),
    Why(why::Args),
    Top(top::Args),
    Status(status::Args),
    Changes(changes::Args),
    /// List nodes or namespaces
    #[command(subcommand, arg_required_else_help = false)]
    List(List),
    /// Check and explain policies: what they decide, by which rules
    #[command(subcommand, arg_required_else_help = false)]
    Policy(Policy),
    /// Show who can reach a workload, or whom it can reach, and by which rules
    #[command(subcommand, arg_required_else_help = false)]
    WhoCan(WhoCan),
    /// Show pods as the nodes enforce policy for them
    #[command(
        subcommand,
        arg_required_else_help = false,
        visible_alias = "endpoints"
    )]
    Endpoint(Endpoint),
    /// Show identities: the numbers for sets of labels
    #[command(
        subcommand,
        arg_required_else_help = false,
        visible_alias = "identities"
    )]
    Identity(Identity),
    /// Watch changes
    #[command(subcommand, arg_required_else_help = false)]
    Watch(Watch),
    /// Print a shell's completion script
    Completion {
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum List {
    /// List the nodes and the state of their agents
    #[command(visible_alias = "node")]
    Nodes(list::Args),
    /// List the namespaces seen in flows
    Namespaces(list::Args),
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Policy {
    Trace(trace::Args),
    Diff(diff::Args),
    #[command(visible_alias = "list")]
    Get(get::Args),
    History(history::Args),
    Wait(wait::Args),
    Validate(validate::Args),
}

#[derive(Clone, Debug, clap::Subcommand)]
enum WhoCan {
    Reach(Box<who_can::ReachArgs>),
    BeReachedFrom(Box<who_can::BeReachedFromArgs>),
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Endpoint {
    List(endpoint::ListArgs),
    Get(endpoint::GetArgs),
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Identity {
    List(identity::ListArgs),
    Get(identity::GetArgs),
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Watch {
    /// Watch an agent's list of nodes change
    #[command(visible_alias = "peer")]
    Peers,
}

impl Cli {
    /// Does what the command line says.
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let server = &self.server;
        match &self.command {
            Command::Observe(args) => observe::run(args, server).await,
            Command::Incidents(args) => Box::pin(incidents::run(args, server)).await,
            Command::Explain(args) => explain::run(args, server).await,
            Command::Why(args) => why::run(args, server).await,
            Command::Top(args) => top::run(args, server).await,
            Command::Status(args) => status::run(args, server).await,
            Command::Changes(args) => changes::run(args, server).await,
            Command::List(List::Nodes(args)) => list::nodes(args, server).await,
            Command::List(List::Namespaces(args)) => list::namespaces(args, server).await,
            Command::Policy(Policy::Trace(args)) => trace::run(args, server).await,
            Command::Policy(Policy::Diff(args)) => diff::run(args, server).await,
            Command::Policy(Policy::Get(args)) => get::run(args, server).await,
            Command::Policy(Policy::History(args)) => history::run(args, server).await,
            Command::Policy(Policy::Wait(args)) => wait::run(args, server).await,
            Command::Policy(Policy::Validate(args)) => validate::run(args, server).await,
            Command::WhoCan(WhoCan::Reach(args)) => who_can::reach(args, server).await,
            Command::WhoCan(WhoCan::BeReachedFrom(args)) => {
                who_can::be_reached_from(args, server).await
            }
            Command::Endpoint(Endpoint::List(args)) => endpoint::list(args, server).await,
            Command::Endpoint(Endpoint::Get(args)) => endpoint::get(args, server).await,
            Command::Identity(Identity::List(args)) => identity::list(args, server).await,
            Command::Identity(Identity::Get(args)) => identity::get(args, server).await,
            Command::Watch(Watch::Peers) => watch::peers(server).await,
            Command::Completion { shell } => completion(*shell),
            Command::Version => Ok(writeln!(
                io::stdout(),
                "flows {} on {}/{}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            )?),
        }
    }
}

fn completion(shell: clap_complete::Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "flows", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

/// The whole command, for parsing, help and completion.
#[must_use]
pub fn command() -> clap::Command {
    as_go_takes_them(Cli::command())
}

/// Why there is nothing to run.
#[derive(Debug)]
pub(crate) enum ParseOutcome {
    /// Help or version: text for standard output, exit code 0.
    Text(String),
    /// A mistake: a line for standard error, exit code 1; and what to write instead.
    Mistake(String, Option<String>),
}

/// Parses a command line (with the program's name first).
///
/// # Errors
/// Help, version, or a mistake.
pub(crate) fn parse<I, T>(args: I) -> Result<Cli, ParseOutcome>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let mut cli = cli.map_err(|error| outcome(&error))?;
    cli.server = cli.server.with_environment();
    Ok(cli)
}

/// clap's errors in the words of Hubble's CLI: one line, no usage, and a hint where clap has one.
fn outcome(error: &clap::Error) -> ParseOutcome {
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
        ) => return ParseOutcome::Text(error.render().ansi().to_string()),
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
    ParseOutcome::Mistake(mistake, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Cli {
        parse(std::iter::once("flows").chain(args.iter().copied())).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    fn help(command: &mut clap::Command, text: &mut String) {
        let name = command.get_bin_name().unwrap_or("flows").to_owned();
        text.push_str(&format!("$ {name} --help\n{}\n", command.render_help()));
        for inner in command.get_subcommands_mut() {
            if inner.get_name() != "help" {
                help(inner, text);
            }
        }
    }

    #[test]
    fn help_of_every_command() {
        let mut command = command().term_width(100);
        command.build();
        let mut text = String::new();
        help(&mut command, &mut text);
        insta::assert_snapshot!("help", text);
    }

    #[test]
    fn filters_keep_their_order_whatever_they_are() {
        let args = [
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
        ];
        let want = [
            ("not", "true"),
            ("verdict", "DROPPED"),
            ("namespace", "a"),
            ("not", "true"),
            ("type", "l7"),
            ("encrypted", "false"),
            ("namespace", "b"),
        ];
        let cli = parsed(&args);
        let Command::Observe(observe) = cli.command else {
            panic!("{cli:?}");
        };
        let flags = observe.filters.flags.iter();
        let flags: Vec<_> = flags.map(|(name, value)| (*name, &**value)).collect();
        assert_eq!(flags, want);
        assert_eq!(cli.server.target().unwrap().address, "x:1");
    }

    #[test]
    fn values_may_begin_with_dashes_and_words_may_follow() {
        let cli = parsed(&["observe", "flows", "--verdict", "--input-file", "x"]);
        let Command::Observe(observe) = cli.command else {
            panic!("{cli:?}");
        };
        let verdict = ("verdict", "--input-file".to_owned());
        assert_eq!(observe.filters.flags, [verdict]);
        assert_eq!(observe.words, ["flows", "x"]);
    }

    #[test]
    fn the_last_server_or_lab_counts_wherever_it_stands() {
        for (args, want) in [
            (&["--server", "x:1", "--server", "y:2", "status"][..], "y:2"),
            (&["--lab", "a", "status", "--server", "x:1"], "x:1"),
            (
                &["status", "--server", "x:1", "--lab", "a"],
                "unix:///run/flows/a/relay.sock",
            ),
            (
                &["--lab", "a", "list", "nodes"],
                "unix:///run/flows/a/relay.sock",
            ),
        ] {
            assert_eq!(
                parsed(args).server.target().unwrap().address,
                want,
                "{args:?}"
            );
        }
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
            (
                &["list"],
                "'flows list' requires a subcommand but one was not provided",
            ),
        ] {
            match parse(std::iter::once("flows").chain(args.iter().copied())) {
                Err(ParseOutcome::Mistake(line, hint)) => {
                    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    assert_eq!(format!("{line}{hint}"), want);
                }
                other => panic!("{args:?}: {other:?}"),
            }
        }
    }
}
