//! Fields of a document, each with its path, so that whatever is wrong can be named.

use std::net::IpAddr;
use std::sync::Arc;

use abi::proto;
use ipnet::IpNet;

use super::LabelMap;
use super::reader::{Reader, Result};
use crate::labels::{LABEL_KEY, LABEL_VALUE, is_label_key, is_label_value};
use crate::protocol;
use crate::yaml::{self, Value};

impl Reader<'_> {
    pub(super) fn port(&self, parent: &yaml::Node, key: &str, path: &str) -> Result<u16> {
        let field = format!("{path}.{key}");
        let Some(node) = parent.get(key) else {
            return Err(self.problem(parent.at, &field, "is missing".into(), ""));
        };
        let number = node
            .value
            .as_int()
            .and_then(|number| u16::try_from(number).ok());
        number.filter(|port| *port > 0).ok_or_else(|| {
            self.problem(
                node.at,
                &field,
                "is not a port".into(),
                "use a number from 1 to 65535",
            )
        })
    }

    pub(super) fn protocol(&self, parent: &yaml::Node, path: &str) -> Result<u8> {
        let Some(node) = parent.get("protocol") else {
            return Ok(proto::TCP);
        };
        let named = node.value.as_text().and_then(protocol::with_ports);
        named.map(|(_, number)| number).ok_or_else(|| {
            self.problem(
                node.at,
                &format!("{path}.protocol"),
                "is not a protocol".into(),
                "use TCP, UDP or SCTP",
            )
        })
    }

    pub(super) fn opt_text(&self, node: &yaml::Node, path: &[&str]) -> Result<Option<Arc<str>>> {
        match at(node, path).map(|node| (&node.value, node)) {
            None => Ok(None),
            Some((Value::Text(text), _)) => Ok(Some(text.as_str().into())),
            Some((_, node)) => Err(self.wrong_type(node, &path.join("."), "text")),
        }
    }

    /// Whether it is there and true.
    pub(super) fn opt_bool(&self, node: &yaml::Node, path: &[&str]) -> Result<bool> {
        match at(node, path).map(|node| (&node.value, node)) {
            None => Ok(false),
            Some((Value::Bool(value), _)) => Ok(*value),
            Some((_, node)) => Err(self.wrong_type(node, &path.join("."), "true or false")),
        }
    }

    pub(super) fn list<'n>(&self, node: &'n yaml::Node, path: &[&str]) -> Result<&'n [yaml::Node]> {
        match at(node, path).map(|node| (&node.value, node)) {
            None => Ok(&[]),
            Some((Value::List(items), _)) => Ok(items),
            Some((_, node)) => Err(self.wrong_type(node, &path.join("."), "a list")),
        }
    }

    pub(super) fn labels(&self, node: &yaml::Node, path: &[&str]) -> Result<LabelMap> {
        let fields = match at(node, path).map(|node| (&node.value, node)) {
            None => return Ok(LabelMap::new()),
            Some((Value::Map(fields), _)) => fields,
            Some((_, node)) => return Err(self.wrong_type(node, &path.join("."), "a mapping")),
        };
        let mut labels = LabelMap::new();
        for field in fields {
            if !is_label_key(&field.key) {
                let problem = format!("{:?} is not a label key", field.key);
                return Err(self.problem(field.at, &path.join("."), problem, LABEL_KEY));
            }
            let value = match &field.node.value {
                Value::Text(text) => text.clone(),
                Value::Null => String::new(),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::List(_)
                | Value::Map(_) => {
                    let path = format!("{}.{}", path.join("."), field.key);
                    return Err(self.wrong_type(&field.node, &path, "text"));
                }
            };
            if !is_label_value(&value) {
                let path = format!("{}.{}", path.join("."), field.key);
                let problem = format!("{value:?} is not a label value");
                return Err(self.problem(field.node.at, &path, problem, LABEL_VALUE));
            }
            labels.insert(field.key.clone(), value);
        }
        Ok(labels)
    }

    pub(super) fn parse<T>(
        &self,
        node: &yaml::Node,
        field: &str,
        parse: fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<T> {
        let Some(text) = node.value.as_text() else {
            return Err(self.wrong_type(node, field, wanted));
        };
        parse(text)
            .ok_or_else(|| self.problem(node.at, field, format!("{text:?} is not {wanted}"), ""))
    }

    pub(super) fn parsed<T>(
        &self,
        node: &yaml::Node,
        path: &[&str],
        parse: fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<Vec<T>> {
        self.list(node, path)?
            .iter()
            .enumerate()
            .map(|(n, item)| self.parse(item, &format!("{}[{n}]", path.join(".")), parse, wanted))
            .collect()
    }
}

pub(super) fn at<'n>(node: &'n yaml::Node, path: &[&str]) -> Option<&'n yaml::Node> {
    path.iter().try_fold(node, |node, key| node.get(key))
}

pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A prefix with its host bits cleared; an address alone is a prefix of its full length.
pub(super) fn parse_cidr(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}
