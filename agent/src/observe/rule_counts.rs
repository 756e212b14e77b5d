//! Requests at layer 7 by the rule that allowed them or, of denied ones, came nearest: by its item, such as
//! `spec.ingress[0].toPorts[0].rules.http[2]`.
//!
//! Only policies in force have counts: those of one that goes, or whose version changes, begin anew, since the places
//! of its items mean others then.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use policy::RulePath;

use crate::fact::Outcome;
use crate::node::names::PolicyVersions;

/// Combinations of labels' values that a metric of requests tells apart.
pub(super) const MOST: usize = 1_000;
/// What stands for values that there is no room for.
pub(super) const OTHER: &str = "other";

/// What is told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleSeries {
    /// `cnp shop/api`; empty: no rule decided it.
    pub policy: Box<str>,
    /// Where the rule stands in it.
    pub path: Option<RulePath>,
    /// `HTTP`, `DNS`, `Kafka`, `TLS`.
    pub protocol: &'static str,
    /// Whose rules: `ingress`, `egress`.
    pub direction: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// The sums.
#[derive(Clone, Debug, Default)]
pub struct RuleCounts {
    series: HashMap<RuleSeries, u64>,
    /// Beyond as many series as there is room for.
    other: u64,
    /// By name; `None`: not known yet.
    in_force: Option<HashMap<Box<str>, Arc<str>>>,
}

/// Requests that an item of layer 7 decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCount {
    /// Allowed by it.
    pub allowed: u64,
    /// Denied, and it came nearest.
    pub denied: u64,
}

impl RuleCounts {
    /// Takes other policies: what was counted of the same versions stays.
    pub(super) fn keep(&mut self, policies: &PolicyVersions) {
        let now: HashMap<Box<str>, Arc<str>> = policies
            .iter()
            .map(|(name, version)| (name.to_string().into(), Arc::clone(version)))
            .collect();
        if let Some(before) = &self.in_force {
            self.series.retain(|series, _| {
                let name = &series.policy;
                name.is_empty() || now.get(name) == before.get(name) && now.contains_key(name)
            });
        }
        self.in_force = Some(now);
    }

    /// Counts one, and says whether there was room to tell it apart.
    pub(super) fn add(&mut self, mut series: RuleSeries) -> bool {
        let known = self.in_force.as_ref();
        if known.is_some_and(|known| !known.contains_key(&series.policy)) {
            series.policy = Box::default();
            series.path = None;
        }
        if self.series.len() >= MOST && !self.series.contains_key(&series) {
            self.other += 1;
            return false;
        }
        *self.series.entry(series).or_default() += 1;
        true
    }

    /// The labels policy, rule, protocol, direction and verdict of each, in order.
    pub fn labelled(&self) -> Vec<([String; 5], u64)> {
        let mut series: Vec<(&RuleSeries, &u64)> = self.series.iter().collect();
        series.sort_unstable();
        let labels = series.into_iter().map(|(series, sum)| {
            let path = series.path.map(|path| path.to_string());
            let labels = [
                series.policy.to_string(),
                path.unwrap_or_default(),
                series.protocol.to_owned(),
                series.direction.to_owned(),
                series.outcome.verdict().as_str_name().to_owned(),
            ];
            (labels, *sum)
        });
        let other = (self.other > 0).then(|| ([(); 5].map(|()| OTHER.to_owned()), self.other));
        labels.chain(other).collect()
    }

    /// What rules decided, by policy and place.
    pub fn by_item(&self) -> BTreeMap<(&str, RulePath), ItemCount> {
        let mut items = BTreeMap::<_, ItemCount>::new();
        let placed = self.series.iter();
        let placed = placed.filter_map(|(series, sum)| Some((series, series.path?, sum)));
        for (series, path, sum) in placed {
            let item = items.entry((&*series.policy, path)).or_default();
            match series.outcome {
                Outcome::Forwarded => item.allowed += sum,
                Outcome::Denied => item.denied += sum,
                Outcome::Failed => {}
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use cluster::{Kind, ObjectName};

    use super::*;

    fn policy(name: &str) -> ObjectName {
        ObjectName {
            kind: Kind::CiliumNetworkPolicy,
            namespace: Some("shop".into()),
            name: name.into(),
        }
    }

    fn versions(all: &[(&str, &str)]) -> PolicyVersions {
        let all = all.iter();
        all.map(|(name, version)| (policy(name), Arc::from(*version)))
            .collect()
    }

    fn series(name: &str, path: &str) -> RuleSeries {
        RuleSeries {
            policy: policy(name).to_string().into(),
            path: path.parse().ok(),
            protocol: "HTTP",
            direction: "ingress",
            outcome: Outcome::Forwarded,
        }
    }

    const PATH: &str = "spec.ingress[0].toPorts[0].rules.http[2]";

    #[test]
    fn counts_go_with_their_policy_and_its_version() {
        let mut counts = RuleCounts::default();
        counts.keep(&versions(&[("api", "1"), ("web", "1"), ("db", "1")]));
        for name in ["api", "web", "db", "unknown"] {
            assert!(counts.add(series(name, PATH)));
        }
        let denied = RuleSeries {
            outcome: Outcome::Denied,
            ..series("api", PATH)
        };
        assert!(counts.add(denied));
        let item = (PATH.parse().expect("a path"), "cnp shop/api");
        let by_item = counts.by_item();
        let both = ItemCount {
            allowed: 1,
            denied: 1,
        };
        assert_eq!(by_item.get(&(item.1, item.0)), Some(&both));
        assert_eq!(by_item.len(), 3);
        counts.keep(&versions(&[("api", "1"), ("web", "2"), ("new", "1")]));
        assert!(counts.add(series("db", PATH)), "late");
        let lines: Vec<String> = counts
            .labelled()
            .into_iter()
            .map(|(labels, sum)| format!("{}={sum}", labels.join("|")))
            .collect();
        let of_api = format!("cnp shop/api|{PATH}|HTTP|ingress");
        assert_eq!(
            lines,
            [
                "||HTTP|ingress|FORWARDED=2".to_owned(),
                format!("{of_api}|FORWARDED=1"),
                format!("{of_api}|DROPPED=1"),
            ]
        );
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_together() {
        let mut counts = RuleCounts::default();
        for index in 0..MOST + 2 {
            let fits = counts.add(series("api", &format!("spec.ingress[{index}]")));
            assert_eq!(fits, index < MOST);
        }
        let labelled = counts.labelled();
        assert_eq!(labelled.len(), MOST + 1);
        assert_eq!(labelled[MOST], ([(); 5].map(|()| OTHER.to_owned()), 2));
    }
}
