//! What is valid and hardly meant, or often taken for more than it is. Pure: texts in, findings out.

mod http;
mod names;
mod set;

use std::fmt;

use crate::rules::RuleRef;

pub use http::http;
pub use names::{dns, server_names, to_fqdns};
pub use set::{kafka, set};

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
    /// A topic in a rule of Kafka without role and key: requests that name no topic are allowed too.
    TopicOfAnyKind,
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
            | Self::TopicOfAnyKind
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
            Self::TopicOfAnyKind => f.write_str(
                "requests that name no topic are allowed too: createacls, alterconfigs, endtxn and more; \
                 `role: produce` or `consume`, or an apiKey, beside the topic keeps them out",
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
