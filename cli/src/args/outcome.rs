//! Why there is nothing to run: help that was asked for, or a mistake, in the words of Hubble's CLI with what to
//! write instead.

use std::ffi::OsString;

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use flow::spelling::closest;

use crate::{
    error::Error,
    flag::flags_with_values,
    help,
    words::{self, NotACommand},
};

/// Why there is nothing to run.
#[derive(Debug)]
pub(crate) enum ParseOutcome {
    /// Help or version: text for standard output, exit code 0.
    Text(String),
    /// A mistake: a line for standard error, exit code 1; and what to write instead.
    Mistake(String, Option<String>),
}

impl From<NotACommand> for ParseOutcome {
    fn from(NotACommand(why, instead): NotACommand) -> Self {
        Self::Mistake(why.to_owned(), Some(instead.to_owned()))
    }
}

impl From<Error> for ParseOutcome {
    fn from(error: Error) -> Self {
        Self::Mistake(error.to_string(), error.hint())
    }
}

/// The command that a line is about, as far as it names one.
fn invoked<'a>(root: &'a Command, args: &[OsString]) -> &'a Command {
    let takes_value = flags_with_values(root);
    let mut command = root;
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            if takes_value.iter().any(|known| known == word) {
                words.next();
            }
            continue;
        }
        match command.find_subcommand(word) {
            Some(sub) => command = sub,
            None => break,
        }
    }
    command
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    }
}

/// clap's errors in the words of Hubble's CLI: one line, no usage, and a hint where there is one.
pub(super) fn of_error(error: &clap::Error, args: &[OsString], root: &mut Command) -> ParseOutcome {
    root.build();
    let root = &*root;
    let argument = context(error, ContextKind::InvalidArg);
    let mut hint = None;
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        hint = Some(match context(error, ContextKind::SuggestedValue) {
            Some(like) => format!("did you mean {like}?"),
            None => format!("one of {}", values.join(", ")),
        });
    }
    let mistake = match (error.kind(), argument) {
        (
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            _,
        ) => return shown(error, args, root),
        (ErrorKind::UnknownArgument, Some(flag)) if flag.starts_with("--") => {
            hint = flag_instead(&flag, invoked(root, args));
            format!("unknown flag: {flag}")
        }
        (ErrorKind::UnknownArgument, Some(flag)) if flag.starts_with('-') => {
            hint = flag_instead(&flag, invoked(root, args));
            let letter = flag.trim_start_matches('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let name = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let command = invoked(root, args);
            let path = path(command);
            let known = subcommands(command).flat_map(Command::get_name_and_visible_aliases);
            hint = Some(match closest(&name, known) {
                Some(like) => format!("did you mean {like}?"),
                None => format!("{path} --help lists the commands"),
            });
            format!("unknown command \"{name}\" for \"{path}\"")
        }
        (ErrorKind::MissingSubcommand, _) => {
            let command = invoked(root, args);
            let path = path(command);
            let known = subcommands(command).map(|sub| format!("{path} {}", sub.get_name()));
            hint = Some(known.collect::<Vec<_>>().join(", "));
            format!("'{path}' requires a subcommand but one was not provided")
        }
        (ErrorKind::InvalidValue | ErrorKind::TooFewValues, Some(flag))
            if context(error, ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            let flag = flag.split([' ', '=']).next().unwrap_or_default();
            format!("flag needs an argument: {flag}")
        }
        (ErrorKind::MissingRequiredArgument, Some(argument)) => {
            let usage = invoked(root, args).clone().render_usage().to_string();
            let usage = usage.trim().trim_start_matches("Usage: ").to_owned();
            hint = Some(format!("{usage}; add --help to see what is expected"));
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

/// A command as it is typed.
fn path(command: &Command) -> &str {
    command.get_bin_name().unwrap_or("flows")
}

/// The commands below one that help shows.
fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set())
}

/// Help, the short one for `-h` and where nothing was typed, or the version.
fn shown(error: &clap::Error, args: &[OsString], root: &Command) -> ParseOutcome {
    let asks = |what: &str| args.iter().any(|arg| arg == what);
    let is_version = error.kind() == ErrorKind::DisplayVersion;
    if is_version || asks("--help") || asks("help") {
        return ParseOutcome::Text(error.render().ansi().to_string());
    }
    ParseOutcome::Text(help::short(invoked(root, args)))
}

/// A flag that may be meant: what others call so, else the one that is spelled most like it.
fn flag_instead(typed: &str, command: &Command) -> Option<String> {
    let typed = typed.split('=').next().unwrap_or(typed);
    let known = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let known: Vec<&str> = known.filter_map(|arg| arg.get_long()).collect();
    let is_here = |flag: &&str| {
        let name = flag.split(' ').next().unwrap_or(flag);
        known.contains(&name.trim_start_matches("--"))
    };
    if typed == "--once" && command.get_name() == "top" {
        return Some("flows observe shows flows once".to_owned());
    }
    if let Some(ours) = words::flags(typed).find(is_here) {
        return Some(format!("did you mean {ours}?"));
    }
    let name = typed.strip_prefix("--")?;
    let like = closest(name, known.iter().copied())?;
    Some(format!("did you mean --{like}?"))
}
