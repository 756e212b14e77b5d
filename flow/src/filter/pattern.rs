//! Patterns of DNS names and node names: `*` stands for any run of letters, digits, `-` and `.`.

use super::error::FilterError;

/// A pattern of a whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern: trimmed, lower-cased, one trailing dot cut.
    pub(crate) fn new(text: &str) -> Result<Self, FilterError> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(FilterError::EmptyPattern);
        }
        if text.ends_with('.') {
            return Err(FilterError::TrailingDots);
        }
        let text = text.to_lowercase();
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._*-".contains(c);
        match text.chars().find(|c| !known(*c)) {
            Some(c) => Err(FilterError::Rune(c)),
            None => Ok(Self(text)),
        }
    }

    /// Whether the whole of `name` fits. Upper case in it fits nothing.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where to take up again, with the last star swallowing one character more.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            if p == pattern.len() && n == name.len() {
                return true;
            }
            if p < pattern.len() && pattern[p] == b'*' {
                p += 1;
                retry = Some((p, n));
                continue;
            }
            if p < pattern.len() && n < name.len() && pattern[p] == name[n] {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            let Some((star, from)) = retry else {
                return false;
            };
            let swallowed = name.get(from).is_some_and(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-' || *c == b'.'
            });
            if !swallowed {
                return false;
            }
            (p, n) = (star, from + 1);
            retry = Some((star, from + 1));
        }
    }
}

/// `[cluster/]node`, both patterns; `None` fits anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePattern {
    cluster: Option<Pattern>,
    node: Option<Pattern>,
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for NodePattern {
    /// As `NodePattern::new` reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.cluster, &self.node) {
            (Some(cluster), Some(node)) => write!(f, "{cluster}/{node}"),
            (Some(cluster), None) => write!(f, "{cluster}/"),
            (None, Some(node)) => write!(f, "{node}"),
            (None, None) => f.write_str("/"),
        }
    }
}

impl NodePattern {
    pub(crate) fn new(text: &str) -> Result<Self, FilterError> {
        let part = |text: &str| match text {
            "" => Ok(None),
            text => Pattern::new(text).map(Some),
        };
        if text.is_empty() {
            return Err(FilterError::EmptyPattern);
        }
        let (cluster, node) = text.split_once('/').unwrap_or(("", text));
        if node.contains('/') {
            return Err(FilterError::Slashes);
        }
        Ok(Self {
            cluster: part(cluster)?,
            node: part(node)?,
        })
    }

    /// Whether the node's name fits; without a cluster in it, it is of cluster `default`.
    pub fn matches(&self, name: &str) -> bool {
        let (cluster, node) = name.split_once('/').unwrap_or(("default", name));
        let fits = |pattern: &Option<Pattern>, part| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(part))
        };
        fits(&self.cluster, cluster) && fits(&self.node, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com.", "api.example.com", true),
            ("API.example.com", "api.example.com", true),
            ("api.example.com", "API.example.com", false),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*", "a_b", false),
            ("*_*", "a_b", true),
            ("*a*a*", "bab-a", true),
            ("*a*a*", "bab", false),
            ("a*", "a", true),
            ("**", "x", true),
        ] {
            let fitted = Pattern::new(pattern).unwrap().matches(name);
            assert_eq!(fitted, fits, "{pattern} {name}");
        }
        assert_eq!(Pattern::new(" "), Err(FilterError::EmptyPattern));
        assert_eq!(Pattern::new("a.."), Err(FilterError::TrailingDots));
        assert_eq!(Pattern::new("a b"), Err(FilterError::Rune(' ')));
    }

    #[test]
    fn nodes() {
        for (pattern, name, fits) in [
            ("node-a", "node-a", true),
            ("node-a", "east/node-a", true),
            ("default/", "node-a", true),
            ("default/", "east/node-a", false),
            ("/node-a", "east/node-a", true),
            ("e*/n*", "east/node-a", true),
            ("k8s*", "node-a", false),
        ] {
            let fitted = NodePattern::new(pattern).unwrap().matches(name);
            assert_eq!(fitted, fits, "{pattern} {name}");
        }
        assert_eq!(NodePattern::new(""), Err(FilterError::EmptyPattern));
        assert_eq!(NodePattern::new("a/b/c"), Err(FilterError::Slashes));
    }
}
