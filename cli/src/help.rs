//! `-h`: examples and the flags of daily life, on one screen. `--help` has them all.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// Most examples.
const EXAMPLES: usize = 4;
/// Columns of a line.
const WIDTH: usize = 100;
/// Flags that every command has, and that are shown.
const OF_SERVER: [&str; 2] = ["server", "lab"];
/// The filter flags that are shown.
const FILTERS: [&str; 7] = [
    "pod",
    "to-pod",
    "namespace",
    "label",
    "port",
    "verdict",
    "filter",
];
/// The other flags that are shown, of commands with many.
const DAILY: &[(&str, &[&str])] = &[
    (
        "observe",
        &[
            "follow",
            "last",
            "since",
            "input_file",
            "output",
            "aggregate_by",
        ],
    ),
    ("top", &["last", "since", "until", "input_file", "theme"]),
    ("incidents", &["since", "ongoing"]),
    (
        "why",
        &["at", "http_method", "http_path", "dns_name", "output"],
    ),
    (
        "trace",
        &[
            "src_pod",
            "src_labels",
            "dst_pod",
            "dst_labels",
            "dport",
            "exit_code",
            "output",
            "state",
        ],
    ),
];

/// Whether a flag is shown of a command.
fn is_daily(command: &str, flag: &Arg) -> bool {
    let id = flag.get_id().as_str();
    let is_filter = flow::flags::FLAGS.iter().any(|filter| filter.name == id)
        || matches!(id, "filter" | "not" | "allowlist" | "denylist");
    if is_filter {
        return FILTERS.contains(&id);
    }
    let own = DAILY.iter().find(|(of, _)| *of == command);
    own.is_none_or(|(_, shown)| flag.is_positional() || shown.contains(&id))
}

/// The short help of a command that is built.
pub(crate) fn short(command: &Command) -> String {
    let mut text = String::new();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    if let Some(about) = command.get_about() {
        text.push_str(&format!("{about}\n\n"));
    }
    let examples = examples(command);
    for example in examples.iter().take(EXAMPLES) {
        text.push_str(&format!("{example}\n"));
    }
    let of_server = |arg: &&Arg| OF_SERVER.contains(&arg.get_id().as_str());
    let all: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .collect();
    let own = all
        .iter()
        .copied()
        .filter(|arg| !arg.is_global_set() && arg.get_id() != "help" && arg.get_id() != "version")
        .filter(|arg| is_daily(command.get_name(), arg));
    let is_parent = command.is_subcommand_required_set();
    let server = all.iter().copied().filter(of_server).filter(|_| !is_parent);
    let mut rows: Vec<(String, String)> = own.chain(server).map(row).collect();
    let commands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    for sub in commands.filter(|sub| sub.get_name() != "help") {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        rows.push((format!("  {}", sub.get_name()), about));
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    if !is_parent {
        let usage = command.clone().render_usage().to_string();
        text.push_str(&format!("{usage}\n"));
    }
    let width = rows.iter().map(|(left, _)| left.chars().count()).max();
    let width = width.unwrap_or(0);
    for (left, about) in rows {
        let about = first_words(&about, WIDTH.saturating_sub(width + 2));
        let line = format!("{left:width$}  {about}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let flags = all.iter().filter(|arg| !arg.is_positional()).count();
    let more = match is_parent {
        true => "the flags of all of them".to_owned(),
        false => format!("all {flags} flags"),
    };
    write!(text, "\n{name} --help: {more}\n").unwrap_or_default();
    text
}

/// The lines of the examples, which `--help` begins or ends with.
fn examples(command: &Command) -> Vec<String> {
    let Some(text) = command.get_after_help() else {
        return Vec::new();
    };
    let text = text.to_string();
    let lines = text.lines().skip_while(|line| *line != "Examples:").skip(1);
    let examples = lines.take_while(|line| line.starts_with("  "));
    examples.map(str::to_owned).collect()
}

/// A flag, and what it is for.
fn row(arg: &Arg) -> (String, String) {
    let mut left = String::from("  ");
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => write!(left, "-{short}, --{long}"),
        (None, Some(long)) => write!(left, "    --{long}"),
        (Some(short), None) => write!(left, "-{short}"),
        (None, None) => Ok(()),
    }
    .unwrap_or_default();
    let values = arg.get_value_names().unwrap_or_default();
    // Of a switch, what may stand behind `=` is of no interest here.
    let is_switch = arg.is_require_equals_set();
    let name = values.first().filter(|_| !is_switch);
    if let Some(name) = name {
        let space = if arg.is_positional() { "" } else { " " };
        write!(left, "{space}{name}").unwrap_or_default();
    }
    let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    (left, about)
}

/// The beginning that says what a flag is for: without defaults and variables, and as much as fits.
fn first_words(about: &str, columns: usize) -> String {
    let end = [" [default", " [env", " (RFC 3339"]
        .iter()
        .filter_map(|mark| about.find(mark))
        .min();
    let about = &about[..end.unwrap_or(about.len())];
    let fits = |text: &str| text.chars().count() <= columns;
    if fits(about) {
        return about.to_owned();
    }
    let is_whole = |text: &str| text.matches('(').count() == text.matches(')').count();
    // At the end of a part, best of all one that says most of it.
    for marks in [&["; ", ": ", ". ", " ("][..], &[", "]] {
        let ends = marks.iter().flat_map(|mark| about.match_indices(mark));
        let fitting = ends.filter(|(at, _)| fits(&about[..*at]) && is_whole(&about[..*at]));
        if let Some((at, _)) = fitting.max_by_key(|(at, _)| *at) {
            return about[..at].to_owned();
        }
    }
    let mut text = String::new();
    for word in about.split(' ') {
        if !fits(&format!("{text} {word}...")) {
            break;
        }
        text.push_str(word);
        text.push(' ');
    }
    format!("{}...", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, text: &mut String) {
        let help = short(command);
        let name = command.get_bin_name().unwrap_or("flows");
        let lines = help.lines().count();
        assert!(lines <= 25, "{name} -h has {lines} lines:\n{help}");
        for line in help
            .lines()
            .chain(examples(command).iter().map(String::as_str))
        {
            assert!(line.chars().count() <= WIDTH, "{name} -h: {line}");
        }
        text.push_str(&format!("$ {name} -h\n{help}\n"));
        for sub in command.get_subcommands() {
            if sub.get_name() != "help" && !sub.is_hide_set() {
                check(sub, text);
            }
        }
    }

    #[test]
    fn it_fits_a_screen() {
        let mut root = crate::args::command();
        root.build();
        let mut text = String::new();
        check(&root, &mut text);
        insta::assert_snapshot!("short_help", text);
    }
}
