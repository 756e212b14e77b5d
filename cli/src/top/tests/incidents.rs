//! Incidents: one row for each cause, why, and back.

use insta::assert_snapshot;
use proto::flows::v1::ExplainResponse;

use super::sample::{SECOND, Sample, explained, flow};
use crate::top::{
    data::Unit,
    model::Tab,
    update::{Effect, Event},
};

#[test]
fn causes_fit_the_screen() {
    for (width, height) in [(160, 40), (80, 24), (40, 10)] {
        let mut sample = Sample::of_shop(width, height);
        sample.press("d");
        assert_snapshot!(format!("shop_incidents_{width}x{height}"), sample.text());
        sample.press("Down Enter");
        let name = format!("shop_incident_{width}x{height}");
        assert_snapshot!(name, sample.text());
    }
}

#[test]
fn an_incident_is_opened_explained_and_left() {
    let mut sample = Sample::with_flows(100, 40);
    sample.press("d");
    assert_eq!(sample.model.screen, Tab::Incidents);
    assert_eq!(sample.model.incidents.shown().len(), 1, "{}", sample.text());
    sample.press("Enter");
    let [Effect::Explain(number, flow)] = &sample.effects[..] else {
        panic!("{:?}", sample.effects);
    };
    assert_eq!(flow.uuid, "flow-55-batch-db-5432", "of its newest drop");
    let number = *number;
    sample.send(Event::Explained(number, Ok(explained())));
    let text = sample.text();
    for words in [
        "Ongoing: 6 packets of 6 connections dropped since 00:00:05",
        "What would allow it (Y copies it)",
        "add to spec.ingress of cnp shop/db",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }

    // Another drop of the same cause is counted, and asks for nothing.
    sample.effects.clear();
    sample.arrive(&[super::sample::flow(58, "batch", "db", 5432, true)]);
    sample.wait(2 * SECOND);
    assert!(
        sample.text().contains("7 packets of 7"),
        "{}",
        sample.text()
    );
    let asked = |effect: &Effect| matches!(effect, Effect::Explain(..));
    assert!(!sample.effects.iter().any(asked), "{:?}", sample.effects);
    assert!(
        sample.text().contains("What would allow it (Y"),
        "{}",
        sample.text()
    );
    sample.press("Y");
    let copied = |effect: &Effect| matches!(effect, Effect::Copy(_));
    assert!(sample.effects.iter().any(copied), "{:?}", sample.effects);

    sample.press("Esc");
    assert!(sample.model.details.is_none());
    assert_eq!(sample.model.screen, Tab::Incidents);
    sample.press("Esc");
    assert_eq!(sample.model.screen, Tab::Flows);
    sample.press("d d");
    assert_eq!(sample.model.screen, Tab::Flows, "the same key goes back");
}

#[test]
fn an_incident_leads_to_its_connections() {
    let mut sample = Sample::of_shop(160, 40);
    sample.press("d");
    let drops = sample
        .model
        .incidents
        .cause()
        .unwrap()
        .incident
        .row
        .connections;
    sample.press("C");
    assert_eq!(sample.model.screen, Tab::Flows);
    assert_eq!(sample.model.data.rows() as u64, drops, "{}", sample.text());
    sample.press("X d");
    let all = sample.model.incidents.shown().len();
    sample.press("-");
    sample.wait(2 * SECOND);
    assert_eq!(
        sample.model.incidents.shown().len(),
        all - 1,
        "{}",
        sample.text()
    );
    assert_eq!(sample.model.screen, Tab::Incidents);
}

#[test]
fn the_selection_stays_with_its_incident() {
    let mut sample = Sample::with_flows(100, 30);
    sample.press("d");
    assert_eq!(
        sample.model.incidents.shown()[0].incident.row.facts.drops,
        6
    );
    let id = sample.model.incidents.shown()[0].id.clone();
    let more: Vec<_> = (0..9)
        .map(|at| flow(50 + at, "mail", "db", 5432, true))
        .collect();
    sample.arrive(&more);
    sample.wait(2 * SECOND);
    assert_eq!(sample.model.incidents.shown().len(), 2);
    assert_eq!(
        sample.model.incidents.selected, 1,
        "another one has more drops"
    );
    assert_eq!(sample.model.incidents.cause().unwrap().id, id);
}

#[test]
fn what_was_allowed_afterwards_has_ended() {
    let mut sample = Sample::new(120, 30);
    sample.arrive(&[
        flow(1, "batch", "db", 5432, true),
        flow(2, "web", "db", 5432, false),
        flow(3, "batch", "db", 5432, true),
        flow(9, "batch", "db", 5432, false),
    ]);
    sample.press("d");
    assert!(sample.text().contains("allowed"), "{}", sample.text());
    // Also where only what is denied is shown.
    sample.press("D");
    assert_eq!(sample.model.data.rows(), 2);
    assert!(sample.text().contains("allowed"), "{}", sample.text());
    sample.press("D Enter");
    let words = "Allowed since 00:00:09: 2 packets of 2 connections dropped";
    assert!(sample.text().contains(words), "{}", sample.text());
}

#[test]
fn what_no_policy_denied_gets_its_sentence_and_no_rule() {
    let mut sample = Sample::of_shop(140, 60);
    sample.press("d");
    let is_spoofed = |cause: &crate::top::incidents::Cause| {
        cause.incident.row.why.contains("sent as 192.0.2.77")
    };
    let place = sample
        .model
        .incidents
        .shown()
        .iter()
        .position(is_spoofed)
        .unwrap();
    for _ in 0..place {
        sample.press("Down");
    }
    sample.press("Enter");
    let number = sample.model.details.as_ref().unwrap().number;
    let answer = ExplainResponse {
        headline: "the pod sent from an address that isn't its own".to_owned(),
        not_policy: true,
        ..ExplainResponse::default()
    };
    sample.send(Event::Explained(number, Ok(Box::new(answer))));
    let text = sample.text();
    assert!(text.contains("an address that isn't its own"), "{text}");
    assert!(!text.contains("What would allow it"), "{text}");
}

#[test]
fn events_and_filters_of_them_have_no_incidents() {
    let mut sample = Sample::of_shop(120, 30);
    sample.press("e");
    assert_eq!(sample.model.data.unit(), Unit::Events);
    sample.press("d");
    assert_eq!(sample.model.data.unit(), Unit::Connections);
    assert!(!sample.model.incidents.shown().is_empty());
    sample.press("/");
    sample.write("tcp.flags ~ SYN");
    sample.press("Enter");
    let words = "tcp.flags ~ SYN is about single packets.";
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("x");
    assert!(
        !sample.model.incidents.shown().is_empty(),
        "{}",
        sample.text()
    );
    sample.press("/");
    sample.write("ns == nowhere");
    sample.press("Enter");
    let words = "No connection matches.";
    assert!(sample.text().contains(words), "{}", sample.text());
}
