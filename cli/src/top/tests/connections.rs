//! Connections in the lines of the table: as they look, and what becomes of the selection.

use insta::assert_snapshot;
use proto::observer::get_flows_response::ResponseTypes;

use super::sample::{SECOND, START, Sample, flow};
use crate::top::{
    data::{LineId, Unit},
    update::{Effect, Event},
};

#[test]
fn rows_fit_the_screen() {
    for (width, height) in [(160, 40), (80, 24), (40, 10)] {
        let mut sample = Sample::of_shop(width, height);
        assert_snapshot!(format!("shop_{width}x{height}"), sample.text());
        sample.press("N Enter");
        assert_snapshot!(format!("shop_details_{width}x{height}"), sample.text());
    }
}

#[test]
fn a_row_is_a_connection_and_e_shows_its_events() {
    let mut sample = Sample::of_shop(120, 30);
    let connections = sample.model.data.rows();
    sample.press("e");
    let events = sample.model.data.rows();
    assert!(events > 3 * connections, "{events} of {connections}");
    let text = sample.text();
    assert!(
        text.contains("FORWARDED") && text.contains(" events"),
        "{text}"
    );
    // Columns of the one are not those of the other.
    sample.press("c Down Space Esc e");
    assert_eq!(sample.model.data.rows(), connections);
    let text = sample.text();
    assert!(
        text.contains("SOURCE") && text.contains("ALLOWED"),
        "{text}"
    );
}

/// An end's answer to the connection that began at some seconds.
fn answer(began: i64, seconds: i64, from: &str, to: &str) -> proto::observer::GetFlowsResponse {
    let mut response = flow(began, from, to, 5432, false);
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        std::mem::swap(&mut flow.source, &mut flow.destination);
        if let Some(ip) = &mut flow.ip {
            std::mem::swap(&mut ip.source, &mut ip.destination);
        }
        flow.l4 = testing::flows::tcp(5432, 40_000 + u32::try_from(began).unwrap());
        flow.is_reply = Some(proto::google::BoolValue { value: true });
        flow.uuid = format!("answer-{began}-{seconds}");
        let time = proto::google::Timestamp::from_unix_nanos(START + seconds * SECOND);
        flow.time = Some(time);
        response.time = Some(time);
    }
    response
}

#[test]
fn the_selection_stays_with_its_connection() {
    let mut sample = Sample::with_flows(120, 24);
    sample.press("Up Up Up Up");
    let selected = sample.model.table.selected;
    let line = sample.model.table.line();
    let began = sample.model.data.time(selected.unwrap());
    let at = (began.unwrap() - START) / SECOND;
    let before = sample.text();
    let row = |text: &str| {
        let clock = format!("00:00:{at:02}.000");
        let mut rows = text.lines().filter(|line| line.contains(&clock));
        rows.find(|row| row.contains("web")).unwrap().to_owned()
    };
    assert!(row(&before).contains("no answer") || row(&before).contains("opening"));
    sample.arrive(&[answer(at, 61, "web", "db")]);
    assert_eq!(sample.model.table.selected, selected);
    assert_eq!(sample.model.table.line(), line, "in its place");
    assert!(row(&sample.text()).contains("open "), "{}", sample.text());
    assert_eq!(sample.model.data.rows(), 69, "no other row");

    // With its details open, nothing is asked twice.
    sample.press("Enter");
    sample.effects.clear();
    sample.arrive(&[answer(at, 62, "web", "db")]);
    sample.wait(SECOND);
    let asked = |effect: &Effect| matches!(effect, Effect::Explain(..));
    assert!(!sample.effects.iter().any(asked), "{:?}", sample.effects);

    // Paused it is as it was then.
    sample.press("Esc Space");
    let paused = row(&sample.text());
    sample.arrive(&[
        answer(at, 90, "web", "db"),
        flow(91, "web", "db", 5432, false),
    ]);
    sample.wait(SECOND);
    assert_eq!(row(&sample.text()), paused);
    sample.press("Space");
    assert_eq!(sample.model.table.selected, selected);
    assert_ne!(row(&sample.text()), paused);

    // Older ones have all joined anew: it is found again.
    sample.store.prepend(&[flow(-9, "web", "db", 5432, false)]);
    sample.send(Event::Data(sample.store.snapshot()));
    let again = sample.model.table.selected.unwrap();
    assert_eq!(sample.model.data.time(again), began);
}

#[test]
fn the_selection_goes_along_to_its_event_and_back() {
    let mut sample = Sample::of_shop(120, 30);
    sample.press("N N N");
    let connection = sample.model.table.selected;
    assert!(matches!(connection, Some(LineId::Connection(_))));
    let number = sample.model.data.number(connection.unwrap()).unwrap();
    let packet = |sample: &Sample, number| {
        let flow = sample.model.data.snapshot().message(number).unwrap();
        (flow.time, flow.source.unwrap().pod_name)
    };
    let explains = packet(&sample, number);
    sample.press("e");
    let Some(LineId::Item(event)) = sample.model.table.selected else {
        panic!("{:?}", sample.model.table.selected);
    };
    assert_eq!(packet(&sample, event), explains);
    sample.press("e");
    assert_eq!(sample.model.table.selected, connection);
}

#[test]
fn a_filter_of_single_packets_shows_events_while_it_is_on() {
    let mut sample = Sample::of_shop(120, 30);
    let connections = sample.model.data.rows();
    sample.press("/");
    sample.write("tcp.flags ~ SYN");
    sample.press("Enter");
    assert_eq!(sample.model.data.unit(), Unit::Events);
    let words = "tcp.flags ~ SYN is about single packets: events are shown";
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("e");
    let words = "is about single packets: only events can be shown";
    assert!(sample.text().contains(words), "{}", sample.text());
    assert_eq!(sample.model.data.unit(), Unit::Events);
    sample.press("x");
    assert_eq!(sample.model.data.unit(), Unit::Connections);
    assert_eq!(sample.model.data.rows(), connections);
}

#[test]
fn the_server_is_asked_for_all_events_of_connections() {
    let narrowed = |keys: &str, text: &str| {
        let mut sample = Sample::with_flows(120, 30);
        sample.press(keys);
        sample.press("/");
        sample.write(text);
        sample.press("Enter");
        sample.effects.clear();
        sample.wait(SECOND);
        match &sample.effects[..] {
            [Effect::Narrow(filter)] => filter.clone(),
            other => panic!("{other:?}"),
        }
    };
    // A reply has the pod as its destination, and a verdict is known of the whole only.
    for (text, asked) in [
        (
            "src.pod == shop/web",
            "src.pod == shop/web or dst.pod == shop/web",
        ),
        (
            "verdict == DROPPED and dst.port == 25",
            "dst.port == 25 or src.port == 25",
        ),
    ] {
        let want: flow::Filter = asked.parse().unwrap();
        let (got, own) = (narrowed("", text), narrowed("e", text));
        let pushed = |filter: &flow::Filter| format!("{:?}", filter.push_down());
        assert_eq!(pushed(&got), pushed(&want), "{text}");
        assert_eq!(pushed(&own), pushed(&text.parse().unwrap()), "{text}");
    }
    assert!(narrowed("", "verdict == DROPPED").is_everything());
}

#[test]
fn what_waits_for_an_answer_has_none_after_a_while() {
    let mut sample = Sample::new(120, 24);
    sample.arrive(&[flow(60, "web", "db", 5432, false)]);
    assert!(sample.text().contains("opening"), "{}", sample.text());
    sample.wait(10 * SECOND);
    assert!(sample.text().contains("no answer"), "{}", sample.text());
}
