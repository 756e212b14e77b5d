//! What a request means over many nodes: what each node is asked, and what is kept of the whole.

use bytes::Bytes;
use prost::Message as _;
use proto::{
    flow::{LostEvent, LostEventSource},
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};
use tonic::Status;

use crate::{merge::Stamp, raw::Request};

/// How much a query may hold back while it looks for the newest flows (bytes on the wire).
const MEMORY: usize = 256 << 20;

/// Which of the past's flows are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All of them, as they come.
    All,
    /// The oldest so many.
    Oldest(u64),
    /// The newest so many: known only when every node has told its own.
    Newest(u64),
}

/// A checked request.
#[derive(Debug)]
pub struct Plan {
    /// Asked of every node for the past, but for `since`.
    past_request: Bytes,
    /// Asked of every node for the present, but for `since`.
    request: Bytes,
    /// From when on.
    pub since: Option<Stamp>,
    /// What is delivered of the past.
    pub limit: Limit,
    /// There is a past to query before (or instead of) the present.
    pub past: bool,
    /// The present follows.
    pub follow: bool,
    /// A follow that the nodes end (`until`).
    pub ends: bool,
    /// The client wants to know how far the sequence is settled.
    pub progress: bool,
    /// The client understands `extensions`.
    pub extensions: bool,
    /// Bytes held back at most.
    pub memory: usize,
}

/// What the metadata of a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// To be told how far the sequence is settled.
    pub progress: bool,
    /// What Hubble's messages have no field for.
    pub extensions: bool,
    /// The number of flows from each node.
    pub per_node: bool,
}

impl Plan {
    /// Works out a request.
    ///
    /// # Errors
    /// `InvalidArgument` for `first` with `follow`, as an agent answers it.
    pub fn new(mut request: GetFlowsRequest, asked: RequestOptions) -> Result<Self, Status> {
        if request.first && request.follow {
            return Err(Status::invalid_argument(
                "first cannot be specified with follow",
            ));
        }
        // All there is: `--all` sends the largest number.
        let number = Some(request.number).filter(|number| (1..u64::MAX).contains(number));
        let limit = match number {
            None => Limit::All,
            // Each node counts its own.
            Some(_) if asked.per_node => Limit::All,
            // With `since` an agent starts there and counts forward.
            Some(number) if request.first || request.since.is_some() => Limit::Oldest(number),
            Some(number) => Limit::Newest(number),
        };
        // A follow's number says how far to look back from now; `since` says it better.
        let past = !request.follow || (request.number > 0 && request.since.is_none());
        let (follow, ends) = (request.follow, request.until.is_some());
        let since = request.since.take().map(|time| Stamp {
            seconds: time.seconds,
            nanos: time.nanos,
        });
        // Encoded once, for all nodes and all times that they are asked.
        request.follow = false;
        let past_request = Bytes::from(request.encode_to_vec());
        request.follow = follow;
        request.number = 0;
        let request = Bytes::from(request.encode_to_vec());
        Ok(Self {
            past_request,
            request,
            since,
            limit,
            past,
            follow,
            ends,
            progress: asked.progress,
            extensions: asked.extensions,
            memory: MEMORY,
        })
    }

    /// What a node is asked, encoded: for the past or for the present, from a time on.
    pub(super) fn request(&self, past: bool, since: Option<Stamp>) -> Request {
        let since = GetFlowsRequest {
            since: since.map(|stamp| proto::google::Timestamp {
                seconds: stamp.seconds,
                nanos: stamp.nanos,
            }),
            ..GetFlowsRequest::default()
        };
        // Messages that follow each other are one (protobuf's encoding, "Last One Wins").
        let request = if past {
            &self.past_request
        } else {
            &self.request
        };
        Request([request.clone(), since.encode_to_vec().into()])
    }
}

/// Says in the stream that the relay could not hold all the flows asked for.
pub(super) fn forgotten(relay: &str, number: u64) -> GetFlowsResponse {
    let lost = LostEvent {
        source: LostEventSource::HubbleRingBuffer.into(),
        num_events_lost: number,
        ..LostEvent::default()
    };
    GetFlowsResponse {
        node_name: relay.to_owned(),
        time: Some(std::time::SystemTime::now().into()),
        response_types: Some(ResponseTypes::LostEvents(lost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans() {
        let since = Some(proto::google::Timestamp {
            seconds: 5,
            nanos: 6,
        });
        let base = GetFlowsRequest::default;
        for (name, request, want) in [
            ("everything", base(), (Limit::All, true)),
            (
                "all",
                GetFlowsRequest {
                    number: u64::MAX,
                    ..base()
                },
                (Limit::All, true),
            ),
            (
                "last 5",
                GetFlowsRequest {
                    number: 5,
                    ..base()
                },
                (Limit::Newest(5), true),
            ),
            (
                "first 5",
                GetFlowsRequest {
                    number: 5,
                    first: true,
                    ..base()
                },
                (Limit::Oldest(5), true),
            ),
            (
                "5 since",
                GetFlowsRequest {
                    number: 5,
                    since,
                    ..base()
                },
                (Limit::Oldest(5), true),
            ),
            (
                "follow",
                GetFlowsRequest {
                    follow: true,
                    ..base()
                },
                (Limit::All, false),
            ),
            (
                "follow last 5",
                GetFlowsRequest {
                    follow: true,
                    number: 5,
                    ..base()
                },
                (Limit::Newest(5), true),
            ),
            (
                "follow since",
                GetFlowsRequest {
                    follow: true,
                    number: 5,
                    since,
                    ..base()
                },
                (Limit::Oldest(5), false),
            ),
        ] {
            let since_of_request = request.since;
            let plan = Plan::new(request, RequestOptions::default()).unwrap();
            assert_eq!((plan.limit, plan.past), want, "{name}");
            let sent = |past, since| {
                let Request(parts) = plan.request(past, since);
                GetFlowsRequest::decode(&*parts.concat()).unwrap()
            };
            assert!(!sent(true, None).follow, "{name}");
            assert_eq!(sent(false, None).number, 0, "{name}");
            assert_eq!(sent(false, plan.since).since, since_of_request, "{name}");
            let later = Stamp {
                seconds: 7,
                nanos: 0,
            };
            let asked = sent(true, Some(later)).since.unwrap();
            assert_eq!((asked.seconds, asked.nanos), (7, 0), "{name}");
        }
        let per_node = RequestOptions {
            per_node: true,
            ..RequestOptions::default()
        };
        for follow in [false, true] {
            let request = GetFlowsRequest {
                number: 5,
                follow,
                ..base()
            };
            let plan = Plan::new(request, per_node).unwrap();
            assert_eq!((plan.limit, plan.past), (Limit::All, true));
            let Request(parts) = plan.request(true, None);
            let sent = GetFlowsRequest::decode(&*parts.concat()).unwrap();
            assert_eq!(sent.number, 5);
        }
        let both = GetFlowsRequest {
            first: true,
            follow: true,
            ..base()
        };
        assert_eq!(
            Plan::new(both, RequestOptions::default())
                .unwrap_err()
                .code(),
            tonic::Code::InvalidArgument
        );
    }
}
