//! What is wrong, in plain words. In Hubble's formats the words are Hubble's, which scripts may know.

use flow::{FilterError, filter::EventTypeError, flags::FlagError, flags::ValueError};

use crate::{error::Error, filter_args::FilterArgs};

/// The same in plain words; `filters`: of a command that has any.
pub(crate) fn plain(error: Error, filters: Option<&FilterArgs>) -> Error {
    match error {
        Error::Filter(error) => of_filter(error, filters),
        Error::Flag(error) => of_flag(error),
        Error::Hubble(error) => Error::Request(error),
        Error::Tried { what, error } => Error::Usage(format!("{what}: {error}")),
        Error::NoAnswer(error) => Error::NoAnswer(Box::new(plain(*error, filters))),
        other @ (Error::Usage(_)
        | Error::Hinted(..)
        | Error::Connect(_)
        | Error::Request(_)
        | Error::Question(_)
        | Error::State(_)
        | Error::Answered(_)
        | Error::NotHealthy
        | Error::Input { .. }
        | Error::Io(_)) => reworded(other),
    }
}

fn takes(flag: &str, what: &str, value: &str, hint: impl Into<String>) -> Error {
    let text = format!("--{flag} takes {what}, not \"{value}\"");
    Error::Hinted(text, hint.into())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only some mistakes have other words here"
)]
fn of_filter(error: FilterError, filters: Option<&FilterArgs>) -> Error {
    match error {
        FilterError::Port { text, .. } => takes(
            given(filters, "port", &text),
            "a number",
            &text,
            "ranges: --filter 'dst.port in 80-90'",
        ),
        FilterError::Address { text, .. } | FilterError::Prefix { text, .. } => {
            let flag = given(filters, "ip", &text);
            let hint = "such as 10.0.0.1, fd00::1 or 10.0.0.0/8";
            takes(flag, "an address or a network", &text, hint)
        }
        FilterError::Protocol(text) => takes(
            "protocol",
            "a protocol",
            &text,
            "such as tcp, udp, icmp or dns",
        ),
        FilterError::Status(text) => takes(
            "http-status",
            "a status or its beginning",
            &text,
            "such as 404, 40+ or 5+",
        ),
        FilterError::Rune(letter) => Error::Hinted(
            format!("'{letter}' can't be in the pattern of a name"),
            "letters, digits, - . _ and * for any of them".to_owned(),
        ),
        other => reworded(Error::Filter(other)),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only some mistakes have other words here"
)]
fn of_flag(error: FlagError) -> Error {
    let hint = error.hint();
    let (flag, value, why) = match error {
        FlagError::Value { flag, value, why } => (flag, value, why),
        other => return reworded(Error::Flag(other)),
    };
    let or = |example: &str| hint.clone().unwrap_or_else(|| example.to_owned());
    let takes = |what: &str, hint: String| takes(&flag, what, &value, hint);
    match why {
        ValueError::EventType(EventTypeError::Type { text, .. }) => {
            let text = format!("--{flag} {value}: there is no event type \"{text}\"");
            Error::Hinted(text, or("such as drop or trace"))
        }
        ValueError::Boolean(_) => takes("true or false", format!("--{flag} true")),
        ValueError::Verdict(_) => takes("a verdict", or("such as DROPPED or FORWARDED")),
        ValueError::DropReason(_) | ValueError::NoDropReason => {
            takes("a reason", or("such as POLICY_DENIED"))
        }
        ValueError::IpTraceId(_) | ValueError::NoIpTraceId => {
            takes("a whole number above 0", or("such as --ip-trace-id 7"))
        }
        ValueError::Identity => takes(
            "the number or the name of an identity",
            or("such as 12345, host, world or kube-apiserver"),
        ),
        ValueError::Header(_) => takes("KEY:VALUE", or("such as host:api.example.com")),
        ValueError::TcpFlag(_) => takes("TCP flags", or("such as syn or syn,ack")),
        ValueError::Direction(_) => takes("ingress or egress", or("--traffic-direction ingress")),
        // What stands there says all by itself.
        why @ (ValueError::Combination(..)
        | ValueError::Namespace { .. }
        | ValueError::ServiceNamespace { .. }
        | ValueError::ConsecutiveNot) => match hint {
            Some(hint) => Error::Hinted(why.to_string(), hint),
            None => Error::Usage(why.to_string()),
        },
        why => reworded(Error::Flag(FlagError::Value { flag, value, why })),
    }
}

/// Which of the three flags about that part of an end has the value.
fn given(filters: Option<&FilterArgs>, part: &'static str, value: &str) -> &'static str {
    let names: [&'static str; 3] = match part {
        "port" => ["port", "from-port", "to-port"],
        _ => ["ip", "from-ip", "to-ip"],
    };
    let mut names = names.into_iter();
    let found = names.find(|name| {
        filters.is_some_and(|filters| filters.values(name).any(|given| given == value))
    });
    found.unwrap_or(part)
}

/// `invalid argument "x" for "-f, --flag" flag: why`, in parts.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let rest = text.strip_prefix("invalid argument \"")?;
    let (value, rest) = rest.split_once("\" for \"")?;
    let (flag, why) = rest.split_once("\" flag: ")?;
    let flag = flag.rsplit(' ').next().unwrap_or(flag);
    Some((value, flag, why))
}

/// `failed to parse the since time: failed to convert x to time`, in parts.
fn moment(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("failed to parse the ")?;
    let (flag, rest) = rest.split_once(" time: failed to convert ")?;
    Some((flag, rest.strip_suffix(" to time")?))
}

/// Without the words of Go's library.
fn reworded(error: Error) -> Error {
    let text = error.to_string();
    let hint = error.hint();
    let (text, example) = if let Some((value, flag, why)) = parts(&text) {
        let (what, example) = match why {
            why if why.starts_with("strconv.ParseBool") => ("true or false", None),
            why if why.ends_with("value out of range") => ("a smaller number", None),
            why if why.starts_with("strconv.") => ("a whole number", None),
            why if why.starts_with("time: ") => ("a duration", Some("such as 500ms, 5s or 1m30s")),
            why => return hinted(format!("{flag} \"{value}\": {why}"), hint),
        };
        (format!("{flag} takes {what}, not \"{value}\""), example)
    } else if let Some((flag, value)) = moment(&text) {
        let text = format!("--{flag} takes a time or how long ago, not \"{value}\"");
        let hint = format!(
            "such as --{flag} 5m, 2d, 14:30, yesterday, 2026-01-31 or 2026-01-31T12:00:00Z"
        );
        return Error::Hinted(text, hint);
    } else if let Some((before, go)) = text.split_once("strconv.") {
        let why = match go {
            go if go.ends_with("value out of range") => "the number is too large",
            _ => "not a whole number",
        };
        (format!("{before}{why}"), None)
    } else {
        return error;
    };
    hinted(text, hint.or(example.map(str::to_owned)))
}

fn hinted(text: String, hint: Option<String>) -> Error {
    match hint {
        Some(hint) => Error::Hinted(text, hint),
        None => Error::Usage(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::{Switch, Value};

    #[test]
    fn nothing_of_go_is_left() {
        let read = |read: Result<(), (String, Option<String>)>| {
            let (text, hint) = read.unwrap_err();
            let error = plain(Error::Hinted(text, hint.unwrap_or_default()), None);
            (error.to_string(), error.hint().unwrap_or_default())
        };
        let number = |text| read(u64::read("--last", text).map(|_| ()));
        assert_eq!(
            number("x"),
            (
                "--last takes a whole number, not \"x\"".to_owned(),
                "a whole number, such as --last 100".to_owned()
            )
        );
        assert_eq!(
            number("18446744073709551616").0,
            "--last takes a smaller number, not \"18446744073709551616\""
        );
        let duration = std::time::Duration::read("--timeout", "soon")
            .unwrap_err()
            .0;
        let error = plain(Error::Usage(duration), None);
        assert_eq!(
            error.to_string(),
            "--timeout takes a duration, not \"soon\""
        );
        assert_eq!(error.hint().unwrap(), "such as 500ms, 5s or 1m30s");
        let switch = read(Switch::read("-f, --follow", "x").map(|_| ()));
        assert_eq!(switch.0, "--follow takes true or false, not \"x\"");
    }

    #[test]
    fn flags_that_exclude_each_other_are_named_once() {
        let error = Error::Flag(FlagError::Value {
            flag: "to-port".to_owned(),
            value: "80".to_owned(),
            why: ValueError::Combination("port", "to-port"),
        });
        assert_eq!(
            plain(error, None).to_string(),
            "filters --port and --to-port cannot be combined"
        );
    }
}
