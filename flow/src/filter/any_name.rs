//! A word that is searched for in all names of a flow: the filter of people who know only a part of one.

use regex::{Regex, RegexBuilder};

use crate::attribute::{AttributeId, EndAttribute};
use crate::view::{FlowView, Side};

/// What names an end.
const ENDS: [EndAttribute; 5] = [
    EndAttribute::Pod,
    EndAttribute::Namespace,
    EndAttribute::Workload,
    EndAttribute::Service,
    EndAttribute::Fqdn,
];

/// Whether a pod, workload, namespace, service or DNS name of either end, or a policy that decided, has
/// a text in it, in any case; `*` and `?` in it are wildcards as in a [`super::Glob`].
#[derive(Debug, Clone)]
pub struct AnyName {
    text: String,
    regex: Regex,
    /// It is about a namespace and a name, `shop/web`.
    scoped: bool,
}

impl AnyName {
    /// Longest text, in bytes: no DNS name is longer.
    pub(crate) const MAX_LENGTH: usize = 253;

    /// `None` of an empty or too long text.
    pub(crate) fn new(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return None;
        }
        let mut pattern = String::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                '\\' => escape(chars.next().unwrap_or('\\'), &mut pattern),
                char => escape(char, &mut pattern),
            }
        }
        let mut regex = RegexBuilder::new(&pattern);
        Some(Self {
            text: text.to_owned(),
            regex: regex.case_insensitive(true).build().ok()?,
            scoped: text.contains('/'),
        })
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn one(&self, name: &str) -> bool {
        !name.is_empty() && self.regex.is_match(name)
    }

    fn two(&self, namespace: &str, name: &str) -> bool {
        match self.scoped && !namespace.is_empty() {
            true => self.one(&format!("{namespace}/{name}")),
            false => self.one(name),
        }
    }

    pub(super) fn matches<V: FlowView>(&self, flow: &V) -> bool {
        let ends = [Side::Source, Side::Destination].into_iter();
        let mut names = ends.flat_map(|side| ENDS.map(|name| (side, name)));
        names.any(|(side, name)| {
            // The scope of a workload is its kind there.
            if name == EndAttribute::Workload {
                let namespace = flow.namespace(side);
                return flow.any_workload(side, &mut |_, name| self.two(namespace, name));
            }
            self.is_in(AttributeId::Of(side, name), flow)
        }) || self.is_in(AttributeId::Policy, flow)
    }

    fn is_in<V: FlowView>(&self, id: AttributeId, flow: &V) -> bool {
        let (one, two) = (
            &mut |name: &str| self.one(name),
            &mut |namespace: &str, name: &str| self.two(namespace, name),
        );
        id.attribute().any_text(flow, one, two)
    }
}

/// A letter that stands for itself.
fn escape(char: char, pattern: &mut String) {
    pattern.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, name, found) in [
            ("user", "user-service", true),
            ("USER", "my-user-service", true),
            ("u*e", "xuser", true),
            ("u?e", "user", true),
            ("u.e", "user", false),
            ("\\*", "a*", true),
            ("\\*", "a", false),
            ("user", "", false),
        ] {
            assert_eq!(AnyName::new(text).unwrap().one(name), found, "{text}");
        }
        let scoped = AnyName::new("shop/we").unwrap();
        assert!(scoped.two("shop", "web") && scoped.two("my-shop", "web"));
        assert!(!scoped.two("", "web") && !scoped.two("shop", "my-web"));
        assert!(AnyName::new("").is_none());
        assert!(AnyName::new(&"a".repeat(254)).is_none());
        // In the worst case, too, there is a pattern.
        assert!(AnyName::new(&"k".repeat(253)).is_some());
        assert!(AnyName::new(&"*".repeat(253)).is_some());
    }
}
