//! Moments as people write and read them, in Hubble's spellings, and the zone they are in.
//!
//! Everything that shows a moment to people goes through here, so that one screen has one clock.
//! Hubble's formats and what programs read are in UTC, as Hubble writes them.

mod words;
mod zone;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use proto::google::Timestamp;

use crate::quantity::parse_duration;

pub use words::{parse, span};
pub use zone::Zone;

/// How moments are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `Jan _2 15:04:05.000`
    #[default]
    StampMilli,
    /// `2006-01-02`
    YearMonthDay,
    /// `2006-01-02T15Z07:00`
    YearMonthDayHour,
    /// `2006-01-02T15:04Z07:00`
    YearMonthDayHourMinute,
    /// `2006-01-02T15:04:05Z07:00`
    Rfc3339,
    /// The same with up to 3 digits of a second.
    Rfc3339Milli,
    /// The same with up to 6 digits.
    Rfc3339Micro,
    /// The same with up to 9 digits.
    Rfc3339Nano,
    /// `Mon, 02 Jan 2006 15:04:05 -0700`
    Rfc1123z,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl TimeFormat {
    /// All of them with their names, as `--time-format` takes them.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("StampMilli", Self::StampMilli),
        ("YearMonthDay", Self::YearMonthDay),
        ("YearMonthDayHour", Self::YearMonthDayHour),
        ("YearMonthDayHourMinute", Self::YearMonthDayHourMinute),
        ("RFC3339", Self::Rfc3339),
        ("RFC3339Milli", Self::Rfc3339Milli),
        ("RFC3339Micro", Self::Rfc3339Micro),
        ("RFC3339Nano", Self::Rfc3339Nano),
        ("RFC1123Z", Self::Rfc1123z),
    ];

    /// The format of that name, in any case; the default one for an unknown name, as Hubble does.
    pub fn named(name: &str) -> Self {
        Self::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or_else(Self::default, |(_, format)| *format)
    }

    /// The moment as text, in that zone; `N/A` for none and for an invalid one.
    pub fn text(self, moment: Option<&Timestamp>, zone: &Zone) -> String {
        let mut text = String::with_capacity(32);
        self.write(moment, zone, &mut text);
        text
    }

    /// Adds the same to what stands in `out`.
    pub fn write(self, moment: Option<&Timestamp>, zone: &Zone, out: &mut String) {
        let Some(Ok(moment)) = moment.map(|moment| moment.checked()) else {
            return out.push_str("N/A");
        };
        let offset = zone.offset(moment);
        self.write_valid(offset.to_datetime(moment), offset, out);
    }

    fn write_valid(self, t: DateTime, offset: Offset, out: &mut String) {
        let month = MONTHS
            .get(usize::try_from(t.month() - 1).unwrap_or_default())
            .unwrap_or(&"");
        match self {
            Self::StampMilli => {
                out.push_str(month);
                // The day is as wide with one digit as with two.
                out.push_str(if t.day() < 10 { "  " } else { " " });
                number(out, t.day().into(), 1);
                out.push(' ');
                clock(t, 3, out);
                out.push('.');
                number(out, t.subsec_nanosecond() / 1_000_000, 3);
            }
            Self::Rfc1123z => {
                out.push_str(&strtime::format("%a", t.date()).unwrap_or_default());
                out.push_str(", ");
                number(out, t.day().into(), 2);
                for part in [" ", month, " "] {
                    out.push_str(part);
                }
                number(out, t.year().into(), 4);
                out.push(' ');
                clock(t, 3, out);
                out.push(' ');
                zone_offset(offset, "", out);
            }
            // The others are RFC 3339, to different lengths.
            Self::YearMonthDay
            | Self::YearMonthDayHour
            | Self::YearMonthDayHourMinute
            | Self::Rfc3339
            | Self::Rfc3339Milli
            | Self::Rfc3339Micro
            | Self::Rfc3339Nano => {
                number(out, t.year().into(), 4);
                out.push('-');
                number(out, t.month().into(), 2);
                out.push('-');
                number(out, t.day().into(), 2);
                let (parts, digits) = match self {
                    Self::YearMonthDayHour => (1, 0),
                    Self::YearMonthDayHourMinute => (2, 0),
                    Self::Rfc3339Milli => (3, 3),
                    Self::Rfc3339Micro => (3, 6),
                    Self::Rfc3339Nano => (3, 9),
                    Self::YearMonthDay => return,
                    Self::StampMilli | Self::Rfc1123z | Self::Rfc3339 => (3, 0),
                };
                out.push('T');
                clock(t, parts, out);
                fraction(t, digits, out);
                match offset.seconds() / 60 {
                    0 if !offset.is_negative() => out.push('Z'),
                    _ => zone_offset(offset, ":", out),
                }
            }
        }
    }
}

/// Digits of a number, zeros before them up to a length of at most 9.
fn number(out: &mut String, mut number: i32, least: usize) {
    let mut digits = [b'0'; 9];
    let mut start = digits.len();
    while start > 0 && number > 0 {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    let start = start.min(digits.len().saturating_sub(least));
    out.push_str(str::from_utf8(&digits[start..]).unwrap_or_default());
}

/// Hour, minute, second, or the first of them.
fn clock(t: DateTime, parts: usize, out: &mut String) {
    let all = [t.hour(), t.minute(), t.second()];
    for (at, part) in all.into_iter().take(parts).enumerate() {
        if at > 0 {
            out.push(':');
        }
        number(out, part.into(), 2);
    }
}

/// Digits of the second, cut, without the zeros at the end.
fn fraction(t: DateTime, digits: usize, out: &mut String) {
    let start = out.len();
    out.push('.');
    number(out, t.subsec_nanosecond(), 9);
    out.truncate(start + 1 + digits);
    let kept = out[start..].trim_end_matches('0').trim_end_matches('.');
    out.truncate(start + kept.len());
}

/// `+01:00`
fn zone_offset(offset: Offset, between: &str, out: &mut String) {
    let minutes = offset.seconds() / 60;
    out.push(if offset.is_negative() { '-' } else { '+' });
    number(out, minutes.abs() / 60, 2);
    out.push_str(between);
    number(out, minutes.abs() % 60, 2);
}

/// Text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to convert {0} to time")]
pub struct NotATime(String);

/// Reads `--since` and `--until` as Hubble does: how long before `now` (`1h43m`, negative for later), or a moment
/// in one of the formats with a date. A date alone begins at midnight in `zone`, which is the one that
/// moments are shown in.
///
/// # Errors
/// Anything else.
pub fn parse_as_hubble(text: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp, NotATime> {
    if let Some(ago) = duration(text) {
        return Ok(Timestamp::from_unix_nanos(
            now.unix_nanos().saturating_sub(ago),
        ));
    }
    moment(text, zone).ok_or_else(|| NotATime(text.to_owned()))
}

/// A duration as Go writes it, with a sign, in ns.
fn duration(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos = i64::try_from(parse_duration(text)?.as_nanos()).ok()?;
    Some(if negative { -nanos } else { nanos })
}

fn moment(text: &str, zone: &Zone) -> Option<Timestamp> {
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        return zone.midnight(date).map(Timestamp::from);
    }
    if let Ok(moment) = strtime::parse("%a, %d %b %Y %H:%M:%S %z", text)
        && let Ok(moment) = moment.to_timestamp()
    {
        return Some(moment.into());
    }
    // RFC 3339, and what it becomes without seconds or without minutes.
    let (date, clock) = text.split_once('T')?;
    let zone = clock.find(['Z', '+', '-'])?;
    let (clock, zone) = clock.split_at(zone);
    let missing = match clock.len() {
        2 => ":00:00",
        5 => ":00",
        8.. => "",
        _ => return None,
    };
    let moment: jiff::Timestamp = format!("{date}T{clock}{missing}{zone}").parse().ok()?;
    Some(moment.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now = Timestamp {
            seconds: 10_000,
            nanos: 0,
        };
        for (text, seconds, nanos) in [
            ("3s", 9_997, 0),
            ("1h43m", 10_000 - 6_180, 0),
            ("-5s", 10_005, 0),
            ("1.5s", 9_998, 500_000_000),
            ("0", 10_000, 0),
            ("1970-01-02", 86_400, 0),
            ("1970-01-02T01Z", 90_000, 0),
            ("1970-01-02T01:01Z", 90_060, 0),
            ("1970-01-02T01:01+01:00", 86_460, 0),
            ("1970-01-02T00:00:00.25Z", 86_400, 250_000_000),
            ("Fri, 02 Jan 1970 00:00:01 +0000", 86_401, 0),
        ] {
            let expected = Timestamp { seconds, nanos };
            assert_eq!(
                parse_as_hubble(text, now, &Zone::UTC),
                Ok(expected),
                "{text}"
            );
        }
        for text in [
            "",
            "yesterday",
            "1d",
            "12:30",
            "Jan  1 00:09:00.000",
            "5",
            "1.2.3s",
            "-",
        ] {
            let error = parse_as_hubble(text, now, &Zone::UTC).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("failed to convert {text} to time")
            );
        }
    }

    #[test]
    fn moments_are_shown() {
        let moment = Timestamp {
            seconds: 1_767_225_669,
            nanos: 120_500_000,
        };
        for ((_, format), expected) in TimeFormat::NAMES.iter().zip([
            "Jan  1 00:01:09.120",
            "2026-01-01",
            "2026-01-01T00Z",
            "2026-01-01T00:01Z",
            "2026-01-01T00:01:09Z",
            "2026-01-01T00:01:09.12Z",
            "2026-01-01T00:01:09.1205Z",
            "2026-01-01T00:01:09.1205Z",
            "Thu, 01 Jan 2026 00:01:09 +0000",
        ]) {
            assert_eq!(format.text(Some(&moment), &Zone::UTC), expected);
        }
        assert_eq!(TimeFormat::named("rfc3339MICRO"), TimeFormat::Rfc3339Micro);
        assert_eq!(TimeFormat::named("?"), TimeFormat::StampMilli);
        assert_eq!(TimeFormat::StampMilli.text(None, &Zone::UTC), "N/A");
    }
    #[test]
    fn moments_are_shown_in_a_zone() {
        let moment = Timestamp {
            seconds: 1_767_225_669,
            nanos: 120_500_000,
        };
        let shown = |zone: &str| {
            let zone = Zone::named(zone).unwrap();
            TimeFormat::NAMES.map(|(_, format)| format.text(Some(&moment), &zone))
        };
        let india = [
            "Jan  1 05:31:09.120",
            "2026-01-01",
            "2026-01-01T05+05:30",
            "2026-01-01T05:31+05:30",
            "2026-01-01T05:31:09+05:30",
            "2026-01-01T05:31:09.12+05:30",
            "2026-01-01T05:31:09.1205+05:30",
            "2026-01-01T05:31:09.1205+05:30",
            "Thu, 01 Jan 2026 05:31:09 +0530",
        ];
        assert_eq!(shown("IST-5:30"), india);
        let new_york = shown("EST5EDT,M3.2.0,M11.1.0");
        assert_eq!(new_york[0], "Dec 31 19:01:09.120");
        assert_eq!(new_york[4], "2025-12-31T19:01:09-05:00");
        assert_eq!(new_york[8], "Wed, 31 Dec 2025 19:01:09 -0500");
    }

    #[test]
    fn what_is_shown_is_read_back() {
        let moment = Timestamp {
            seconds: 1_767_225_669,
            nanos: 120_500_000,
        };
        for zone in ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "NST3:30"] {
            let zone = Zone::named(zone).unwrap();
            let text = TimeFormat::Rfc3339Nano.text(Some(&moment), &zone);
            assert_eq!(
                parse_as_hubble(&text, Timestamp::default(), &zone),
                Ok(moment)
            );
            // A date is one of the days that are shown.
            let day = TimeFormat::YearMonthDay.text(Some(&moment), &zone);
            let midnight = parse_as_hubble(&day, Timestamp::default(), &zone).unwrap();
            let shown = TimeFormat::StampMilli.text(Some(&midnight), &zone);
            assert!(shown.ends_with(" 00:00:00.000"), "{day}: {shown}");
        }
    }
}
