//! Diagnostics with the source line they are about, as compilers show them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use explain::validate::File;
use proto::flows::v1::{Diagnostic, ValidateResponse, diagnostic::Severity};

use crate::text;

/// A report on files. Colours are for the writer to take out.
pub(super) fn report(answer: &ValidateResponse, files: &[File]) -> String {
    let renderer = Renderer::styled();
    let sources = Sources::new(files);
    let mut text = String::new();
    for diagnostic in &answer.diagnostics {
        let group = group(diagnostic, sources.line(diagnostic));
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

/// The lines of files, taken apart once: there may be a diagnostic for each.
struct Sources<'a>(HashMap<&'a str, Vec<&'a str>>);

impl<'a> Sources<'a> {
    fn new(files: &'a [File]) -> Self {
        let mut sources = HashMap::new();
        for file in files {
            let lines = || file.text.split_inclusive('\n').collect();
            sources.entry(&*file.name).or_insert_with(lines);
        }
        Self(sources)
    }

    /// The one that a diagnostic is about, with its end.
    fn line(&self, diagnostic: &Diagnostic) -> Option<&'a str> {
        let number = usize::try_from(diagnostic.line).ok()?.checked_sub(1)?;
        self.0.get(&*diagnostic.file)?.get(number).copied()
    }
}

/// `line`: the one that it is about; no more is given to the renderer, which reads all that it gets.
fn group<'a>(diagnostic: &'a Diagnostic, line: Option<&'a str>) -> Group<'a> {
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
    let span = line.and_then(|line| span(line, diagnostic.column));
    let group = match (line, span) {
        (Some(line), Some(span)) => {
            let annotation = AnnotationKind::Primary.span(span);
            let annotation = match diagnostic.field.is_empty() {
                true => annotation,
                false => annotation.label(diagnostic.field.as_str()),
            };
            let number = usize::try_from(diagnostic.line).unwrap_or(usize::MAX);
            let snippet = Snippet::source(line)
                .path(diagnostic.file.as_str())
                .line_start(number)
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

/// Bytes of what stands in a column of a line: a word, a text in quotes, a list or mapping as far as the
/// line goes.
fn span(line: &str, column: u32) -> Option<Range<usize>> {
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let text = line.lines().next()?;
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
    Some(offset..(offset + length).min(line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_stands_there() {
        let source = File {
            name: "a.yaml".into(),
            text: "a: {b: [c, 'd e'], f: ü}\nlist:\n  - key: word # note\n  - x\n".to_owned(),
        };
        let sources = Sources::new(std::slice::from_ref(&source));
        let found = |line: u32, column: u32| {
            let line = sources.line(&Diagnostic {
                file: "a.yaml".to_owned(),
                line,
                ..Diagnostic::default()
            })?;
            Some(&line[span(line, column)?])
        };
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
            assert_eq!(found(line, column), Some(wanted), "{line}:{column}");
        }
        for (line, column) in [(0, 0), (9, 9), (1, 0)] {
            assert_eq!(found(line, column), None, "{line}:{column}");
        }
        assert_eq!(found(1, 99), Some("\n"));
    }

    #[test]
    fn a_diagnostic_costs_its_line_and_not_its_file() {
        let line = |number: u32| format!("- matchLabels: {{k{number}: v}}\n");
        let files = [File {
            name: "a.yaml".into(),
            text: (1..=8_000).map(line).collect(),
        }];
        let sources = Sources::new(&files);
        let diagnostic = |line: u32| Diagnostic {
            file: "a.yaml".to_owned(),
            line,
            column: 3,
            problem: "selects nothing".to_owned(),
            ..Diagnostic::default()
        };
        for number in 1..=8_000 {
            let given = sources.line(&diagnostic(number));
            assert_eq!(given, Some(&*line(number)), "what the renderer reads");
        }
        let answer = ValidateResponse {
            diagnostics: vec![diagnostic(7_999)],
            ..ValidateResponse::default()
        };
        let shown = anstream::adapter::strip_str(&report(&answer, &files)).to_string();
        for wanted in ["a.yaml:7999:3", "7999 | - matchLabels: {k7999: v}"] {
            assert!(shown.contains(wanted), "{wanted} in {shown}");
        }
    }
}
