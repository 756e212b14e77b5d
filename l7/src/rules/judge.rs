//! A peer's request against the alternatives of a port.

use l7_wire::name::Name;
use l7_wire::tls::ServerName;

use super::compiled::{Allowing, Compiled, Set};
use super::decision::{Allowed, Decision, Denial, Nearest, Reason};
use super::snapshot::RuleRef;
use crate::http::{Effects, Fit, Headers, Request, Secrets};
use crate::kafka;

/// What was found so far. The nearest rule is the one with the least distance, of equals the first. Why it doesn't
/// fit is put in words at the end, for it alone: `W` is what they are made of.
struct Search<W> {
    allowed: Option<Allowed>,
    nearest: Option<Near<W>>,
}

struct Near<W> {
    distance: usize,
    rule: RuleRef,
    item: Option<usize>,
    why: Why<W>,
}

/// Why a rule doesn't fit.
enum Why<W> {
    Item(W),
    AllowsNothing,
    OtherProtocol(&'static str),
}

/// Farther than any rule that was compared.
const NOT_COMPARED: usize = usize::MAX;

impl<W> Search<W> {
    const fn new() -> Self {
        Self {
            allowed: None,
            nearest: None,
        }
    }

    fn allow(&mut self, rule: RuleRef, item: Option<usize>) {
        self.allowed.get_or_insert(Allowed { rule, item });
    }

    /// An item that doesn't fit.
    fn deny(&mut self, rule: RuleRef, item: Option<usize>, distance: usize, why: W) {
        self.add(Near {
            distance,
            rule,
            item,
            why: Why::Item(why),
        });
    }

    /// An alternative of which no item was compared: it has none, or is of another protocol.
    fn deny_whole(&mut self, alternative: &Compiled, why: Why<W>) {
        self.add(Near {
            distance: NOT_COMPARED,
            rule: alternative.rule,
            item: None,
            why,
        });
    }

    fn deny_other(&mut self, alternative: &Compiled) {
        let protocol = alternative.allows.protocol();
        self.deny_whole(alternative, Why::OtherProtocol(protocol));
    }

    fn add(&mut self, near: Near<W>) {
        let known = self.nearest.as_ref();
        if known.is_none_or(|known| near.distance < known.distance) {
            self.nearest = Some(near);
        }
    }

    fn decide(self, reason: impl FnOnce(W) -> Reason) -> Decision {
        if let Some(allowed) = self.allowed {
            return Decision::Allowed(allowed);
        }
        let nearest = self.nearest.map(|near| Nearest {
            rule: near.rule,
            item: near.item,
            reason: match near.why {
                Why::Item(why) => reason(why),
                Why::AllowsNothing => Reason::AllowsNothing,
                Why::OtherProtocol(allows) => Reason::OtherProtocol { allows },
            },
        });
        Decision::Denied(Denial { nearest })
    }
}

impl Set {
    fn selecting(&self, peer: u32) -> impl Iterator<Item = &Compiled> {
        self.alternatives
            .iter()
            .filter(move |one| one.selects(peer))
    }

    /// Judges a question for a name. `peer` is the server's identity.
    pub fn judge_dns(&self, peer: u32, name: &Name) -> Decision {
        let mut search = Search::new();
        for alternative in self.selecting(peer).filter(|one| !one.is_wide) {
            let rule = alternative.rule;
            match &alternative.allows {
                Allowing::Everything => search.allow(rule, None),
                Allowing::Dns(items) => {
                    for (index, item) in items.iter().enumerate() {
                        if item.matches(name) {
                            search.allow(rule, Some(index));
                        }
                        for pattern in item.patterns() {
                            let distance = NOT_COMPARED.saturating_sub(1 + pattern.nearness(name));
                            search.deny(rule, Some(index), distance, pattern.text());
                        }
                    }
                    search.deny_whole(alternative, Why::AllowsNothing);
                }
                Allowing::Http(_) | Allowing::Kafka(_) | Allowing::ServerNames(_) => {
                    search.deny_other(alternative);
                }
            }
            if search.allowed.is_some() {
                break;
            }
        }
        search.decide(|wanted| Reason::name(name, wanted))
    }

    /// Judges a TLS connection by the server's name in its first message; `None` if it names none, or is not
    /// TLS. `peer` is the other end's identity.
    pub fn judge_server_name(&self, peer: u32, sent: Option<&ServerName>) -> Decision {
        let named = sent.and_then(|sent| Some((sent, sent.to_name()?)));
        let mut search = Search::new();
        for alternative in self.selecting(peer) {
            let rule = alternative.rule;
            match &alternative.allows {
                Allowing::Everything => search.allow(rule, None),
                Allowing::ServerNames(patterns) => {
                    for (index, pattern) in patterns.iter().enumerate() {
                        match (&named, sent) {
                            (Some((_, name)), _) if pattern.matches(name) => {
                                search.allow(rule, Some(index));
                            }
                            (Some((_, name)), _) => {
                                let near = pattern.nearness(name);
                                let distance = NOT_COMPARED.saturating_sub(1 + near);
                                search.deny(rule, Some(index), distance, pattern.text());
                            }
                            (None, Some(_)) => {
                                search.deny(rule, Some(index), NOT_COMPARED - 1, pattern.text());
                            }
                            (None, None) => search.deny(rule, None, 0, pattern.text()),
                        }
                    }
                    search.deny_whole(alternative, Why::AllowsNothing);
                }
                Allowing::Http(_) | Allowing::Dns(_) | Allowing::Kafka(_) => {
                    search.deny_other(alternative);
                }
            }
            if search.allowed.is_some() {
                break;
            }
        }
        search.decide(|wanted| match sent {
            Some(sent) => Reason::server_name(sent, wanted),
            None => Reason::NoServerName,
        })
    }

    /// Judges a request. `peer` is the other end's identity. Where rules of the set may change headers, all are
    /// looked at, also behind one that allows, each after the changes of those before it; what a denied request's
    /// rules would change is nothing.
    pub fn judge_http<H: Headers + ?Sized>(
        &self,
        peer: u32,
        request: &Request<'_, H>,
        secrets: &impl Secrets,
    ) -> (Decision, Effects) {
        let (mut search, mut effects) = (Search::new(), Effects::default());
        for alternative in self.selecting(peer) {
            if search.allowed.is_some() && !self.has_actions {
                break;
            }
            let rule = alternative.rule;
            match &alternative.allows {
                Allowing::Everything => search.allow(rule, None),
                Allowing::Http(items) => {
                    for (index, item) in items.iter().enumerate() {
                        match item.judge_after(request, &effects, secrets) {
                            Fit::Fits(more) => {
                                search.allow(rule, Some(index));
                                effects.merge(more);
                                if !self.has_actions {
                                    break;
                                }
                            }
                            Fit::Fails { first, distance } => {
                                search.deny(rule, Some(index), distance, (item, first));
                            }
                        }
                    }
                    search.deny_whole(alternative, Why::AllowsNothing);
                }
                Allowing::Dns(_) | Allowing::Kafka(_) | Allowing::ServerNames(_) => {
                    search.deny_other(alternative);
                }
            }
        }
        let decision = search.decide(|(item, unfit)| Reason::Http(item.mismatch(request, unfit)));
        (decision, effects)
    }

    /// The rules of Kafka for a peer, by which a [connection](crate::kafka::Connection) of its is judged. To be made
    /// anew when rules change, and for each connection's peer.
    pub fn kafka(&self, peer: u32, options: kafka::Options) -> KafkaRules {
        let (mut rules, mut refs) = (Vec::new(), Vec::new());
        for alternative in self.selecting(peer) {
            let rule = alternative.rule;
            match &alternative.allows {
                Allowing::Everything => {
                    rules.push(kafka::Rule::any());
                    refs.push(Allowed { rule, item: None });
                }
                Allowing::Kafka(items) => {
                    rules.extend(items.iter().cloned());
                    let refs_of = (0..items.len()).map(Some);
                    refs.extend(refs_of.map(|item| Allowed { rule, item }));
                }
                Allowing::Http(_) | Allowing::Dns(_) | Allowing::ServerNames(_) => {}
            }
        }
        KafkaRules {
            rules: kafka::Rules::new(rules, options),
            refs,
        }
    }
}

/// The rules of Kafka that select a peer, and whose they are.
#[derive(Clone, Debug)]
pub struct KafkaRules {
    /// To judge by.
    pub rules: kafka::Rules,
    refs: Vec<Allowed>,
}

impl KafkaRules {
    /// Whose the rule with this index is: of [`kafka::Outcome::Allowed`] and [`kafka::Denial::nearest`].
    pub fn rule(&self, index: usize) -> Option<Allowed> {
        self.refs.get(index).copied()
    }
}
