//! What a server answers.
//!
//! Where a part of the filter is evaluated here, a number of flows can't be left to the server, which
//! counts those that we then leave out: it is asked for more, until there are enough.

use std::collections::VecDeque;

use futures::FutureExt;
use proto::{
    google::Timestamp,
    observer::{
        GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes,
        observer_client::ObserverClient,
    },
};
use tonic::{Streaming, metadata::MetadataValue, transport::Channel};

use super::{
    Screen,
    wanted::{Check, Wanted},
};
use crate::{args::Args, connect::connect, error::Error};

/// How many flows are asked for per one that is wanted, at first, and how much more if they were too
/// few.
const MORE: u64 = 8;
/// Least number of flows that is asked for.
const LEAST: u64 = 1_000;

/// Shows what a server answers.
pub(super) async fn show(
    args: &Args,
    mut request: GetFlowsRequest,
    wanted: &Wanted,
    mut screen: Screen,
) -> Result<(), Error> {
    let server = Server {
        client: ObserverClient::new(connect(args).await?).max_decoding_message_size(64 << 20),
        extensions: screen.extensions,
    };
    let mut check = wanted.check();
    let number = request.number;
    let counted = wanted.rest.is_some() && number > 0 && number < u64::MAX;
    if !counted {
        return server
            .run(request, &mut check, &mut screen, u64::MAX, &[])
            .await;
    }
    if request.first || request.since.is_some() {
        // The oldest ones from there on; with --follow, the number says nothing.
        let most = if request.follow { u64::MAX } else { number };
        request.number = if request.first { u64::MAX } else { 0 };
        return server
            .run(request, &mut check, &mut screen, most, &[])
            .await;
    }
    let history = server.last(request.clone(), &mut check, number).await?;
    for response in history.notes.iter().chain(&history.flows) {
        screen.print(response)?;
    }
    if !request.follow {
        return screen.finish();
    }
    request.number = 0;
    request.since = history.until;
    server
        .run(request, &mut check, &mut screen, u64::MAX, &history.newest)
        .await
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

fn is_flow(response: &GetFlowsResponse) -> bool {
    matches!(response.response_types, Some(ResponseTypes::Flow(_)))
}

struct Server {
    client: ObserverClient<Channel>,
    extensions: bool,
}

impl Server {
    async fn ask(&self, request: GetFlowsRequest) -> Result<Streaming<GetFlowsResponse>, Error> {
        let mut request = tonic::Request::new(request);
        if self.extensions {
            let wanted = MetadataValue::from_static("1");
            request
                .metadata_mut()
                .insert(proto::WANT_EXTENSIONS, wanted);
        }
        Ok(self.client.clone().get_flows(request).await?.into_inner())
    }

    /// Shows answers as they come, until `most` flows are shown, but none of `known`.
    async fn run(
        &self,
        request: GetFlowsRequest,
        check: &mut Check,
        screen: &mut Screen,
        most: u64,
        known: &[GetFlowsResponse],
    ) -> Result<(), Error> {
        let mut stream = self.ask(request).await?;
        let mut shown = 0;
        loop {
            // What has come is shown before anything is waited for.
            let message = match stream.message().now_or_never() {
                Some(message) => message,
                None => {
                    screen.flush()?;
                    next(&mut stream, screen).await?
                }
            };
            match message {
                Ok(Some(response)) => {
                    if check.passes(&response) && !known.contains(&response) {
                        screen.print(&response)?;
                        shown += u64::from(is_flow(&response));
                    }
                    if shown >= most {
                        return screen.finish();
                    }
                }
                Ok(None) => return screen.finish(),
                Err(status) => {
                    screen.finish()?;
                    return Err(status.into());
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
        request.follow = false;
        request.number = number.saturating_mul(MORE).max(LEAST);
        let mut before = None;
        loop {
            let mut history = History::default();
            let mut stream = self.ask(request.clone()).await?;
            let (mut came, mut matching) = (0u64, 0u64);
            while let Some(response) = stream.message().await? {
                if matches!(response.response_types, Some(ResponseTypes::NodeStatus(_))) {
                    history.notes.push(response);
                    continue;
                }
                let flow = is_flow(&response);
                came += u64::from(flow);
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
                while matching > number {
                    let first = history.flows.pop_front();
                    matching -= u64::from(first.as_ref().is_some_and(is_flow));
                }
            }
            // Asked for more and given none: there are no more.
            if matching >= number || came < request.number || before == Some(came) {
                return Ok(history);
            }
            before = Some(came);
            request.number = request.number.saturating_mul(MORE);
        }
    }
}

/// The next answer; while it is waited for, what is shown is brought up to date.
async fn next(
    stream: &mut Streaming<GetFlowsResponse>,
    screen: &mut Screen,
) -> Result<Result<Option<GetFlowsResponse>, tonic::Status>, Error> {
    loop {
        let Some(wait) = screen.refreshes_in() else {
            return Ok(stream.message().await);
        };
        match tokio::time::timeout(wait, stream.message()).await {
            Ok(message) => return Ok(message),
            Err(_elapsed) => screen.flush()?,
        }
    }
}
