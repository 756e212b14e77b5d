//! Questions to texts that Hubble's filters have no form for: exact names, patterns with `*`, regular
//! expressions, on anything that has a name.

use regex::Regex;

use crate::attribute::{Attribute, AttributeId, EndAttribute};
use crate::view::{FlowView, Side};

/// A test of a text.
#[derive(Debug, Clone)]
pub enum Test {
    /// Anything but nothing.
    Any,
    /// This text.
    Exact(String),
    /// This pattern.
    Glob(Glob),
    /// This regular expression, anywhere in the text.
    Regex(Regex),
}

impl Test {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => !text.is_empty(),
            Self::Exact(exact) => exact == text,
            Self::Glob(glob) => glob.fits(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// A pattern of a whole text: `*` is any run of characters, `?` is one; after a backslash they are
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Run,
    One,
    Char(char),
}

impl Glob {
    /// Every text is a pattern.
    pub fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            pieces.push(match char {
                '*' if pieces.last() == Some(&Piece::Run) => continue,
                '*' => Piece::Run,
                '?' => Piece::One,
                '\\' => Piece::Char(chars.next().unwrap_or('\\')),
                char => Piece::Char(char),
            });
        }
        Self(pieces)
    }

    /// The same, and whatever follows.
    pub fn prefix(text: &str) -> Self {
        let mut glob = Self::new(text);
        if glob.0.last() != Some(&Piece::Run) {
            glob.0.push(Piece::Run);
        }
        glob
    }

    /// What all texts that fit begin with.
    pub fn beginning(&self) -> String {
        let chars = self.0.iter().map_while(|piece| match piece {
            Piece::Char(char) => Some(char),
            Piece::Run | Piece::One => None,
        });
        chars.collect()
    }

    /// The beginning, if that is all it asks for: `web*`.
    pub fn only_beginning(&self) -> Option<String> {
        let (last, rest) = self.0.split_last()?;
        let beginning = self.beginning();
        (*last == Piece::Run && rest.len() == beginning.chars().count()).then_some(beginning)
    }

    /// The text, if it is one without wildcards.
    pub fn literal(&self) -> Option<String> {
        let text = self.beginning();
        (text.chars().count() == self.0.len()).then_some(text)
    }

    /// Whether the whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text);
        // Where to take up again, with the last star swallowing one character more.
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let mut chars = rest.chars();
            match (self.0.get(at), chars.next()) {
                (None, None) => return true,
                (Some(Piece::Run), _) => {
                    at += 1;
                    retry = Some((at, rest));
                    continue;
                }
                (Some(Piece::Char(want)), Some(found)) if *want == found => {
                    (at, rest) = (at + 1, chars.as_str());
                    continue;
                }
                (Some(Piece::One), Some(_)) => {
                    (at, rest) = (at + 1, chars.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((star, from)) = retry else {
                return false;
            };
            let mut chars = from.chars();
            if chars.next().is_none() {
                return false;
            }
            (at, rest) = (star, chars.as_str());
            retry = Some((star, rest));
        }
    }
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Run => f.write_char('*'),
            Piece::One => f.write_char('?'),
            Piece::Char(char @ ('*' | '?' | '\\')) => write!(f, "\\{char}"),
            Piece::Char(char) => f.write_char(*char),
        })
    }
}

/// A test of two texts: namespace and name, or kind and name.
#[derive(Debug, Clone)]
pub struct Scoped {
    /// Of the first one; `None` if any, or none, will do.
    pub scope: Option<Test>,
    /// Of the name; a regular expression is one of `scope/name`.
    pub name: Test,
}

impl Scoped {
    fn fits(&self, scope: &str, name: &str) -> bool {
        if let Test::Regex(regex) = &self.name {
            return !name.is_empty()
                && match scope {
                    "" => regex.is_match(name),
                    scope => regex.is_match(&format!("{scope}/{name}")),
                };
        }
        !name.is_empty()
            && self.name.fits(name)
            && self.scope.as_ref().is_none_or(|test| test.fits(scope))
    }
}

/// A question to a text; one of the tests must fit. A text that isn't there fits none.
#[derive(Debug, Clone)]
pub struct TextLeaf {
    /// Which text.
    pub(crate) of: &'static Attribute,
    pub(crate) tests: Vec<Scoped>,
}

impl TextLeaf {
    /// A question to a text that is one.
    pub(crate) fn new(of: &'static Attribute, tests: Vec<Test>) -> Self {
        let tests = tests.into_iter();
        let tests = tests.map(|name| Scoped { scope: None, name });
        Self {
            of,
            tests: tests.collect(),
        }
    }

    fn one(&self, text: &str) -> bool {
        !text.is_empty() && self.tests.iter().any(|test| test.name.fits(text))
    }

    fn two(&self, scope: &str, name: &str) -> bool {
        self.tests.iter().any(|test| test.fits(scope, name))
    }

    /// Scoped by namespace, or by kind where that is a pattern; an exact scope is a namespace. A pod
    /// that no workload made is its own.
    fn workload<V: FlowView>(&self, flow: &V, side: Side) -> bool {
        let namespace = flow.namespace(side);
        let mut any = false;
        flow.any_workload(side, &mut |kind, name| {
            any = true;
            self.tests.iter().any(|test| {
                let exact = matches!(test.scope, Some(Test::Exact(_)));
                test.fits(namespace, name) || (!exact && test.fits(kind, name))
            })
        }) || (!any && !flow.pod(side).is_empty() && self.two(namespace, flow.pod(side)))
    }

    pub(super) fn matches<V: FlowView>(&self, flow: &V) -> bool {
        if let AttributeId::Of(side, EndAttribute::Workload) = self.of.id {
            return self.workload(flow, side);
        }
        let (text, pair) = (
            &mut |text: &str| self.one(text),
            &mut |scope: &str, name: &str| self.two(scope, name),
        );
        self.of.any_text(flow, text, pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("ä*ö", "äxxö", true),
            ("**", "x", true),
            ("a\\", "a\\", true),
        ] {
            let glob = Glob::new(pattern);
            assert_eq!(glob.fits(text), fits, "{pattern} {text}");
            assert_eq!(Glob::new(&glob.to_string()), glob, "{pattern}");
        }
        assert_eq!(Glob::new("web*").only_beginning().as_deref(), Some("web"));
        assert_eq!(Glob::new("we?*").only_beginning(), None);
        assert_eq!(Glob::new("web").only_beginning(), None);
        assert_eq!(Glob::new("w\\*").literal().as_deref(), Some("w*"));
        assert_eq!(Glob::new("w*").literal(), None);
        assert_eq!(Glob::prefix("w").to_string(), "w*");
    }
}
