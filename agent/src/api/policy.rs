//! flows.v1.Policy: questions to the policy engine, of what this node enforces.

mod changes;
mod hits;
mod questions;
mod told;
mod views;
mod wait;

use std::sync::Arc;
use std::time::SystemTime;

use explain::explain_flow::Responder;
use explain::trace::{End, Explanation, PolicyContext, TraceQuery};
use proto::flows::v1::{
    AcknowledgeRequest, AcknowledgeResponse, ExplainRequest, ExplainResponse,
    GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest, GetChangesResponse,
    GetPoliciesRequest, GetPoliciesResponse, GetStateRequest, GetStateResponse,
    ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse,
    TraceRequest, TraceResponse, ValidateRequest, ValidateResponse, WaitRevisionRequest,
    WaitRevisionResponse, policy_server::Policy as Rpc,
};
use tokio::{sync::watch, time::Instant};
use tonic::{Request, Response, Status};

use self::questions::{Place, Questions};
use super::openers::selectors_of;
use super::{Api, versioned};
use crate::acknowledgements::{AcknowledgeError, Acknowledgements};
use crate::changes::Changes;
use crate::node::{AppliedState, Progress, StateQuery, StateQueryError, StateSnapshot, ToldNames};

/// What the service works on.
#[derive(Clone)]
pub struct PolicyAccess {
    /// Tells what is in force.
    pub state_query: StateQuery,
    /// Tells when that changes.
    pub progress: watch::Receiver<Arc<Progress>>,
    /// What changed.
    pub changes: Arc<Changes>,
    /// What people said of incidents.
    pub acknowledgements: Arc<Acknowledgements>,
    /// What pods were told for names.
    pub told: Arc<ToldNames>,
    /// What the kernel decided; `None` where no kernel does (tests).
    pub stats: Option<Arc<loader::Stats>>,
}

#[derive(Clone)]
pub(super) struct Service {
    api: Api,
    /// What is asked of what is in force: that costs what the cluster is like.
    questions: Questions,
    /// What is asked of manifests that the caller sends: that costs what they are like.
    checks: Questions,
}

impl Service {
    /// One for all that is served, so that its bounds are those of the process.
    pub(super) fn new(api: Api) -> Self {
        Self {
            api,
            questions: Questions::new(2, 64),
            checks: Questions::new(1, 16),
        }
    }

    pub(super) fn access(&self) -> Result<&PolicyAccess, Status> {
        let access = self.api.policy.as_ref();
        access.ok_or_else(|| Status::unavailable("no datapath is attached to this agent"))
    }

    async fn told(&self) -> Result<Arc<StateSnapshot>, Status> {
        let told = self.access()?.state_query.get().await;
        told.map_err(|error| match error {
            StateQueryError::Busy => Status::resource_exhausted(error.to_string()),
            StateQueryError::Closed => Status::unavailable(error.to_string()),
        })
    }

    pub(super) fn node_name(&self) -> String {
        self.api.flow_builder.node_name().to_owned()
    }

    /// Answers apart from the runtime's threads: with thousands of pods it takes a while.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&AppliedState) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        self.ask_at(self.questions.place().await?, answer).await
    }

    async fn ask_at<T: Send + 'static>(
        &self,
        place: Place,
        answer: impl FnOnce(&AppliedState) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let told = self.told().await?;
        let answer = move || match &*told {
            StateSnapshot::InSync(in_force) => answer(in_force),
            StateSnapshot::Stale(behind) => answer(&behind.in_force()),
        };
        place.answer(answer).await
    }
}

/// What questions are asked of.
fn context(known: &AppliedState) -> PolicyContext<'_> {
    let identities = (*known.compiled.identities).clone();
    PolicyContext::new(&known.state, &known.policies, &known.config, identities)
}

/// Of a question about an address outside of the cluster: what names it has for the pod that is asked about, if that is
/// one of this node.
fn names_of_destination(
    known: &AppliedState,
    names: &ToldNames,
    query: &TraceQuery,
    explanation: &Explanation,
) -> Vec<String> {
    let (End::Ip(address), Some(pod)) = (&query.destination, &explanation.source.pod) else {
        return Vec::new();
    };
    let is_here = known.compiled.endpoints.contains_key(pod);
    let found = known.state.pods.get(pod).filter(|_| is_here);
    let is_outside = abi::identity::is_outside(explanation.destination.identity.0);
    let Some(found) = found.filter(|_| is_outside) else {
        return Vec::new();
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let selectors = selectors_of(known, pod);
    told::notes_on_question(names, &found.ips, *address, now, &selectors)
}

/// The most that the state of the cluster may take in an answer, bytes: less than a client takes.
const LARGEST_STATE: usize = 48 << 20;
/// The most that a request may ask to be checked, bytes.
const LARGEST: usize = 16 << 20;

#[tonic::async_trait]
impl Rpc for Service {
    async fn trace(
        &self,
        request: Request<TraceRequest>,
    ) -> Result<Response<TraceResponse>, Status> {
        let refused =
            |error: explain::trace::QueryError| Status::invalid_argument(error.to_string());
        let query = explain::proto::trace_query(request.get_ref()).map_err(refused)?;
        let sent = explain::proto::trace_request(request.get_ref()).map_err(refused)?;
        let node_name = self.node_name();
        let names = Arc::clone(&self.access()?.told);
        let answer = self.ask(move |known| {
            let explanation = context(known)
                .answer(&query, sent.as_ref())
                .map_err(refused)?;
            let mut answer = explain::proto::trace(&explanation);
            let notes = names_of_destination(known, &names, &query, &explanation);
            answer.notes.extend(notes);
            Ok(views::told_by(known, &node_name, answer))
        });
        Ok(versioned(answer.await?))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let flow = request.into_inner().flow;
        let flow = flow.ok_or_else(|| Status::invalid_argument("no flow is given"))?;
        let node_name = self.node_name();
        let names = Arc::clone(&self.access()?.told);
        let answer = self.ask(move |known| {
            let in_force = known.compiled.policies.iter();
            let stale = in_force.filter(|(_, policy)| policy.stale);
            let responder = Responder {
                node_name,
                revision: known.revision,
                stale: stale.map(|(name, _)| name.clone()).collect(),
            };
            let node_name = responder.node_name.clone();
            let mut answer = explain::proto::explain_flow(&context(known), &flow, &responder);
            let selectors = told::pod(&flow).map(|pod| selectors_of(known, &pod));
            let selectors = selectors.unwrap_or_default();
            answer.notes.extend(told::notes(&names, &flow, &selectors));
            answer.notes.extend(known.notes.iter().cloned());
            answer.now = answer.now.map(|now| views::told_by(known, &node_name, now));
            Ok(answer)
        });
        Ok(versioned(answer.await?))
    }

    async fn validate(
        &self,
        request: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        let files = request.into_inner().files;
        if files.iter().map(|file| file.text.len()).sum::<usize>() > LARGEST {
            return Err(Status::invalid_argument("more than 16 MiB to check"));
        }
        let files: Vec<explain::validate::File> = files
            .into_iter()
            .map(|file| explain::validate::File {
                name: file.name.into(),
                text: file.text,
            })
            .collect();
        let node_name = self.node_name();
        let answer = self.ask_at(self.checks.place().await?, move |known| {
            let report = explain::validate::validate(&files, &known.state, &known.config);
            Ok(ValidateResponse {
                node_name,
                ..explain::proto::report(&report)
            })
        });
        Ok(versioned(answer.await?))
    }

    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        let stats = self.access()?.stats.clone();
        let requests = self.api.stats.request_metrics.by_rule();
        let node_name = self.node_name();
        let answer = self.ask(move |known| {
            let hits = hits::of(stats.as_deref(), known)?;
            let mut notes = known.notes.clone();
            Ok(GetPoliciesResponse {
                policies: views::policies(known, &hits, &requests, &mut notes),
                node_name,
                revision: known.revision,
                notes,
            })
        });
        Ok(versioned(answer.await?))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        let stats = self.access()?.stats.clone();
        let pod = request.into_inner().pod;
        let node_name = self.node_name();
        let answer = self.ask(move |known| {
            let decisions = hits::decisions(stats.as_deref())?;
            let mut notes = known.notes.clone();
            let endpoints = views::endpoints(known, &pod, &decisions, &node_name, &mut notes);
            Ok(ListEndpointsResponse {
                endpoints,
                node_name,
                revision: known.revision,
                notes,
            })
        });
        Ok(versioned(answer.await?))
    }

    async fn list_identities(
        &self,
        request: Request<ListIdentitiesRequest>,
    ) -> Result<Response<ListIdentitiesResponse>, Status> {
        let number = request.into_inner().identity;
        let node_name = self.node_name();
        let answer = self.ask(move |known| {
            Ok(ListIdentitiesResponse {
                identities: views::identities(known, number),
                node_name,
                notes: known.notes.clone(),
            })
        });
        Ok(versioned(answer.await?))
    }

    async fn wait_revision(
        &self,
        request: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        let mut progress = self.access()?.progress.clone();
        let patience = wait::patience(&request);
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        let wanted = request.into_inner();
        loop {
            let now = Arc::clone(&progress.borrow_and_update());
            let missing = match wait::missing(&now, &wanted)? {
                None => {
                    return Ok(versioned(WaitRevisionResponse {
                        revision: now.revision,
                        generation: now.generation,
                        node_name: self.node_name(),
                        ..WaitRevisionResponse::default()
                    }));
                }
                Some(missing) => missing,
            };
            tokio::select! {
                changed = progress.changed() => {
                    changed.map_err(|_gone| Status::unavailable("the agent ends"))?;
                }
                () = wait::until(deadline) => {
                    return Err(Status::deadline_exceeded(format!(
                        "{} is at revision {}: {missing}",
                        self.node_name(),
                        now.revision,
                    )));
                }
                () = self.api.stop.cancelled() => {
                    return Err(Status::unavailable("the agent ends"));
                }
            }
        }
    }

    async fn get_changes(
        &self,
        request: Request<GetChangesRequest>,
    ) -> Result<Response<GetChangesResponse>, Status> {
        let query = changes::ChangesQuery::new(request.into_inner())?;
        let changes = Arc::clone(&self.access()?.changes);
        let node_name = self.node_name();
        if query.is_about_pod() {
            let answer =
                self.ask(move |known| changes::answer(&query, &changes, Some(known), &node_name));
            return Ok(versioned(answer.await?));
        }
        // Also while it isn't certain what is in force. Policies are read again for it.
        let place = self.questions.place().await?;
        let answer = place.answer(move || changes::answer(&query, &changes, None, &node_name));
        Ok(versioned(answer.await?))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        let said = request.into_inner().acknowledgement;
        let said = said.ok_or_else(|| Status::invalid_argument("no acknowledgement is given"))?;
        let kept = Arc::clone(&self.access()?.acknowledgements);
        // It is written to disk.
        let put = move || kept.put(said, SystemTime::now().into());
        let put = tokio::task::spawn_blocking(put).await;
        let put = put.map_err(|_panicked| Status::internal("keeping it failed"))?;
        let acknowledgement = put.map_err(|error| match error {
            AcknowledgeError::Invalid(why) => Status::invalid_argument(why),
            AcknowledgeError::Full => Status::resource_exhausted(error.to_string()),
            AcknowledgeError::File(error) => Status::internal(error.to_string()),
        })?;
        Ok(versioned(AcknowledgeResponse {
            acknowledgement: Some(acknowledgement),
            node_names: vec![self.node_name()],
            notes: Vec::new(),
        }))
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Result<Response<GetAcknowledgementsResponse>, Status> {
        // Somebody may be writing to a slow disk.
        let kept = Arc::clone(&self.access()?.acknowledgements);
        let all = tokio::task::spawn_blocking(move || kept.all()).await;
        Ok(versioned(GetAcknowledgementsResponse {
            acknowledgements: all.map_err(|_panicked| Status::internal("reading them failed"))?,
            node_names: vec![self.node_name()],
            notes: Vec::new(),
        }))
    }

    async fn get_state(
        &self,
        _: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        let node_name = self.node_name();
        let answer = self.ask(move |known| {
            let state =
                explain::proto::state_response(&known.state, &known.manifests, &known.config);
            let size: usize = state.objects.iter().map(|object| object.yaml.len()).sum();
            if size > LARGEST_STATE {
                return Err(Status::out_of_range(format!(
                    "the cluster's state is larger than {} MiB: use a directory of its manifests \
                     (--state)",
                    LARGEST_STATE >> 20
                )));
            }
            let mut notes = known.notes.clone();
            let missing = known.state.policies.keys();
            let missing = missing.filter(|name| !known.manifests.contains_key(*name));
            notes.extend(missing.map(|name| format!("{name} is refused and not enforced")));
            Ok(GetStateResponse {
                node_name,
                revision: known.revision,
                notes,
                ..state
            })
        });
        Ok(versioned(answer.await?))
    }
}
