//! Numbers, bytes and durations, as people write and read them.

use std::time::Duration;

/// A number with a comma before each three digits: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 pod`, `2 pods`.
pub fn many(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{} {what}s", grouped(number)),
    }
}

/// Units of bytes with their long and short spellings in lower case.
const BYTE_UNITS: [(&str, &str, u64); 7] = [
    ("kb", "k", 1_000),
    ("mb", "m", 1_000_000),
    ("gb", "g", 1_000_000_000),
    ("tb", "t", 1_000_000_000_000),
    ("kib", "ki", 1 << 10),
    ("mib", "mi", 1 << 20),
    ("gib", "gi", 1 << 30),
];

/// The bytes of a unit, in any case: `B`, `kB` or `k`, `MiB` or `Mi`.
pub fn byte_unit(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    if unit == "b" {
        return Some(1);
    }
    BYTE_UNITS
        .iter()
        .find(|(long, short, _)| *long == unit || *short == unit)
        .map(|(.., bytes)| *bytes)
}

/// `999 B`, `1.5 kB`, `12 MB`: two or three digits, units of 1,000.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("EB", 1_000_000_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = bytes / (size / 10);
            return match tenths {
                100.. => format!("{} {unit}", tenths / 10),
                _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
            };
        }
    }
    format!("{bytes} B")
}

/// `840us`, `1.2ms`, `3.5s`
pub fn micros(us: u32) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..1_000_000 => format!("{}.{}ms", us / 1_000, us / 100 % 10),
        _ => format!("{}.{}s", us / 1_000_000, us / 100_000 % 10),
    }
}

/// A stretch of time (ns) in at most seven columns: `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`.
pub fn span(ns: i64) -> String {
    const S: i64 = 1_000_000_000;
    let ns = ns.max(0);
    match ns {
        0..S => format!("{} ms", ns / 1_000_000),
        _ if ns < 120 * S => format!("{} s", ns / S),
        _ if ns < 7200 * S => format!("{} min", ns / (60 * S)),
        _ if ns < 172_800 * S => format!("{} h", ns / (3600 * S)),
        _ => format!("{} d", ns / (86_400 * S)),
    }
}

/// Reads Go's notation for durations without a sign: `300ms`, `1.5h`, `2h45m`, `0`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    /// Digits of a fraction that can make a difference, and more.
    const DIGITS: usize = 18;
    const SECOND: u128 = 1_000_000_000;
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let read = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u128>().ok(),
    };
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit: u128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return None;
        }
        let part = part.get(..DIGITS).unwrap_or(part);
        let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
        total = total
            .checked_add(read(whole)?.checked_mul(unit)?)?
            .checked_add(read(part)? * unit / scale)?;
        rest = tail;
    }
    let nanos = u32::try_from(total % SECOND).ok()?;
    Some(Duration::new(u64::try_from(total / SECOND).ok()?, nanos))
}

/// A duration as Go prints it: `5m1.5s`, `1h0m0s`, `250ms`, `0s`.
pub fn go_duration(nanos: u64) -> String {
    let fraction = |whole: u64, part: u64, digits: usize, unit: &str| {
        let part = format!("{part:0digits$}");
        let part = part.trim_end_matches('0');
        if part.is_empty() {
            format!("{whole}{unit}")
        } else {
            format!("{whole}.{part}{unit}")
        }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(nanos / 1_000, nanos % 1_000, 3, "µs"),
        1_000_000..1_000_000_000 => fraction(nanos / 1_000_000, nanos % 1_000_000, 6, "ms"),
        _ => {
            let whole = nanos / 1_000_000_000;
            let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
            let seconds = fraction(seconds, nanos % 1_000_000_000, 9, "s");
            match (hours, minutes) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [(12, "12"), (123, "123"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (1_500_000, "1.5 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (us, text) in [
            (7, "7us"),
            (1_234, "1.2ms"),
            (999_999, "999.9ms"),
            (u32::MAX, "4294.9s"),
        ] {
            assert_eq!(micros(us), text);
        }
    }

    #[test]
    fn units_of_bytes_are_read() {
        for (unit, bytes) in [
            ("B", Some(1)),
            ("k", Some(1_000)),
            ("MB", Some(1_000_000)),
            ("Gi", Some(1 << 30)),
            ("KiB", Some(1 << 10)),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(byte_unit(unit), bytes, "{unit}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("1h43m", Some(6_180_000)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("1.5s", Some(1_500)),
            (".5s", Some(500)),
            ("1.2500000000000000000000001s", Some(1_250)),
            ("2m", Some(120_000)),
            ("0", Some(0)),
            ("1d", None),
            ("1", None),
            ("s", None),
            ("1.2.3s", None),
            ("99999999999999999999h", None),
            ("", None),
            ("-1s", None),
        ] {
            let read = parse_duration(text).map(|read| read.as_millis());
            assert_eq!(read, ms, "{text}");
        }
    }

    #[test]
    fn durations_as_go_prints_them() {
        for (nanos, want) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (301_515_181_665, "5m1.515181665s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(nanos), want);
        }
    }

    #[test]
    fn spans_are_short() {
        for (ns, want) in [
            (-5, "0 ms"),
            (850_000_000, "850 ms"),
            (12_000_000_000, "12 s"),
            (200_000_000_000, "3 min"),
            (90_000_000_000_000, "25 h"),
            (864_000_000_000_000, "10 d"),
        ] {
            assert_eq!(span(ns), want);
        }
    }
}
