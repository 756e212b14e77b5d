//! What is in a store already, when a server is asked for the same time again.

use std::collections::HashSet;

use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use crate::store::{Id, Item, Marker, Snapshot};

/// A relay may deliver what a slow node sends behind younger flows: so far back (ns), flows are asked
/// for again and those that are known left out.
const OVERLAP: i64 = 5_000_000_000;

/// Items of a stretch of time.
#[derive(Debug)]
pub(super) struct DedupWindow {
    ids: HashSet<Id>,
    lost: Vec<(i64, u64)>,
    /// From when on they are known, Unix ns.
    pub(super) since: i64,
    until: i64,
}

impl DedupWindow {
    /// The newest flows of a store; `None` if it has none.
    pub(super) fn newest(store: &Snapshot) -> Option<Self> {
        let newest = store
            .iter(store.range())
            .rev()
            .find_map(|(_, item)| flow_time(item))?;
        Some(Self::between(
            store,
            newest.saturating_sub(OVERLAP),
            i64::MAX,
        ))
    }

    /// The oldest flows of a store, and the time of the first; `None` if it has none.
    pub(super) fn oldest(store: &Snapshot) -> Option<(Self, i64)> {
        let oldest = store
            .iter(store.range())
            .find_map(|(_, item)| flow_time(item))?;
        Some((Self::begin(store, oldest), oldest))
    }

    /// What a store begins with, up to a little after a moment.
    pub(super) fn begin(store: &Snapshot, moment: i64) -> Self {
        Self::between(store, i64::MIN, moment.saturating_add(OVERLAP))
    }

    /// Flows up to a moment.
    pub(super) fn up_to(store: &Snapshot, moment: i64) -> u64 {
        let items = store.iter(store.range()).map(|(_, item)| item.time());
        let near = items.take_while(|time| *time <= moment.saturating_add(OVERLAP));
        near.filter(|time| *time <= moment).count() as u64
    }

    /// Those with a time in between. Servers deliver nearly in order: items that are much older or
    /// younger end the search.
    fn between(store: &Snapshot, since: i64, until: i64) -> Self {
        let mut known = Self {
            ids: HashSet::new(),
            lost: Vec::new(),
            since,
            until,
        };
        let near = |item: &&Item| {
            item.time() >= since.saturating_sub(OVERLAP)
                && item.time() <= until.saturating_add(OVERLAP)
        };
        if since == i64::MIN {
            let items = store.iter(store.range()).map(|(_, item)| item);
            items.take_while(near).for_each(|item| known.add(item));
        } else {
            let items = store.iter(store.range()).rev().map(|(_, item)| item);
            items.take_while(near).for_each(|item| known.add(item));
        }
        known
    }

    fn add(&mut self, item: &Item) {
        match item {
            Item::Flow(row) => {
                self.ids.insert(row.id());
            }
            Item::Marker(mark) => {
                if let Marker::Lost { time, events, .. } = **mark {
                    self.lost.push((time, events));
                }
            }
        }
    }

    /// Whether it is there already.
    pub(super) fn has(&self, response: &GetFlowsResponse) -> bool {
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => self.ids.contains(&Id::of(flow)),
            Some(ResponseTypes::LostEvents(lost)) => {
                let time = lost
                    .last
                    .or(response.time)
                    .map_or(0, |time| time.unix_nanos());
                self.lost.contains(&(time, lost.num_events_lost))
            }
            Some(ResponseTypes::NodeStatus(_)) | None => false,
        }
    }

    /// Whether a response is so late that nothing that follows it can be known.
    pub(super) fn is_past(&self, response: &GetFlowsResponse) -> bool {
        response
            .time
            .is_some_and(|time| time.unix_nanos() > self.until.saturating_add(OVERLAP))
    }
}

fn flow_time(item: &Item) -> Option<i64> {
    match item {
        Item::Flow(row) => Some(row.time()),
        Item::Marker(_) => None,
    }
}
