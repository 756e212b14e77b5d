//! The policies in force as the server tells them, and what the connections in memory tell of policies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::policies::{DecisionCount, DecisionRates};
use client::{Server, connections};
use flow::{Filter, format};
use proto::flows::v1::PolicyState;
use proto::google::Timestamp;

use super::shared::{Shared, Unanswered};
use super::{AppState, FlowQuery, TooMany};

/// How long is taken for true what the connections in memory told.
const GOOD: Duration = Duration::from_secs(4);
/// The newest so many of them are looked through.
const LOOKED: usize = 100_000;
/// Without an answer for so long (ns), rates begin again.
const RATED: i64 = 60_000_000_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    answer: Shared<PolicyAnswer>,
    rates: Mutex<DecisionRates>,
    uses: Mutex<Option<(Instant, Arc<PolicyUses>)>>,
}

/// What a server said.
#[derive(Debug)]
pub(crate) struct PolicyAnswer {
    /// Those in force, with what the kernel counted of each.
    pub(crate) policies: Vec<(PolicyState, DecisionCount)>,
    /// What stands in the way of taking this for the whole truth.
    pub(crate) notes: Vec<String>,
}

/// What the connections in memory tell of policies.
#[derive(Debug, Default)]
pub(crate) struct PolicyUses {
    /// By policy, `cnp shop/web`.
    pub(crate) of: HashMap<String, PolicyUse>,
    /// When the oldest connection began that was looked at, Unix ns.
    pub(crate) since: Option<i64>,
}

/// Connections that a policy decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyUse {
    /// Time of the last event of the newest, Unix ns.
    pub(crate) last: i64,
    /// How many.
    pub(crate) connections: u64,
    /// How many of them it denied.
    pub(crate) denied: u64,
}

impl Policies {
    /// The policies in force.
    pub(crate) async fn get(
        &self,
        server: Option<&Server>,
    ) -> Result<Arc<PolicyAnswer>, Unanswered> {
        let ask = async |server: &Server| {
            let answer = server.get_policies().await?;
            let now = Timestamp::from(std::time::SystemTime::now()).unix_nanos();
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            if rates.last().is_none_or(|last| now - last > RATED) {
                *rates = DecisionRates::default();
            }
            rates.add(&answer.policies, now);
            let policies = answer.policies.into_iter().map(|policy| {
                let count = rates.count(&policy);
                (policy, count)
            });
            Ok(PolicyAnswer {
                policies: policies.collect(),
                notes: answer.notes,
            })
        };
        self.answer.get(server, ask).await
    }
}

impl AppState {
    /// What the connections in memory tell of policies, of some seconds ago at most.
    pub(crate) fn policy_uses(&self) -> Result<Arc<PolicyUses>, TooMany> {
        let kept = &self.policies.uses;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, uses)) = &*kept
            && read.elapsed() < GOOD
        {
            return Ok(Arc::clone(uses));
        }
        let all = FlowQuery {
            key: String::new(),
            filter: Filter::default(),
        };
        let wanted = self.connections(&all, None)?;
        let uses = self.look(&wanted, |known| {
            let mut uses = PolicyUses::default();
            let entries = known.list.entries().iter().rev().take(LOOKED);
            for entry in entries {
                let Some(connection) = known.connection(entry) else {
                    continue;
                };
                let view = connections::view(&connection, known.snapshot, known.now);
                uses.since = Some(entry.start);
                for name in view.iter().flat_map(format::policy_names_of) {
                    let of = uses.of.entry(name).or_default();
                    of.last = of.last.max(entry.last);
                    of.connections += 1;
                    of.denied += u64::from(entry.is_bad());
                }
            }
            uses
        });
        let uses = Arc::new(uses);
        *kept = Some((Instant::now(), Arc::clone(&uses)));
        Ok(uses)
    }
}
