//! What is wrong with a flag, in plain words: for our own format. In Hubble's formats the words are
//! Hubble's, which scripts may know.

use flow::{FilterError, filter::EventTypeError, flags::FlagError, flags::ValueError};

use crate::{error::Error, filter_args::FilterArgs};

/// The same in plain words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only some mistakes have other words here"
)]
pub(super) fn plain(error: Error, filters: &FilterArgs) -> Error {
    let takes = |flag: &str, what: &str, value: &str, hint: &str| {
        let text = format!("--{flag} takes {what}, not \"{value}\"");
        Error::Hinted(text, hint.to_owned())
    };
    match error {
        Error::Filter(FilterError::Port { text, .. }) => {
            let flag = given(filters, "port", &text);
            takes(
                flag,
                "a number",
                &text,
                "ranges: --filter 'dst.port in 80-90'",
            )
        }
        Error::Filter(FilterError::Address { text, .. } | FilterError::Prefix { text, .. }) => {
            let flag = given(filters, "ip", &text);
            let hint = "such as 10.0.0.1, fd00::1 or 10.0.0.0/8";
            takes(flag, "an address or a network", &text, hint)
        }
        Error::Flag(error) => {
            let hint = error.hint();
            match error {
                FlagError::Value {
                    flag,
                    value,
                    why: ValueError::EventType(EventTypeError::Type { text, .. }),
                } => {
                    let text = format!("--{flag} {value}: there is no event type \"{text}\"");
                    Error::Hinted(
                        text,
                        hint.unwrap_or_else(|| "such as drop or trace".to_owned()),
                    )
                }
                FlagError::Value {
                    flag,
                    value,
                    why: ValueError::Boolean(_),
                } => takes(&flag, "true or false", &value, &format!("--{flag} true")),
                other => reworded(Error::Flag(other)),
            }
        }
        Error::Hubble(error) if error.is_unavailable() => Error::Request(error),
        other => reworded(other),
    }
}

/// Which of the three flags about that part of an end has the value.
fn given(filters: &FilterArgs, part: &'static str, value: &str) -> &'static str {
    let names: [&'static str; 3] = match part {
        "port" => ["port", "from-port", "to-port"],
        _ => ["ip", "from-ip", "to-ip"],
    };
    let mut given = names.into_iter();
    given
        .find(|name| filters.values(name).any(|given| given == value))
        .unwrap_or(part)
}

/// Without the words of Go's library.
fn reworded(error: Error) -> Error {
    let text = error.to_string();
    let Some((before, go)) = text.split_once("strconv.") else {
        return error;
    };
    let why = match go {
        go if go.starts_with("ParseBool") => "neither true nor false",
        go if go.ends_with("value out of range") => "the number is too large",
        _ => "not a whole number",
    };
    let text = format!("{before}{why}");
    match error.hint() {
        Some(hint) => Error::Hinted(text, hint),
        None => Error::Usage(text),
    }
}
