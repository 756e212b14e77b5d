//! A rule of `rules.http`, compiled, and whether it fits a request.
//! As Cilium 1.20.0-dev has it (`pkg/envoy/policy`, `pkg/policy/api/http.go`); stricter where a header has
//! several lines.

use std::borrow::Cow;
use std::fmt;

use super::effects::{Effects, Expected, HeaderChange, HeaderNote};
use super::request::{Headers, Request};
use super::spec::{Action, HeaderMatch, RuleError, RuleField, RuleSpec, SecretRef, Wrong};
use crate::regexp::{Regexp, Regexps};

/// Values of secrets. Their bytes are in no rule and in no file.
pub trait Secrets {
    /// `None` if there is none of this name (yet).
    fn value(&self, secret: &SecretRef) -> Option<&[u8]>;
}

/// No secret is known.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn value(&self, _secret: &SecretRef) -> Option<&[u8]> {
        None
    }
}

/// A header that must be there, of `headers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the header.
    pub name: Box<str>,
    /// `None`: any value.
    pub value: Option<Box<str>>,
}

impl Header {
    /// Splits at the first space; colons at the end of the name go. A text without a space is a name as a
    /// whole, `X-Token:abc` too, which no request has.
    pub fn from_text(text: &str) -> Self {
        let (name, value) = match text.split_once(' ') {
            Some((name, value)) => (name.trim_end_matches(':'), Some(value.into())),
            None => (text, None),
        };
        Self {
            name: name.into(),
            value,
        }
    }
}

/// A rule, ready to judge.
#[derive(Clone, Debug)]
pub struct Rule {
    path: Option<Regexp>,
    method: Option<Regexp>,
    host: Option<Regexp>,
    headers: Vec<Header>,
    matches: Vec<HeaderMatch>,
}

/// What a path that doesn't fit adds to a rule's distance: a rule for another path is not what a request is
/// compared with, if there is one for its own.
pub const PATH_DISTANCE: usize = 1000;

/// How a rule fits a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It allows it.
    Fits(Effects),
    /// It doesn't.
    Fails {
        /// What is first found not to fit: the method before the path, the host, the headers.
        first: Mismatch,
        /// How far it is from fitting: [`PATH_DISTANCE`] for the path, one for each other condition.
        distance: usize,
    },
}

/// What of a request doesn't fit a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A part that has one value.
    Part {
        /// `method`, `path` or `host`.
        part: &'static str,
        /// The request's, escaped and cut to be read.
        is: Box<str>,
        /// The rule's, as written.
        wanted: Box<str>,
        /// Whether that is a plain text rather than an expression.
        is_literal: bool,
    },
    /// A header that isn't there.
    Missing {
        /// Name of the header.
        header: Box<str>,
    },
    /// A header with another value, or with another one among its lines. Values may be secret: not told.
    Value {
        /// Name of the header.
        header: Box<str>,
    },
    /// A header whose expected value is in a secret that isn't there.
    Secret {
        /// Name of the header.
        header: Box<str>,
        /// The secret.
        secret: SecretRef,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part {
                part,
                is,
                wanted,
                is_literal,
            } => {
                let verb = if *is_literal {
                    "is not"
                } else {
                    "does not match"
                };
                write!(f, "{part} {is} {verb} {wanted}")
            }
            Self::Missing { header } => write!(f, "header {header} is missing"),
            Self::Value { header } => write!(f, "header {header} has another value"),
            Self::Secret { header, secret } => {
                write!(f, "the value of header {header} is not known: secret ")?;
                if !secret.namespace.is_empty() {
                    write!(f, "{}/", secret.namespace)?;
                }
                write!(f, "{} is missing", secret.name)
            }
        }
    }
}

impl Rule {
    /// Checks and compiles a rule. An empty text is a field that isn't there.
    ///
    /// # Errors
    /// With the first field that can't be used.
    pub fn new(spec: &RuleSpec) -> Result<Self, RuleError> {
        Self::with(spec, &mut Regexps::default())
    }

    /// As [`new`](Self::new), with expressions that other rules share.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(spec: &RuleSpec, regexps: &mut Regexps) -> Result<Self, RuleError> {
        let mut compile = |field, text: &Option<Box<str>>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            let compiled = text.map(|text| regexps.get(text)).transpose();
            compiled.map_err(|error| RuleError {
                field,
                wrong: error.into(),
            })
        };
        for (index, item) in spec.header_matches.iter().enumerate() {
            if item.name.is_empty() {
                return Err(RuleError {
                    field: RuleField::HeaderMatchName(index),
                    wrong: Wrong::HeaderName,
                });
            }
            if item
                .secret
                .as_ref()
                .is_some_and(|secret| secret.name.is_empty())
            {
                return Err(RuleError {
                    field: RuleField::HeaderMatchSecret(index),
                    wrong: Wrong::SecretName,
                });
            }
        }
        Ok(Self {
            path: compile(RuleField::Path, &spec.path)?,
            method: compile(RuleField::Method, &spec.method)?,
            host: compile(RuleField::Host, &spec.host)?,
            headers: spec
                .headers
                .iter()
                .map(|text| Header::from_text(text))
                .collect(),
            matches: spec.header_matches.clone(),
        })
    }

    /// Whether every request fits, and nothing is changed.
    pub fn is_everything(&self) -> bool {
        let Self {
            path,
            method,
            host,
            headers,
            matches,
        } = self;
        path.is_none()
            && method.is_none()
            && host.is_none()
            && headers.is_empty()
            && matches.is_empty()
    }

    /// Whether the rule fits a request.
    pub fn judge<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        secrets: &impl Secrets,
    ) -> Fit {
        let mut failed = Failed::default();
        let parts = [
            ("method", &self.method, request.method.as_bytes(), 1),
            ("path", &self.path, request.path, PATH_DISTANCE),
            ("host", &self.host, request.authority.as_bytes(), 1),
        ];
        for (part, wanted, is, distance) in parts {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| !wanted.matches(is)) {
                failed.add(distance, || Mismatch::Part {
                    part,
                    is: shown(is),
                    wanted: wanted.text().into(),
                    is_literal: wanted.literal().is_some(),
                });
            }
        }
        for Header { name, value } in &self.headers {
            let found = request.values(name);
            let value = value.as_deref().map(str::as_bytes);
            if let Some(mismatch) = compare(name, value, &found) {
                failed.add(1, || mismatch);
            }
        }
        let mut effects = Effects::default();
        for item in &self.matches {
            match item.judge(&request.values(&item.name), secrets) {
                Ok(more) => effects.merge(more),
                Err(mismatch) => failed.add(1, || mismatch),
            }
        }
        match failed.first {
            None => Fit::Fits(effects),
            Some(first) => Fit::Fails {
                first,
                distance: failed.distance,
            },
        }
    }
}

/// Conditions that don't hold.
#[derive(Default)]
struct Failed {
    first: Option<Mismatch>,
    distance: usize,
}

impl Failed {
    fn add(&mut self, distance: usize, mismatch: impl FnOnce() -> Mismatch) {
        self.distance += distance;
        self.first.get_or_insert_with(mismatch);
    }
}

impl HeaderMatch {
    /// What is expected; `None` if it is in a secret that isn't there.
    fn expected(&self, secrets: &impl Secrets) -> Option<Expected> {
        let value = self.value.as_deref().filter(|value| !value.is_empty());
        match (&self.secret, value) {
            (Some(secret), value) => match (secrets.value(secret), value) {
                (Some(value), _) => Some(Expected::Redacted(value.into())),
                (None, Some(value)) => Some(Expected::Value(value.as_bytes().into())),
                (None, None) => None,
            },
            (None, Some(value)) => Some(Expected::Value(value.as_bytes().into())),
            (None, None) => Some(Expected::Present),
        }
    }

    fn judge(&self, found: &[&[u8]], secrets: &impl Secrets) -> Result<Effects, Mismatch> {
        let name = &self.name;
        let Some(expected) = self.expected(secrets) else {
            return Err(Mismatch::Secret {
                header: name.clone(),
                secret: self.secret.clone().unwrap_or_default(),
            });
        };
        let (value, is_redacted): (&[u8], _) = match &expected {
            Expected::Present => (b"", false),
            Expected::Value(value) => (value, false),
            Expected::Redacted(value) => (value, true),
        };
        let wanted = (expected != Expected::Present).then_some(value);
        let Some(action) = self.mismatch else {
            return compare(name, wanted, found).map_or_else(|| Ok(Effects::default()), Err);
        };
        // With an action, all lines together are one value.
        let joined = found.join(&b","[..]);
        let matches = !found.is_empty() && wanted.is_none_or(|wanted| equal(wanted, &joined));
        let mut effects = Effects::default();
        if matches {
            return Ok(effects);
        }
        let note = |value: &[u8]| HeaderNote {
            name: name.clone(),
            value: if is_redacted { b"[redacted]" } else { value }.into(),
        };
        match action {
            Action::Log => effects.missing.push(note(value)),
            Action::Add => {
                effects.missing.push(note(value));
                effects
                    .changes
                    .push(HeaderChange::Add(name.clone(), value.into()));
            }
            Action::Delete if found.is_empty() => {}
            Action::Delete => {
                effects.rejected.push(note(&joined));
                effects.changes.push(HeaderChange::Remove(name.clone()));
            }
            Action::Replace => {
                effects.missing.push(note(value));
                if !found.is_empty() {
                    effects.rejected.push(note(&joined));
                }
                effects
                    .changes
                    .push(HeaderChange::Replace(name.clone(), value.into()));
            }
        }
        Ok(effects)
    }
}

/// What doesn't fit, if anything: every line of the header must, where Envoy is content with one.
fn compare(name: &str, wanted: Option<&[u8]>, found: &[&[u8]]) -> Option<Mismatch> {
    let header = || name.into();
    if found.is_empty() {
        return Some(Mismatch::Missing { header: header() });
    }
    let is_equal = wanted.is_none_or(|wanted| found.iter().all(|value| equal(wanted, value)));
    (!is_equal).then(|| Mismatch::Value { header: header() })
}

/// Compares in a time that tells nothing of where they differ: a value may be a secret.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

/// Bytes of a request in a sentence.
fn shown(bytes: &[u8]) -> Box<str> {
    const MOST: usize = 256;
    let cut = bytes.get(..MOST).unwrap_or(bytes);
    let text: Cow<'_, str> = String::from_utf8_lossy(cut);
    let mut shown: String = text
        .chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect();
    if cut.len() < bytes.len() {
        shown.push('…');
    }
    if shown.is_empty() {
        shown.push_str("(empty)");
    }
    shown.into()
}
