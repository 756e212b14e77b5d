//! Where in its policy's object a rule stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where in its policy's object a rule stands: `spec.ingress[0]`, `specs[1].egressDeny[2]`, of layer 7
/// `spec.egress[0].toPorts[1].rules.http[2]`. Ordered as the fields of an object usually are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct RulePath {
    /// `None`: in `spec`. Otherwise in this one of `specs`, from 0.
    pub spec: Option<u32>,
    /// `None`: the spec itself, which selects pods and puts them in default deny.
    pub item: Option<RuleItem>,
    /// `None`: the element as a whole. Otherwise this item of its `toPorts`.
    pub port_rule: Option<PortRuleItem>,
}

/// An item of an element's `toPorts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRuleItem {
    /// Index in `toPorts`, from 0.
    pub index: u32,
    /// `None`: the item as a whole. Otherwise this one of its rules of layer 7.
    pub rule: Option<Layer7Item>,
}

/// A rule of layer 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layer7Item {
    /// The list.
    pub list: Layer7List,
    /// Index in it, from 0.
    pub index: u32,
}

/// The lists of an item of `toPorts` that hold rules of layer 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer7List {
    /// Requests of HTTP.
    Http,
    /// Questions for names.
    Dns,
    /// Requests to brokers.
    Kafka,
    /// Servers of TLS connections.
    ServerNames,
}

impl Layer7List {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Dns, Self::Kafka, Self::ServerNames];

    /// The field's path in the item.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "rules.http",
            Self::Dns => "rules.dns",
            Self::Kafka => "rules.kafka",
            Self::ServerNames => "serverNames",
        }
    }
}

/// An element of a spec's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleItem {
    /// The list.
    pub list: RuleList,
    /// Index in it, from 0.
    pub index: u32,
}

/// The lists of a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleList {
    /// Who may come.
    Ingress,
    /// Who may not come.
    IngressDeny,
    /// Where it may go.
    Egress,
    /// Where it may not go.
    EgressDeny,
}

impl RuleList {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Ingress,
        Self::IngressDeny,
        Self::Egress,
        Self::EgressDeny,
    ];

    /// The field's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::IngressDeny => "ingressDeny",
            Self::Egress => "egress",
            Self::EgressDeny => "egressDeny",
        }
    }
}

impl RulePath {
    /// The element of this spec's list.
    pub(crate) fn element(self, list: RuleList, index: usize) -> Self {
        Self {
            item: Some(RuleItem {
                list,
                index: place(index),
            }),
            ..self
        }
    }

    /// One of `specs`.
    pub(crate) fn one_of_specs(index: usize) -> Self {
        Self {
            spec: Some(place(index)),
            ..Self::default()
        }
    }

    /// The item of this element's `toPorts`.
    pub(crate) fn port_rule(self, index: usize) -> Self {
        Self {
            port_rule: Some(PortRuleItem {
                index: place(index),
                rule: None,
            }),
            ..self
        }
    }

    /// The rule of layer 7 of this item of `toPorts`: what a decision's index stands for. Of another path
    /// it is the path itself.
    #[must_use]
    pub fn layer7(self, list: Layer7List, index: usize) -> Self {
        let rule = Layer7Item {
            list,
            index: place(index),
        };
        Self {
            port_rule: self.port_rule.map(|item| PortRuleItem {
                rule: Some(rule),
                ..item
            }),
            ..self
        }
    }
}

/// A place in a list. Manifests are far smaller than would hold more elements than that.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl fmt::Display for RulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec {
            None => f.write_str("spec")?,
            Some(index) => write!(f, "specs[{index}]")?,
        }
        if let Some(RuleItem { list, index }) = self.item {
            write!(f, ".{}[{index}]", list.name())?;
        }
        let Some(PortRuleItem { index, rule }) = self.port_rule else {
            return Ok(());
        };
        write!(f, ".toPorts[{index}]")?;
        match rule {
            None => Ok(()),
            Some(Layer7Item { list, index }) => write!(f, ".{}[{index}]", list.name()),
        }
    }
}

/// A text that is not the path of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not the path of a rule, such as spec.ingress[0]")]
pub struct NoRulePath(String);

impl FromStr for RulePath {
    type Err = NoRulePath;

    /// Reads what [`RulePath`] writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, NoRulePath> {
        let no_path = || NoRulePath(text.to_owned());
        let mut steps = text.splitn(4, '.');
        let (spec, item) = (steps.next().unwrap_or_default(), steps.next());
        let (port_rule, rule) = (steps.next(), steps.next());
        let spec = match spec {
            "spec" => None,
            specs => Some(indexed(specs, "specs").ok_or_else(no_path)?),
        };
        let element = |item| {
            let mut lists = RuleList::ALL.into_iter();
            lists.find_map(|list| indexed(item, list.name()).map(|index| RuleItem { list, index }))
        };
        let item = match item {
            None => None,
            Some(item) => Some(element(item).ok_or_else(no_path)?),
        };
        let layer7 = |rule| {
            let mut lists = Layer7List::ALL.into_iter();
            lists
                .find_map(|list| indexed(rule, list.name()).map(|index| Layer7Item { list, index }))
        };
        let rule = match rule {
            None => None,
            Some(rule) => Some(layer7(rule).ok_or_else(no_path)?),
        };
        let port_rule = match port_rule {
            None => None,
            Some(item) => Some(PortRuleItem {
                index: indexed(item, "toPorts").ok_or_else(no_path)?,
                rule,
            }),
        };
        Ok(Self {
            spec,
            item,
            port_rule,
        })
    }
}

/// 2 of `ingress[2]`.
fn indexed(text: &str, name: &str) -> Option<u32> {
    let digits = text.strip_prefix(name)?.strip_prefix('[')?;
    let digits = digits.strip_suffix(']')?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    is_plain.then(|| digits.parse().ok()).flatten()
}

impl TryFrom<String> for RulePath {
    type Error = NoRulePath;

    fn try_from(text: String) -> Result<Self, NoRulePath> {
        text.parse()
    }
}

impl From<RulePath> for String {
    fn from(path: RulePath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written_and_in_the_order_of_the_object() {
        let mut all: Vec<RulePath> = Vec::new();
        for spec in [None, Some(0), Some(2), Some(10), Some(u32::MAX)] {
            let spec = RulePath {
                spec,
                ..RulePath::default()
            };
            all.push(spec);
            for element in RuleList::ALL
                .into_iter()
                .flat_map(|list| [0, 2, 10].map(|index| spec.element(list, index)))
            {
                all.push(element);
                for item in [0, 3].map(|index| element.port_rule(index)) {
                    all.push(item);
                    let lists = Layer7List::ALL.into_iter();
                    all.extend(lists.flat_map(|list| [0, 7].map(|index| item.layer7(list, index))));
                }
            }
        }
        for path in &all {
            assert_eq!(path.to_string().parse(), Ok(*path), "{path}");
        }
        assert!(all.is_sorted());
        for text in [
            "spec",
            "specs[0]",
            "spec.ingress[2]",
            "spec.ingressDeny[2]",
            "specs[1].egressDeny[12]",
            "spec.egress[0].toPorts[1]",
            "spec.egress[0].toPorts[1].rules.http[2]",
            "specs[0].egress[0].toPorts[1].serverNames[0]",
        ] {
            let path: RulePath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "",
            "specs",
            "spec[0]",
            "spec.",
            "spec.ingress",
            "spec.ingress[]",
            "spec.ingress[01]",
            "spec.ingress[+1]",
            "spec.ingress[-1]",
            "spec.ingress[4294967296]",
            "spec.ingress[0] ",
            "spec.ingress[0].fromEndpoints[0]",
            "spec.Ingress[0]",
            "spec.ingressdeny[0]",
            "spec, specs[0]",
        ] {
            let error = text.parse::<RulePath>().unwrap_err();
            assert!(
                error.to_string().contains("is not the path of a rule"),
                "{text}"
            );
        }
    }
}
