//! A list that is kept up to date shows what one shows that is made anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use flow::Filter;
use flows_client::{
    Snapshot, Store,
    connections::{ConnectionList, Entry, Joined},
};
use proto::{
    flow::Verdict,
    google::Timestamp,
    json::{self, Unknown},
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};

const FILTERS: [&str; 4] = [
    "",
    "verdict == DROPPED",
    "state == denied or dst.port == 5432",
    "ns == payments",
];

fn recorded() -> Vec<GetFlowsResponse> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop/flows.jsonl");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines();
    lines
        .map(|line| json::read(line, Unknown::Ignore).unwrap())
        .collect()
}

fn filter(text: &str) -> Filter {
    match text {
        "" => Filter::default(),
        text => text.parse().unwrap(),
    }
}

fn anew(snapshot: &Snapshot, filter: &Filter, now: i64) -> Vec<Entry> {
    let joined = Joined::until(snapshot, u64::MAX);
    let mut list = ConnectionList::new(filter);
    list.advance(&joined, snapshot, now);
    list.entries().to_vec()
}

/// What can be compared over two ways of joining: the ids are each one's own.
fn said(entries: &[Entry]) -> Vec<(i64, i64, u64, bool)> {
    let mut said: Vec<_> = entries
        .iter()
        .map(|entry| (entry.start, entry.last, entry.number, entry.is_bad()))
        .collect();
    said.sort_unstable();
    said
}

/// The recording, so many hours later.
fn later(hours: i64) -> Vec<GetFlowsResponse> {
    let moved =
        |time: Timestamp| Timestamp::from_unix_nanos(time.unix_nanos() + hours * 3_600_000_000_000);
    let mut responses = recorded();
    for response in &mut responses {
        response.time = response.time.map(moved);
        if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
            flow.time = flow.time.map(moved);
        }
    }
    responses
}

fn newest(snapshot: &Snapshot) -> i64 {
    let times = snapshot.iter(snapshot.range()).map(|(_, item)| item.time());
    times.max().unwrap_or(0)
}

#[test]
fn a_list_that_is_kept_up_to_date_shows_what_a_new_one_shows() {
    let store = Store::new(100_000);
    let mut joined = Joined::default();
    let filters = FILTERS.map(filter);
    let mut lists = filters.each_ref().map(ConnectionList::new);
    let mut most = [0; FILTERS.len()];
    for piece in [later(0), later(1)].concat().chunks(37) {
        store.push(piece, i64::MAX);
        let snapshot = store.snapshot();
        let now = newest(&snapshot);
        joined.advance(&snapshot);
        for (at, list) in lists.iter_mut().enumerate() {
            list.advance(&joined, &snapshot, now);
            let wanted = anew(&snapshot, &filters[at], now);
            let (shown, wanted_is) = (said(list.entries()), said(&wanted));
            let other: Vec<_> = shown
                .iter()
                .filter(|one| !wanted_is.contains(one))
                .collect();
            let missing: Vec<_> = wanted_is
                .iter()
                .filter(|one| !shown.contains(one))
                .collect();
            assert!(
                other.is_empty() && missing.is_empty(),
                "{}: {other:?} instead of {missing:?}",
                FILTERS[at]
            );
            assert!(list.entries().is_sorted_by_key(|entry| entry.start));
            let bad = wanted.iter().filter(|entry| entry.is_bad()).count();
            assert_eq!(list.denied(), bad);
            most[at] = list.connections().max(most[at]);
        }
    }
    assert!(most.iter().all(|connections| *connections > 10), "{most:?}");
    assert!(most[1] < most[0]);
}

/// A node that is late tells of connections that began before those that are known.
#[test]
fn each_connection_counts_once_in_whatever_order_they_come() {
    let store = Store::new(100_000);
    let mut joined = Joined::default();
    let mut list = ConnectionList::new(&Filter::default());
    let all = [later(1), later(2)].concat();
    let pieces: Vec<_> = all.chunks(100).collect();
    let mut look = |list: &mut ConnectionList| {
        let snapshot = store.snapshot();
        joined.advance(&snapshot);
        list.advance(&joined, &snapshot, newest(&snapshot));
    };
    for piece in pieces.into_iter().rev() {
        store.push(piece, i64::MAX);
        look(&mut list);
        assert_eq!(list.entered(), list.connections() as u64);
    }
    let entered = list.entered();
    assert!(entered > 100, "{entered}");
    // What was before all others is not new.
    assert!(store.prepend(&later(0)) > 0);
    look(&mut list);
    assert!(list.connections() as u64 > entered);
    assert_eq!(list.entered(), entered);
}

#[test]
fn what_the_store_has_let_go_of_leaves() {
    // Little more than one recording has room.
    let store = Store::new(1);
    let mut joined = Joined::default();
    let mut list = ConnectionList::new(&Filter::default());
    let mut held = Vec::new();
    for hours in 0..20 {
        for piece in later(hours).chunks(100) {
            store.push(piece, i64::MAX);
            let snapshot = store.snapshot();
            joined.advance(&snapshot);
            list.advance(&joined, &snapshot, newest(&snapshot));
            let first = snapshot.range().start;
            assert!(list.entries().iter().all(|entry| entry.number >= first));
        }
        held.push(joined.connections().len());
    }
    let snapshot = store.snapshot();
    assert!(snapshot.counts().evicted > 0);
    assert!(!list.entries().is_empty());
    // The number of ends grows no longer once the store is full.
    assert!(held[19] <= held[9], "{held:?}");
    // Of the connections that began in what is held, none is missing.
    let oldest = snapshot.iter(snapshot.range()).next().unwrap().1.time();
    let young = |entries: &[Entry]| -> Vec<i64> {
        let starts = entries.iter().map(|entry| entry.start);
        starts.filter(|start| *start > oldest).collect()
    };
    let wanted = anew(&snapshot, &Filter::default(), newest(&snapshot));
    assert_eq!(young(list.entries()), young(&wanted));
}

#[test]
fn what_was_known_at_a_moment_is_known_again() {
    let store = Store::new(100_000);
    let responses = recorded();
    let (before, after) = responses.split_at(300);
    store.push(before, i64::MAX);
    let then = store.snapshot();
    let at = then.range().end - 1;
    let now = newest(&then);
    let wanted = anew(&then, &Filter::default(), now);
    store.push(after, i64::MAX);
    let snapshot = store.snapshot();
    let joined = Joined::until(&snapshot, at);
    let mut list = ConnectionList::new(&Filter::default());
    list.advance(&joined, &snapshot, now);
    assert_eq!(said(list.entries()), said(&wanted));
}

#[test]
fn what_waits_for_an_answer_has_none_after_a_while() {
    let store = Store::new(1000);
    // A packet that passes, and nothing more.
    let one = recorded().into_iter().find(|response| {
        matches!(&response.response_types, Some(ResponseTypes::Flow(flow))
            if flow.verdict() == Verdict::Forwarded && !flow.is_reply.is_some_and(|is| is.value))
    });
    store.push(&[one.unwrap()], i64::MAX);
    let snapshot = store.snapshot();
    let mut joined = Joined::default();
    joined.advance(&snapshot);
    let mut list = ConnectionList::new(&filter("state == 'no answer'"));
    let now = newest(&snapshot);
    list.advance(&joined, &snapshot, now);
    assert_eq!(list.connections(), 0);
    list.advance(&joined, &snapshot, now + 4_000_000_000);
    assert_eq!(list.connections(), 1);
}
