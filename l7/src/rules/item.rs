//! Rules of layer 7 one by one: what they allow beside each other, as far as that can be told of their texts.

use l7_wire::name::{Kind, Name, Pattern};

use super::snapshot::Allows;
use crate::http::{Header, HeaderMatch, RuleSpec};
use crate::kafka;
use crate::names::NameSpec;
use crate::regexp::Regexp;

/// A rule of layer 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Of `rules.http`.
    Http(Box<RuleSpec>),
    /// Of `rules.kafka`.
    Kafka(kafka::RuleSpec),
    /// Of `rules.dns`.
    Dns(NameSpec),
    /// Of `serverNames`.
    ServerName(Box<str>),
}

impl Allows {
    /// Its rules of layer 7, in their order.
    pub fn list(&self) -> Vec<Item> {
        match self {
            Self::Everything => Vec::new(),
            Self::Http(rules) => {
                let rules = rules.iter().cloned();
                rules.map(|rule| Item::Http(Box::new(rule))).collect()
            }
            Self::Kafka(rules) => rules.iter().cloned().map(Item::Kafka).collect(),
            Self::Dns(rules) => rules.iter().cloned().map(Item::Dns).collect(),
            Self::ServerNames(names) => names.iter().cloned().map(Item::ServerName).collect(),
        }
    }
}

impl From<&Item> for Allows {
    /// That rule alone.
    fn from(item: &Item) -> Self {
        match item {
            Item::Http(rule) => Self::Http(vec![(**rule).clone()]),
            Item::Kafka(rule) => Self::Kafka(vec![rule.clone()]),
            Item::Dns(rule) => Self::Dns(vec![rule.clone()]),
            Item::ServerName(name) => Self::ServerNames(vec![name.clone()]),
        }
    }
}

impl Item {
    /// Whether it surely allows all that another one does. `false`: it may not; that of two expressions one has
    /// all of the other's texts is told where one is plain text, or begins with that of the other and is open
    /// behind it.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(wide), Self::Http(narrow)) => {
                text_covers(&wide.path, &narrow.path)
                    && text_covers(&wide.method, &narrow.method)
                    && text_covers(&wide.host, &narrow.host)
                    && headers_cover(wide, narrow)
            }
            (Self::Kafka(wide), Self::Kafka(narrow)) => {
                let rules = [wide, narrow].map(kafka::Rule::try_from);
                matches!(rules, [Ok(wide), Ok(narrow)] if wide.covers(&narrow))
            }
            (Self::Dns(wide), Self::Dns(narrow)) => {
                let mut narrow = dns_patterns(narrow).into_iter();
                narrow.all(|narrow| {
                    let mut wide = dns_patterns(wide).into_iter();
                    wide.any(|wide| name_covers(&wide, &narrow))
                })
            }
            (Self::ServerName(wide), Self::ServerName(narrow)) => {
                let [wide, narrow] = [wide, narrow].map(|text| server_pattern(text));
                wide.zip(narrow)
                    .is_some_and(|(wide, narrow)| name_covers(&wide, &narrow))
            }
            (Self::Http(_) | Self::Kafka(_) | Self::Dns(_) | Self::ServerName(_), _) => false,
        }
    }

    /// Whether there is surely no request that both allow. `false`: there may be one.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(one), Self::Http(other)) => {
                texts_are_apart(&one.path, &other.path)
                    || texts_are_apart(&one.method, &other.method)
                    || texts_are_apart(&one.host, &other.host)
            }
            (Self::Kafka(one), Self::Kafka(other)) => {
                let rules = [one, other].map(kafka::Rule::try_from);
                let topics = rules.each_ref().map(|rule| rule.as_ref().ok()?.topic());
                matches!(topics, [Some(one), Some(other)] if one != other)
            }
            (Self::Dns(one), Self::Dns(other)) => dns_patterns(one).iter().all(|one| {
                let mut others = dns_patterns(other).into_iter();
                others.all(|other| names_are_apart(one, &other))
            }),
            (Self::ServerName(one), Self::ServerName(other)) => {
                let [one, other] = [one, other].map(|text| server_pattern(text));
                one.zip(other)
                    .is_some_and(|(one, other)| names_are_apart(&one, &other))
            }
            (Self::Http(_) | Self::Kafka(_) | Self::Dns(_) | Self::ServerName(_), _) => true,
        }
    }
}

/// An expression that says something.
fn written(text: &Option<Box<str>>) -> Option<&str> {
    text.as_deref()
        .filter(|text| !text.is_empty() && *text != ".*")
}

fn text_covers(wide: &Option<Box<str>>, narrow: &Option<Box<str>>) -> bool {
    let (wide, narrow) = match (written(wide), written(narrow)) {
        (None, _) => return true,
        (Some(_), None) => return false,
        (Some(wide), Some(narrow)) => (wide, narrow),
    };
    if wide == narrow {
        return true;
    }
    let (Ok(all), Ok(some)) = (Regexp::new(wide), Regexp::new(narrow)) else {
        return false;
    };
    if let Some(literal) = some.literal() {
        return all.matches(literal.as_bytes());
    }
    let open = wide
        .strip_suffix(".*")
        .and_then(|text| Regexp::new(text).ok());
    let prefix = open.as_ref().and_then(Regexp::literal);
    // A dot is any character but the end of a line, which no part of a request has.
    prefix.is_some_and(|prefix| beginning(narrow).starts_with(prefix))
}

/// What all texts of an expression surely begin with.
fn beginning(text: &str) -> &str {
    if has_open_alternative(text) {
        return "";
    }
    let special = |char: char| r"\.+*?()[]{}^$|".contains(char);
    let end = text.find(special).unwrap_or(text.len());
    let (plain, rest) = text.split_at(end);
    // What may be missing, or come several times.
    match rest.starts_with(['*', '?', '{']) {
        true => plain
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| &plain[..at]),
        false => plain,
    }
}

/// Whether there may be alternatives outside of groups.
fn has_open_alternative(text: &str) -> bool {
    if !text.contains('|') {
        return false;
    }
    if text.contains('[') || text.contains(r"\Q") {
        return true;
    }
    let (mut depth, mut letters) = (0_usize, text.chars());
    while let Some(char) = letters.next() {
        match char {
            '\\' => drop(letters.next()),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

fn texts_are_apart(one: &Option<Box<str>>, other: &Option<Box<str>>) -> bool {
    let texts = [one, other].map(|text| Regexp::new(written(text)?).ok());
    let [Some(one), Some(other)] = texts else {
        return false;
    };
    match (one.literal(), other.literal()) {
        (Some(literal), _) => !other.matches(literal.as_bytes()),
        (None, Some(literal)) => !one.matches(literal.as_bytes()),
        (None, None) => false,
    }
}

/// A header that must be there, or have a value.
type Condition<'a> = (&'a str, Option<&'a str>);

fn headers_cover(wide: &RuleSpec, narrow: &RuleSpec) -> bool {
    // What happens to a header that doesn't match keeps no request out.
    let strict = |spec: &RuleSpec| -> Vec<HeaderMatch> {
        let matches = spec.header_matches.iter();
        matches
            .filter(|one| one.mismatch.is_none())
            .cloned()
            .collect()
    };
    let (wide_matches, narrow_matches) = (strict(wide), strict(narrow));
    let headers = |spec: &RuleSpec| -> Vec<Header> {
        spec.headers
            .iter()
            .map(|text| Header::from_text(text))
            .collect()
    };
    let (wide_headers, narrow_headers) = (headers(wide), headers(narrow));
    let given = conditions(&narrow_headers, &narrow_matches);
    let is_given = |(name, value): Condition<'_>| {
        given.iter().any(|(given, has)| {
            given.eq_ignore_ascii_case(name) && (value.is_none() || value == *has)
        })
    };
    let secrets = wide_matches.iter().filter(|one| one.secret.is_some());
    secrets.into_iter().all(|one| narrow_matches.contains(one))
        && conditions(&wide_headers, &wide_matches)
            .into_iter()
            .all(is_given)
}

/// Those whose values stand in the rule.
fn conditions<'a>(headers: &'a [Header], matches: &'a [HeaderMatch]) -> Vec<Condition<'a>> {
    let headers = headers.iter();
    let headers = headers.map(|header| (&*header.name, header.value.as_deref()));
    let matches = matches.iter().filter(|one| one.secret.is_none());
    let value = |text: &'a Option<Box<str>>| text.as_deref().filter(|text| !text.is_empty());
    let matches = matches.map(|one| (&*one.name, value(&one.value)));
    headers.chain(matches).collect()
}

fn dns_patterns(spec: &NameSpec) -> Vec<Pattern<&str>> {
    let fields = [
        (&spec.match_name, Kind::Exact),
        (&spec.match_pattern, Kind::DnsRule),
    ];
    let fields = fields.into_iter().filter_map(|(text, kind)| {
        let text = text.as_deref().filter(|text| !text.is_empty())?;
        Pattern::new(text, kind).ok()
    });
    fields.collect()
}

fn server_pattern(text: &str) -> Option<Pattern<&str>> {
    Pattern::new(text, Kind::ServerName).ok()
}

/// The one name that a pattern means.
fn single(pattern: &Pattern<&str>) -> Option<Name> {
    let text = pattern.text();
    (!text.contains('*')).then(|| Name::from_text(text).ok())?
}

fn bare(pattern: &Pattern<&str>) -> String {
    pattern.text().trim_end_matches('.').to_ascii_lowercase()
}

fn name_covers(wide: &Pattern<&str>, narrow: &Pattern<&str>) -> bool {
    if wide.is_lone_star() {
        return true;
    }
    let (all, some) = (bare(wide), bare(narrow));
    if wide.kind() == narrow.kind() && all == some {
        return true;
    }
    if let Some(name) = single(narrow) {
        return wide.matches(&name);
    }
    // `**.example.com` has all names below it.
    let parent = all
        .strip_prefix("**.")
        .filter(|parent| !parent.contains('*'));
    parent.is_some_and(|parent| {
        let before = some.strip_suffix(parent);
        before.is_some_and(|before| before.ends_with('.') && before.len() > 1)
    })
}

fn names_are_apart(one: &Pattern<&str>, other: &Pattern<&str>) -> bool {
    match (single(one), single(other)) {
        (Some(name), _) => !other.matches(&name),
        (None, Some(name)) => !one.matches(&name),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(method: &str, path: &str, headers: &[&str]) -> Item {
        let text = |text: &str| (!text.is_empty()).then(|| text.into());
        Item::Http(Box::new(RuleSpec {
            method: text(method),
            path: text(path),
            headers: headers.iter().map(|text| (*text).into()).collect(),
            ..RuleSpec::default()
        }))
    }

    #[test]
    fn of_http_what_surely_covers_and_what_surely_is_apart() {
        for (wide, narrow, covers, is_apart) in [
            (
                http("GET", "/.*", &[]),
                http("GET", "/metrics", &[]),
                true,
                false,
            ),
            (
                http("GET", "/metrics", &[]),
                http("GET", "/.*", &[]),
                false,
                false,
            ),
            (http("", "", &[]), http("GET", "/a|/b", &["X"]), true, false),
            (
                http("GET|HEAD", "/a.*", &[]),
                http("GET", "/a/[0-9]+", &[]),
                true,
                false,
            ),
            (
                http("GET", "/a.*", &[]),
                http("GET", "/a|/b", &[]),
                false,
                false,
            ),
            (
                http("GET", "/ab.*", &[]),
                http("GET", "/ab?c", &[]),
                false,
                false,
            ),
            (
                http("GET", "/ab.*", &[]),
                http("GET", "/ab+c", &[]),
                true,
                false,
            ),
            (
                http("GET", "/a.*", &[]),
                http("GET", "/a(b|c)", &[]),
                true,
                false,
            ),
            (
                http("GET", "/a.*", &[]),
                http("GET", "/a([)]|x)|/b", &[]),
                false,
                false,
            ),
            (http("GET", "/a", &[]), http("POST", "/a", &[]), false, true),
            (
                http("GET", "/a", &[]),
                http("GET", "/b.*", &[]),
                false,
                true,
            ),
            (
                http("GET", "/a", &["X-T"]),
                http("GET", "/a", &["x-t: 1"]),
                true,
                false,
            ),
            (
                http("GET", "/a", &["X-T: 2"]),
                http("GET", "/a", &["x-t: 1"]),
                false,
                false,
            ),
            (
                http("GET", "/a", &["X-T"]),
                http("GET", "/a", &[]),
                false,
                false,
            ),
            (
                http("", "", &[]),
                Item::ServerName("a.org".into()),
                false,
                true,
            ),
        ] {
            assert_eq!(wide.covers(&narrow), covers, "{wide:?} {narrow:?}");
            assert_eq!(wide.is_apart_from(&narrow), is_apart, "{wide:?} {narrow:?}");
            assert_eq!(narrow.is_apart_from(&wide), is_apart, "{narrow:?} {wide:?}");
        }
    }

    #[test]
    fn of_names_and_topics_too() {
        let name = |text: &str| {
            let is_pattern = text.contains('*');
            let given = |is: bool| is.then(|| Box::from(text));
            Item::Dns(NameSpec {
                match_name: given(!is_pattern),
                match_pattern: given(is_pattern),
            })
        };
        let kafka = |role: &str, key: &str, topic: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Item::Kafka(kafka::RuleSpec {
                role: text(role),
                api_key: text(key),
                topic: text(topic),
                ..kafka::RuleSpec::default()
            })
        };
        let server = |text: &str| Item::ServerName(text.into());
        for (wide, narrow, covers, is_apart) in [
            (name("*"), name("*.a.org"), true, false),
            (name("*.a.org"), name("b.a.org"), true, false),
            (name("*.a.org"), name("c.b.a.org"), false, true),
            (name("**.a.org"), name("*.b.a.org"), true, false),
            (name("**.a.org"), name("*.ba.org"), false, false),
            (name("a.org"), name("*.a.org"), false, true),
            (
                kafka("produce", "", ""),
                kafka("", "produce", "orders"),
                true,
                false,
            ),
            (
                kafka("", "", "orders"),
                kafka("consume", "", "orders"),
                true,
                false,
            ),
            (
                kafka("consume", "", ""),
                kafka("", "produce", ""),
                false,
                false,
            ),
            (
                kafka("produce", "", "a"),
                kafka("produce", "", "b"),
                false,
                true,
            ),
            (server("*.a.org"), server("b.a.org"), true, false),
            (server("a.org"), server("b.org"), false, true),
        ] {
            assert_eq!(wide.covers(&narrow), covers, "{wide:?} {narrow:?}");
            assert_eq!(wide.is_apart_from(&narrow), is_apart, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn a_list_is_its_rules() {
        let rules = Allows::ServerNames(vec!["a.org".into(), "b.org".into()]);
        let alone: Vec<Allows> = rules.list().iter().map(Allows::from).collect();
        assert_eq!(
            alone,
            ["a.org", "b.org"].map(|name| Allows::ServerNames(vec![name.into()]))
        );
        assert_eq!(Allows::Everything.list(), []);
    }
}
