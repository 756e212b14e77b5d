//! Requests of layer 7 among the flows of a store, of a recording: a list that is kept up to date, and what a
//! connection carried.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use flow::{Filter, Side, Verdict, request::RequestView};
use flows_client::{
    Item, Snapshot, Store,
    connections::{ConnectionList, Entry, Joined, denied_requests, exchanges},
};
use proto::{
    json::{self, Unknown},
    observer::GetFlowsResponse,
};

fn recorded() -> Vec<GetFlowsResponse> {
    read("flows.jsonl")
}

/// A recording of `testdata/requests`.
fn read(name: &str) -> Vec<GetFlowsResponse> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/requests");
    let text = fs::read_to_string(format!("{directory}/{name}")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| json::read(line, Unknown::Ignore).unwrap())
        .collect()
}

fn newest(snapshot: &Snapshot) -> i64 {
    let times = snapshot.iter(snapshot.range()).map(|(_, item)| item.time());
    times.max().unwrap_or(0)
}

fn filter(text: &str) -> Filter {
    match text {
        "" => Filter::default(),
        text => text.parse().unwrap(),
    }
}

fn said(entries: &[Entry]) -> Vec<(i64, u64, bool)> {
    let mut said: Vec<_> = entries
        .iter()
        .map(|entry| (entry.start, entry.number, entry.is_request()))
        .collect();
    said.sort_unstable();
    said
}

#[test]
fn denied_requests_come_into_a_list_that_asks_for_them_and_no_other() {
    for (text, requests) in [
        ("", 5),
        ("verdict == DROPPED", 5),
        ("verdict == DROPPED and dst.port == 53", 1),
        ("state == open", 0),
    ] {
        let store = Store::new(10_000);
        let (mut joined, mut list) = (
            Joined::default(),
            ConnectionList::new(&filter(text)).with_requests(),
        );
        for part in recorded().chunks(7) {
            store.push(part, i64::MAX);
            let snapshot = store.snapshot();
            joined.advance(&snapshot);
            list.advance(&joined, &snapshot, newest(&snapshot));
        }
        let snapshot = store.snapshot();
        let now = newest(&snapshot);
        // What is open by then isn't kept up to date without a look.
        list.advance(&joined, &snapshot, now + 60_000_000_000);
        let of = |entries: &[Entry]| entries.iter().filter(|entry| entry.is_request()).count();
        assert_eq!(of(list.entries()), requests, "{text}");
        let mut anew = ConnectionList::new(&filter(text)).with_requests();
        anew.advance(&joined, &snapshot, now + 60_000_000_000);
        assert_eq!(said(list.entries()), said(anew.entries()), "{text}");
        let rows = denied_requests(&snapshot, &mut filter(text).program());
        assert_eq!(rows.len(), requests, "{text}");
        let mut plain = ConnectionList::new(&filter(text));
        plain.advance(&joined, &snapshot, now);
        assert_eq!(of(plain.entries()), 0, "{text}");
    }
}

#[test]
fn a_connection_tells_its_requests_with_their_answers() {
    let store = Store::new(10_000);
    store.push(&recorded(), i64::MAX);
    let snapshot = store.snapshot();
    let port_of = |row: &flows_client::Row| {
        let [source, destination] = [Side::Source, Side::Destination]
            .map(|side| flow::FlowView::port(row, side).unwrap_or(0));
        source.max(destination)
    };
    let numbers = |wanted: u16| -> Vec<u64> {
        let items = snapshot.iter(snapshot.range());
        let of = items.filter_map(|(number, item)| match item {
            Item::Flow(row) => {
                (port_of(row) == wanted && flow::FlowView::l7(row).is_some()).then_some(number)
            }
            Item::Marker(_) => None,
        });
        of.collect()
    };
    let denied = snapshot
        .iter(snapshot.range())
        .find_map(|(_, item)| match item {
            Item::Flow(row) => {
                let view = RequestView::denied(row)?;
                (view.subject() == "DELETE /cart").then(|| port_of(row))
            }
            Item::Marker(_) => None,
        });
    let all = exchanges(&snapshot, &numbers(denied.unwrap()));
    let said: Vec<(Verdict, &str, Option<&str>, &str)> = all
        .iter()
        .map(|one| {
            (
                one.verdict,
                &*one.asked,
                one.answer.as_deref(),
                &*one.reason,
            )
        })
        .collect();
    let metrics = (
        Verdict::Forwarded,
        "GET http://api/metrics",
        Some("200"),
        "",
    );
    let delete = (
        Verdict::Dropped,
        "DELETE http://api/cart",
        Some("403"),
        "cnp shop/api: method DELETE is not GET",
    );
    assert_eq!(said, [metrics, delete, metrics]);
    assert!(all.iter().all(|one| one.latency_ns > 0), "{all:#?}");
}

/// What rows say is what their connections do, however the list came to be.
#[test]
fn rows_of_connections_that_are_alike_lose_none_of_them() {
    let store = Store::new(10_000);
    let filter = Filter::default();
    let (mut joined, mut kept) = (
        Joined::default(),
        ConnectionList::new(&filter).with_requests(),
    );
    let (mut requests, mut denied) = (0, 0);
    for part in read("search.jsonl").chunks(7) {
        store.push(part, i64::MAX);
        let snapshot = store.snapshot();
        let now = newest(&snapshot) + 60_000_000_000;
        joined.advance(&snapshot);
        kept.advance(&joined, &snapshot, now);
        let mut anew = ConnectionList::new(&filter).with_requests();
        anew.advance(&joined, &snapshot, now);
        assert_eq!(kept.told().len(), anew.told().len());
        let entries = kept.entries();
        let told = kept.told();
        let mut seen = 0;
        denied = 0;
        for at in 0..told.len() {
            let row = told.get(entries, at).unwrap();
            let members: Vec<&Entry> = told.members(entries, &row).collect();
            if members.is_empty() {
                seen += 1;
                continue;
            }
            seen += members.len();
            for member in &members {
                let place = entries.iter().position(|entry| entry == *member).unwrap();
                assert_eq!(told.row_of(entries, place), at);
            }
            assert_eq!(row.start, members[0].start);
            let all = joined.connections();
            let sum = kept.row(&row, None, &joined, &snapshot, now).unwrap();
            assert_eq!(sum.connections, members.len() as u64);
            // What is kept of it from earlier looks is what there is.
            let anew = anew.row(&row, None, &joined, &snapshot, now).unwrap();
            assert_eq!(sum, anew);
            if row.is_request() {
                denied += sum.facts.drops;
                continue;
            }
            let carried = members.iter().filter_map(|entry| all.get(entry.id?));
            let carried: u64 = carried.map(|of| of.requests().total).sum();
            assert_eq!(sum.requests.total, carried);
            requests = requests.max(carried);
        }
        assert_eq!(seen, entries.len());
    }
    // Twice a name, as A and AAAA, each in four forms; and a denied one, asked for as both, which the connection
    // that carried it is told with.
    assert_eq!(
        (requests, denied, kept.told().len(), kept.entries().len()),
        (16, 2, 2, 11)
    );
}
