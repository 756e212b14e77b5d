//! A rule of `rules.http`, compiled, and whether it fits a request.
//! As Cilium 1.20.0-dev has it (`pkg/envoy/policy`, `pkg/policy/api/http.go`); stricter where a header has
//! several lines.

use super::effects::{Effects, Expected, HeaderChange, HeaderNote};
use super::head::{is_connections, is_token};
use super::mismatch::{Fault, Mismatch, Unfit, shown};
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
        first: Unfit,
        /// How far it is from fitting: [`PATH_DISTANCE`] for the path, one for each other condition.
        distance: usize,
    },
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
            item.check(index)?;
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

    /// Whether it may change headers.
    pub fn has_actions(&self) -> bool {
        self.matches.iter().any(|item| item.mismatch.is_some())
    }

    /// Whether the rule fits a request.
    pub fn judge<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        secrets: &impl Secrets,
    ) -> Fit {
        self.judge_after(request, &Effects::default(), secrets)
    }

    /// As [`judge`](Self::judge), with the headers as they are after what rules before this one change.
    pub fn judge_after<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        before: &Effects,
        secrets: &impl Secrets,
    ) -> Fit {
        let mut failed = Failed::default();
        let parts = [
            (Unfit::Method, &self.method, request.method.as_bytes(), 1),
            (Unfit::Path, &self.path, request.path, PATH_DISTANCE),
            (Unfit::Host, &self.host, request.authority.as_bytes(), 1),
        ];
        for (unfit, wanted, is, distance) in parts {
            if wanted.as_ref().is_some_and(|wanted| !wanted.matches(is)) {
                failed.add(distance, unfit);
            }
        }
        let found = |name: &str| match request.twin(name) {
            Some(_) => Err(Fault::Twin),
            None => Ok(()),
        };
        for (index, Header { name, value }) in self.headers.iter().enumerate() {
            let value = value.as_deref().map(str::as_bytes);
            let values = before.changed(name, request.values(name));
            if let Err(fault) = found(name).and_then(|()| compare(value, &values)) {
                failed.add(1, Unfit::Header(index, fault));
            }
        }
        let mut effects = Effects::default();
        for (index, item) in self.matches.iter().enumerate() {
            let values = before.changed(&item.name, request.values(&item.name));
            // What a rule adds itself satisfies none of its own conditions, but isn't added once more.
            let values = match item.mismatch {
                Some(_) => effects.changed(&item.name, values),
                None => values,
            };
            match found(&item.name).and_then(|()| item.judge(&values, secrets)) {
                Ok(more) => effects.merge(more),
                Err(fault) => failed.add(1, Unfit::HeaderMatch(index, fault)),
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

    /// What of a request doesn't fit, in words. `unfit` is of this rule and this request.
    pub fn mismatch<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        unfit: Unfit,
    ) -> Mismatch {
        let part = |part, wanted: &Option<Regexp>, is: &[u8]| Mismatch::Part {
            part,
            is: shown(is),
            wanted: wanted.as_ref().map_or("", Regexp::text).into(),
            is_literal: wanted
                .as_ref()
                .is_some_and(|wanted| wanted.literal().is_some()),
        };
        let (name, secret, fault) = match unfit {
            Unfit::Method => return part("method", &self.method, request.method.as_bytes()),
            Unfit::Path => return part("path", &self.path, request.path),
            Unfit::Host => return part("host", &self.host, request.authority.as_bytes()),
            Unfit::Header(index, fault) => {
                let header = self.headers.get(index);
                (header.map_or("", |header| &header.name), None, fault)
            }
            Unfit::HeaderMatch(index, fault) => {
                let item = self.matches.get(index);
                let secret = item.and_then(|item| item.secret.clone());
                (item.map_or("", |item| &item.name), secret, fault)
            }
        };
        let header = name.into();
        match fault {
            Fault::Missing => Mismatch::Missing { header },
            Fault::Value => Mismatch::Value { header },
            Fault::NoSecret | Fault::BadSecret => Mismatch::Secret {
                header,
                secret: secret.unwrap_or_default(),
                is_there: fault == Fault::BadSecret,
            },
            Fault::Twin => Mismatch::Twin {
                header,
                twin: shown(request.twin(name).unwrap_or_default().as_bytes()),
            },
        }
    }
}

/// Conditions that don't hold.
#[derive(Default)]
struct Failed {
    first: Option<Unfit>,
    distance: usize,
}

impl Failed {
    fn add(&mut self, distance: usize, unfit: Unfit) {
        self.distance += distance;
        self.first.get_or_insert(unfit);
    }
}

/// Whether a header can have this value: one with a line end in it would be two headers.
fn is_value(value: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    !value.iter().any(is_control)
}

impl HeaderMatch {
    /// Whether it can be used.
    fn check(&self, index: usize) -> Result<(), RuleError> {
        let wrong = |field: fn(usize) -> RuleField, wrong| RuleError {
            field: field(index),
            wrong,
        };
        let name = &*self.name;
        let changes = match self.mismatch {
            Some(Action::Add | Action::Delete | Action::Replace) => true,
            Some(Action::Log) | None => false,
        };
        let is_pseudo = matches!(name, ":authority" | ":path" | ":method");
        if name.is_empty() {
            return Err(wrong(RuleField::HeaderMatchName, Wrong::HeaderName));
        }
        if !is_pseudo && !is_token(name.as_bytes()) {
            return Err(wrong(
                RuleField::HeaderMatchName,
                Wrong::NotAName(name.into()),
            ));
        }
        if changes && (is_pseudo || is_connections(name)) {
            return Err(wrong(
                RuleField::HeaderMatchAction,
                Wrong::NotChanged(name.into()),
            ));
        }
        if self
            .value
            .as_deref()
            .is_some_and(|value| !is_value(value.as_bytes()))
        {
            return Err(wrong(RuleField::HeaderMatchValue, Wrong::Control));
        }
        let is_nameless = |secret: &SecretRef| secret.name.is_empty();
        if self.secret.as_ref().is_some_and(is_nameless) {
            return Err(wrong(RuleField::HeaderMatchSecret, Wrong::SecretName));
        }
        Ok(())
    }

    /// What is expected.
    fn expected<'a>(&'a self, secrets: &'a impl Secrets) -> Result<Expected<'a>, Fault> {
        let value = self.value.as_deref().filter(|value| !value.is_empty());
        let value = value.map(str::as_bytes);
        match (&self.secret, value) {
            (Some(secret), value) => match (secrets.value(secret), value) {
                (Some(value), _) if !is_value(value) => Err(Fault::BadSecret),
                (Some(value), _) => Ok(Expected::Redacted(value)),
                (None, Some(value)) => Ok(Expected::Value(value)),
                (None, None) => Err(Fault::NoSecret),
            },
            (None, Some(value)) => Ok(Expected::Value(value)),
            (None, None) => Ok(Expected::Present),
        }
    }

    fn judge(&self, found: &[&[u8]], secrets: &impl Secrets) -> Result<Effects, Fault> {
        let name = &self.name;
        let expected = self.expected(secrets)?;
        let (value, is_redacted): (&[u8], _) = match expected {
            Expected::Present => (b"", false),
            Expected::Value(value) => (value, false),
            Expected::Redacted(value) => (value, true),
        };
        let wanted = (expected != Expected::Present).then_some(value);
        let mut effects = Effects::default();
        let Some(action) = self.mismatch else {
            return compare(wanted, found).map(|()| effects);
        };
        // With an action, all lines together are one value.
        let joined = found.join(&b","[..]);
        let matches = !found.is_empty() && wanted.is_none_or(|wanted| equal(wanted, &joined));
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

/// Every line of a header must fit, where Envoy is content with one.
fn compare(wanted: Option<&[u8]>, found: &[&[u8]]) -> Result<(), Fault> {
    if found.is_empty() {
        return Err(Fault::Missing);
    }
    let is_equal = wanted.is_none_or(|wanted| found.iter().all(|value| equal(wanted, value)));
    is_equal.then_some(()).ok_or(Fault::Value)
}

/// Compares in a time that tells nothing of where they differ: a value may be a secret.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}
