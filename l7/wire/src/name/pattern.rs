//! Patterns of names as policies write them, matched label by label in the name's length times the
//! pattern's, at most. What they mean: Cilium 1.20.0-dev, `pkg/fqdn/matchpattern` and `pkg/fqdn/dns`;
//! of server names: cilium/proxy 7dfaf943, `cilium/network_policy.h` SniPattern.
//!
//! | written | means |
//! |---|---|
//! | `a.b` | that name |
//! | a star | any number of letters, digits, `-` and `_` within a label |
//! | `**.` in front | one or more whole labels; in a server name also in the middle and at the end |
//! | nothing but stars | see [`Kind`] |

use core::fmt;

use super::{MAX_LABEL, MAX_NAME, Name, is_plain};

/// Most characters of a pattern, Cilium's.
pub const MAX_PATTERN: usize = 255;

/// Where a pattern stands: what a lone star and two of them mean differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `matchName` of `toFQDNs` or of a DNS rule: has no stars.
    Exact,
    /// `matchPattern` of `toFQDNs`. A lone star: every name of plain labels, and the root.
    ToFqdns,
    /// `matchPattern` of a DNS rule. A lone star: every name, whatever its bytes.
    DnsRule,
    /// `serverNames`. A lone star: every name of plain labels, but not the root.
    ServerName,
}

/// A pattern that was checked. `T` owns its text or borrows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern<T> {
    text: T,
    kind: Kind,
}

/// Why a text is not a pattern, or one that no name can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Nothing is written.
    Empty,
    /// More than [`MAX_PATTERN`] characters, or more besides stars than a name has.
    TooLong,
    /// A character that is neither a letter, a digit, `-`, `_`, `.` nor, where stars may be, a star.
    Character(char),
    /// Two dots beside each other, or one in front: no name has an empty label.
    EmptyLabel,
    /// More than [`MAX_LABEL`] characters besides stars in a label.
    LongLabel,
    /// A server name that ends with a dot: clients send none.
    TrailingDot,
    /// In a server name: stars beside each other that are not a label of two.
    Stars,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong => f.write_str("it is longer than a name can be"),
            Self::Character(char) => {
                write!(
                    f,
                    "it contains {char:?}; allowed are letters, digits, `-`, `_` and `.`"
                )?;
                f.write_str(", and `*` in a pattern")
            }
            Self::EmptyLabel => f.write_str("a label is empty: no name can match"),
            Self::LongLabel => write!(
                f,
                "a label is longer than {MAX_LABEL} characters: no name can match"
            ),
            Self::TrailingDot => f.write_str("it ends with a dot: no client sends one"),
            Self::Stars => f.write_str("`**` must be a whole label, and `***` has no meaning"),
        }
    }
}

impl core::error::Error for PatternError {}

impl<T: AsRef<str>> Pattern<T> {
    /// Checks a text.
    ///
    /// # Errors
    /// If it has characters that no pattern has, or no name can match it. Cilium accepts some of the latter.
    pub fn new(text: T, kind: Kind) -> Result<Self, PatternError> {
        check(text.as_ref(), kind)?;
        Ok(Self { text, kind })
    }

    /// As written.
    pub fn text(&self) -> &str {
        self.text.as_ref()
    }

    /// Where it stands.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is nothing but stars.
    pub fn is_lone_star(&self) -> bool {
        is_lone_star(self.text(), self.kind)
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &Name) -> bool {
        if self.is_lone_star() {
            return match self.kind {
                Kind::DnsRule => true,
                Kind::Exact | Kind::ToFqdns => name.labels().all(is_plain),
                Kind::ServerName => *name != Name::ROOT && name.labels().all(is_plain),
            };
        }
        self.matches_labels(name)
    }

    /// Labels from the left. The last `**` seen is given one more label whenever the rest doesn't fit: with
    /// that, earlier ones need never be looked at again.
    fn matches_labels(&self, name: &Name) -> bool {
        // Neither characters nor stars stand for anything else.
        if !name.labels().all(is_plain) {
            return false;
        }
        let (mut globs, mut labels) = (self.globs(), name.labels());
        let mut last = None;
        loop {
            let fits = match (globs.next(), labels.next()) {
                (None, None) => return true,
                // Whatever `**` takes, there is a label too few.
                (Some(_), None) => return false,
                (None, Some(_)) => false,
                (Some(Glob::Label(glob)), Some(label)) => matches_label(glob, label),
                (Some(Glob::Labels), Some(_)) => {
                    last = Some((globs.clone(), labels.clone()));
                    true
                }
            };
            if fits {
                continue;
            }
            let Some((rest, given)) = &mut last else {
                return false;
            };
            if given.next().is_none() {
                return false;
            }
            (globs, labels) = (rest.clone(), given.clone());
        }
    }

    fn globs(&self) -> Globs<'_> {
        let text = match self.kind {
            Kind::ServerName => self.text(),
            Kind::Exact | Kind::ToFqdns | Kind::DnsRule => without_dot(self.text()),
        };
        Globs {
            rest: (!text.is_empty()).then_some(text),
            kind: self.kind,
            is_first: true,
        }
    }

    /// How many labels of the name fit, counted from the right until one doesn't: to tell which of several
    /// patterns came nearest.
    pub fn nearness(&self, name: &Name) -> usize {
        let globs = self.globs();
        let (wanted, had) = (globs.clone().count(), name.labels().count());
        let shared = wanted.min(had);
        let globs = globs.skip(wanted.saturating_sub(shared));
        let labels = name.labels().skip(had.saturating_sub(shared));
        globs.zip(labels).fold(0, |near: usize, (glob, label)| {
            let fits = match glob {
                Glob::Labels => is_plain(label),
                Glob::Label(glob) => matches_label(glob, label),
            };
            if fits { near.saturating_add(1) } else { 0 }
        })
    }
}

impl<T: AsRef<str>> fmt::Display for Pattern<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

fn without_dot(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

fn is_lone_star(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::Exact => false,
        // Two are a label like others there: they take what one alone takes, by the general rule.
        Kind::ServerName => text == "*",
        Kind::ToFqdns | Kind::DnsRule => {
            let stars = without_dot(text);
            !stars.is_empty() && stars.bytes().all(|byte| byte == b'*')
        }
    }
}

/// What one place of a pattern takes.
#[derive(Clone, Copy)]
enum Glob<'a> {
    /// A label; stars in it take any part of one.
    Label(&'a [u8]),
    /// One label or more.
    Labels,
}

/// The places of a pattern, from the left.
#[derive(Clone)]
struct Globs<'a> {
    rest: Option<&'a str>,
    kind: Kind,
    is_first: bool,
}

impl<'a> Iterator for Globs<'a> {
    type Item = Glob<'a>;

    fn next(&mut self) -> Option<Glob<'a>> {
        let text = self.rest?;
        let (label, rest) = match text.split_once('.') {
            Some((label, rest)) => (label, Some(rest)),
            None => (text, None),
        };
        self.rest = rest;
        let is_first = core::mem::replace(&mut self.is_first, false);
        let several = match self.kind {
            Kind::Exact => false,
            Kind::ToFqdns | Kind::DnsRule => is_first,
            Kind::ServerName => true,
        };
        let is_stars = label.len() >= 2 && label.bytes().all(|byte| byte == b'*');
        Some(if several && is_stars {
            Glob::Labels
        } else {
            Glob::Label(label.as_bytes())
        })
    }
}

/// Whether a label fits, its case aside. The last star seen takes one byte more whenever the rest doesn't fit.
fn matches_label(mut glob: &[u8], mut label: &[u8]) -> bool {
    let mut last: Option<(&[u8], &[u8])> = None;
    loop {
        match (glob.split_first(), label.split_first()) {
            (Some((b'*', rest)), _) => {
                last = Some((rest, label));
                glob = rest;
            }
            (Some((wanted, rest)), Some((byte, tail))) if wanted.eq_ignore_ascii_case(byte) => {
                (glob, label) = (rest, tail);
            }
            (None, None) => return true,
            _ => {
                let Some((rest, [_, tail @ ..])) = last else {
                    return false;
                };
                last = Some((rest, tail));
                (glob, label) = (rest, tail);
            }
        }
    }
}

fn check(text: &str, kind: Kind) -> Result<(), PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > MAX_PATTERN {
        return Err(PatternError::TooLong);
    }
    let allowed = |char: char| {
        char.is_ascii_alphanumeric()
            || matches!(char, '-' | '_' | '.')
            || (char == '*' && kind != Kind::Exact)
    };
    if let Some(char) = text.chars().find(|char| !allowed(*char)) {
        return Err(PatternError::Character(char));
    }
    let labels = match kind {
        Kind::ServerName if text.ends_with('.') => return Err(PatternError::TrailingDot),
        Kind::ServerName => text,
        // The root.
        Kind::Exact | Kind::ToFqdns | Kind::DnsRule if text == "." => return Ok(()),
        Kind::Exact | Kind::ToFqdns | Kind::DnsRule => without_dot(text),
    };
    for label in labels.split('.') {
        if label.is_empty() {
            return Err(PatternError::EmptyLabel);
        }
        if letters(label) > MAX_LABEL {
            return Err(PatternError::LongLabel);
        }
        if kind == Kind::ServerName && label != "**" && label.contains("**") {
            return Err(PatternError::Stars);
        }
    }
    // A length byte for each label, and the root.
    if letters(labels) > MAX_NAME - 2 {
        return Err(PatternError::TooLong);
    }
    Ok(())
}

/// What must be in a name at least: all but the stars.
fn letters(text: &str) -> usize {
    text.bytes().filter(|byte| *byte != b'*').count()
}
