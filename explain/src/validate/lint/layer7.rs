//! Rules of layer 7 that restrict nothing, or more than they seem to; rules for names of which nothing is learned.

use super::Lints;
use super::Severity::Warning;
use l7::rules::Allows;
use policy::Direction;
use policy::rule::{Element, Peer, Ports, Rule, Statement};

impl Lints<'_, '_> {
    pub(super) fn names(&mut self, rule: &Rule, statement: &Statement) {
        let is_name = |peer: &Peer| matches!(peer, Peer::Name(_));
        let has_names = |element: &&Element| element.peers.iter().any(is_name);
        let Some(element) = statement.elements.iter().find(has_names) else {
            return;
        };
        let others = self.context.overlaps().others(rule, Direction::Egress);
        if others.is_some_and(|others| others.reads_names()) {
            return;
        }
        self.warn(
            Warning,
            "learns-nothing",
            format!("{}.toFQDNs", element.path),
            "no rule has the questions of these pods for names read (rules.dns): no address of a name is \
             ever learned, so this allows nothing",
            "add rules.dns to the rule that allows them 53/UDP and 53/TCP",
        );
    }

    /// An element with rules of layer 7 whose peers and ports another one, `by`, allows without any.
    pub(super) fn unrestricted(&mut self, element: &Element, by: &Element, text: &str) {
        let rules = element.port_rules.iter();
        let kinds = |is: fn(&Allows) -> bool| rules.clone().any(|rule| is(&rule.allows));
        // DNS looks at rules of exactly its port.
        let is_exact = |ports: &Ports| match ports {
            Ports::Range { first, last, .. } => first == last,
            Ports::Named { .. } => true,
            Ports::All | Ports::Protocol(_) => false,
        };
        let is_dns = kinds(|allows| matches!(allows, Allows::Dns(_)));
        let restricts = kinds(|allows| matches!(allows, Allows::Http(_) | Allows::Kafka(_)));
        if is_dns && !by.ports.iter().any(is_exact) {
            let problem = format!(
                "{text} allows these ports too ({}), but no other names than this rule: DNS looks at rules of \
                 exactly its port",
                by.text
            );
            let remedy = "allow all names with matchPattern: \"*\", if that is meant";
            self.warn(Warning, "names-not-opened", element.path, problem, remedy);
        } else if is_dns || restricts {
            let problem = format!(
                "its rules of layer 7 refuse nothing: {text} allows {} without any",
                by.text
            );
            let remedy = "narrow that rule, if this one is to restrict";
            self.warn(Warning, "refuses-nothing", element.path, problem, remedy);
        }
    }
}
