//! A part of the history, read as a whole.

use std::sync::Arc;

use client::{ConnectionState, Feed, FlowQuery, Snapshot, Source, Store};

use crate::error::Error;

/// Most flows that are held; the newest of more.
const MOST: usize = 500_000;

/// All that is asked for.
///
/// # Errors
/// The source can't be read, in words.
pub(crate) async fn read(source: Source, query: FlowQuery) -> Result<Snapshot, Error> {
    let store = Arc::new(Store::new(MOST));
    let feed = Feed::start(source, query, Arc::clone(&store));
    let mut states = feed.connection();
    loop {
        match &*states.borrow_and_update() {
            ConnectionState::Ended => return Ok(store.snapshot()),
            ConnectionState::Failed(why) | ConnectionState::Lost { why, .. } => {
                return Err(Error::Usage(why.clone()));
            }
            ConnectionState::Connecting | ConnectionState::Live { .. } => {}
        }
        if states.changed().await.is_err() {
            return Ok(store.snapshot());
        }
    }
}
