//! Rules of layer 7 that would allow a denied request, or a question for a name: no more than was asked about.

use std::sync::Arc;

use cluster::{Kind, ObjectName};
use l7::rules::Allows;
use policy::rule::{Element, Policy, PortRule};
use policy::{Config, Direction, Layer7List, PortRuleItem, RulePath};

use super::yaml::indented;
use super::{Candidate, DeniedConnection, Policies, Suggestion, parse};
use crate::trace::request::name_text;
use crate::trace::{
    EndpointVerdict, Layer7Rule, NameResolution, PolicyContext, Request, protocol_name,
};

/// Items of a list of layer 7.
pub(super) struct Items {
    list: Layer7List,
    /// In YAML, each with its dash.
    yaml: String,
}

impl Items {
    /// Those that a request needs; `None`: policies have no words for it.
    pub(super) fn for_request(request: &Request) -> Option<Self> {
        let (list, yaml) = match request {
            Request::Http {
                method, path, host, ..
            } => {
                let path = std::str::from_utf8(path).ok()?;
                let mut yaml = format!("- method: {}\n", pattern(method)?);
                yaml.push_str(&format!("  path: {}\n", pattern(path)?));
                if !host.is_empty() {
                    yaml.push_str(&format!("  host: {}\n", pattern(host)?));
                }
                (Layer7List::Http, yaml)
            }
            Request::Dns(name) => {
                let name = name_text(name);
                (
                    Layer7List::Dns,
                    format!("- matchName: {}\n", quoted(&name)?),
                )
            }
            Request::Kafka { head, topics } => {
                let key = head.api_key.name()?;
                let mut yaml = String::new();
                // Each topic needs a rule.
                for topic in topics {
                    yaml.push_str(&format!("- apiKey: {key}\n  topic: {}\n", quoted(topic)?));
                }
                if topics.is_empty() {
                    yaml = format!("- apiKey: {key}\n");
                }
                (Layer7List::Kafka, yaml)
            }
            Request::Tls(Some(name)) => {
                let name = name.to_string();
                (Layer7List::ServerNames, format!("- {}\n", quoted(&name)?))
            }
            Request::Tls(None) => return None,
        };
        Some(Self { list, yaml })
    }

    /// The items in their list, as fields of an item of `toPorts` that is two levels deep.
    pub(super) fn block(&self) -> String {
        match self.list.name().split_once('.') {
            Some((rules, list)) => {
                format!("    {rules}:\n      {list}:\n{}", indented(&self.yaml, 6))
            }
            None => format!("    {}:\n{}", self.list.name(), indented(&self.yaml, 4)),
        }
    }

    /// The items read as the agent would read them, on a port.
    fn read(
        &self,
        policy: &ObjectName,
        direction: Direction,
        (protocol, port): (u8, u16),
        config: &Config,
    ) -> Option<Arc<Allows>> {
        let text = format!(
            "- toPorts:\n  - ports:\n    - port: \"{port}\"\n      protocol: {}\n{}",
            protocol_name(protocol),
            self.block()
        );
        let element = parse::element(policy, direction, &text, config)?;
        let rule = element.port_rules.first()?;
        Some(Arc::clone(&rule.allows))
    }

    /// The policies with these items in one of their lists.
    fn added(
        &self,
        policies: &Policies,
        name: &ObjectName,
        path: RulePath,
        items: &Allows,
    ) -> Option<Candidate> {
        let mut policies = policies.clone();
        let policy = Arc::make_mut(policies.get_mut(name)?);
        let rule = port_rule_mut(policy, path)?;
        let list = Arc::make_mut(&mut rule.allows);
        match (list, items.clone()) {
            (Allows::Http(list), Allows::Http(more)) => list.extend(more),
            (Allows::Dns(list), Allows::Dns(more)) => list.extend(more),
            (Allows::Kafka(list), Allows::Kafka(more)) => list.extend(more),
            (Allows::ServerNames(list), Allows::ServerNames(more)) => list.extend(more),
            _ => return None,
        }
        Some(Candidate {
            suggestion: Suggestion {
                policy: Some(name.clone()),
                text: format!("add to {path}.{} of {name}", self.list.name()),
                yaml: self.yaml.clone(),
            },
            policies,
        })
    }
}

fn port_rule_mut(policy: &mut Policy, path: RulePath) -> Option<&mut PortRule> {
    let statements = policy
        .rules
        .iter_mut()
        .flat_map(|rule| rule.ingress.iter_mut().chain(rule.egress.iter_mut()));
    let elements = statements.flat_map(|statement| &mut statement.elements);
    let mut rules = elements.flat_map(|element| &mut element.port_rules);
    rules.find(|rule| rule.path == path)
}

/// The item of `toPorts` in which a rule of layer 7 stands.
fn port_rule_of(path: RulePath) -> Option<RulePath> {
    let index = path.port_rule?.index;
    Some(RulePath {
        port_rule: Some(PortRuleItem { index, rule: None }),
        ..path
    })
}

/// What a new rule says of a request, see [`DeniedConnection::layer7`].
pub(super) fn block(
    request: Option<&Request>,
    direction: Direction,
    config: &Config,
) -> Option<String> {
    // Questions of DNS are read at their source.
    let is_read = |request: &&Request| {
        let is_elsewhere = matches!(request, Request::Dns(_)) && direction == Direction::Ingress;
        config.layer7.is_some() && !is_elsewhere
    };
    match request.filter(is_read) {
        None => Some(String::new()),
        Some(request) => Items::for_request(request).map(|items| items.block()),
    }
}

/// The smallest change that lets a request through whose connection is allowed, or why there is none.
pub(super) fn open_request(
    denied: &DeniedConnection<'_>,
    now: &EndpointVerdict,
    policies: &Policies,
) -> Suggestion {
    let nothing = || Suggestion {
        policy: None,
        text: "the policy language has no rule for this request alone".to_owned(),
        yaml: String::new(),
    };
    let Some(items) = denied.request.and_then(Items::for_request) else {
        return nothing();
    };
    // The rule that came nearest, then the others that were asked.
    let nearest = now
        .request
        .as_ref()
        .and_then(|request| request.rule.as_ref());
    let nearest = nearest.and_then(|rule| match rule {
        Layer7Rule::OfPolicy { policy, path, .. } => Some((policy.clone(), port_rule_of(*path)?)),
        Layer7Rule::Implicit(_) => None,
    });
    let matched = now.policies.iter().flat_map(|finding| {
        let rules = finding.rules.iter();
        let rules = rules.filter(|rule| rule.matched() && !rule.deny);
        rules.flat_map(|rule| port_rules(policies, &finding.policy, rule.path))
    });
    let port = (denied.protocol, denied.port);
    let in_lists = nearest.into_iter().chain(matched).find_map(|(name, path)| {
        let allows = items.read(&name, denied.direction, port, denied.context.config)?;
        let candidate = items.added(policies, &name, path, &allows)?;
        denied.is_allowed_with(&candidate).then_some(candidate)
    });
    if let Some(candidate) = in_lists {
        return candidate.suggestion;
    }
    let findings = now.policies.iter();
    let findings = findings.filter(|finding| finding.policy.kind != Kind::NetworkPolicy);
    let mut elements = findings.filter_map(|finding| denied.extend_policy(finding, policies));
    let element = elements.find(|candidate| denied.is_allowed_with(candidate));
    element.map_or_else(nothing, |candidate| candidate.suggestion)
}

/// The items of `toPorts` of an element.
fn port_rules(
    policies: &Policies,
    name: &ObjectName,
    element: RulePath,
) -> Vec<(ObjectName, RulePath)> {
    let rules = policies.get(name).into_iter();
    let rules = rules.flat_map(|policy| &policy.rules);
    let statements = rules.flat_map(|rule| rule.ingress.iter().chain(&rule.egress));
    let elements = statements.flat_map(|statement| &statement.elements);
    let elements = elements.filter(|known: &&Element| known.path == element);
    let rules = elements.flat_map(|element| &element.port_rules);
    rules.map(|rule| (name.clone(), rule.path)).collect()
}

/// What lets the source ask for the name.
pub(super) fn open_name(denied: &DeniedConnection<'_>, resolution: &NameResolution) -> Suggestion {
    let asked = l7::wire::name::Name::from_text(&resolution.name).ok();
    let items = asked.and_then(|name| Items::for_request(&Request::Dns(name)));
    let proven = match (&items, &resolution.rule) {
        (Some(items), Some(Layer7Rule::OfPolicy { policy, path, .. })) => port_rule_of(*path)
            .and_then(|path| {
                let port = (policy::rule::protocol::UDP, 53);
                let allows = items.read(policy, Direction::Egress, port, denied.context.config)?;
                let candidate = items.added(denied.context.policies, policy, path, &allows)?;
                learns(denied, &candidate.policies).then_some(candidate.suggestion)
            }),
        _ => None,
    };
    let suggestion = proven.unwrap_or_else(|| Suggestion {
        policy: None,
        text: format!(
            "have the questions of {} for {} read: add rules.dns with this to the rule that allows it \
             53/UDP at its DNS server",
            denied.subject.name, resolution.name
        ),
        yaml: items.map_or_else(String::new, |items| items.yaml),
    });
    Suggestion {
        text: format!("{}, so that the name can be asked for", suggestion.text),
        ..suggestion
    }
}

/// Whether the source learns the name's addresses under other policies.
fn learns(denied: &DeniedConnection<'_>, policies: &Policies) -> bool {
    let known = denied.context.known().identities.clone();
    let context = PolicyContext::new(
        denied.context.state(),
        policies,
        denied.context.config(),
        known,
    );
    let explanation = context.verdict(denied.query, None).ok();
    let resolution = explanation.and_then(|explanation| explanation.resolution);
    resolution.is_none_or(|resolution| resolution.allowed)
}

/// A regular expression for a text alone, as YAML has it; `None` if that can't be written in a line.
fn pattern(text: &str) -> Option<String> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    quoted(&escaped)
}

/// A text as YAML has it, in quotes unless it is plainly one; `None` if it has control characters.
fn quoted(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    let is_word = |c: char| c.is_ascii_alphabetic() || c == '/';
    let is_read_otherwise = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    let is_plain = text.starts_with(is_word) && text.chars().all(fits) && !is_read_otherwise;
    Some(match is_plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    })
}
