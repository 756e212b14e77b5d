//! What others change behind the agent's back: looked for every second, put back, counted and told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use cluster::{NamespacedName, Pod, Problem, SharedMap, State, differ::same};
use loader::{Damage, IfIndex, Inspection, grace_periods::Expedited};
use tracing::{error, info, warn};

use super::{Reconciler, endpoints::Endpoints};
use crate::{error::chain, node::PolicyProblem};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);
/// How long a repair is told of in the status.
const TOLD: Duration = Duration::from_secs(600);
/// Repairs of one look that are told of one by one.
const LISTED: usize = 3;

/// What was found until now.
#[derive(Clone, Debug, Default)]
pub(super) struct Integrity {
    /// Interfaces that shall have programs.
    wanted: BTreeSet<IfIndex>,
    /// Pods of the cluster, and those of the node.
    pods: SharedMap<NamespacedName, Arc<Pod>>,
    own: BTreeMap<NamespacedName, Arc<Pod>>,
    looked: Option<Instant>,
    /// Repairs since the agent started.
    repairs: BTreeMap<Damage, u64>,
    /// When the last one was made, and what it was.
    last: Option<(Instant, String)>,
    /// Programs that run before ours.
    ahead: BTreeSet<(IfIndex, u32)>,
    /// What can't be put right.
    errors: Vec<String>,
}

impl Integrity {
    /// Repairs by what was wrong.
    pub(super) fn repairs(&self) -> BTreeMap<Damage, u64> {
        let all = Damage::ALL.into_iter();
        all.map(|damage| (damage, self.repairs.get(&damage).copied().unwrap_or(0)))
            .collect()
    }

    /// Addresses of the node's pods. Of a new snapshot only the pods that changed are looked at.
    fn own_addresses(&mut self, state: &State, node: &str) -> BTreeSet<IpAddr> {
        for (name, _, now) in SharedMap::changed(&self.pods, &state.pods, same) {
            match now.filter(|pod| pod.is_on(node)) {
                Some(pod) => drop(self.own.insert(name.clone(), Arc::clone(pod))),
                None => drop(self.own.remove(name)),
            }
        }
        self.pods = state.pods.clone();
        let own = self.own.values();
        own.flat_map(|pod| pod.ips.iter().copied()).collect()
    }

    /// Why it isn't certain that every pod's packets are judged.
    pub(super) fn failure(&self) -> Option<String> {
        let first = self.errors.first()?;
        Some(match self.errors.len() {
            1 => first.clone(),
            n => format!("{first}; and {} more", n - 1),
        })
    }

    /// What the status says.
    pub(super) fn problems(&self, endpoints: &Endpoints) -> Vec<PolicyProblem> {
        let mut problems: Vec<(String, String)> = Vec::new();
        if let Some((when, what)) = &self.last
            && when.elapsed() < TOLD
        {
            let sum: u64 = self.repairs.values().sum();
            problems.push((
                format!("somebody changed the datapath behind the agent's back: {what}; put back"),
                format!(
                    "find out who does it (bpftool, another network plugin, a clean-up job): \
                     {sum} repairs since the agent started"
                ),
            ));
        }
        for (interface, program) in &self.ahead {
            problems.push((
                format!(
                    "{}: program {program} of somebody else runs before the policy programs: what it \
                     passes or redirects, no policy sees",
                    interface_name(*interface, endpoints)
                ),
                "detach it, or attach it after them".to_owned(),
            ));
        }
        for error in &self.errors {
            problems.push((error.clone(), "it is tried again every second".to_owned()));
        }
        problems
            .into_iter()
            .map(|(problem, remedy)| PolicyProblem {
                problem: Problem {
                    origin: None,
                    object: None,
                    field: String::new(),
                    problem,
                    remedy,
                },
                not_enforced: false,
                stale: false,
            })
            .collect()
    }

    /// Takes what a look found, and says it in the log.
    fn take(&mut self, found: &Inspection, endpoints: &Endpoints) {
        let mut texts = Vec::new();
        for repair in &found.repairs {
            *self.repairs.entry(repair.damage).or_default() += 1;
            let text = match repair.interface {
                Some(interface) => format!("{}: {repair}", interface_name(interface, endpoints)),
                None => repair.to_string(),
            };
            error!("changed behind the agent's back, and put back: {text}");
            texts.push(text);
        }
        if !texts.is_empty() {
            let more = texts.len().saturating_sub(LISTED);
            texts.truncate(LISTED);
            let mut what = texts.join("; ");
            if more > 0 {
                what.push_str(&format!("; and {more} more"));
            }
            what.push_str(&format!(" (at {})", now()));
            self.last = Some((Instant::now(), what));
        }
        let ahead: BTreeSet<_> = found.ahead.iter().copied().collect();
        for (interface, program) in ahead.difference(&self.ahead) {
            let interface = interface_name(*interface, endpoints);
            warn!(%interface, program, "a program of somebody else runs before the policy programs");
        }
        self.ahead = ahead;
        let errors: Vec<String> = found.errors.iter().map(|error| chain(error)).collect();
        if errors != self.errors {
            for error in &errors {
                error!(%error, "the datapath is not as it shall be");
            }
            if errors.is_empty() {
                info!("the datapath is as it shall be again");
            }
        }
        self.errors = errors;
    }
}

impl Reconciler {
    /// Programs on the veth of every address in this node's pod ranges, whether or not the pod is
    /// known: what is not known is dropped.
    pub(super) fn attach(&mut self, state: &State) {
        let node = state.nodes.get(self.config.node.as_str());
        let pods = self.integrity.own_addresses(state, &self.config.node);
        let in_range = |address: &IpAddr| {
            node.is_some_and(|node| node.pod_cidrs.iter().any(|range| range.contains(address)))
        };
        let routes = self.routes.iter();
        let wanted = routes.filter(|(address, _)| in_range(address) || pods.contains(address));
        let wanted: BTreeSet<IfIndex> = wanted.map(|(_, interface)| interface).collect();
        for interface in wanted.difference(&self.integrity.wanted) {
            info!(ifindex = interface.0, "programs are attached from now on");
        }
        // Those that are wanted already are looked at every second.
        if self.integrity.looked.is_none() || wanted != self.integrity.wanted {
            // After a restart most have them already.
            let attached = self.datapath.attached().unwrap_or_default();
            let new = wanted
                .iter()
                .filter(|new| attached.binary_search(new).is_err());
            let _expedited = Expedited::for_new(new.count(), &self.run_dir);
            self.integrity.wanted = wanted;
            self.inspect();
        }
    }

    /// Looks at the datapath if it is time.
    pub(super) fn look(&mut self) {
        if self
            .integrity
            .looked
            .is_none_or(|when| when.elapsed() >= EVERY)
        {
            self.inspect();
        }
    }

    fn inspect(&mut self) {
        let wanted = self.integrity.wanted.iter().copied();
        let found = self.datapath.inspect(wanted);
        self.integrity.take(&found, &self.endpoints);
        self.integrity.looked = Some(Instant::now());
        if let Err(error) = self.write_ready() {
            warn!(error = %chain(&error), "the list of ready pods is not written");
        }
    }
}

/// An interface as people know it: its name and its pod.
fn interface_name(interface: IfIndex, endpoints: &Endpoints) -> String {
    let pod = endpoints.iter().find(|(_, known)| {
        let known = known.interface.as_ref();
        known.is_some_and(|known| known.index == interface)
    });
    match pod {
        Some((pod, known)) => match &known.interface {
            Some(interface) => format!("interface {} (pod {pod})", interface.name),
            None => format!("pod {pod}"),
        },
        None => format!("interface {}", interface.0),
    }
}

/// The time, for people.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let clock = seconds % 86_400;
    format!(
        "{:02}:{:02}:{:02} UTC",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}
