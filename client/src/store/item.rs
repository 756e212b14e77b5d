//! What a store holds: flows, and the places where something else happened.

use std::borrow::Cow;

use proto::{
    flow::{Flow, LostEvent, LostEventSource},
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeState,
};

use super::{intern::Names, parts::Parts, row::Row};

/// What a store holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// A flow.
    Flow(Row),
    /// A place where something else happened.
    Marker(Box<Marker>),
}

/// What a stream says besides flows, and what its reader adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Events were lost here.
    Lost {
        /// When it was noticed, Unix ns.
        time: i64,
        /// By whom; empty if the server did not say.
        node: String,
        /// How many.
        events: u64,
        /// At which stage.
        stage: LostEventSource,
    },
    /// The state of nodes changed.
    Nodes {
        /// Unix ns.
        time: i64,
        /// To what.
        state: NodeState,
        /// Which.
        nodes: Vec<String>,
        /// The server's words.
        message: String,
    },
    /// The connection to the server broke and was made again: what came meanwhile was asked for, as
    /// far back as the server remembers.
    Reconnected {
        /// When it broke, Unix ns.
        lost: i64,
        /// When it was back.
        time: i64,
        /// Why it broke.
        why: String,
        /// What happened in between has been read from the server's history. If false, the server has
        /// forgotten some of it, how much is not known.
        complete: bool,
    },
    /// A line of a file is no flow.
    Unreadable {
        /// Which, from 1.
        line: u64,
        /// Why.
        why: String,
    },
}

impl Marker {
    /// Events that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match self {
            Self::Lost { events, .. } => *events,
            Self::Nodes { .. } | Self::Reconnected { .. } | Self::Unreadable { .. } => 0,
        }
    }

    /// When it was, Unix ns; 0 if it has no time.
    #[must_use]
    pub fn time(&self) -> i64 {
        match self {
            Self::Lost { time, .. } | Self::Nodes { time, .. } | Self::Reconnected { time, .. } => {
                *time
            }
            Self::Unreadable { .. } => 0,
        }
    }
}

impl Marker {
    /// A loss as a server says it; other marks are not part of what happened.
    #[must_use]
    pub fn response(&self) -> Option<GetFlowsResponse> {
        let Self::Lost {
            time,
            node,
            events,
            stage,
        } = self
        else {
            return None;
        };
        let time = Some(Timestamp::from_unix_nanos(*time));
        Some(GetFlowsResponse {
            node_name: node.clone(),
            time,
            response_types: Some(ResponseTypes::LostEvents(LostEvent {
                source: (*stage).into(),
                num_events_lost: *events,
                last: time,
                ..LostEvent::default()
            })),
        })
    }
}

impl Item {
    /// When it was, Unix ns.
    #[must_use]
    pub fn time(&self) -> i64 {
        match self {
            Self::Flow(row) => row.time(),
            Self::Marker(mark) => mark.time(),
        }
    }
}

/// The last moment that is one (in the year 2116): the time between any two fits its type, too.
const LAST: i64 = i64::MAX / 2;

/// Unix ns of a moment as a server tells it; 0 of one that none of ours can be: then it isn't known.
fn known(time: Option<Timestamp>) -> i64 {
    let valid = time.filter(|time| time.checked().is_ok());
    let nanos = valid.map_or(0, |time| time.unix_nanos());
    if (0..=LAST).contains(&nanos) {
        nanos
    } else {
        0
    }
}

/// A flow without what has no JSON form, so that it can be shown and written as a whole.
fn writable(flow: &Flow) -> Cow<'_, Flow> {
    match flow.time {
        Some(time) if time.checked().is_err() => Cow::Owned(Flow {
            time: None,
            ..flow.clone()
        }),
        Some(_) | None => Cow::Borrowed(flow),
    }
}

/// A response as an item. `parts` then has what is its message's own: nothing of a mark.
pub(super) fn item(
    response: &GetFlowsResponse,
    names: &mut Names,
    parts: &mut Parts,
) -> Option<Item> {
    let time = known;
    parts.own.clear();
    match response.response_types.as_ref()? {
        ResponseTypes::Flow(flow) => {
            let flow = writable(flow);
            let mut row = Row::new(&flow, names, parts);
            row.set_time(time(flow.time.or(response.time)));
            Some(Item::Flow(row))
        }
        ResponseTypes::LostEvents(lost) => {
            let mark = Marker::Lost {
                time: time(lost.last.or(response.time)),
                node: response.node_name.clone(),
                events: lost.num_events_lost,
                stage: lost.source(),
            };
            Some(Item::Marker(Box::new(mark)))
        }
        ResponseTypes::NodeStatus(status) => {
            let mark = Marker::Nodes {
                time: time(response.time),
                state: status.state_change(),
                nodes: status.node_names.clone(),
                message: status.message.clone(),
            };
            Some(Item::Marker(Box::new(mark)))
        }
    }
}
