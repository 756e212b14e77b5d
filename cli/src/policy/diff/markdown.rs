//! A difference as a comment on a change request.

use std::fmt::Write as _;

use explain::diff::{Became, Change};
use flow::print::escape;

use super::report::{ObjectChange, Report, reason_text};
use super::text::{Names, connections};

/// The longest comment, bytes: GitHub takes 65,536 characters.
const LONGEST: usize = 60_000;

/// Rows of recorded connections that are shown.
const CONNECTIONS: usize = 20;

/// The difference as GitHub's Markdown.
pub(super) fn show(report: &Report) -> String {
    let mut text = format!("### Policy diff\n\n**{}**\n", report.summary());
    if !report.objects.is_empty() {
        text.push('\n');
    }
    for (change, name, _) in &report.objects {
        let what = match change {
            ObjectChange::Added => "added",
            ObjectChange::Changed => "changed",
            ObjectChange::Removed => "removed",
        };
        line(&mut text, format!("- {what}: {}", code(&name.to_string())));
    }
    let names = Names::new(&report.groups);
    for (became, title) in [
        (Became::Denied, "Become denied"),
        (Became::Allowed, "Become allowed"),
    ] {
        let mut rows = report
            .changes
            .iter()
            .filter(|row| row.became == became)
            .peekable();
        if rows.peek().is_some() {
            let head = "| from | to | ports | before | after |\n|---|---|---|---|---|";
            line(&mut text, format!("\n#### {title}\n\n{head}"));
        }
        let mut left = 0;
        for row in rows {
            if text.len() > LONGEST {
                left += 1;
                continue;
            }
            line(
                &mut text,
                format!(
                    "| {} | {} | {} | {} | {} |",
                    cell(&names.list(&row.sources)),
                    cell(&names.list(&row.destinations)),
                    cell(&row.ports.to_string()),
                    reasons(row, false),
                    reasons(row, true),
                ),
            );
        }
        if left > 0 {
            line(
                &mut text,
                format!("\nand {left} more rows (`-o json` has all)"),
            );
        }
    }
    if let Some(summary) = report.impact_summary() {
        line(
            &mut text,
            format!("\n#### Recorded connections\n\n{}\n", cell(&summary)),
        );
    }
    let changes = report.impact.iter().flat_map(|(impact, _)| &impact.changes);
    for change in changes.take(CONNECTIONS) {
        let what = match change.became {
            Became::Denied => "would be denied",
            Became::Allowed => "would be allowed",
        };
        line(
            &mut text,
            format!("- {what}: {}", cell(&connections(change))),
        );
    }
    for note in report.impact_notes() {
        line(&mut text, format!("- {}", cell(&note)));
    }
    if !report.warnings.is_empty() {
        line(&mut text, "\n#### Warnings\n".to_owned());
    }
    for warning in &report.warnings {
        let place = format!("{}:{}", warning.file, warning.line);
        line(
            &mut text,
            format!("- {}: {}", code(&place), cell(&warning.problem)),
        );
    }
    text
}

fn line(text: &mut String, line: String) {
    // A string takes everything.
    let _infallible = writeln!(text, "{line}");
}

fn reasons(row: &Change, after: bool) -> String {
    let ends = row.ends.iter().map(|end| {
        let reason = if after { &end.after } else { &end.before };
        format!("{}: {}", end.direction, cell(&reason_text(reason.as_ref())))
    });
    ends.collect::<Vec<_>>().join("<br>")
}

/// A text that means nothing to Markdown or HTML.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for letter in escape(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // `@name` would call somebody.
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '@' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// A name as code. There are no ticks in names of objects and files that are read; others lose them.
fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'"))
}
