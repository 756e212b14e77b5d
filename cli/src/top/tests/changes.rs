//! What changed in the cluster's state: marks on the time axis, and since when something is denied.

use insta::assert_snapshot;
use proto::{
    flows::v1::{Change, ChangeOnNode, GetChangesResponse, change::Action},
    google::Timestamp,
};

use super::sample::{SECOND, START, Sample, flow};
use crate::top::update::Event;

/// A change of a policy at some seconds from the start.
fn change(seconds: i64, object: &str, summary: &str) -> Change {
    let time = Some(Timestamp::from_unix_nanos(START + seconds * SECOND));
    Change {
        action: Action::Changed.into(),
        object: object.to_owned(),
        kind: "CiliumNetworkPolicy".to_owned(),
        time,
        last_time: time,
        nodes: vec![ChangeOnNode {
            node_name: "one".to_owned(),
            revision: 100 + u32::try_from(seconds).unwrap(),
            time,
            ..ChangeOnNode::default()
        }],
        summary: summary.to_owned(),
        ..Change::default()
    }
}

fn answer(changes: &[Change]) -> Event {
    Event::Changes(Ok(GetChangesResponse {
        changes: changes.to_vec(),
        ..GetChangesResponse::default()
    }))
}

fn changes() -> Vec<Change> {
    vec![
        Change {
            action: Action::FirstState.into(),
            ..change(2, "", "3 pods")
        },
        change(
            18,
            "cnp shop/db",
            "lost rule ingress[0] (allows app=batch on 5432/TCP)",
        ),
        change(40, "pod shop/web-1", "labels: +tier=front"),
        change(40, "pod shop/web-2", "labels: +tier=front"),
        change(500, "cnp shop/later", "of no time that is shown"),
    ]
}

/// Batch asked the database until something changed.
fn broken() -> Sample {
    let mut sample = Sample::new(100, 30);
    let flows: Vec<_> = (0..60)
        .filter(|second| second % 5 == 0)
        .map(|second| flow(second, "batch", "db", 5432, second > 18))
        .collect();
    sample.arrive(&flows);
    sample.send(answer(&changes()));
    sample
}

#[test]
fn changes_are_marked_and_said_at_the_cursor() {
    let mut sample = Sample::with_flows(80, 24);
    let axis = |sample: &Sample| sample.text().lines().nth(4).unwrap().to_owned();
    assert!(!axis(&sample).contains('\u{25b2}'), "{}", sample.text());
    sample.send(answer(&changes()));
    // The label, and a mark for each time; a first state is none.
    assert_eq!(
        axis(&sample).matches('\u{25b2}').count(),
        3,
        "{}",
        sample.text()
    );
    assert_snapshot!("changes_80x24", sample.text());

    sample.press("t Home n");
    assert_snapshot!("changes_cursor_80x24", sample.text());
    sample.press("n");
    // Both of one bar, one after the other, and back.
    let words = "\u{25b2} 1 of 2, 00:00:40 revision 140: pod shop/web-1 changed: labels";
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("n");
    let second = "\u{25b2} 2 of 2, 00:00:40 revision 140: pod shop/web-2 changed: labels";
    assert!(sample.text().contains(second), "{}", sample.text());
    sample.press("N");
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("n n");
    let words = second;
    assert!(
        sample.text().contains(words),
        "it is the last: {}",
        sample.text()
    );
    sample.press("Right n");
    let words = "no later change in the time that is shown";
    assert!(sample.text().contains(words), "{}", sample.text());
    // Back from behind the last one of a bar comes first.
    sample.press("N");
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("N N");
    assert_eq!(sample.model.cursor, Some(START + 18 * SECOND));
    sample.press("Left N");
    assert!(
        sample.text().contains("no earlier change"),
        "{}",
        sample.text()
    );
}

#[test]
fn a_server_without_changes_is_no_trouble_and_is_not_asked_again() {
    let mut sample = Sample::with_flows(80, 24);
    let before = sample.text();
    let failed = |status| {
        let service = client::Service::Policy;
        Event::Changes(Err(client::RequestError::new(
            "a:1", service, "changes", status,
        )))
    };
    sample.send(failed(tonic::Status::unavailable("gone for now")));
    assert!(sample.model.changes.is_asked());
    sample.send(failed(tonic::Status::unimplemented("")));
    assert!(!sample.model.changes.is_asked());
    assert_eq!(sample.text(), before);
    // Another one may have them.
    sample.send(Event::Restarted);
    assert!(sample.model.changes.is_asked());
}

#[test]
fn what_is_denied_says_until_when_it_worked_and_what_changed_between() {
    let mut sample = broken();
    sample.press("N Enter z");
    let text = sample.text();
    for words in [
        "8 connections of this pair and port in memory denied, from 00:00:20",
        "; 4 allowed",
        "Worked until 00:00:15, denied since 00:00:20.",
        "\u{25b2} 00:00:18 revision 118: cnp shop/db changed: lost rule ingress[0]",
        "flows --lab shop why shop/batch shop/db:5432",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        !text.contains("web-1"),
        "what came later did nothing: {text}"
    );

    // Without a change between nothing is claimed.
    sample.send(answer(&changes()[2..]));
    let text = sample.text();
    assert!(text.contains("No change is recorded between."), "{text}");
    assert!(!text.contains(" why shop/batch"), "{text}");

    // One that always was denied never worked.
    let mut sample = Sample::with_flows(100, 30);
    sample.send(answer(&changes()));
    sample.press("N Enter z");
    assert!(!sample.text().contains("Worked until"), "{}", sample.text());
}
