//! A rule of `rules.http` as written, and what can be wrong with it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::regexp::RegexpError;

/// The fields of a rule as written. All are optional; a rule without any allows every request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleSpec {
    /// Regular expression of path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<str>>,
    /// Regular expression of the method, whose case counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<str>>,
    /// Regular expression of the authority, port included, whose case counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Box<str>>,
    /// `Name: value` or `Name value` (that value), `Name` (any value).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Box<str>>,
    /// Headers with what happens if they don't match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header_matches: Vec<HeaderMatch>,
}

/// An item of `headerMatches`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HeaderMatch {
    /// Of the header.
    pub name: Box<str>,
    /// What it must be; without it and without a secret, that it is there is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<str>>,
    /// Where the value is kept; `value` stands in while it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// What happens if it doesn't match; nothing: the rule doesn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Action>,
}

/// A secret of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretRef {
    /// Empty: the policy's own.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// What happens with a header that doesn't match, while its rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// It is logged.
    Log,
    /// The expected value is added.
    Add,
    /// Another value is removed.
    Delete,
    /// The expected value takes its place.
    Replace,
}

/// The field that is wrong: the place in a manifest follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleField {
    /// `path`
    Path,
    /// `method`
    Method,
    /// `host`
    Host,
    /// `headerMatches[n].name`
    HeaderMatchName(usize),
    /// `headerMatches[n].value`
    HeaderMatchValue(usize),
    /// `headerMatches[n].mismatch`
    HeaderMatchAction(usize),
    /// `headerMatches[n].secret.name`
    HeaderMatchSecret(usize),
}

impl fmt::Display for RuleField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Method => f.write_str("method"),
            Self::Host => f.write_str("host"),
            Self::HeaderMatchName(index) => write!(f, "headerMatches[{index}].name"),
            Self::HeaderMatchValue(index) => write!(f, "headerMatches[{index}].value"),
            Self::HeaderMatchAction(index) => write!(f, "headerMatches[{index}].mismatch"),
            Self::HeaderMatchSecret(index) => write!(f, "headerMatches[{index}].secret.name"),
        }
    }
}

/// A field that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {wrong}")]
pub struct RuleError {
    /// Which.
    pub field: RuleField,
    /// Why.
    #[source]
    pub wrong: Wrong,
}

/// Why a field can't be used, in Cilium's words where it refuses it too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not an expression. Cilium doesn't look at `host`, and then no rule of the node comes into force.
    #[error(transparent)]
    Regexp(#[from] RegexpError),
    /// A header match without a name.
    #[error("Header name missing")]
    HeaderName,
    /// A header match whose name no header has.
    #[error("{0:?} is not the name of a header: letters, digits and !#$%&'*+-.^_`|~")]
    NotAName(Box<str>),
    /// A value that would begin another line.
    #[error("a control character, which no header's value has")]
    Control,
    /// An action on what says where a request goes or ends, or what becomes of its connection.
    #[error("header {0} can be matched or logged, not changed")]
    NotChanged(Box<str>),
    /// A secret without a name.
    #[error("Secret name missing")]
    SecretName,
}
