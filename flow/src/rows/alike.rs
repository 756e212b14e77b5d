//! Which rows become one: denials of one cause, and allowed requests that ask the same and are answered alike.
//!
//! A pod's resolver asks for each name several times: for IPv4 and IPv6, and with each suffix of its search list
//! (resolv.conf(5), `ndots:5`) until one is found. What was meant is one name.

use crate::connection::CarriedRequests;
use crate::layer7::{Answered, subject};
use crate::view::{ConnectionState, FlowView, Side};
use crate::workload_ref::WorkloadRef;

use super::{Judged, Row};

/// The domain of services, as nearly everywhere.
const SERVICES: &str = ".svc.cluster.local";
const CLUSTER: &str = ".cluster.local";

/// The requests of a row that asked the same and were answered alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alike {
    /// `GET /cart`, `produce orders`; of DNS the name that was meant: `DNS api.example.com`. Empty of denied ones:
    /// they are rows of their own.
    pub subject: String,
    /// What became of them.
    pub answered: Answered,
}

impl Alike {
    pub(super) fn of<V: FlowView>(
        view: &impl FlowView,
        carried: &CarriedRequests<'_, V>,
    ) -> Option<Self> {
        let answered = carried.alike?;
        let subject = match carried.newest.and_then(FlowView::l7) {
            _ if answered == Answered::Refused => String::new(),
            Some(layer7) => match subject(layer7)?.strip_prefix("DNS ") {
                Some(name) => {
                    let is_missing = answered == Answered::NoName;
                    format!(
                        "DNS {}",
                        meant(name, view.namespace(Side::Source), is_missing)
                    )
                }
                None => subject(layer7)?,
            },
            None => return None,
        };
        Some(Self { subject, answered })
    }
}

/// The name that was meant by one that a search list may have made. Of those that are missing it is the one
/// before the suffix; a service goes by its short name, `api.shop`.
fn meant<'a>(name: &'a str, namespace: &str, is_missing: bool) -> &'a str {
    let without = |suffix: &str| name.strip_suffix(suffix).filter(|name| !name.is_empty());
    let searched = || {
        let own =
            without(SERVICES).and_then(|name| name.strip_suffix(namespace)?.strip_suffix('.'));
        let own = own.filter(|name| !name.is_empty());
        own.or_else(|| without(SERVICES))
            .or_else(|| without(CLUSTER))
    };
    let name = match is_missing {
        true => searched().unwrap_or(name),
        false => name,
    };
    let short = name.strip_suffix(SERVICES).filter(|name| !name.is_empty());
    short.unwrap_or(name)
}

/// What rows have in common that become one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    source: WorkloadRef,
    /// Of requests: those of one client are one.
    client: String,
    source_outside: String,
    destination: WorkloadRef,
    destination_outside: String,
    port: String,
    judged: Judged,
    why: String,
    alike: Option<Alike>,
}

impl Row {
    /// What those have in common that it becomes one with; `None` if it stands by itself.
    pub fn cause(&self) -> Option<Cause> {
        let is_denied = self.facts.state == ConnectionState::Denied;
        let alike = self.alike().cloned();
        if !is_denied && alike.is_none() {
            return None;
        }
        Some(Cause {
            source: self.source.who.clone(),
            client: match is_denied {
                true => String::new(),
                false => self.source.pod.clone(),
            },
            source_outside: self.source.outside.clone(),
            destination: self.destination.who.clone(),
            destination_outside: self.destination.outside.clone(),
            port: self.port.clone(),
            judged: self.judged,
            why: self.why.clone(),
            alike: alike.map(|alike| Alike {
                answered: alike.answered.kind(),
                ..alike
            }),
        })
    }

    /// Of an allowed connection that is over, and whose requests are told together with others alike. What is
    /// in trouble stands by itself.
    fn alike(&self) -> Option<&Alike> {
        let is_over = match self.facts.state {
            ConnectionState::Closed | ConnectionState::Answered => true,
            ConnectionState::Opening
            | ConnectionState::Open
            | ConnectionState::Denied
            | ConnectionState::NoAnswer
            | ConnectionState::Refused
            | ConnectionState::Reset => false,
        };
        let is_whole =
            self.judged == Judged::Allowed && self.facts.drops == 0 && self.facts.lost == 0;
        self.requests.alike.as_ref().filter(|_| is_over && is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_search_list_makes_of_a_name_mean_the_same() {
        for (asked, short) in [
            ("api.example.com", "api.example.com"),
            ("db.staging", "db.staging"),
            ("db.staging.svc.cluster.local", "db.staging"),
        ] {
            for suffix in [
                "",
                ".shop.svc.cluster.local",
                ".svc.cluster.local",
                ".cluster.local",
            ] {
                let name = format!("{asked}{suffix}");
                // The one that is there is the last that is asked for.
                assert_eq!(meant(&name, "shop", true), short, "{name}");
            }
            assert_eq!(meant(asked, "shop", false), short);
        }
    }

    #[test]
    fn names_that_are_there_are_not_taken_apart() {
        for (name, wanted) in [
            ("kafka.shop.svc.cluster.local", "kafka.shop"),
            ("registry.cluster.local", "registry.cluster.local"),
            ("cluster.local", "cluster.local"),
            (".svc.cluster.local", ".svc.cluster.local"),
            ("", ""),
        ] {
            assert_eq!(meant(name, "shop", false), wanted);
        }
        for name in [
            "shop.svc.cluster.local",
            ".shop.svc.cluster.local",
            ".cluster.local",
        ] {
            assert!(!meant(name, "shop", true).is_empty(), "{name}");
        }
    }
}
