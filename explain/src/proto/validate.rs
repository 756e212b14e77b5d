//! Reports on manifests.

use cluster::Problem;
use proto::flows::v1 as wire;

use crate::validate::{Report, Severity};

fn severity(severity: Severity) -> wire::diagnostic::Severity {
    match severity {
        Severity::Error => wire::diagnostic::Severity::Error,
        Severity::Warning => wire::diagnostic::Severity::Warning,
        Severity::Note => wire::diagnostic::Severity::Note,
    }
}

/// What is wrong with an object.
pub fn manifest_problem(problem: &Problem) -> wire::ManifestProblem {
    let file = problem.file().cloned().unwrap_or_default();
    let object = problem.object.as_ref().map(ToString::to_string);
    wire::ManifestProblem {
        file: file.path.to_string(),
        line: file.at.line,
        column: file.at.column,
        object: object.unwrap_or_default(),
        field: problem.field.clone(),
        problem: problem.problem.clone(),
        remedy: problem.remedy.clone(),
        ..wire::ManifestProblem::default()
    }
}

/// A report on manifests; `node_name` is left to whoever answers.
pub fn report(report: &Report) -> wire::ValidateResponse {
    let diagnostics = report.diagnostics.iter().map(|diagnostic| {
        let problem = manifest_problem(&diagnostic.problem);
        wire::Diagnostic {
            severity: severity(diagnostic.severity).into(),
            code: diagnostic.code.to_owned(),
            file: problem.file,
            line: problem.line,
            column: problem.column,
            object: problem.object,
            field: problem.field,
            problem: problem.problem,
            remedy: problem.remedy,
        }
    });
    let meanings = report.summaries.iter().map(|summary| {
        let file = summary.origin.as_file().cloned().unwrap_or_default();
        wire::Meaning {
            policy: summary.policy.to_string(),
            file: file.path.to_string(),
            line: file.at.line,
            text: summary.text.clone(),
        }
    });
    wire::ValidateResponse {
        diagnostics: diagnostics.collect(),
        meanings: meanings.collect(),
        node_name: String::new(),
        documents: u32::try_from(report.documents).unwrap_or(u32::MAX),
        policies: u32::try_from(report.policies).unwrap_or(u32::MAX),
    }
}
