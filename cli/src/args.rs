//! The command line: what there is, grouped as `--help` shows it.

mod outcome;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    complete,
    connect::ServerArgs,
    contexts,
    error::Error,
    explain,
    filter_args::FilterArgs,
    flag::{as_go_takes_them, flags_with_values},
    incidents, list, observe, plain,
    policy::{
        changes, diff, endpoint, get, history, identity, names, trace, validate, wait, who_can, why,
    },
    status, top, version, watch, words,
};
pub(crate) use outcome::ParseOutcome;

const EXAMPLES: &str = "Examples:
  flows observe --verdict DROPPED         recent drops, and the rules behind them
  flows why shop/web data/redis:6379      denied or allowed, since when, and by which change
  flows --lab demo status                 is the cluster of a lab that runs here healthy?";

/// See what the network allows and denies, by which policy, and why
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "flows",
    version = version::VERSION,
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
    /// Show DNS names that pods asked for, their addresses, and which policies open them
    #[command(subcommand, arg_required_else_help = false, visible_alias = "name")]
    Names(Names),
    /// Watch changes
    #[command(subcommand, arg_required_else_help = false)]
    Watch(Watch),
    /// Show and choose contexts: servers and namespaces by name
    #[command(subcommand, arg_required_else_help = false)]
    Config(contexts::Command),
    /// Print a shell's completion script
    #[command(after_help = complete::EXAMPLES)]
    Completion {
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print what may stand at the end of a command line, for completion scripts
    #[command(hide = true)]
    Complete(complete::Args),
    Version(version::Args),
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
    Trace(Box<trace::Args>),
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
enum Names {
    List(names::ListArgs),
    Get(names::GetArgs),
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
            Command::Observe(args) => Box::pin(observe::run(args, server)).await,
            Command::Incidents(args) => Box::pin(incidents::run(args, server)).await,
            Command::Explain(args) => Box::pin(explain::run(args, server)).await,
            Command::Why(args) => why::run(args, server).await,
            Command::Top(args) => Box::pin(top::run(args, server)).await,
            Command::Status(args) => status::run(args, server).await,
            Command::Changes(args) => changes::run(args, server).await,
            Command::List(List::Nodes(args)) => list::nodes(args, server).await,
            Command::List(List::Namespaces(args)) => list::namespaces(args, server).await,
            Command::Policy(Policy::Trace(args)) => Box::pin(trace::run(args, server)).await,
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
            Command::Names(Names::List(args)) => names::list(args, server).await,
            Command::Names(Names::Get(args)) => names::get(args, server).await,
            Command::Watch(Watch::Peers) => watch::peers(server).await,
            Command::Config(command) => contexts::run(command, server),
            Command::Completion { shell } => complete::script(*shell, command()),
            Command::Complete(args) => complete::run(args, command(), server).await,
            Command::Version(args) => version::run(args, server).await,
        }
    }

    /// What went wrong, in the words of whoever reads it: plain ones, unless the format is Hubble's.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "few commands are Hubble's or have filters"
    )]
    pub(crate) fn in_its_words(&self, error: Error) -> Error {
        match &self.command {
            Command::Observe(args) if args.is_hubbles() => error,
            Command::Observe(args) => plain::plain(error, Some(&args.filters)),
            Command::Top(args) => plain::plain(error, Some(&args.filters)),
            _ => plain::plain(error, None),
        }
    }

    /// Puts names without a namespace into the one of the context.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "few commands have such names"
    )]
    fn in_namespace(&mut self) -> Result<(), Error> {
        let filters = |filters: &mut FilterArgs| {
            if let Some(namespace) = self.server.namespace()? {
                filters.in_namespace(&namespace);
            }
            Ok(())
        };
        match &mut self.command {
            Command::Observe(args) => filters(&mut args.filters),
            Command::Top(args) => filters(&mut args.filters),
            Command::Endpoint(Endpoint::Get(args)) if !args.pod.contains('/') => {
                if let Some(namespace) = self.server.namespace()? {
                    args.pod = format!("{namespace}/{}", args.pod);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The whole command, for parsing, help and completion.
#[must_use]
pub fn command() -> clap::Command {
    as_go_takes_them(Cli::command())
}

/// Parses a command line (with the program's name first).
///
/// # Errors
/// Help, version, or a mistake.
pub(crate) fn parse<I, T>(args: I) -> Result<Cli, ParseOutcome>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let typed: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut command = command();
    let takes_value = flags_with_values(&command);
    let args = words::translate(typed, |flag| takes_value.iter().any(|known| known == flag));
    let args = args.map_err(ParseOutcome::from)?;
    let matches = command.try_get_matches_from_mut(&args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let mut cli = cli.map_err(|error| outcome::of_error(&error, &args, &mut command))?;
    cli.server = cli.server.with_environment();
    cli.in_namespace().map_err(ParseOutcome::from)?;
    Ok(cli)
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
                "completion needs to know for which shell; source <(flows completion bash); there are bash, zsh, fish, elvish and powershell",
            ),
            (
                &["list"],
                "list needs to know what; flows list nodes, flows list namespaces; flows endpoint list, flows policy list, flows identity list",
            ),
            (
                &["policy", "trac"],
                "unknown command \"trac\" for \"flows policy\"; did you mean trace?",
            ),
            (
                &["get", "services"],
                "flows keeps no list of services; flows observe --aggregate-by dst.service counts their connections; flows top has a view of them",
            ),
            (
                &["observe", "--dst-service", "x"],
                "unknown flag: --dst-service; did you mean --to-service?",
            ),
            (
                &["status", "--dst-service", "x"],
                "unknown flag: --dst-service",
            ),
            (
                &["top", "--once"],
                "unknown flag: --once; flows observe shows flows once",
            ),
            (
                &["policy", "validate"],
                "<FILE|DIR>... is missing; flows policy validate [OPTIONS] <FILE|DIR>...; add --help to see what is expected",
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
