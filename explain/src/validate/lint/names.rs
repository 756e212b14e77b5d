//! Rules for names of which nothing is learned.

use super::Lints;
use super::Severity::Warning;
use policy::Direction;
use policy::rule::{Element, Peer, Rule, Statement};

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
}
