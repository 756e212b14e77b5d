//! Diagnostics with the source line they are about, as compilers show them.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use explain::validate::File;
use proto::flows::v1::{Diagnostic, ValidateResponse, diagnostic::Severity};

use crate::text;

/// A report on files. Colours are for the writer to take out.
pub(super) fn report(answer: &ValidateResponse, files: &[File]) -> String {
    let renderer = Renderer::styled();
    let mut text = String::new();
    for diagnostic in &answer.diagnostics {
        let source = files.iter().find(|file| *file.name == diagnostic.file);
        let group = group(diagnostic, source.map(|file| file.text.as_str()));
        text.push_str(&renderer.render(&[group]));
        text.push_str("\n\n");
    }
    for meaning in &answer.meanings {
        // A string takes everything.
        let _infallible = writeln!(
            text,
            "\u{1b}[1m{}\u{1b}[0m ({}:{})\n  {}\n",
            meaning.policy, meaning.file, meaning.line, meaning.text
        );
    }
    text.push_str(&summary(answer));
    text
}

/// A diagnostic without its source line: `warning[selects-nothing]: web.yaml:9: cnp shop/web: ...`.
pub(super) fn one_line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note | Severity::Unspecified => "note",
    };
    let Diagnostic {
        code,
        file,
        line,
        object,
        problem,
        remedy,
        ..
    } = diagnostic;
    let object = match object.as_str() {
        "" => String::new(),
        object => format!("{object}: "),
    };
    let remedy = match remedy.as_str() {
        "" => String::new(),
        remedy => format!("; {remedy}"),
    };
    format!("{severity}[{code}]: {file}:{line}: {object}{problem}{remedy}")
}

fn summary(answer: &ValidateResponse) -> String {
    let count = |severity: Severity| {
        let diagnostics = answer.diagnostics.iter();
        diagnostics.filter(|d| d.severity() == severity).count()
    };
    // Who checks a file and finds nothing should know that there was nothing to check.
    let nothing = match (answer.documents, answer.policies) {
        (documents, 0) if documents > 0 => {
            format!(
                "no policies in {}\n",
                text::many(documents.into(), "document")
            )
        }
        _ => String::new(),
    };
    let many = |n: usize, what: &str| text::many(u64::try_from(n).unwrap_or(u64::MAX), what);
    format!(
        "{nothing}{}, {}, {}\n",
        many(count(Severity::Error), "error"),
        many(count(Severity::Warning), "warning"),
        many(count(Severity::Note), "note")
    )
}

fn group<'a>(diagnostic: &'a Diagnostic, source: Option<&'a str>) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note | Severity::Unspecified => Level::NOTE,
    };
    let title = match diagnostic.object.is_empty() {
        true => diagnostic.problem.clone(),
        false => format!("{}: {}", diagnostic.object, diagnostic.problem),
    };
    let title = level.primary_title(title).id(diagnostic.code.as_str());
    let span = source.and_then(|source| span(source, diagnostic.line, diagnostic.column));
    let group = match (source, span) {
        (Some(source), Some(span)) => {
            let annotation = AnnotationKind::Primary.span(span);
            let annotation = match diagnostic.field.is_empty() {
                true => annotation,
                false => annotation.label(diagnostic.field.as_str()),
            };
            let snippet = Snippet::source(source)
                .path(diagnostic.file.as_str())
                .line_start(1)
                .annotation(annotation);
            title.element(snippet)
        }
        _ => title.element(Origin::path(diagnostic.file.as_str())),
    };
    match diagnostic.remedy.is_empty() {
        true => group,
        false => group.element(Level::HELP.message(diagnostic.remedy.as_str())),
    }
}

/// Bytes of what stands at a position: a word, a text in quotes, a list or mapping as far as its line
/// goes.
fn span(source: &str, line: u32, column: u32) -> Option<Range<usize>> {
    let (line, column) = (
        usize::try_from(line).ok()?.checked_sub(1)?,
        usize::try_from(column).ok()?.checked_sub(1)?,
    );
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let text = source[start..].lines().next()?;
    let offset = text
        .char_indices()
        .nth(column)
        .map_or(text.len(), |(at, _)| at);
    let rest = &text[offset..];
    let length = match rest.chars().next() {
        None => 0,
        Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map_or(rest.len(), |at| at + 2),
        Some(open @ ('{' | '[')) => {
            let close = if open == '{' { '}' } else { ']' };
            let mut depth = 0usize;
            let end = rest.char_indices().find(|(_, c)| {
                depth += usize::from(*c == open);
                depth -= usize::from(*c == close);
                depth == 0
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        }
        Some(_) => {
            let ends = [", ", "]", "}", " #", ": "].into_iter();
            let end = ends.filter_map(|end| rest.find(end)).min();
            end.unwrap_or_else(|| rest.trim_end_matches(':').len())
        }
    };
    let length = rest[..length].trim_end().len().max(1);
    Some(start + offset..(start + offset + length).min(source.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_stands_there() {
        let source = "a: {b: [c, 'd e'], f: ü}\nlist:\n  - key: word # note\n  - x\n";
        for (line, column, wanted) in [
            (1, 1, "a"),
            (1, 4, "{b: [c, 'd e'], f: ü}"),
            (1, 8, "[c, 'd e']"),
            (1, 12, "'d e'"),
            (1, 23, "ü"),
            (2, 1, "list"),
            (3, 5, "key"),
            (3, 10, "word"),
            (4, 5, "x"),
        ] {
            let found = span(source, line, column).map(|span| &source[span]);
            assert_eq!(found, Some(wanted), "{line}:{column}");
        }
        for (line, column) in [(0, 0), (9, 9), (1, 99)] {
            let found = span(source, line, column);
            assert!(found.is_none_or(|span| source.get(span).is_some()));
        }
    }
}
