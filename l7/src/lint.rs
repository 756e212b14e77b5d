//! What is valid and hardly meant, or often taken for more than it is. Pure: texts in, findings out.

use std::fmt;

use l7_wire::name::{Kind, Name, Pattern};

use crate::http::{Action, RuleSpec};
use crate::names::NameSpec;
use crate::regexp::Regexp;
use crate::rules::{Allows, Alternative, Peers, RuleRef, SetSpec};

/// A finding, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Field of the item, as in the manifest: `path`, `headers[1]`; empty for the item as a whole.
    pub field: String,
    /// What is found.
    pub finding: Finding,
}

/// How sure it is that something else was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may well be meant.
    Hint,
    /// It matches nothing, or something that nobody would want.
    Warning,
}

/// What is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A path without anything special: it has no children.
    ExactPath(Box<str>),
    /// Such a path that ends with a slash: its children were meant.
    ExactDirectory(Box<str>),
    /// A path that begins with something else than a slash.
    NoPath,
    /// `/*`, from a shell: it repeats the slash.
    SlashStar,
    /// A question mark that is to begin a query, and makes optional what stands before it.
    OptionalBeforeQuery,
    /// `^` or `$`, which are implied.
    Anchor,
    /// Dots of a host that stand for any character.
    HostDots(Box<str>),
    /// A host without a port: a request to another port than the scheme's has one.
    HostWithoutPort(Box<str>),
    /// A method in lower case.
    MethodCase(Box<str>),
    /// GET, which is not HEAD.
    GetWithoutHead,
    /// A header `N:v` without a space: its name is all of it.
    HeaderWithoutSpace(Box<str>),
    /// Nothing to add or to put in place.
    NothingToAdd,
    /// An item without fields: no name matches.
    NoName,
    /// `*.a.b`, without `a.b` beside it.
    OneLabel {
        /// As written.
        pattern: Box<str>,
        /// What stands behind the star.
        parent: Box<str>,
    },
    /// `**.a.b`, without `a.b` beside it.
    NotTheParent {
        /// As written.
        pattern: Box<str>,
        /// What stands behind the stars.
        parent: Box<str>,
    },
    /// `*a.b`: the star crosses no dot.
    StarWithinLabel(Box<str>),
    /// `**` elsewhere than in front: it is a star like another.
    InnerStars(Box<str>),
    /// A rule without ports, or with a range, that doesn't open names which a rule of the port restricts.
    NamesNotOpened {
        /// The wide rule.
        wide: RuleRef,
        /// The rule of the port.
        names: RuleRef,
    },
}

impl Finding {
    /// How sure it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::ExactPath(_)
            | Self::Anchor
            | Self::HostWithoutPort(_)
            | Self::GetWithoutHead
            | Self::OneLabel { .. }
            | Self::NotTheParent { .. }
            | Self::StarWithinLabel(_) => Severity::Hint,
            Self::ExactDirectory(_)
            | Self::NoPath
            | Self::SlashStar
            | Self::OptionalBeforeQuery
            | Self::HostDots(_)
            | Self::MethodCase(_)
            | Self::HeaderWithoutSpace(_)
            | Self::NothingToAdd
            | Self::NoName
            | Self::InnerStars(_)
            | Self::NamesNotOpened { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExactPath(path) => {
                let below = path.trim_end_matches('/');
                write!(f, "{path} does not cover {below}/x or {path}?x=1; `{below}([/?].*)?` does")
            }
            Self::ExactDirectory(path) => {
                write!(f, "{path} does not cover {path}x; `{path}.*` covers all below it")
            }
            Self::NoPath => f.write_str("matches no path: each begins with `/`"),
            Self::SlashStar => {
                f.write_str("this is a regular expression: `/*` repeats the slash, `/.*` is any path")
            }
            Self::OptionalBeforeQuery => f.write_str(
                "this is a regular expression: `?` makes what stands before it optional; a query begins \
                 with `\\?`",
            ),
            Self::Anchor => f.write_str("`^` and `$` are implied: the whole text must match"),
            Self::HostDots(host) => {
                let exact = host.replace('.', "[.]");
                write!(f, "each `.` matches any character; `{exact}` matches this host alone")
            }
            Self::HostWithoutPort(host) => write!(
                f,
                "{host} does not cover {host}:8080: the port is part of the host, unless it is the \
                 scheme's own"
            ),
            Self::MethodCase(method) => write!(
                f,
                "matches no request: methods are in upper case, as in {}",
                method.to_uppercase()
            ),
            Self::GetWithoutHead => f.write_str("GET does not cover HEAD (`curl -I`)"),
            Self::HeaderWithoutSpace(text) => write!(
                f,
                "matches no request: without a space behind the colon, `{text}` as a whole is the \
                 header's name"
            ),
            Self::NothingToAdd => f.write_str("neither value nor secret: an empty header is sent"),
            Self::NoName => f.write_str("matches no name: neither matchName nor matchPattern"),
            Self::OneLabel { pattern, parent } => write!(
                f,
                "{pattern} does not cover {parent} or x.y.{parent}; `**.{parent}` covers the latter"
            ),
            Self::NotTheParent { pattern, parent } => {
                write!(f, "{pattern} does not cover {parent}")
            }
            Self::StarWithinLabel(pattern) => {
                let rest = pattern.trim_start_matches('*');
                write!(f, "{pattern} does not cover www.{rest}: a star stands for no dot")
            }
            Self::InnerStars(pattern) => write!(
                f,
                "in {pattern}, `**` means one label at most, as `*` does: only in front it means several"
            ),
            Self::NamesNotOpened { wide, names } => write!(
                f,
                "rule {} allows this port too, but not other names than rule {}: DNS looks at rules of \
                 exactly its port",
                wide.0, names.0
            ),
        }
    }
}

fn lint(field: impl Into<String>, finding: Finding) -> Lint {
    Lint {
        field: field.into(),
        finding,
    }
}

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

/// Looks at the items of `rules.dns`, together: what one doesn't cover another may.
pub fn dns(specs: &[NameSpec]) -> Vec<Lint> {
    names(specs, Kind::DnsRule)
}

/// Looks at the items of `toFQDNs`, together.
pub fn to_fqdns(specs: &[NameSpec]) -> Vec<Lint> {
    names(specs, Kind::ToFqdns)
}

/// Looks at `serverNames`, together.
pub fn server_names(texts: &[Box<str>]) -> Vec<Lint> {
    let patterns = texts.iter().enumerate();
    let patterns = patterns.filter_map(|(index, text)| {
        let pattern = Pattern::new(&**text, Kind::ServerName).ok()?;
        Some((format!("[{index}]"), pattern))
    });
    stars(&patterns.collect::<Vec<_>>())
}

fn names(specs: &[NameSpec], kind: Kind) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut patterns = Vec::new();
    for (
        index,
        NameSpec {
            match_name,
            match_pattern,
        },
    ) in specs.iter().enumerate()
    {
        let fields = [
            (match_name, "matchName", Kind::Exact),
            (match_pattern, "matchPattern", kind),
        ];
        let fields = fields.into_iter().filter_map(|(text, field, kind)| {
            Some((
                text.as_deref().filter(|text| !text.is_empty())?,
                field,
                kind,
            ))
        });
        let fields: Vec<_> = fields.collect();
        if fields.is_empty() {
            found.push(lint(format!("[{index}]"), Finding::NoName));
        }
        for (text, field, kind) in fields {
            if let Ok(pattern) = Pattern::new(text, kind) {
                patterns.push((format!("[{index}].{field}"), pattern));
            }
        }
    }
    found.extend(stars(&patterns));
    found
}

/// What the stars of patterns don't stand for, unless another of them does.
fn stars(patterns: &[(String, Pattern<&str>)]) -> Vec<Lint> {
    let mut found = Vec::new();
    for (field, pattern) in patterns {
        if pattern.is_lone_star() || pattern.text() == "**" {
            continue;
        }
        let text = pattern.text().trim_end_matches('.');
        let rest = text.trim_start_matches('*');
        let stars = text.len().saturating_sub(rest.len());
        let is_covered = |name: &str| {
            let name = Name::from_text(name);
            name.is_ok_and(|name| patterns.iter().any(|(_, one)| one.matches(&name)))
        };
        let parent = rest
            .strip_prefix('.')
            .filter(|parent| !parent.contains('*'));
        let finding = match (stars, parent) {
            (0, _) => None,
            (1, Some(parent)) if !is_covered(parent) => Some(Finding::OneLabel {
                pattern: text.into(),
                parent: parent.into(),
            }),
            (2.., Some(parent)) if !is_covered(parent) => Some(Finding::NotTheParent {
                pattern: text.into(),
                parent: parent.into(),
            }),
            (_, Some(_)) => None,
            (_, None) if rest.contains('*') || rest.starts_with('.') => None,
            (_, None) if is_covered(&format!("www.{rest}")) => None,
            (_, None) => Some(Finding::StarWithinLabel(text.into())),
        };
        found.extend(finding.map(|finding| lint(field, finding)));
        if pattern.kind() != Kind::ServerName && rest.contains("**") {
            found.push(lint(field, Finding::InnerStars(text.into())));
        }
    }
    found
}

/// Looks at the alternatives of a port beside each other. The field is empty.
pub fn set(set: &SetSpec) -> Vec<Lint> {
    let mut found = Vec::new();
    let wide = set
        .alternatives
        .iter()
        .filter(|one| one.is_wide && one.allows == Allows::Everything);
    for wide in wide {
        let is_dns = |one: &&Alternative| matches!(one.allows, Allows::Dns(_));
        let narrow = set
            .alternatives
            .iter()
            .filter(|one| !one.is_wide && is_dns(one));
        for names in narrow.filter(|names| share(&names.peers, &wide.peers)) {
            let finding = Finding::NamesNotOpened {
                wide: wide.rule,
                names: names.rule,
            };
            found.push(lint("", finding));
        }
    }
    found
}

fn share(a: &Peers, b: &Peers) -> bool {
    match (a, b) {
        (Peers::Any, _) | (_, Peers::Any) => true,
        (Peers::Identities(a), Peers::Identities(b)) => {
            let a: std::collections::BTreeSet<_> = a.iter().collect();
            b.iter().any(|identity| a.contains(identity))
        }
    }
}
