//! What a server answers.
//!
//! Where a part of the filter is evaluated here, a number of flows can't be left to the server, which
//! counts those that we then leave out: it is asked for more, until there are enough.

use std::collections::VecDeque;

use client::{FlowOptions, FlowStream, RequestError};
use futures::FutureExt;
use proto::{
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};

use super::{
    Output,
    connections::Most,
    empty,
    filter_plan::{Check, FilterPlan},
    known,
    request::Selection,
};
use crate::{connect::ServerArgs, error::Error, filter_args::FilterArgs};

/// How many flows are asked for per one that is wanted, at first, and how much more if they were too
/// few.
const MORE: u64 = 8;
/// Events that a connection has, as a guess.
const EVENTS: u64 = 16;
/// Least number of flows that is asked for.
const LEAST: u64 = 1_000;

/// Shows what a server answers.
pub(super) async fn show(
    server: &ServerArgs,
    request: GetFlowsRequest,
    selection: &Selection,
    filters: &FilterArgs,
    plan: &FilterPlan,
    mut output: Output,
) -> Result<(), Error> {
    let per_node = selection.last_per_node > 0;
    if let (true, Some(rest)) = (per_node, &plan.rest) {
        return Err(Error::Usage(format!(
            "--last-per-node counts what the servers send, and this is evaluated here: {rest}"
        )));
    }
    let server = Server {
        server: server.connect().await?,
        options: FlowOptions {
            extensions: output.extensions,
            per_node,
        },
    };
    if let Some(most) = output.connections.as_ref().map(|rows| rows.most()) {
        return server
            .connections(request, most, filters, &mut output)
            .await;
    }
    let number = request.number;
    let is_number = number > 0 && number < u64::MAX;
    let mut check = plan.check();
    if is_number && !request.first {
        return server.newest(request, plan, &mut output).await;
    }
    let most = if is_number { number } else { u64::MAX };
    let request = GetFlowsRequest {
        // The server counts those that we then leave out.
        number: if is_number && plan.rest.is_some() {
            u64::MAX
        } else {
            number
        },
        ..request
    };
    let stream = server.ask(request).await?;
    let shown = Shown { most, known: &[] };
    server.run(stream, &mut check, &mut output, shown).await
}

/// The last flows that match.
#[derive(Default)]
struct History {
    /// What was said of nodes.
    notes: Vec<GetFlowsResponse>,
    /// Flows, and what was lost between them.
    flows: VecDeque<GetFlowsResponse>,
    /// Until when the server has answered.
    until: Option<Timestamp>,
    /// All that happened at that moment.
    newest: Vec<GetFlowsResponse>,
}

impl History {
    /// Forgets the first flows, of which there are `flows`, above the number, and what is before
    /// them. Returns how many.
    fn cut(&mut self, flows: u64, number: u64) -> u64 {
        let mut left = flows;
        while left > number {
            let first = self.flows.pop_front();
            left -= u64::from(first.as_ref().is_some_and(is_flow));
        }
        flows - left
    }
}

fn is_flow(response: &GetFlowsResponse) -> bool {
    matches!(response.response_types, Some(ResponseTypes::Flow(_)))
}

/// What of an answer is shown.
struct Shown<'a> {
    /// Most flows.
    most: u64,
    /// What is shown already.
    known: &'a [GetFlowsResponse],
}

struct Server {
    server: client::Server,
    options: FlowOptions,
}

impl Server {
    async fn ask(&self, request: GetFlowsRequest) -> Result<FlowStream, Error> {
        Ok(self.server.get_flows(request, self.options).await?)
    }

    /// Connections. How many events they are is not known: a server is asked for more, until there are
    /// enough of them.
    async fn connections(
        &self,
        mut request: GetFlowsRequest,
        most: Most,
        filters: &FilterArgs,
        output: &mut Output,
    ) -> Result<(), Error> {
        let since = request.since;
        let wanted = most.number();
        match (most, request.until) {
            // With an end, or from a beginning, a server counts from there.
            (Most::Last(_), Some(_)) => request.number = 0,
            (Most::Last(last), None) => {
                request.since = None;
                request.number = last.saturating_mul(EVENTS).max(LEAST);
            }
            (Most::First(first), _) => request.number = first.saturating_mul(EVENTS).max(LEAST),
            (Most::All, _) => {}
        }
        let nothing = Shown {
            most: u64::MAX,
            known: &[],
        };
        if request.follow {
            let mut check = Check::since(since);
            let answers = self.ask(request).await?;
            return self.run(answers, &mut check, output, nothing).await;
        }
        let mut before = None;
        loop {
            let mut answers = self.ask(request.clone()).await?;
            let (mut came, mut oldest) = (0u64, None);
            // What is said of nodes and losses: once, however often it is asked.
            let mut beside = Vec::new();
            while let Some(response) = answers.message().await? {
                if is_flow(&response) {
                    came += 1;
                    oldest = Some(oldest.map_or(response.time, |time| response.time.min(time)));
                    if since.is_some() && response.time < since {
                        continue;
                    }
                    output.print(&response)?;
                } else {
                    beside.push(response);
                }
            }
            let Some(rows) = &mut output.connections else {
                return output.finish();
            };
            let is_all = request.number == 0 || came < request.number || before == Some(came);
            let is_past = since.is_some() && oldest < Some(since);
            if is_all || is_past || wanted.is_none_or(|wanted| rows.count() >= wanted) {
                let is_empty = rows.is_empty();
                for response in &beside {
                    output.print(response)?;
                }
                if let Some(rows) = output.connections.as_mut().filter(|_| is_empty) {
                    let why = empty::why(&self.server, filters).await;
                    rows.explain_nothing(why);
                }
                output.finish()?;
                if let Some(since) = since
                    && let Some(note) = known::note(&self.server, since, &output.zone).await
                {
                    output.say(&note)?;
                }
                return Ok(());
            }
            rows.clear();
            before = Some(came);
            request.number = request.number.saturating_mul(MORE);
        }
    }

    /// The newest flows, and what follows. A server that is told since when counts the oldest from
    /// there on, and one that is told until when counts from now back: both is done here.
    async fn newest(
        &self,
        mut request: GetFlowsRequest,
        plan: &FilterPlan,
        output: &mut Output,
    ) -> Result<(), Error> {
        let number = request.number;
        let mut check = plan.check();
        if request.until.is_none() && plan.rest.is_none() {
            check.since = request.since.take();
            let answers = self.ask(request.clone()).await?;
            if self.options.per_node || !answers.counts_per_node() {
                let shown = Shown {
                    most: u64::MAX,
                    known: &[],
                };
                return self.run(answers, &mut check, output, shown).await;
            }
            request.since = check.since;
        }
        let follow = std::mem::take(&mut request.follow);
        let history = self.last(request.clone(), &mut check, number).await?;
        for response in history.notes.iter().chain(&history.flows) {
            output.print(response)?;
        }
        if !follow {
            return output.finish();
        }
        let request = GetFlowsRequest {
            number: 0,
            follow,
            since: history.until,
            ..request
        };
        check.since = None;
        let answers = self.ask(request).await?;
        let shown = Shown {
            most: u64::MAX,
            known: &history.newest,
        };
        self.run(answers, &mut check, output, shown).await
    }

    /// Shows answers as they come.
    async fn run(
        &self,
        mut answers: FlowStream,
        check: &mut Check,
        output: &mut Output,
        shown: Shown<'_>,
    ) -> Result<(), Error> {
        let mut count = 0;
        loop {
            // What has come is shown before anything is waited for.
            let message = match answers.message().now_or_never() {
                Some(message) => message,
                None => {
                    output.flush()?;
                    next(&mut answers, output).await?
                }
            };
            match message {
                Ok(Some(response)) => {
                    if check.passes(&response) && !shown.known.contains(&response) {
                        output.print(&response)?;
                        count += u64::from(is_flow(&response));
                    }
                    if count >= shown.most {
                        return output.finish();
                    }
                }
                Ok(None) => return output.finish(),
                Err(error) => {
                    output.finish()?;
                    return Err(error.into());
                }
            }
        }
    }

    /// The last `number` flows that match, or all there are.
    async fn last(
        &self,
        mut request: GetFlowsRequest,
        check: &mut Check,
        number: u64,
    ) -> Result<History, Error> {
        // With an end the server can't be asked for the last ones before it.
        let all = request.until.is_some();
        if !all {
            check.since = request.since.take();
        }
        request.number = match (all, check.is_all()) {
            (true, _) => 0,
            (false, true) => number,
            (false, false) => number.saturating_mul(MORE).max(LEAST),
        };
        let mut before = None;
        loop {
            let mut history = History::default();
            let mut answers = self.ask(request.clone()).await?;
            let (mut came, mut matching) = (0u64, 0u64);
            let mut oldest = None;
            while let Some(response) = answers.message().await? {
                if matches!(response.response_types, Some(ResponseTypes::NodeStatus(_))) {
                    history.notes.push(response);
                    continue;
                }
                let flow = is_flow(&response);
                came += u64::from(flow);
                if flow {
                    oldest = Some(oldest.map_or(response.time, |time| response.time.min(time)));
                }
                if flow && response.time > history.until {
                    history.until = response.time;
                    history.newest.clear();
                }
                if flow && response.time == history.until {
                    history.newest.push(response.clone());
                }
                if !check.passes(&response) {
                    continue;
                }
                history.flows.push_back(response);
                matching += u64::from(flow);
                // A relay that counts per node is not exact about the order either.
                if !answers.counts_per_node() {
                    matching -= history.cut(matching, number);
                }
            }
            if answers.counts_per_node() {
                let flows = history.flows.make_contiguous();
                flows.sort_by_key(|response| response.time);
                history.cut(matching, number);
            }
            let past = check.since.is_some_and(|since| oldest < Some(Some(since)));
            // Asked for more and given none: there are no more.
            if all || past || matching >= number || came < request.number || before == Some(came) {
                return Ok(history);
            }
            before = Some(came);
            request.number = request.number.saturating_mul(MORE);
        }
    }
}

/// The next answer; while it is waited for, what is shown is brought up to date.
async fn next(
    stream: &mut FlowStream,
    output: &mut Output,
) -> Result<Result<Option<GetFlowsResponse>, RequestError>, Error> {
    loop {
        let Some(wait) = output.refreshes_in() else {
            return Ok(stream.message().await);
        };
        match tokio::time::timeout(wait, stream.message()).await {
            Ok(message) => return Ok(message),
            Err(_elapsed) => output.flush()?,
        }
    }
}
