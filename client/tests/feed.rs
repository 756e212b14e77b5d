//! A feed over a real connection that breaks, and over a file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: it fails where it stands"
)]

use std::{path::Path, sync::Arc};

use flow::{Filter, FlowView as _, Side, Verdict};
use flows_client::{
    ConnectionState, Feed, FlowQuery, Item, Marker, ServerRef, Snapshot, Source, Store, Target,
    View,
};
use proto::{
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};
use testing::{
    PATIENCE,
    server::{SECOND, Server, flow, lost},
};

fn source(socket: &Path) -> Source {
    let address = format!("unix://{}", socket.display());
    Source::Server(Target::find(ServerRef::Server(&address)).unwrap())
}

/// Waits until a store looks as wanted.
async fn until(store: &Store, what: &str, is: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let mut changes = store.changes();
    let wait = async {
        loop {
            let snapshot = store.snapshot();
            if is(&snapshot) {
                return snapshot;
            }
            changes.changed().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("{what}: {:?}", times(&store.snapshot())))
}

async fn linked(feed: &Feed, is: impl FnMut(&ConnectionState) -> bool) -> ConnectionState {
    let mut link = feed.connection();
    let found = tokio::time::timeout(PATIENCE, link.wait_for(is)).await;
    found.expect("in time").unwrap().clone()
}

/// Seconds of flows; `-events` for losses, 0 for other marks.
fn times(snapshot: &Snapshot) -> Vec<i64> {
    let items = snapshot.iter(snapshot.range());
    let time = |(_, item): (u64, &Item)| match item {
        Item::Flow(row) => row.time() / SECOND,
        Item::Marker(mark) => -i64::try_from(mark.lost()).unwrap(),
    };
    items.map(time).collect()
}

fn flows(seconds: std::ops::Range<i64>) -> Vec<GetFlowsResponse> {
    seconds
        .map(|second| flow(second * SECOND, "web", Verdict::Forwarded))
        .collect()
}

#[tokio::test]
async fn history_then_live_then_older() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("s"), flows(100..200));
    let store = Arc::new(Store::new(10_000));
    let ask = FlowQuery {
        last: 10,
        follow: true,
        ..FlowQuery::default()
    };
    let feed = Feed::start(source(&server.socket), ask, store.clone());
    until(&store, "history", |s| {
        times(s) == (190..200).collect::<Vec<_>>()
    })
    .await;
    server.say(flow(200 * SECOND, "web", Verdict::Dropped));
    server.say(lost(201 * SECOND, 7));
    let snapshot = until(&store, "live", |s| s.counts().lost == 7).await;
    let first = snapshot.range().start;

    assert_eq!(feed.older(20).await, Ok(20));
    let snapshot = store.snapshot();
    let mut want: Vec<i64> = (170..=200).collect();
    want.push(-7);
    assert_eq!(times(&snapshot), want);
    // Numbers stay with their items.
    assert_eq!(snapshot.row(first).unwrap().time(), 190 * SECOND);
    let message = snapshot.message(first - 20).unwrap();
    assert_eq!(message.time, Some(Timestamp::from_unix_nanos(170 * SECOND)));
    // All there is, and then nothing more.
    assert_eq!(feed.older(1000).await, Ok(70));
    assert_eq!(feed.older(1000).await, Ok(0));
}

#[tokio::test]
async fn a_broken_connection_is_made_again_and_nothing_is_twice_or_missing() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(&directory.path().join("s"), flows(100..110));
    let store = Arc::new(Store::new(10_000));
    let ask = FlowQuery {
        last: 100,
        follow: true,
        ..FlowQuery::default()
    };
    let feed = Feed::start(source(&server.socket), ask, store.clone());
    until(&store, "history", |s| times(s).len() == 10).await;
    server.say(lost(109 * SECOND, 3));
    until(&store, "loss", |s| s.counts().lost == 3).await;

    server.stop();
    let ConnectionState::Lost { why, .. } =
        linked(&feed, |link| matches!(link, ConnectionState::Lost { .. })).await
    else {
        panic!("not lost")
    };
    assert!(!why.is_empty());
    assert!(
        feed.older(5)
            .await
            .unwrap_err()
            .contains("can't be reached")
    );
    for second in 110..115 {
        server.say(flow(second * SECOND, "web", Verdict::Forwarded));
    }
    server.resume();
    let snapshot = until(&store, "again", |s| s.counts().flows == 15).await;
    let mut want: Vec<i64> = (100..110).collect();
    want.extend([-3, 0]);
    want.extend(110..115);
    assert_eq!(times(&snapshot), want);
    let marks: Vec<_> = snapshot
        .iter(snapshot.range())
        .filter_map(|(_, item)| match item {
            Item::Marker(mark) => Some((**mark).clone()),
            Item::Flow(_) => None,
        })
        .collect();
    assert!(
        matches!(marks[1], Marker::Reconnected { complete: true, .. }),
        "{marks:?}"
    );
    assert_eq!(
        linked(&feed, |link| matches!(link, ConnectionState::Live { .. })).await,
        feed.connection().borrow().clone()
    );

    // A server that has forgotten everything may have forgotten more than is told.
    server.stop();
    linked(&feed, |link| matches!(link, ConnectionState::Lost { .. })).await;
    server.forget();
    server.say(flow(120 * SECOND, "web", Verdict::Forwarded));
    server.resume();
    let snapshot = until(&store, "a new server", |s| s.counts().flows == 16).await;
    let marks = snapshot.iter(snapshot.range()).filter(|(_, item)| {
        matches!(item, Item::Marker(mark) if matches!(**mark, Marker::Reconnected { complete: false, .. }))
    });
    assert_eq!(marks.count(), 1);
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let store = Arc::new(Store::new(10_000));
    let ask = FlowQuery {
        last: 100,
        follow: true,
        ..FlowQuery::default()
    };
    let feed = Feed::start(source(&socket), ask, store.clone());
    linked(&feed, |link| matches!(link, ConnectionState::Lost { .. })).await;
    let _server = Server::start(&socket, flows(0..3));
    let snapshot = until(&store, "history", |s| s.counts().flows == 3).await;
    assert_eq!(
        times(&snapshot),
        [0, 1, 2],
        "and no mark: nothing was missed"
    );
}

#[tokio::test]
async fn a_request_that_is_refused_is_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("s"), flows(0..3));
    server.refuse(tonic::Status::invalid_argument("bad pod name"));
    let store = Arc::new(Store::new(10_000));
    let feed = Feed::start(source(&server.socket), FlowQuery::default(), store.clone());
    let link = linked(&feed, |link| matches!(link, ConnectionState::Failed(_))).await;
    assert_eq!(link, ConnectionState::Failed("bad pod name".to_owned()));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn how_nodes_are_now_stands_behind_what_was() {
    let directory = tempfile::tempdir().unwrap();
    let status = |time: i64| GetFlowsResponse {
        time: Some(Timestamp::from_unix_nanos(time * SECOND)),
        response_types: Some(ResponseTypes::NodeStatus(NodeStatusEvent {
            state_change: NodeState::NodeConnected.into(),
            node_names: vec!["one".to_owned()],
            ..NodeStatusEvent::default()
        })),
        ..GetFlowsResponse::default()
    };
    for (now, want) in [
        (1_000, [100, 101, 102, 103, 0]),
        // Live flows follow it.
        (102, [100, 101, 0, 102, 103]),
    ] {
        let socket = directory.path().join(now.to_string());
        let history = std::iter::once(status(now)).chain(flows(100..104));
        let server = Server::start(&socket, history.collect());
        let store = Arc::new(Store::new(10_000));
        let ask = FlowQuery {
            last: 10,
            follow: true,
            ..FlowQuery::default()
        };
        let _feed = Feed::start(source(&server.socket), ask, store.clone());
        let seen = until(&store, "all", |s| times(s).len() == 5).await;
        assert_eq!(times(&seen), want);
    }
}

#[tokio::test]
async fn older_flows_come_for_another_store_of_the_same_flows() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("s"), flows(100..200));
    let store = Arc::new(Store::new(10_000));
    let ask = FlowQuery {
        last: 10,
        follow: true,
        ..FlowQuery::default()
    };
    let feed = Feed::start(source(&server.socket), ask.clone(), store.clone());
    until(&store, "history", |s| times(s).len() == 10).await;
    let other = Arc::new(Store::new(10_000));
    let older = |most| feed.older_of(ask.clone(), Arc::clone(&other), 189 * SECOND, most);
    assert_eq!(older(3).await, Ok(3), "before the moment");
    assert_eq!(times(&other.snapshot()), [187, 188, 189]);
    assert_eq!(older(2).await, Ok(2), "before what it has");
    assert_eq!(times(&other.snapshot()), [185, 186, 187, 188, 189]);
    assert_eq!(times(&store.snapshot()).len(), 10);
}

#[tokio::test]
async fn a_file_is_read_with_its_filter_and_its_broken_lines_are_marked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flows.json");
    let mut text = String::new();
    for (second, pod) in [(1, "web"), (2, "db"), (3, "web")] {
        let response = flow(second * SECOND, pod, Verdict::Forwarded);
        text.push_str(&proto::json::to_string(&response).unwrap());
        text.push('\n');
        if second == 1 {
            text.push_str("{\"flow\": 7\n\n");
        }
    }
    std::fs::write(&path, text).unwrap();
    let store = Arc::new(Store::new(10_000));
    let ask = FlowQuery {
        whitelist: vec![proto::flow::FlowFilter {
            source_pod: vec!["shop/web".to_owned()],
            ..Default::default()
        }],
        ..FlowQuery::default()
    };
    let feed = Feed::start(Source::File(path.clone()), ask, store.clone());
    assert_eq!(
        linked(&feed, |link| !matches!(link, ConnectionState::Connecting)).await,
        ConnectionState::Ended
    );
    let snapshot = store.snapshot();
    assert_eq!(snapshot.counts().flows, 2);
    let marks: Vec<_> = snapshot
        .iter(snapshot.range())
        .filter_map(|(_, item)| match item {
            Item::Marker(mark) => Some((**mark).clone()),
            Item::Flow(_) => None,
        })
        .collect();
    assert!(
        matches!(&marks[..], [Marker::Unreadable { line: 2, .. }]),
        "{marks:?}"
    );
    assert!(feed.older(1).await.is_err());

    let missing = Source::File(path.with_extension("gone"));
    let feed = Feed::start(missing, FlowQuery::default(), store);
    let ConnectionState::Failed(why) =
        linked(&feed, |link| matches!(link, ConnectionState::Failed(_))).await
    else {
        panic!("not failed")
    };
    assert!(
        why.contains("flows.gone") && why.contains("No such file"),
        "{why}"
    );
}

#[test]
fn a_store_is_bounded_and_a_view_follows_it() {
    let store = Store::new(5_000);
    let filter = Filter::from_lists(
        &[proto::flow::FlowFilter {
            verdict: vec![Verdict::Dropped.into()],
            ..Default::default()
        }],
        &[],
    )
    .unwrap();
    let mut view = View::new(&filter, false);
    for second in 0..20_000_i64 {
        let verdict = if second % 10 == 0 {
            Verdict::Dropped
        } else {
            Verdict::Forwarded
        };
        store.push(
            &[flow(second * SECOND, &format!("pod-{second}"), verdict)],
            i64::MAX,
        );
        if second % 777 == 0 {
            view.advance(&store.snapshot());
        }
    }
    let snapshot = store.snapshot();
    view.advance(&snapshot);
    let held = snapshot.iter(snapshot.range()).count();
    assert!((4_000..=5_000).contains(&held), "{held}");
    assert_eq!(snapshot.counts().evicted + held as u64, 20_000);
    let scanned: Vec<u64> = snapshot
        .iter(snapshot.range())
        .filter(|(_, item)| matches!(item, Item::Flow(row) if row.verdict() == Verdict::Dropped))
        .map(|(number, _)| number)
        .collect();
    let followed: Vec<u64> = view.matches().iter().map(|found| found.number).collect();
    assert_eq!(followed, scanned);
    for number in [scanned[0], scanned[scanned.len() - 1]] {
        let (row, message) = (
            snapshot.row(number).unwrap(),
            snapshot.message(number).unwrap(),
        );
        assert_eq!(row.pod(Side::Source), message.source.unwrap().pod_name);
        let mut uuid = String::new();
        row.uuid(&mut |text| uuid.push_str(text));
        assert_eq!(uuid, message.uuid);
        assert!(row.uuid_is(&uuid) && !row.uuid_is(""));
    }
    // One after the other they are the same as one by one.
    let mut messages = snapshot.messages();
    for number in scanned.iter().chain([&scanned[0]]) {
        assert_eq!(messages.get(*number), snapshot.message(*number));
    }
    // A new view over the same comes to the same.
    let mut fresh = View::new(&filter, false);
    fresh.advance(&snapshot);
    assert_eq!(fresh.matches(), view.matches());
}
