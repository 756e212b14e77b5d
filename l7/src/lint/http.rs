//! Rules of HTTP, each by itself.

use super::{Finding, Lint, lint};
use crate::http::{Action, RuleSpec};
use crate::regexp::Regexp;

/// Looks at an item of `rules.http`. What isn't an expression is [`Rule::new`](crate::http::Rule::new)'s to
/// refuse.
pub fn http(spec: &RuleSpec) -> Vec<Lint> {
    let mut found = Vec::new();
    let compile = |text: &Option<Box<str>>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.and_then(|text| Regexp::new(text).ok())
    };
    if let Some(path) = compile(&spec.path) {
        found.extend(self::path(&path).map(|finding| lint("path", finding)));
    }
    if let Some(host) = compile(&spec.host) {
        found.extend(self::host(&host).map(|finding| lint("host", finding)));
    }
    if let Some(method) = compile(&spec.method).as_ref().and_then(Regexp::literal) {
        if method.chars().any(|char| char.is_ascii_lowercase()) {
            found.push(lint("method", Finding::MethodCase(method.into())));
        } else if method == "GET" {
            found.push(lint("method", Finding::GetWithoutHead));
        }
    }
    for (index, text) in spec.headers.iter().enumerate() {
        if !text.contains(' ') && text.contains(':') && !text.starts_with(':') {
            let finding = Finding::HeaderWithoutSpace(text.clone());
            found.push(lint(format!("headers[{index}]"), finding));
        }
    }
    for (index, item) in spec.header_matches.iter().enumerate() {
        let is_empty = item.value.as_deref().is_none_or(str::is_empty) && item.secret.is_none();
        if is_empty && matches!(item.mismatch, Some(Action::Add | Action::Replace)) {
            let finding = Finding::NothingToAdd;
            found.push(lint(format!("headerMatches[{index}]"), finding));
        }
    }
    found
}

fn path(path: &Regexp) -> impl Iterator<Item = Finding> {
    let text = path.text();
    let first = text.trim_start_matches(['^', '(']);
    let no_path = first.starts_with(|char: char| char.is_ascii_alphanumeric());
    let finding = if no_path {
        Some(Finding::NoPath)
    } else if let Some(literal) = path.literal() {
        let is_directory = literal.ends_with('/') && literal.len() > 1;
        Some(match is_directory {
            true => Finding::ExactDirectory(literal.into()),
            false => Finding::ExactPath(literal.into()),
        })
    } else if text.ends_with("/*") || text.contains("/*/") {
        Some(Finding::SlashStar)
    } else if is_query(text) {
        Some(Finding::OptionalBeforeQuery)
    } else {
        None
    };
    finding.into_iter().chain(anchor(text))
}

/// Whether a question mark behind a letter or a slash is followed by `name=`.
fn is_query(text: &str) -> bool {
    text.match_indices('?').any(|(at, _)| {
        let (before, after) = text.split_at(at);
        let key = after.trim_start_matches('?').split('=').next();
        let is_key = key.is_some_and(|key| {
            let is_word = key
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '_');
            !key.is_empty() && is_word && after.contains('=')
        });
        let is_text = |char: char| char.is_ascii_alphanumeric() || char == '/';
        before.ends_with(is_text) && is_key
    })
}

fn anchor(text: &str) -> Option<Finding> {
    let is_escaped = text.ends_with(r"\$");
    (text.starts_with('^') || (text.ends_with('$') && !is_escaped)).then_some(Finding::Anchor)
}

fn host(host: &Regexp) -> impl Iterator<Item = Finding> {
    let text = host.text();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
    let is_bare = !text.is_empty() && text.chars().all(is_plain);
    let dots = is_bare && text.contains('.');
    let dots = dots.then(|| Finding::HostDots(text.into()));
    let port = is_bare.then(|| Finding::HostWithoutPort(text.into()));
    dots.into_iter().chain(port).chain(anchor(text))
}
