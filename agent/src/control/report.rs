//! What control tells the rest of the agent: status, progress, peers, counters.

use std::sync::Arc;

use abi::{maps, policy::is_reserved};
use cluster::State;
use tracing::{error, info, warn};

use super::{
    Control, Progress, Status,
    admission::room_of,
    error::{ControlError, chain},
    refusal::Refusal,
    status::{Fill, problems, selected},
};

/// Why the kernel is not in step with the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something failed that may succeed the next time.
    Passing(String),
    /// The manifests ask for more than there is room for: only a change of them helps.
    Refused(Box<Refusal>),
    /// They do, and are in force without what there is no room for.
    LeftOut(Box<Refusal>),
}

impl Failure {
    /// In one line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Passing(text) => text.clone(),
            Self::Refused(refusal) | Self::LeftOut(refusal) => refusal.text(),
        }
    }
}

/// How many cookies are handed out, of those that can be. Those of a fixed meaning aren't among them.
fn handed_out(cookies: &policy::Cookies) -> Fill {
    let map = &maps::DECISIONS;
    let mut numbers = cookies.iter().map(|(cookie, _)| cookie);
    let fixed = numbers.by_ref().take_while(|cookie| is_reserved(*cookie));
    let entries = (cookies.len() - fixed.count()) as u64;
    Fill {
        map: map.name,
        entries,
        wanted: entries,
        max: map.room(map.size.initial()),
    }
}

impl Control {
    /// What to make of an error.
    pub(super) fn failure(&self, state: &State, error: &ControlError) -> Failure {
        let Some(room) = room_of(error) else {
            return Failure::Passing(chain(error));
        };
        Failure::Refused(Box::new(Refusal::new(
            room,
            state,
            self.compiler.compiled(),
            &self.compiler.policies(),
            &self.datapath.in_force(),
            &self.outlets.progress.borrow(),
        )))
    }

    /// Says in the log what went wrong, unless it is what was said last.
    pub(super) fn log_failure(&self, failure: &Failure) {
        let text = failure.text();
        if self.outlets.progress.borrow().failure.as_ref() != Some(&text) {
            error!(error = %text, "the kernel's maps are not in step with the manifests");
        }
    }

    /// Says that there are no manifests yet.
    pub(super) fn report_waiting(&self) {
        let failure = format!("waiting for {}", self.manifests.waiting_for());
        let progress = Progress {
            revision: self.datapath.revision(),
            failure: Some(failure.clone()),
            ..Progress::clone(&self.outlets.progress.borrow())
        };
        let status = Status {
            revision: progress.revision,
            failure: Some(failure),
            ..Status::clone(&self.outlets.status.load())
        };
        self.outlets.status.store(Arc::new(status));
        self.outlets.progress.send_replace(Arc::new(progress));
    }

    pub(super) fn report(&self, state: &State, failure: Option<&Failure>) {
        let compiled = self.compiler.compiled();
        let before = self.outlets.status.load_full();
        let refusal = match failure {
            Some(Failure::Refused(refusal) | Failure::LeftOut(refusal)) => Some(refusal),
            Some(Failure::Passing(_)) | None => None,
        };
        let mut problems = problems(state, compiled);
        problems.extend(refusal.iter().flat_map(|refusal| refusal.problems(state)));
        for problem in &mut problems {
            self.manifests.locate(&mut problem.problem);
        }
        let progress = Progress::new(
            self.datapath.revision(),
            state,
            compiled,
            failure,
            &self.outlets.progress.borrow(),
        );
        let status = Status {
            generation: state.generation,
            revision: progress.revision,
            failure: progress.failure.clone().or(self.integrity.failure()),
            problems,
            selected: selected(compiled),
            policies: progress.policies.len(),
            endpoints: self.endpoints.iter().count(),
            fills: self.fills(refusal.map(|refusal| &**refusal)),
            ..(*before).clone()
        };
        for problem in status
            .problems
            .iter()
            .filter(|new| !before.problems.contains(new))
        {
            warn!("{problem}");
        }
        if status.problems.is_empty() && !before.problems.is_empty() {
            info!("all manifests are good again");
        }
        // Whoever waited for the progress and then asks for the status finds the same.
        self.outlets.status.store(Arc::new(status));
        self.outlets.progress.send_replace(Arc::new(progress));
    }

    fn fills(&self, refusal: Option<&Refusal>) -> Vec<Fill> {
        let mut fills: Vec<Fill> = self.datapath.fills().into_iter().map(Fill::from).collect();
        if let Some(refusal) = refusal {
            for fill in fills.iter_mut().filter(|fill| fill.map == refusal.map) {
                fill.wanted = refusal.wanted as u64;
            }
        }
        fills.push(handed_out(&self.compiler.compiled().cookies));
        fills
    }

    pub(super) fn tell_peers(&self, state: &State) {
        let peers = state
            .nodes
            .values()
            .map(|node| {
                let name = crate::names::Node {
                    cluster: self.config.cluster.clone(),
                    name: node.name.to_string(),
                    labels: vec![],
                };
                let address = node
                    .addresses
                    .iter()
                    .find(|address| address.is_ipv4())
                    .or(node.addresses.first());
                let address = match (address, self.port) {
                    (Some(ip), Some(port)) => std::net::SocketAddr::new(*ip, port).to_string(),
                    (Some(ip), None) => ip.to_string(),
                    (None, _) => String::new(),
                };
                (name.full_name(), address)
            })
            .collect();
        self.outlets.peers.send_if_modified(|known| {
            let changed = **known != peers;
            if changed {
                *known = Arc::new(peers);
            }
            changed
        });
    }

    /// Reads the kernel's counters.
    pub(super) fn count(&mut self) {
        match self.datapath.stats().counters_per_cpu() {
            Ok(counters) => {
                for (failed, cpu) in self.outlets.failed.iter().zip(&counters) {
                    failed.store(cpu.events_failed, std::sync::atomic::Ordering::Relaxed);
                }
                let before = self.outlets.status.load_full();
                self.outlets.status.store(Arc::new(Status {
                    counters: counters.into_iter().sum(),
                    failure: self
                        .outlets
                        .progress
                        .borrow()
                        .failure
                        .clone()
                        .or(self.integrity.failure()),
                    datapath: self.integrity.problems(&self.endpoints),
                    repairs: self.integrity.repairs(),
                    accounted: self.datapath.stats().events_accounted(),
                    ..(*before).clone()
                }));
            }
            Err(error) => warn!(error = %chain(&error), "counters not read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::{Direction, Reason, ReasonKind};

    use super::*;

    #[test]
    fn cookies_of_a_fixed_meaning_take_no_room() {
        let mut cookies = policy::Cookies::default();
        let fill = handed_out(&cookies);
        assert_eq!((fill.map, fill.entries, fill.max), ("DECISIONS", 0, 65_520));
        let _cookie = cookies.of(Reason {
            direction: Direction::Egress,
            kind: ReasonKind::AlwaysEnforced,
            origins: vec![],
        });
        assert_eq!(handed_out(&cookies).entries, 1);
    }
}
