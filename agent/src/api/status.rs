//! flows.v1.Status: what Hubble's status has no field for.

use std::sync::atomic::Ordering;

use proto::flows::v1::{
    CrowdedPod, EventCounts, GetStatusRequest, GetStatusResponse, ManifestProblem, MapFill,
    status_server::Status as Rpc,
};
use tonic::{Request, Response, Status};

use super::{Api, versioned};
use crate::node::{PolicyProblem, conntrack_stats::ConntrackStats};

pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }

    fn events(&self) -> EventCounts {
        let stats = &self.api.stats;
        // The kernel's counters last: nobody shall read of more events stored than there were.
        let stored = stats.stored.load(Ordering::Relaxed);
        let connections = self.api.connections.as_ref();
        let counters = connections.and_then(|kernel| kernel.counters());
        let counters = counters.unwrap_or(self.api.status.load().counters);
        EventCounts {
            attempted: counters.events_attempted,
            failed: counters.events_failed,
            limited: counters.events_limited,
            received: stats.sum(|reader| &reader.received),
            left_unread: stats.left_unread,
            queue_lost: stats.sum(|reader| &reader.queue_lost),
            malformed: stats.sum(|reader| &reader.malformed),
            stored,
            evicted_unread: self.api.history.evicted_unread(),
        }
    }
}

#[tonic::async_trait]
impl Rpc for Service {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let counted = match self.api.connections.clone() {
            Some(connections) => connections.count().await,
            None => None,
        };
        let crowded = counted
            .as_ref()
            .map(|counted| ConntrackStats::crowded(counted, &self.api.names.load()))
            .unwrap_or_default();
        let tracked = counted.map(|counted| counted.fills).unwrap_or_default();
        let status = self.api.status.load();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(versioned(GetStatusResponse {
            node_name: self.api.flow_builder.node_name().to_owned(),
            revision: status.revision,
            generation: status.generation,
            failure: status.failure.clone().unwrap_or_default(),
            problems: status
                .problems
                .iter()
                .chain(&status.datapath)
                .map(problem)
                .collect(),
            policies: count(status.policies),
            endpoints: count(status.endpoints),
            events: Some(self.events()),
            maps: status
                .fills
                .iter()
                .chain(&tracked)
                .map(|fill| MapFill {
                    map: fill.map.to_owned(),
                    entries: fill.entries,
                    max: fill.max,
                })
                .collect(),
            history_bytes: self.api.history.view().bytes() as u64,
            nodes: Vec::new(),
            repairs: status.repairs.values().sum(),
            selected_endpoints: count(status.selected),
            crowded_pods: crowded
                .into_iter()
                .map(|(pod, connections_replaced)| CrowdedPod {
                    pod,
                    connections_replaced,
                })
                .collect(),
        }))
    }
}

fn problem(known: &PolicyProblem) -> ManifestProblem {
    ManifestProblem {
        not_enforced: known.not_enforced,
        stale: known.stale,
        ..explain::proto::manifest_problem(&known.problem)
    }
}
