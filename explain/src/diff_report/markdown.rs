//! A difference as a comment on a change request.

use std::fmt::Write as _;

use flow::print::markdown as safe;

use super::names::{Names, connections};
use super::objects::{ChangedObject, ObjectChange};
use super::requests::{changed_requests, requests};
use super::{Report, reason_text};
use crate::diff::{Became, ChangedEnd, RequestsBecame};

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
                    reasons(row.ends.iter(), false),
                    reasons(row.ends.iter(), true),
                ),
            );
        }
        more(&mut text, left);
    }
    request_rows(&mut text, report, &names);
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
    recorded_requests(&mut text, report);
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

/// What becomes of requests.
fn request_rows(text: &mut String, report: &Report, names: &Names) {
    for (became, title) in [
        (RequestsBecame::Restricted, "Requests become restricted"),
        (RequestsBecame::Denied, "Requests become denied"),
        (RequestsBecame::Allowed, "Requests become allowed"),
    ] {
        let rows = report.requests.iter().filter(|row| row.became == became);
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            let head =
                "| from | to | ports | requests | before | after |\n|---|---|---|---|---|---|";
            line(text, format!("\n#### {title}\n\n{head}"));
        }
        let mut left = 0;
        for row in rows {
            if text.len() > LONGEST {
                left += 1;
                continue;
            }
            let ends = || row.ends.iter().map(|end| &end.end);
            line(
                text,
                format!(
                    "| {} | {} | {} | {} | {} | {} |",
                    safe::text(&names.list(&row.sources)),
                    safe::text(&names.list(&row.destinations)),
                    safe::text(&row.ports.to_string()),
                    safe::text(&changed_requests(row)),
                    reasons(ends(), false),
                    reasons(ends(), true),
                ),
            );
        }
        more(text, left);
    }
}

/// What would have become of recorded requests.
fn recorded_requests(text: &mut String, report: &Report) {
    if let Some(summary) = report.request_impact_summary() {
        let title = "\n#### Recorded requests\n\n";
        line(text, format!("{title}{}\n", safe::text(&summary)));
    }
    let impact = report.request_impact.iter();
    let changes = impact.flat_map(|impact| &impact.changes);
    for change in changes.take(CONNECTIONS) {
        let what = match change.became {
            RequestsBecame::Denied | RequestsBecame::Restricted => "would be denied",
            RequestsBecame::Allowed => "would be allowed",
        };
        line(text, format!("- {what}: {}", safe::text(&requests(change))));
    }
    for note in report.request_impact_notes() {
        line(text, format!("- {}", safe::text(&note)));
    }
}

/// Rows that there was no room for.
fn more(text: &mut String, left: usize) {
    if left > 0 {
        line(
            text,
            format!("\nand {left} more rows (`flows policy diff -o json` has all)"),
        );
    }
}

fn line(text: &mut String, line: String) {
    // A string takes everything.
    let _infallible = writeln!(text, "{line}");
}

fn reasons<'a>(ends: impl Iterator<Item = &'a ChangedEnd>, after: bool) -> String {
    let ends = ends.map(|end| {
        let reason = if after { &end.after } else { &end.before };
        format!(
            "{}: {}",
            end.direction,
            safe::text(&reason_text(reason.as_ref()))
        )
    });
    ends.collect::<Vec<_>>().join("<br>")
}
