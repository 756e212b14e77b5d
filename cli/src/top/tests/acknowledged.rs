//! Incidents that somebody knows of.

use insta::assert_snapshot;
use proto::{
    flows::v1::{AcknowledgeResponse, Acknowledgement, GetAcknowledgementsResponse},
    google::Timestamp,
};

use super::sample::{SECOND, START, Sample, flow};
use crate::top::{
    acknowledged::Prompt,
    model::Mode,
    source::FlowSource,
    update::{Effect, Event},
};

const HOUR: i64 = 3600 * SECOND;

/// The shop's incidents, from a server; the first of them is selected.
fn incidents(width: u16, height: u16) -> Sample {
    let mut sample = Sample::of_shop(width, height);
    sample.model.from = FlowSource::Server("unix:///run/flows/shop/relay.sock".to_owned());
    sample.press("d");
    sample
}

fn said(id: &str, until: i64) -> Acknowledgement {
    Acknowledgement {
        incident: id.to_owned(),
        until: Some(Timestamp::from_unix_nanos(until)),
        by: "alice".to_owned(),
        reason: "moves on Monday".to_owned(),
        time: Some(Timestamp::from_unix_nanos(START)),
        ..Acknowledgement::default()
    }
}

fn list(sample: &mut Sample, all: Vec<Acknowledgement>) {
    sample.send(Event::Acknowledgements(Ok(GetAcknowledgementsResponse {
        acknowledgements: all,
        ..GetAcknowledgementsResponse::default()
    })));
}

fn ids(sample: &Sample) -> Vec<String> {
    let shown = sample.model.incidents.shown().iter();
    shown.map(|cause| cause.id.clone()).collect()
}

/// What was wanted to be told to the server.
fn told(sample: &mut Sample) -> (Prompt, Acknowledgement) {
    let effects = std::mem::take(&mut sample.effects).into_iter();
    let mut told = effects.filter_map(|effect| match effect {
        Effect::Acknowledge(prompt, said) => Some((prompt, said)),
        _ => None,
    });
    told.next().unwrap()
}

#[test]
fn acknowledged_incidents_fit_the_screen() {
    for (width, height) in [(200, 60), (80, 24), (40, 10)] {
        let mut sample = incidents(width, height);
        let first = ids(&sample).remove(0);
        let until = sample.now + 8 * HOUR;
        list(&mut sample, vec![said(&first, until)]);
        sample.press("End");
        let name = |what: &str| format!("acknowledged_{what}_{width}x{height}");
        assert_snapshot!(name("list"), sample.text());
        sample.press("Enter");
        assert_snapshot!(name("details"), sample.text());
        sample.press("Esc a");
        assert_snapshot!(name("prompt"), sample.text());
        sample.press("Esc A");
        sample.model.notice = None;
        sample.draw();
        assert_snapshot!(name("hidden"), sample.text());
    }
}

#[test]
fn the_server_s_answer_is_what_counts() {
    let mut sample = incidents(120, 30);
    let before = ids(&sample);
    let id = before[0].clone();
    sample.press("a Backspace Backspace Backspace");
    sample.write("8h, moves on Monday");
    sample.press("Enter");
    let (prompt, wanted) = told(&mut sample);
    assert_eq!(wanted.incident, id);
    assert_eq!(wanted.reason, "moves on Monday");
    let until = wanted.until.unwrap().unix_nanos();
    assert_eq!(until, sample.now + 8 * HOUR);
    assert_eq!(ids(&sample), before, "nobody has answered");

    // Somebody else's word was later.
    let kept = said(&id, sample.now + HOUR);
    let answer = AcknowledgeResponse {
        acknowledgement: Some(kept.clone()),
        node_names: vec!["one".to_owned()],
        notes: vec!["two: not connected".to_owned()],
    };
    sample.send(Event::Acknowledged(prompt, Ok(answer)));
    let text = sample.text();
    let until = sample.model.zone.moment_text(sample.now + HOUR);
    let words = format!("acknowledged until {until} (kept by 1 node); two: not connected");
    assert!(text.contains(&words), "{words}: {text}");
    assert_eq!(ids(&sample).last(), Some(&id), "it comes last");
    let selected = sample.model.incidents.cause().unwrap();
    assert_eq!(selected.id, id, "the selection stays with it");
    assert_eq!(selected.acknowledged.as_ref(), Some(&kept));

    // A list that was on its way doesn't have it yet; one that has it later changes it.
    list(&mut sample, Vec::new());
    assert_eq!(ids(&sample).last(), Some(&id));

    // When it is over the incident is one like the others.
    sample.wait(2 * HOUR);
    assert_eq!(ids(&sample), before);
}

#[test]
fn what_is_refused_can_be_written_again() {
    let mut sample = incidents(120, 30);
    sample.press("a");
    sample.write(" nonsense");
    sample.press("Enter");
    let text = sample.text();
    assert!(text.contains("failed to parse the until time"), "{text}");
    assert!(sample.effects.is_empty(), "{:?}", sample.effects);
    for _ in 0..20 {
        sample.press("Backspace");
    }
    sample.write("500d");
    sample.press("Enter");
    let (prompt, _) = told(&mut sample);
    let why = "`until` is more than a year away".to_owned();
    sample.send(Event::Acknowledged(prompt, Err(why.clone())));
    let text = sample.text();
    assert!(
        text.contains(&why) && text.contains("until: 500d"),
        "{text}"
    );
    sample.press("Esc");
    assert!(matches!(sample.model.mode, Mode::Normal));
}

#[test]
fn it_is_withdrawn_after_a_question() {
    let mut sample = incidents(120, 30);
    sample.press("u");
    let text = sample.text();
    assert!(text.contains("this incident is not acknowledged"), "{text}");
    let id = ids(&sample).remove(0);
    let until = sample.now + HOUR;
    list(&mut sample, vec![said(&id, until)]);
    sample.press("u x");
    let text = sample.text();
    let words = format!("withdraw the acknowledgement of {id}?");
    assert!(
        text.contains(&words) && text.contains("by alice until"),
        "{text}"
    );
    sample.press("Enter");
    let (prompt, wanted) = told(&mut sample);
    assert_eq!((wanted.incident.as_str(), wanted.until), (&*id, None));
    let gone = Acknowledgement {
        until: None,
        time: Some(Timestamp::from_unix_nanos(START + 1)),
        ..said(&id, 0)
    };
    let answer = AcknowledgeResponse {
        acknowledgement: Some(gone),
        node_names: vec!["one".to_owned(), "two".to_owned()],
        ..AcknowledgeResponse::default()
    };
    sample.send(Event::Acknowledged(prompt, Ok(answer)));
    let text = sample.text();
    let words = format!("incident {id} not acknowledged any more (kept by 2 nodes)");
    assert!(text.contains(&words), "{text}");
    assert_eq!(ids(&sample).first(), Some(&id));
}

#[test]
fn without_a_server_that_keeps_them_there_is_no_prompt() {
    let mut sample = Sample::of_shop(120, 30);
    sample.press("d a");
    assert!(sample.text().contains("from a file"), "{}", sample.text());
    let mut sample = incidents(120, 30);
    let status = tonic::Status::unimplemented("");
    let error = client::RequestError::new("a:1", client::Service::Policy, "them", status);
    sample.send(Event::Acknowledgements(Err(error)));
    assert!(!sample.model.acknowledged.is_asked());
    sample.press("a");
    let words = "this server keeps no acknowledgements";
    assert!(sample.text().contains(words), "{}", sample.text());
    // With nothing denied there is nothing to acknowledge.
    let mut sample = Sample::new(120, 30);
    sample.arrive(&[flow(1, "web", "db", 5432, false)]);
    sample.press("d a");
    let words = "no incident is selected";
    assert!(sample.text().contains(words), "{}", sample.text());
}
