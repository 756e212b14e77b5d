//! A difference as a comment on a change request.

use std::fmt::Write as _;

use flow::print::markdown as safe;

use super::names::{Names, connections};
use super::objects::{ChangedObject, ObjectChange};
use super::{Report, reason_text};
use crate::diff::{Became, Change};

/// The longest comment, bytes: GitHub takes 65,536 characters.
const LONGEST: usize = 60_000;

/// Rows of recorded connections that are shown.
const CONNECTIONS: usize = 20;

/// The difference as GitHub's Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("### Policy diff\n\n**{}**\n", report.summary());
    if !report.objects.is_empty() {
        text.push('\n');
    }
    for ChangedObject { change, name, .. } in &report.objects {
        let what = match change {
            ObjectChange::Added => "added",
            ObjectChange::Changed => "changed",
            ObjectChange::Removed => "removed",
        };
        line(
            &mut text,
            format!("- {what}: {}", safe::code(&name.to_string())),
        );
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
                    safe::text(&names.list(&row.sources)),
                    safe::text(&names.list(&row.destinations)),
                    safe::text(&row.ports.to_string()),
                    reasons(row, false),
                    reasons(row, true),
                ),
            );
        }
        if left > 0 {
            line(
                &mut text,
                format!("\nand {left} more rows (`flows policy diff -o json` has all)"),
            );
        }
    }
    if let Some(summary) = report.impact_summary() {
        line(
            &mut text,
            format!("\n#### Recorded connections\n\n{}\n", safe::text(&summary)),
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
            format!("- {what}: {}", safe::text(&connections(change))),
        );
    }
    for note in report.impact_notes() {
        line(&mut text, format!("- {}", safe::text(&note)));
    }
    if !report.warnings.is_empty() {
        line(&mut text, "\n#### Warnings\n".to_owned());
    }
    for warning in &report.warnings {
        let place = format!("{}:{}", warning.file, warning.line);
        line(
            &mut text,
            format!("- {}: {}", safe::code(&place), safe::text(&warning.problem)),
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
        format!(
            "{}: {}",
            end.direction,
            safe::text(&reason_text(reason.as_ref()))
        )
    });
    ends.collect::<Vec<_>>().join("<br>")
}
