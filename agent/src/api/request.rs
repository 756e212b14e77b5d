//! What a GetFlows request asks for, checked.

use std::sync::Arc;

use proto::observer as api;
use thiserror::Error;
use tonic::{Code, Status, metadata::MetadataMap};

use super::{
    mask::{Mask, MaskError},
    select::{Selection, SelectionError},
};

/// Where a stream of flows begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest flow that is held.
    Oldest,
    /// At the oldest flow not before a time (wall clock, ns).
    Since(u64),
    /// So many matching flows before the newest.
    Last(u64),
    /// After the newest.
    Now,
}

/// A checked request.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where to begin.
    pub start: Start,
    /// Latest time (wall clock, ns), inclusive.
    pub until: u64,
    /// Flows to send at most.
    pub limit: u64,
    /// Goes on after the newest.
    pub follow: bool,
    /// Which flows.
    pub selection: Arc<Selection>,
    /// Which of their fields; `None`: all.
    pub mask: Option<Arc<Mask>>,
    /// Fill `Flow.extensions`.
    pub extensions: bool,
    /// Send progress.
    pub progress: bool,
}

/// A request that cannot be served.
#[derive(Debug, Error)]
pub enum RequestError {
    /// Both ends of the time line at once.
    #[error("first cannot be specified with follow")]
    FirstAndFollow,
    /// A time outside of protobuf's range.
    #[error("{field}: invalid timestamp: {seconds} s {nanos} ns")]
    Timestamp {
        /// `since` or `until`.
        field: &'static str,
        /// As sent.
        seconds: i64,
        /// As sent.
        nanos: i32,
    },
    /// A filter that is wrong, or that is not supported.
    #[error(transparent)]
    Filter(#[from] SelectionError),
    /// A path that is no field of a flow.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        Self::new(Code::InvalidArgument, error.to_string())
    }
}

impl Query {
    /// Checks a request and the metadata that came with it.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn new(
        request: api::GetFlowsRequest,
        metadata: &MetadataMap,
    ) -> Result<Self, RequestError> {
        let api::GetFlowsRequest {
            number,
            first,
            follow,
            blacklist,
            whitelist,
            since,
            until,
            field_mask,
            experimental: _,
            extensions: _,
        } = request;
        if first && follow {
            return Err(RequestError::FirstAndFollow);
        }
        let since = since.map(|time| ns("since", time)).transpose()?;
        let until = until.map(|time| ns("until", time)).transpose()?;
        let start = match (since, number) {
            (Some(since), _) => Start::Since(since),
            (None, _) if first => Start::Oldest,
            (None, 0) if follow => Start::Now,
            (None, 0) => Start::Oldest,
            (None, number) => Start::Last(number),
        };
        let limit = if follow || number == 0 {
            u64::MAX
        } else {
            number
        };
        let asked = |name: &str| metadata.get(name).is_some_and(|value| value == "1");
        let mask = field_mask
            .map(|mask| Mask::new(&mask.paths))
            .transpose()?
            .flatten()
            .map(Arc::new);
        Ok(Self {
            start,
            until: until.unwrap_or(u64::MAX),
            limit,
            follow,
            selection: Arc::new(Selection::new(&whitelist, &blacklist)?),
            mask,
            extensions: asked(proto::WANT_EXTENSIONS),
            progress: asked(proto::WANT_PROGRESS),
        })
    }

    /// Earliest time at which a flow may stand.
    pub fn since(&self) -> u64 {
        match self.start {
            Start::Since(since) => since,
            Start::Oldest | Start::Last(_) | Start::Now => 0,
        }
    }
}

/// Protobuf allows the years 1 to 9999; what lies before 1970 is the beginning of time here, what
/// lies after 2554 its end.
pub(super) fn ns(field: &'static str, time: proto::google::Timestamp) -> Result<u64, RequestError> {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_9999_END: i64 = 253_402_300_799;
    let proto::google::Timestamp { seconds, nanos } = time;
    let valid = (YEAR_1..=YEAR_9999_END).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    if !valid {
        return Err(RequestError::Timestamp {
            field,
            seconds,
            nanos,
        });
    }
    let ns = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Ok(u64::try_from(ns.max(0)).unwrap_or(u64::MAX))
}
