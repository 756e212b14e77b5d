//! Moments as people write and read them, in Hubble's spellings, and the zone they are in.
//!
//! Everything that shows a moment to people goes through here, so that one screen has one clock.
//! Hubble's formats and what programs read are in UTC, as Hubble writes them.

mod zone;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use proto::google::Timestamp;

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
        let Some(Ok(moment)) = moment.map(|moment| moment.checked()) else {
            return "N/A".to_owned();
        };
        let offset = zone.offset(moment);
        self.valid(offset.to_datetime(moment), offset)
    }

    fn valid(self, t: DateTime, offset: Offset) -> String {
        let date = || format!("{:04}-{:02}-{:02}", t.year(), t.month(), t.day());
        let clock = || format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second());
        let month = MONTHS
            .get(usize::try_from(t.month() - 1).unwrap_or_default())
            .unwrap_or(&"");
        // Digits of the second, cut, without the zeros at the end.
        let fraction = |digits: usize| {
            let all = format!(".{:09}", t.subsec_nanosecond());
            let cut = all[..=digits].trim_end_matches('0');
            cut.trim_end_matches('.').to_owned()
        };
        let offset = |between: &str| {
            let minutes = offset.seconds() / 60;
            let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
            let sign = if offset.is_negative() { '-' } else { '+' };
            format!("{sign}{hours:02}{between}{minutes:02}")
        };
        let z = || match offset(":") {
            utc if utc == "+00:00" => "Z".to_owned(),
            offset => offset,
        };
        match self {
            Self::StampMilli => format!(
                "{month} {:2} {}.{:03}",
                t.day(),
                clock(),
                t.subsec_nanosecond() / 1_000_000
            ),
            Self::YearMonthDay => date(),
            Self::YearMonthDayHour => format!("{}T{:02}{}", date(), t.hour(), z()),
            Self::YearMonthDayHourMinute => {
                format!("{}T{:02}:{:02}{}", date(), t.hour(), t.minute(), z())
            }
            Self::Rfc3339 => format!("{}T{}{}", date(), clock(), z()),
            Self::Rfc3339Milli => format!("{}T{}{}{}", date(), clock(), fraction(3), z()),
            Self::Rfc3339Micro => format!("{}T{}{}{}", date(), clock(), fraction(6), z()),
            Self::Rfc3339Nano => format!("{}T{}{}{}", date(), clock(), fraction(9), z()),
            Self::Rfc1123z => format!(
                "{}, {:02} {month} {:04} {} {}",
                strtime::format("%a", t.date()).unwrap_or_default(),
                t.day(),
                t.year(),
                clock(),
                offset("")
            ),
        }
    }
}

/// Text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to convert {0} to time")]
pub struct NotATime(String);

/// Reads `--since` and `--until`: how long before `now` (`1h43m`, negative for later), or a moment
/// in one of the formats with a date. A date alone begins at midnight in `zone`, which is the one that
/// moments are shown in.
///
/// # Errors
/// Anything else.
pub fn parse(text: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp, NotATime> {
    if let Some(ago) = duration(text) {
        return Ok(Timestamp::from_unix_nanos(
            now.unix_nanos().saturating_sub(ago),
        ));
    }
    moment(text, zone).ok_or_else(|| NotATime(text.to_owned()))
}

/// A duration as Go writes it, in ns.
fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = &rest[..end];
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit: i128 = match &rest[..end] {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        rest = &rest[end..];
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.contains('.') || part.len() > 18 {
            return None;
        }
        let read = |digits: &str| match digits {
            "" => Some(0),
            digits => digits.parse::<i128>().ok(),
        };
        let scale = 10i128.pow(u32::try_from(part.len()).ok()?);
        total = total
            .checked_add(read(whole)?.checked_mul(unit)?)?
            .checked_add(read(part)?.checked_mul(unit)? / scale)?;
    }
    i64::try_from(if negative { -total } else { total }).ok()
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
            assert_eq!(parse(text, now, &Zone::UTC), Ok(expected), "{text}");
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
            let error = parse(text, now, &Zone::UTC).unwrap_err();
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
            assert_eq!(parse(&text, Timestamp::default(), &zone), Ok(moment));
            // A date is one of the days that are shown.
            let day = TimeFormat::YearMonthDay.text(Some(&moment), &zone);
            let midnight = parse(&day, Timestamp::default(), &zone).unwrap();
            let shown = TimeFormat::StampMilli.text(Some(&midnight), &zone);
            assert!(shown.ends_with(" 00:00:00.000"), "{day}: {shown}");
        }
    }
}
