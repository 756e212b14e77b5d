//! Values of flags, as Go's library for flags reads them.
//!
//! A value is read when the command line is parsed, and what is wrong with it is told when it is used:
//! each command words and orders its errors as Hubble does.

use std::{ffi::OsStr, fmt::Display, marker::PhantomData, time::Duration};

use clap::{
    Arg, ArgAction, Command,
    builder::{PossibleValue, TypedValueParser, ValueParserFactory},
};

use flow::quantity::parse_duration;

use crate::error::Error;

/// Environment prefixes of flags that have a variable, the first one found wins.
const PREFIXES: [&str; 2] = ["FLOWS_", "HUBBLE_"];

/// A value of a flag, or what is wrong with it: a line, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given<T>(Result<T, (String, Option<String>)>);

/// What a flag can hold.
pub(crate) trait Value: Clone + Send + Sync + 'static {
    /// All values, if they are few: for completion.
    const NAMES: &'static [&'static str] = &[];

    /// Reads the value of a flag, named as error texts spell it.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    fn read(flag: &str, text: &str) -> Result<Self, (String, Option<String>)>;
}

impl<T: Value> Given<T> {
    /// The value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn get(&self) -> Result<T, Error> {
        match &self.0 {
            Ok(value) => Ok(value.clone()),
            Err((text, None)) => Err(Error::Usage(text.clone())),
            Err((text, Some(hint))) => Err(Error::Hinted(text.clone(), hint.clone())),
        }
    }
}

/// The value of a flag, if it is given.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn get<T: Value>(flag: &Option<Given<T>>) -> Result<Option<T>, Error> {
    flag.as_ref().map(Given::get).transpose()
}

/// Whether a switch is on; one that isn't given is off.
///
/// # Errors
/// A value that is neither on nor off.
pub(crate) fn is_on(flag: &Option<Given<Switch>>) -> Result<bool, Error> {
    Ok(get(flag)?.is_some_and(|Switch(on)| on))
}

/// A flag that isn't given, from its variable.
pub(crate) fn or_environment<T: Value>(flag: &Option<Given<T>>, name: &str) -> Option<Given<T>> {
    let flag = flag.clone();
    flag.or_else(|| environment(name).map(|text| Given(T::read(&format!("--{name}"), &text))))
}

/// The variable of a flag, if there is one that isn't empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    let upper = name.replace('-', "_").to_uppercase();
    PREFIXES.iter().find_map(|prefix| {
        // Hubble has no variable for its output.
        let ours = name != "output" || *prefix == "FLOWS_";
        std::env::var(format!("{prefix}{upper}"))
            .ok()
            .filter(|value| ours && !value.is_empty())
    })
}

/// A flag that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

impl Value for Switch {
    const NAMES: &'static [&'static str] = &["true", "false"];

    fn read(flag: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => {
                let why = format!("strconv.ParseBool: parsing \"{text}\": invalid syntax");
                let name = flag.rsplit(' ').next().unwrap_or(flag);
                let hint = format!("{name}, {name}=true or {name}=false");
                Err((invalid(flag, text, why), Some(hint)))
            }
        }
    }
}

/// A whole number.
impl Value for u64 {
    fn read(flag: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|_| digits);
        number.ok_or_else(|| {
            let why = if digits {
                "value out of range"
            } else {
                "invalid syntax"
            };
            let why = format!("strconv.ParseUint: parsing \"{text}\": {why}");
            let name = flag.rsplit(' ').next().unwrap_or(flag);
            let hint = format!("a whole number, such as {name} 100");
            (invalid(flag, text, why), Some(hint))
        })
    }
}

/// Go's notation: `1m30s`.
impl Value for Duration {
    fn read(flag: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        parse_duration(text).ok_or_else(|| {
            let why = format!("time: invalid duration \"{text}\"");
            (invalid(flag, text, why), None)
        })
    }
}

/// An error as Go's library for flags words it.
pub(crate) fn invalid(flag: &str, text: &str, why: impl Display) -> String {
    format!("invalid argument \"{text}\" for \"{flag}\" flag: {why}")
}

/// One of a few values of an output format.
///
/// # Errors
/// None of them, in Hubble's words.
pub(crate) fn no_format(text: &str, formats: &str) -> (String, Option<String>) {
    (
        format!("invalid output format: {text}"),
        Some(format!("one of {formats}")),
    )
}

/// Text or JSON, what the commands about policies print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    Text,
    Json,
}

impl Value for TextFormat {
    const NAMES: &'static [&'static str] = &["text", "json"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "text" => Ok(Self::Text),
            "json" | "JSON" => Ok(Self::Json),
            other => Err(no_format(other, "text, json")),
        }
    }
}

impl<T: Value> ValueParserFactory for Given<T> {
    type Parser = Parser<T>;

    fn value_parser() -> Parser<T> {
        Parser(PhantomData)
    }
}

/// Reads a [`Given`].
#[derive(Clone, Debug)]
pub(crate) struct Parser<T>(PhantomData<T>);

impl<T: Value> TypedValueParser for Parser<T> {
    type Value = Given<T>;

    fn parse_ref(
        &self,
        _: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Given<T>, clap::Error> {
        Ok(Given(T::read(
            &arg.map(shown).unwrap_or_default(),
            &value.to_string_lossy(),
        )))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = T::NAMES.iter().map(|name| PossibleValue::new(*name));
        (!T::NAMES.is_empty()).then(|| Box::new(names) as _)
    }
}

/// A flag as error texts spell it: `-t, --type` where there is a letter.
fn shown(arg: &Arg) -> String {
    let name = arg.get_long().unwrap_or_default();
    match arg.get_short() {
        Some(short) => format!("-{short}, --{name}"),
        None => format!("--{name}"),
    }
}

/// A command whose flags take values as Go's library for flags does: those of a switch follow `=` and
/// may be left out; all others may begin with a dash; the last one counts.
pub(crate) fn as_go_takes_them(command: Command) -> Command {
    let command = command.args_override_self(true).mut_args(|arg| {
        if arg.is_positional() || matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) {
            return arg;
        }
        let type_id = arg.get_value_parser().type_id();
        let arg = arg.hide_possible_values(true);
        if type_id == std::any::TypeId::of::<Given<Switch>>() {
            switch(arg)
        } else {
            arg.allow_hyphen_values(true)
        }
    });
    command.mut_subcommands(as_go_takes_them)
}

/// The flags of a command, as they are written, that take a value as a word of its own.
pub(crate) fn flags_with_values(command: &Command) -> Vec<String> {
    let takes = command
        .get_arguments()
        .filter(|arg| !arg.is_require_equals_set() && arg.get_action().takes_values());
    takes
        .flat_map(|arg| {
            let long = arg.get_long().map(|long| format!("--{long}"));
            let short = arg.get_short().map(|short| format!("-{short}"));
            long.into_iter().chain(short)
        })
        .collect()
}

/// A flag with an optional value, behind `=`.
pub(crate) fn switch(arg: Arg) -> Arg {
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("BOOL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_switches_are_read_as_go_reads_them() {
        let error = |given: Result<u64, (String, Option<String>)>| given.unwrap_err().0;
        assert_eq!(
            error(Value::read("--last", "-1")),
            "invalid argument \"-1\" for \"--last\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax"
        );
        assert!(error(Value::read("--first", "18446744073709551616")).ends_with("out of range"));
        let (text, hint) = Switch::read("-f, --follow", "x").unwrap_err();
        assert!(
            text.contains("\"-f, --follow\"") && text.contains("ParseBool"),
            "{text}"
        );
        assert_eq!(hint.unwrap(), "--follow, --follow=true or --follow=false");
        assert_eq!(Switch::read("--all", "T"), Ok(Switch(true)));
        assert!(!is_on(&None).unwrap());
    }
}
