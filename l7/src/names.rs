//! What policies say about names: `matchName` and `matchPattern` of DNS rules and of `toFQDNs`, and
//! `serverNames`. Which names match is `wire::name`'s.

use std::fmt;

use l7_wire::name::{Kind, Name, Pattern, PatternError};
use serde::{Deserialize, Serialize};

/// An item of `rules.dns` or `toFQDNs` as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NameSpec {
    /// A name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_name: Option<Box<str>>,
    /// A name with stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_pattern: Option<Box<str>>,
}

impl NameSpec {
    /// That of a selector by its text alone, as rules keep it: with a star it is a pattern.
    pub fn of_selector(text: &str) -> Self {
        let given = |is: bool| is.then(|| Box::from(text));
        let is_pattern = text.contains('*');
        Self {
            match_name: given(!is_pattern),
            match_pattern: given(is_pattern),
        }
    }
}

/// The field that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameField {
    /// `matchName`
    MatchName,
    /// `matchPattern`
    MatchPattern,
    /// An item of `serverNames`.
    ServerName,
}

impl fmt::Display for NameField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MatchName => "matchName",
            Self::MatchPattern => "matchPattern",
            Self::ServerName => "serverNames",
        })
    }
}

/// A name that can't be used; in Cilium's words where it refuses it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameRuleError {
    /// What is written is not a name or a pattern, or no name can match.
    Pattern {
        /// Where.
        field: NameField,
        /// What is written.
        text: Box<str>,
        /// What is wrong with it.
        wrong: PatternError,
    },
    /// Both fields, in `toFQDNs`.
    Both,
}

impl fmt::Display for NameRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, text, wrong) = match self {
            Self::Both => {
                return f.write_str(
                    "only one of MatchName or MatchPattern is allowed in an FQDNSelector",
                );
            }
            Self::Pattern { field, text, wrong } => (field, text, wrong),
        };
        match (field, wrong) {
            (NameField::MatchName, PatternError::Character(_)) => write!(
                f,
                "Invalid characters in MatchName: {text:?}. Only 0-9, a-z, A-Z and ., -, _ characters \
                 are allowed"
            ),
            (NameField::MatchPattern, PatternError::Character(_)) => write!(
                f,
                "Invalid characters in MatchPattern: {text:?}. Only 0-9, a-z, A-Z and ., -, _ and * \
                 characters are allowed"
            ),
            (NameField::MatchPattern, PatternError::TooLong) => write!(
                f,
                "Invalid MatchPattern: {text:?}. Must be <= 255 characters long."
            ),
            (NameField::ServerName, PatternError::Empty) => {
                f.write_str("empty server name is not allowed")
            }
            (field, wrong) => write!(f, "{field} {text:?}: {wrong}"),
        }
    }
}

impl std::error::Error for NameRuleError {}

type Checked = Pattern<Box<str>>;

/// An item of `rules.dns`: names that may be asked for. With both fields either is enough; without any, none is
/// allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRule {
    patterns: [Option<Checked>; 2],
}

impl DnsRule {
    /// Checks an item.
    ///
    /// # Errors
    /// If a field is not a name or a pattern. Refused beyond Cilium: what no name can match.
    pub fn new(spec: &NameSpec) -> Result<Self, NameRuleError> {
        Ok(Self {
            patterns: patterns(spec, Kind::DnsRule)?,
        })
    }

    /// Its names and patterns; none: it allows nothing.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern<Box<str>>> {
        self.patterns.iter().flatten()
    }

    /// Whether a name may be asked for.
    pub fn matches(&self, name: &Name) -> bool {
        self.patterns().any(|pattern| pattern.matches(name))
    }
}

/// An item of `toFQDNs`: names whose addresses are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FqdnSelector {
    pattern: Option<Checked>,
}

impl FqdnSelector {
    /// Checks an item.
    ///
    /// # Errors
    /// If a field is not a name or a pattern, or there are both. Refused beyond Cilium: what no name can match.
    pub fn new(spec: &NameSpec) -> Result<Self, NameRuleError> {
        match patterns(spec, Kind::ToFqdns)? {
            [Some(_), Some(_)] => Err(NameRuleError::Both),
            [name, pattern] => Ok(Self {
                pattern: name.or(pattern),
            }),
        }
    }

    /// Its name or pattern; `None`: it selects nothing but the root, which has no addresses.
    pub fn pattern(&self) -> Option<&Pattern<Box<str>>> {
        self.pattern.as_ref()
    }

    /// Whether the addresses of a name are selected.
    pub fn matches(&self, name: &Name) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches(name),
            None => *name == Name::ROOT,
        }
    }
}

/// Checks an item of `serverNames`.
///
/// # Errors
/// If it is empty, or not a pattern as the proxy of Cilium reads it.
pub fn server_name(text: &str) -> Result<Pattern<Box<str>>, NameRuleError> {
    check(NameField::ServerName, text, Kind::ServerName)
}

fn patterns(spec: &NameSpec, kind: Kind) -> Result<[Option<Checked>; 2], NameRuleError> {
    let read = |field, text: &Option<Box<str>>, kind| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.map(|text| check(field, text, kind)).transpose()
    };
    Ok([
        read(NameField::MatchName, &spec.match_name, Kind::Exact)?,
        read(NameField::MatchPattern, &spec.match_pattern, kind)?,
    ])
}

fn check(field: NameField, text: &str, kind: Kind) -> Result<Checked, NameRuleError> {
    Pattern::new(Box::from(text), kind).map_err(|wrong| NameRuleError::Pattern {
        field,
        text: text.into(),
        wrong,
    })
}
