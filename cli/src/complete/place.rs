//! Where on the command line something is being typed.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::kind::Kind;
use crate::{flag::flags_with_values, words};

/// The words up to the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// Without the program; the last one is being typed, and may be empty.
    words: Vec<String>,
    /// The last one began with a quote that is still open.
    in_quotes: bool,
}

impl Typed {
    /// As a shell has taken them apart.
    pub(crate) fn from_words(words: &[String]) -> Self {
        let mut words = words.to_vec();
        if words.is_empty() {
            words.push(String::new());
        }
        // Fish and zsh leave the quote of a word that is being typed.
        let last = words.last_mut();
        let in_quotes = last.is_some_and(|last| match last.starts_with(['"', '\'']) {
            true => {
                last.remove(0);
                true
            }
            false => false,
        });
        Self { words, in_quotes }
    }

    /// From a line, program and all. Of what a shell knows, quotes and backslashes are.
    pub(crate) fn from_line(line: &str) -> Self {
        let mut words = vec![String::new()];
        let mut quote = None;
        let mut begun = false;
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            let Some(word) = words.last_mut() else { break };
            match (quote, letter) {
                (Some(open), letter) if letter == open => quote = None,
                (Some('\''), letter) => word.push(letter),
                (_, '\\') => word.extend(letters.next()),
                (Some(_), letter) => word.push(letter),
                (None, '"' | '\'') => {
                    quote = Some(letter);
                    begun = true;
                }
                (None, letter) if letter.is_whitespace() => {
                    if begun || !word.is_empty() {
                        words.push(String::new());
                    }
                    begun = false;
                }
                // A new command.
                (None, '|' | ';' | '&') => {
                    words = vec![String::new()];
                    begun = false;
                }
                (None, letter) => word.push(letter),
            }
        }
        words.remove(0);
        if words.is_empty() {
            words.push(String::new());
        }
        Self {
            words,
            in_quotes: quote.is_some(),
        }
    }
}

/// What the line says of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerOfLine {
    pub(crate) server: Option<String>,
    pub(crate) lab: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) config: Option<String>,
}

impl ServerOfLine {
    fn set(&mut self, flag: &Arg, value: &str) {
        let place = match flag.get_id().as_str() {
            "server" => &mut self.server,
            "lab" => &mut self.lab,
            "context" => &mut self.context,
            "config" => &mut self.config,
            _ => return,
        };
        *place = Some(value.to_owned());
    }
}

/// What is being typed.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The command that it belongs to.
    pub(crate) command: &'a Command,
    /// What may stand there.
    pub(crate) kind: Kind,
    /// The whole word so far.
    pub(crate) typed: String,
    /// What of the word stays as it is, `--verdict=` for example; the rest is replaced.
    pub(crate) front: String,
    /// The word is in quotes.
    pub(crate) in_quotes: bool,
    /// Which server to ask.
    pub(crate) server: ServerOfLine,
}

impl Place<'_> {
    /// The part that is replaced.
    pub(crate) fn beginning(&self) -> &str {
        self.typed.get(self.front.len()..).unwrap_or_default()
    }
}

/// The flag that a word names, and the value that is in the same word.
fn flag<'a, 'w>(command: &'a Command, word: &'w str) -> Option<(&'a Arg, Option<&'w str>)> {
    let mut all = command.get_arguments();
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let arg = all.find(|arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            arg.get_long() == Some(name) || aliases.contains(&name)
        })?;
        return Some((arg, value));
    }
    // Of `-fn shop` the last one takes the value.
    let letter = word.strip_prefix('-')?.chars().last()?;
    let arg = all.find(|arg| {
        let aliases = arg.get_all_short_aliases().unwrap_or_default();
        arg.get_short() == Some(letter) || aliases.contains(&letter)
    })?;
    Some((arg, None))
}

fn takes_word(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

/// Words of others in front of what is typed become ours; of those that are no command, nothing is said here.
fn translated(before: Vec<OsString>, root: &Command, last: &str) -> Vec<OsString> {
    let takes_value = flags_with_values(root);
    // Something stands behind them, whatever it will be.
    let next = if last.starts_with('-') { "-" } else { "\0" };
    let mut line = before.clone();
    line.push(next.into());
    let translated = words::translate(line, |flag| takes_value.iter().any(|known| known == flag));
    match translated {
        Ok(mut line) => {
            line.pop();
            line
        }
        Err(_) => before,
    }
}

impl<'a> Place<'a> {
    /// Finds it; `None` where nothing is to be proposed. The root is built.
    pub(crate) fn find(root: &'a Command, typed: &Typed) -> Option<Self> {
        let (last, before) = typed.words.split_last()?;
        let program = std::iter::once(OsString::from("flows"));
        let before: Vec<OsString> = program.chain(before.iter().map(OsString::from)).collect();
        let before = translated(before, root, last);
        let mut command = root;
        let mut server = ServerOfLine::default();
        let (mut positional, mut value_of, mut only_words) = (0, None, false);
        for word in before.iter().skip(1).filter_map(|word| word.to_str()) {
            if let Some(arg) = value_of.take() {
                server.set(arg, word);
            } else if only_words || !word.starts_with('-') || word == "-" {
                match command.find_subcommand(word) {
                    Some(sub) if positional == 0 && !only_words => command = sub,
                    _ => positional += 1,
                }
            } else if word == "--" {
                only_words = true;
            } else if let Some((arg, value)) = flag(command, word) {
                match value {
                    Some(value) => server.set(arg, value),
                    None => value_of = Some(arg).filter(|arg| takes_word(arg)),
                }
            }
        }
        let mut place = Self {
            command,
            kind: Kind::Nothing,
            typed: last.clone(),
            front: String::new(),
            in_quotes: typed.in_quotes,
            server,
        };
        if let Some(arg) = value_of {
            place.kind = Kind::of_value(command, arg);
        } else if !only_words && last.starts_with('-') && !typed.in_quotes {
            match flag(command, last) {
                Some((arg, Some(value))) => {
                    place.front = last[..last.len() - value.len()].to_owned();
                    place.kind = Kind::of_value(command, arg);
                }
                _ => place.kind = Kind::Flags,
            }
        } else {
            let all: Vec<&Arg> = command.get_positionals().collect();
            let arg = all.get(positional).or(all.last()).copied();
            place.kind = arg.map_or(Kind::Nothing, |arg| Kind::of_value(command, arg));
            if positional == 0 && command.has_subcommands() && place.kind == Kind::Nothing {
                place.kind = Kind::Commands;
            }
        }
        // Of several values in one word, the last one.
        if place.kind.is_list()
            && let Some(comma) = place.beginning().rfind(',')
        {
            let end = place.front.len() + comma + 1;
            place.front = place.typed[..end].to_owned();
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        for (line, words, in_quotes) in [
            ("flows", &[""][..], false),
            ("flows ", &[""], false),
            ("flows ob", &["ob"], false),
            (
                "flows observe  --pod=a ",
                &["observe", "--pod=a", ""],
                false,
            ),
            (
                "flows observe --filter 'verdict == D",
                &["observe", "--filter", "verdict == D"],
                true,
            ),
            (
                "flows observe \"a b\" c\\ d",
                &["observe", "a b", "c d"],
                false,
            ),
            ("date | flows li", &["li"], false),
            ("flows '' x", &["", "x"], false),
            ("", &[""], false),
        ] {
            let typed = Typed::from_line(line);
            assert_eq!(typed.words, words, "{line}");
            assert_eq!(typed.in_quotes, in_quotes, "{line}");
        }
        let word = Typed::from_words(&["observe".to_owned(), "'a b".to_owned()]);
        assert_eq!((word.words[1].as_str(), word.in_quotes), ("a b", true));
    }
}
