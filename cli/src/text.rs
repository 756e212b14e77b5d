//! Text that has to fit: cutting, wrapping, and numbers as people read them.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

pub(crate) use flow::quantity::{bytes, grouped, many, span};

/// Joins letters and pictures to one, or changes how one looks: whether it does, and how wide that is
/// then, terminals disagree. Without it each stands by itself.
fn joins(letter: char) -> bool {
    matches!(letter, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// A text as it is put on the screen.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(joins) {
        Cow::Owned(text.replace(joins, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Columns that a letter takes on a terminal.
fn wide(letter: char) -> usize {
    if joins(letter) {
        0
    } else {
        letter.width().unwrap_or(0)
    }
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// The longest beginning that takes at most this many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, letter) in text.char_indices() {
        taken += wide(letter);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end that takes at most this many columns.
fn tail(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, letter) in text.char_indices().rev() {
        taken += wide(letter);
        if taken > columns {
            return &text[at + letter.len_utf8()..];
        }
    }
    text
}

/// The text, or as much of its beginning as fits, with `…` for the rest.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    match columns {
        0 => String::new(),
        columns => format!("{}…", head(text, columns - 1)),
    }
}

/// The text, or as much of both its ends as fits: of `namespace/pod:port` namespace and port matter
/// most.
pub(crate) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 8 {
        return cut(text, columns);
    }
    let front = (columns - 1).div_ceil(2);
    format!("{}…{}", head(text, front), tail(text, columns - 1 - front))
}

/// `namespace/name` with as much of the namespace left out as it takes to fit.
pub(crate) fn cut_name(name: &str, columns: usize) -> String {
    if width(name) <= columns {
        return name.to_owned();
    }
    match name.split_once('/') {
        Some((namespace, name)) if width(name) + 2 <= columns => {
            let left = columns - width(name) - 2;
            format!("{}…/{name}", head(namespace, left))
        }
        Some((_, name)) => cut_middle(name, columns),
        None => cut_middle(name, columns),
    }
}

/// Lines of at most this many columns, broken at spaces where there are any; lines that continue
/// another one begin with `indent` spaces more than it has itself.
pub(crate) fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let own = text.len() - text.trim_start_matches(' ').len();
    let hang = (own + indent).min(columns / 3);
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    loop {
        let lead = if lines.is_empty() { 0 } else { hang };
        let room = columns.saturating_sub(lead).max(1);
        let fits = head(rest, room);
        if fits.len() == rest.len() {
            lines.push(format!("{:lead$}{rest}", ""));
            return lines;
        }
        // Leading spaces are no place to break at.
        let start = rest.len() - rest.trim_start().len();
        let space = rest[..fits.len()]
            .rfind(' ')
            .filter(|at| *at > start && *at >= fits.len() / 3);
        let at = if rest[fits.len()..].starts_with(' ') {
            fits.len()
        } else {
            space.unwrap_or(fits.len())
        };
        // At least one letter a line, however narrow.
        let at = at.max(rest.chars().next().map_or(0, char::len_utf8));
        lines.push(format!("{:lead$}{}", "", rest[..at].trim_end()));
        rest = rest[at..].trim_start();
        if rest.is_empty() {
            return lines;
        }
    }
}

/// A count in at most five columns: `987`, `12.3k`, `4.5M`.
pub(crate) fn short(number: f64) -> String {
    let mut number = number.max(0.0);
    if number > 0.0 && number < 9.95 && number.fract() > 0.05 {
        return format!("{number:.1}");
    }
    let units = ["", "k", "M", "G", "T", "P", "E"];
    let mut unit = 0;
    // What would be shown as 1000.0 is 1.0 of the next unit.
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    if unit == 0 || number >= 99.95 {
        format!("{number:.0}{}", units[unit])
    } else {
        format!("{number:.1}{}", units[unit])
    }
}

/// Heights of bars in eighths of a line.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Lines of bars for values, the highest line first; what is there at all is seen.
pub(crate) fn bars(values: &[u64], most: u64, lines: usize) -> Vec<String> {
    let full = 8 * lines as u64;
    let height = |value: u64| {
        let scaled = u128::from(value.min(most)) * u128::from(full) / u128::from(most.max(1));
        let scaled = u64::try_from(scaled).unwrap_or(full);
        if value > 0 { scaled.max(1) } else { 0 }
    };
    (0..lines)
        .rev()
        .map(|line| {
            let below = 8 * line as u64;
            let bar = |value: &u64| {
                let part = height(*value).saturating_sub(below).min(8);
                BARS[usize::try_from(part).unwrap_or(8)]
            };
            values.iter().map(bar).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns() {
        for (text, columns, end, middle) in [
            ("short", 8, "short", "short"),
            ("production/web:80", 10, "productio…", "produ…b:80"),
            ("日本語テキスト", 9, "日本語テ…", "日本…スト"),
            ("abc", 0, "", ""),
            ("abc", 1, "…", "…"),
        ] {
            assert_eq!(cut(text, columns), end);
            assert_eq!(cut_middle(text, columns), middle);
            assert!(width(&cut_middle(text, columns)) <= columns);
        }
    }

    #[test]
    fn of_names_the_namespace_goes_first() {
        for (name, columns, want) in [
            ("production/web", 20, "production/web"),
            ("production/user-service", 17, "pro…/user-service"),
            ("production/auth-database", 15, "…/auth-database"),
            ("production/auth-database", 10, "auth-…base"),
            ("192.0.2.255", 8, "192.….255"),
        ] {
            let cut = cut_name(name, columns);
            assert!(width(&cut) <= columns);
            if columns > 8 {
                assert_eq!(cut, want);
            }
        }
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        for (text, columns, want) in [
            ("one two three", 8, &["one two", "  three"][..]),
            (
                "  - fromEndpoints",
                9,
                &["  -", "    from", "    Endp", "    oint", "    s"],
            ),
            ("", 5, &[""]),
            ("abcdefghijklmnop", 10, &["abcdefghij", "  klmnop"]),
        ] {
            let lines = wrap(text, columns, 2);
            if text.starts_with("  -") {
                assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            } else {
                assert_eq!(lines, want);
            }
        }
        for columns in 0..4 {
            assert!(!wrap("a few words", columns, 2).is_empty());
        }
    }

    #[test]
    fn numbers_are_short() {
        for (number, want) in [
            (0.0, "0"),
            (0.25, "0.2"),
            (7.0, "7"),
            (999.4, "999"),
            (999.9, "1.0k"),
            (12_340.0, "12.3k"),
            (123_456.0, "123k"),
            (1_500_000.0, "1.5M"),
        ] {
            assert_eq!(short(number), want);
        }
    }

    #[test]
    fn bars_show_everything_that_is_there() {
        assert_eq!(bars(&[0, 1, 50, 100], 100, 1), [" ▁▄█"]);
        assert_eq!(bars(&[0, 1, 50, 100], 100, 2), ["   █", " ▁██"]);
        assert_eq!(bars(&[0, 0], 0, 1), ["  "]);
        assert_eq!(bars(&[u64::MAX], u64::MAX, 1), ["█"]);
    }
}
