//! Event types as flags and expressions name them.

use proto::flow::EventTypeFilter;

use super::error::NotANumber;
use crate::monitor_api::{event, observation_point_named};

/// Why a text is no event type; the texts are Hubble's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventTypeError {
    /// Not an event type.
    #[error(
        "unable to parse type '{text}', not a known type name and unable to parse as numeric value: {why}"
    )]
    Type {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: NotANumber,
    },
    /// Not a sub type.
    #[error(
        "unable to parse event sub-type '{text}', not a known sub-type name and unable to parse as numeric value: {why}"
    )]
    SubType {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: NotANumber,
    },
}

/// Names of agent events as sub types. The numbers are the monitor's, not those of the proto.
const AGENT_EVENTS: [&str; 11] = [
    "unspecified",
    "message",
    "agent-started",
    "endpoint-regenerate-success",
    "endpoint-regenerate-failure",
    "policy-updated",
    "policy-deleted",
    "endpoint-created",
    "endpoint-deleted",
    "ipcache-upserted",
    "ipcache-deleted",
];

/// `TYPE[:SUBTYPE]`, names or numbers.
pub(crate) fn event_type(text: &str) -> Result<EventTypeFilter, EventTypeError> {
    let number = |text: &str| {
        NotANumber::read(text, 0x7fff_ffff).map(|n| i32::try_from(n).unwrap_or_default())
    };
    let (name, sub) = match text.split_once(':') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    let named = event::NAMES.iter().find(|(known, _)| *known == name);
    let kind = match named {
        Some((_, kind)) => *kind,
        None => number(name).map_err(|why| EventTypeError::Type {
            text: name.to_owned(),
            why,
        })?,
    };
    let Some(sub) = sub else {
        return Ok(EventTypeFilter {
            r#type: kind,
            ..EventTypeFilter::default()
        });
    };
    let known = match named.map(|(name, _)| *name) {
        Some("trace") => observation_point_named(sub),
        Some("agent") => AGENT_EVENTS
            .iter()
            .position(|known| *known == sub)
            .and_then(|at| i32::try_from(at).ok()),
        _ => None,
    };
    let sub_type = match known {
        Some(sub_type) => sub_type,
        None => number(sub).map_err(|why| EventTypeError::SubType {
            text: sub.to_owned(),
            why,
        })?,
    };
    Ok(EventTypeFilter {
        r#type: kind,
        match_sub_type: true,
        sub_type,
    })
}
