//! Moments in words: `5 min`, `2d ago`, `yesterday`, `14:30`. Hubble knows none of them.

use jiff::civil::Time;
use proto::google::Timestamp;

use super::{NotATime, Zone, parse_as_hubble};

const SECOND: u64 = 1_000_000_000;

/// Reads `--since` and `--until`: what [`parse_as_hubble`] takes, durations in words (`5min`, `1h 30 min`, `2d`,
/// `1 week ago`), `now`, `today` and `yesterday` (their beginning), and a time of day, the last one there was.
/// Days are those of `zone`.
///
/// # Errors
/// Anything else.
pub fn parse(text: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp, NotATime> {
    let error = match parse_as_hubble(text, now, zone) {
        Ok(moment) => return Ok(moment),
        Err(error) => error,
    };
    let words = text.trim().to_lowercase();
    let ago = words.strip_suffix("ago").map_or(&*words, str::trim_end);
    if let Some(ago) = span(ago) {
        let moment = now.unix_nanos().saturating_sub(ago);
        return Ok(Timestamp::from_unix_nanos(moment));
    }
    day(&words, now, zone).ok_or(error)
}

/// The beginning of a day, or a time of one.
fn day(words: &str, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    let checked = now.checked().ok()?;
    let today = zone.date(checked);
    match words {
        "now" => return Some(now),
        "today" => return zone.midnight(today).map(Timestamp::from),
        "yesterday" => return zone.midnight(today.yesterday().ok()?).map(Timestamp::from),
        _ => {}
    }
    let (hour, rest) = words.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, "0"));
    let number = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<i8>().ok(),
        _ => None,
    };
    let time = Time::new(number(hour)?, number(minute)?, number(second)?, 0).ok()?;
    let moment = zone.moment(today.to_datetime(time))?;
    match moment <= checked {
        true => Some(moment.into()),
        false => Some(
            zone.moment(today.yesterday().ok()?.to_datetime(time))?
                .into(),
        ),
    }
}

/// Numbers with their units, in ns: `8h`, `2 days`, `1h 30 min`.
pub fn span(words: &str) -> Option<i64> {
    let mut rest = words.trim_start();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(end);
        let tail = tail.trim_start();
        let end = tail
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
            "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600 * SECOND,
            "d" | "day" | "days" => 86_400 * SECOND,
            "w" | "week" | "weeks" => 7 * 86_400 * SECOND,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail.trim_start();
    }
    i64::try_from(total).ok().filter(|total| *total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        // 2026-01-02T12:03:04Z
        let now = Timestamp {
            seconds: 1_767_355_384,
            nanos: 0,
        };
        let zone = Zone::named("CET-1").unwrap();
        let read = |text: &str| parse(text, now, &zone).map(|moment| moment.seconds - now.seconds);
        let clock = |hours: i64, minutes: i64| hours * 3_600 + minutes * 60;
        for (text, ago) in [
            ("5min", clock(0, 5)),
            ("5 min", clock(0, 5)),
            ("1h 30 minutes ago", clock(1, 30)),
            ("2d", clock(48, 0)),
            ("1 week ago", clock(7 * 24, 0)),
            ("5m", clock(0, 5)),
            ("now", 0),
            // It is 13:03:04 there.
            ("today", clock(13, 3) + 4),
            ("Yesterday", clock(37, 3) + 4),
            ("12:03:04", clock(1, 0)),
            ("13:03", 4),
            ("14:30", clock(22, 33) + 4),
        ] {
            assert_eq!(read(text), Ok(-ago), "{text}");
        }
        for text in [
            "",
            "5",
            "min",
            "5 lightyears",
            "0d",
            "25:00",
            "12:",
            "1:2:3:4",
            "-1:30",
            "tomorrow",
            "ago",
            "99999999999999999999d",
            "9999999999d",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
