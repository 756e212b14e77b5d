//! `flows-lab apply`: what is said of it, and when it is a success.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use policy::Language;
use tracing::debug;

use crate::error::{Context as _, Result};
use crate::lab::{Lab, beside};
use crate::manifest::{self, Document};
use crate::outcome::{Outcome, line, outcome};

/// How long agents may take to see that something was deleted.
const DELETED: Duration = Duration::from_secs(5);

/// What is applied, and whether to wait for it.
#[derive(Debug)]
pub(crate) struct Apply {
    /// Files and directories.
    pub(crate) files: Vec<PathBuf>,
    /// How long to wait until it is in force; `None`: not at all.
    pub(crate) wait: Option<Duration>,
}

/// Applies; the lines to say, and whether all is well. What isn't well is in the first line.
///
/// # Errors
/// The manifests can't be read or don't fit the lab.
pub(crate) fn apply(
    lab: &mut Lab,
    apply: &Apply,
    say: &mut dyn FnMut(&str),
) -> Result<(Vec<String>, bool)> {
    let documents = manifest::read(&apply.files)?;
    let record = lab.record().clone();
    let language = Language {
        cluster: &record.name,
        layer7: record.l7_proxy,
    };
    let outcomes: Vec<(Document, Outcome)> = documents
        .into_iter()
        .map(|document| {
            let outcome = outcome(&document, language);
            (document, outcome)
        })
        .collect();
    let those = |wanted: fn(&Outcome) -> bool| -> Vec<Document> {
        let some = outcomes.iter().filter(|(_, outcome)| wanted(outcome));
        some.map(|(document, _)| document.clone()).collect()
    };
    let refused = those(|outcome| matches!(outcome, Outcome::Refused { .. })).len();
    // What was deleted a moment ago has no last good version: all agents see that it is gone before
    // something refused stands in its place.
    let mut deleted = those(|outcome| matches!(outcome, Outcome::Refused { .. }));
    deleted.retain(|document| !lab.has(document));
    if !deleted.is_empty()
        && let Err(error) = lab.settle(&deleted, true, DELETED)
    {
        debug!(%error, "whether what was deleted is gone everywhere isn't known");
    }
    // Before the new ones are there: what of the refused ones is in force already.
    let in_force = match refused {
        0 => None,
        _ => lab.policies_in_force(),
    };
    lab.apply(
        &those(|outcome| !matches!(outcome, Outcome::Ignored { .. })),
        say,
    )?;
    let ignored = those(|outcome| matches!(outcome, Outcome::Ignored { missed: true, .. })).len();

    let mut wrong: Vec<String> = Vec::new();
    let all = outcomes.len();
    for (number, what) in [(refused, "refused"), (ignored, "ignored")] {
        match number {
            0 => {}
            1 => wrong.push(format!("1 of {} is {what}", objects(all))),
            number => wrong.push(format!("{number} of {} are {what}", objects(all))),
        }
    }
    let mut complaints = BTreeSet::new();
    if let Some(patience) = apply.wait {
        let good = those(|outcome| matches!(outcome, Outcome::Taken));
        match lab.settle(&good, false, patience) {
            Err(error) => wrong.push(error.to_string()),
            Ok(()) => complaints = lab.complaints(),
        }
        if !complaints.is_empty() && wrong.is_empty() {
            wrong.push("what was applied is enforced, but not all that is there".to_owned());
        }
    }
    let mut lines: Vec<String> = Vec::new();
    if !wrong.is_empty() {
        lines.push(format!("Degraded: {}", wrong.join("; ")));
    }
    let told = outcomes.iter();
    lines.extend(told.map(|(document, outcome)| line(document, outcome, in_force.as_ref())));
    lines.extend(complaints.into_iter().map(|line| format!("! {line}")));
    if wrong.is_empty() && apply.wait.is_some() {
        lines.push("in force on all nodes".to_owned());
    }
    Ok((lines, wrong.is_empty()))
}

/// Shows what applying would do, by the `flows` beside this program. Returns its exit code.
///
/// # Errors
/// The program isn't there, or can't be run.
pub(crate) fn dry_run(lab: &Lab, files: &[PathBuf], out: &mut dyn Write) -> Result<u8> {
    let flows = beside(&lab.program, "flows")?;
    let mut command = Command::new(&flows);
    command
        .args(["--lab", &lab.record().name, "policy", "diff"])
        // A name that begins with a dash is no flag.
        .arg("--")
        .args(files)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit());
    let shown = command.output().context("run", &flows)?;
    out.write_all(&shown.stdout)
        .context("show what was written by", &flows)?;
    let code = shown.status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(1))
}

fn objects(number: usize) -> String {
    match number {
        1 => "1 object".to_owned(),
        number => format!("{number} objects"),
    }
}
