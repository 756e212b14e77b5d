//! A peer's request against the alternatives of a port.

use l7_wire::name::Name;
use l7_wire::tls::ServerName;

use super::compiled::{Allowing, Compiled, Set};
use super::decision::{Allowed, Decision, Denial, Nearest, Reason};
use super::snapshot::RuleRef;
use crate::http::{Effects, Fit, Headers, Request, Secrets};

/// What was found so far. The nearest rule is the one with the least distance, of equals the first.
#[derive(Default)]
struct Search {
    allowed: Option<Allowed>,
    nearest: Option<(usize, Nearest)>,
}

/// Farther than any rule that was compared.
const NOT_COMPARED: usize = usize::MAX;

impl Search {
    fn allow(&mut self, rule: RuleRef, item: Option<usize>) {
        self.allowed.get_or_insert(Allowed { rule, item });
    }

    fn deny(
        &mut self,
        rule: RuleRef,
        item: Option<usize>,
        distance: usize,
        reason: impl FnOnce() -> Reason,
    ) {
        if self.allowed.is_some() {
            return;
        }
        if self
            .nearest
            .as_ref()
            .is_none_or(|(least, _)| distance < *least)
        {
            let reason = reason();
            self.nearest = Some((distance, Nearest { rule, item, reason }));
        }
    }

    /// An alternative that allows none of what is judged.
    fn deny_other(&mut self, alternative: &Compiled) {
        let allows = alternative.allows.protocol();
        self.deny(alternative.rule, None, NOT_COMPARED, || {
            Reason::OtherProtocol { allows }
        });
    }

    fn decide(self) -> Decision {
        match self.allowed {
            Some(allowed) => Decision::Allowed(allowed),
            None => Decision::Denied(Denial {
                nearest: self.nearest.map(|(_, nearest)| nearest),
            }),
        }
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
        let mut search = Search::default();
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
                            search.deny(rule, Some(index), distance, || {
                                Reason::name(name, pattern.text())
                            });
                        }
                    }
                    search.deny(rule, None, NOT_COMPARED, || Reason::AllowsNothing);
                }
                Allowing::Http(_) | Allowing::ServerNames(_) => search.deny_other(alternative),
            }
            if search.allowed.is_some() {
                break;
            }
        }
        search.decide()
    }

    /// Judges a TLS connection by the server's name in its first message; `None` if it names none, or is not
    /// TLS. `peer` is the other end's identity.
    pub fn judge_server_name(&self, peer: u32, sent: Option<&ServerName>) -> Decision {
        let named = sent.and_then(|sent| Some((sent, sent.to_name()?)));
        let mut search = Search::default();
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
                            (Some((sent, name)), _) => {
                                let near = pattern.nearness(name);
                                let distance = NOT_COMPARED.saturating_sub(1 + near);
                                search.deny(rule, Some(index), distance, || {
                                    Reason::server_name(sent, pattern.text())
                                });
                            }
                            (None, Some(sent)) => {
                                search.deny(rule, Some(index), NOT_COMPARED - 1, || {
                                    Reason::server_name(sent, pattern.text())
                                });
                            }
                            (None, None) => search.deny(rule, None, 0, || Reason::NoServerName),
                        }
                    }
                    search.deny(rule, None, NOT_COMPARED, || Reason::AllowsNothing);
                }
                Allowing::Http(_) | Allowing::Dns(_) => search.deny_other(alternative),
            }
        }
        search.decide()
    }

    /// Judges a request. `peer` is the other end's identity. All rules are looked at, also behind one that
    /// allows, since each that fits may change headers; what a denied request's rules would change is nothing.
    pub fn judge_http<H: Headers + ?Sized>(
        &self,
        peer: u32,
        request: &Request<'_, H>,
        secrets: &impl Secrets,
    ) -> (Decision, Effects) {
        let (mut search, mut effects) = (Search::default(), Effects::default());
        for alternative in self.selecting(peer) {
            let rule = alternative.rule;
            match &alternative.allows {
                Allowing::Everything => search.allow(rule, None),
                Allowing::Http(items) => {
                    for (index, item) in items.iter().enumerate() {
                        match item.judge(request, secrets) {
                            Fit::Fits(more) => {
                                search.allow(rule, Some(index));
                                effects.merge(more);
                            }
                            Fit::Fails { first, distance } => {
                                search.deny(rule, Some(index), distance, || Reason::Http(first));
                            }
                        }
                    }
                    search.deny(rule, None, NOT_COMPARED, || Reason::AllowsNothing);
                }
                Allowing::Dns(_) | Allowing::ServerNames(_) => search.deny_other(alternative),
            }
        }
        (search.decide(), effects)
    }
}
