//! A difference for a terminal.

use explain::diff::{Became, ChangedEnd, RequestsBecame};
use explain::diff_report::{
    ChangedObject, Names, ObjectChange, Report, changed_requests, connections, reason_text,
    requests,
};
use flow::print::escape;

use crate::policy::render;

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Rows of recorded connections that are shown.
const CONNECTIONS: usize = 20;
/// Objects of a kind of change that are named before they are counted.
const OBJECTS: usize = 20;

/// The difference. Colours are for the writer to take out.
pub(super) fn show(report: &Report) -> String {
    let mut text = Lines::default();
    for warning in &report.warnings {
        text.plain(&render::one_line(warning));
    }
    text.gap();
    for object in report.objects.iter().take(OBJECTS) {
        let ChangedObject {
            change,
            name,
            place,
        } = object;
        let (sign, color) = match change {
            ObjectChange::Added => ("+", GREEN),
            ObjectChange::Changed => ("~", ""),
            ObjectChange::Removed => ("-", RED),
        };
        let place = match place.as_str() {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        text.colored(color, &format!("{sign} {name}{place}"));
    }
    if let Some(more) = report
        .objects
        .len()
        .checked_sub(OBJECTS)
        .filter(|more| *more > 0)
    {
        text.plain(&format!("  and {more} more objects"));
    }
    let names = Names::new(&report.groups);
    for (became, title, sign, color) in [
        (Became::Denied, "Become DENIED", "-", RED),
        (Became::Allowed, "Become ALLOWED", "+", GREEN),
    ] {
        let mut rows = report
            .changes
            .iter()
            .filter(|row| row.became == became)
            .peekable();
        if rows.peek().is_some() {
            text.gap();
            text.colored(BOLD, title);
        }
        for row in rows {
            let (from, to) = (names.list(&row.sources), names.list(&row.destinations));
            text.colored(color, &format!("  {sign} {from} -> {to}: {}", row.ports));
            ends(&mut text, row.ends.iter());
        }
    }
    request_rows(&mut text, report, &names);
    impact(&mut text, report);
    request_impact(&mut text, report);
    text.gap();
    for pod in &report.unmatched {
        text.plain(&format!(
            "Note: pod {pod} is in one of the states only: not compared"
        ));
    }
    text.gap();
    text.plain(&report.summary());
    text.text
}

/// Recorded connections that would change.
fn impact(text: &mut Lines, report: &Report) {
    let Some(summary) = report.impact_summary() else {
        return;
    };
    text.gap();
    text.colored(BOLD, &summary);
    let changes = report.impact.iter().flat_map(|(impact, _)| &impact.changes);
    for change in changes.clone().take(CONNECTIONS) {
        let (sign, color) = match change.became {
            Became::Denied => ("-", RED),
            Became::Allowed => ("+", GREEN),
        };
        text.colored(color, &format!("  {sign} {}", connections(change)));
        ends(text, change.ends.iter());
    }
    if let Some(more) = changes
        .count()
        .checked_sub(CONNECTIONS)
        .filter(|more| *more > 0)
    {
        text.plain(&format!("  and {more} more rows (-o json has all)"));
    }
    for note in report.impact_notes() {
        text.plain(&format!("Note: {note}"));
    }
}

/// What becomes of requests on connections that stay allowed.
fn request_rows(text: &mut Lines, report: &Report, names: &Names) {
    for (became, title, sign, color) in [
        (
            RequestsBecame::Restricted,
            "Requests become RESTRICTED",
            "-",
            RED,
        ),
        (RequestsBecame::Denied, "Requests become DENIED", "-", RED),
        (
            RequestsBecame::Allowed,
            "Requests become ALLOWED",
            "+",
            GREEN,
        ),
    ] {
        let rows = report.requests.iter().filter(|row| row.became == became);
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            text.gap();
            text.colored(BOLD, title);
        }
        for row in rows {
            let (from, to) = (names.list(&row.sources), names.list(&row.destinations));
            let (ports, asked) = (&row.ports, changed_requests(row));
            text.colored(color, &format!("  {sign} {from} -> {to}: {ports}: {asked}"));
            ends(text, row.ends.iter().map(|end| &end.end));
        }
    }
}

/// Recorded requests that would change.
fn request_impact(text: &mut Lines, report: &Report) {
    let Some(summary) = report.request_impact_summary() else {
        return;
    };
    text.gap();
    text.colored(BOLD, &summary);
    let changes = report.request_impact.iter();
    let changes: Vec<_> = changes.flat_map(|impact| &impact.changes).collect();
    for change in changes.iter().take(CONNECTIONS) {
        let (sign, color) = match change.became {
            RequestsBecame::Denied | RequestsBecame::Restricted => ("-", RED),
            RequestsBecame::Allowed => ("+", GREEN),
        };
        text.colored(color, &format!("  {sign} {}", requests(change)));
        for (direction, said) in &change.ends {
            text.plain(&format!("      {direction}, after:  {said}"));
        }
    }
    if let Some(more) = changes
        .len()
        .checked_sub(CONNECTIONS)
        .filter(|more| *more > 0)
    {
        text.plain(&format!("  and {more} more rows (-o json has all)"));
    }
    for note in report.request_impact_notes() {
        text.plain(&format!("Note: {note}"));
    }
}

fn ends<'a>(text: &mut Lines, ends: impl Iterator<Item = &'a ChangedEnd>) {
    for end in ends {
        for (when, reason) in [("before:", &end.before), ("after: ", &end.after)] {
            let (direction, reason) = (end.direction, reason_text(reason.as_ref()));
            text.plain(&format!("      {direction}, {when} {reason}"));
        }
    }
}

/// Lines in which nothing can steer a terminal.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn plain(&mut self, line: &str) {
        self.colored("", line);
    }

    fn colored(&mut self, color: &str, line: &str) {
        let plain = if color.is_empty() { "" } else { PLAIN };
        self.text
            .push_str(&format!("{color}{}{plain}\n", escape(line)));
    }

    /// An empty line, but not two and not at the beginning.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}
