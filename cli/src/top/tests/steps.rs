//! What keys do.

use client::ConnectionState;
use flow::attribute::AttributeId;

use super::sample::{SECOND, START, Sample, explained, flow};
use crate::top::{
    details::Explained,
    keys::BINDINGS,
    model::Mode,
    source::FlowSource,
    update::{Effect, Event},
};

/// Times of day that are seen in the table, newest last.
fn seen(sample: &Sample) -> Vec<String> {
    let text = sample.text();
    let lines = text.lines().filter(|line| line.starts_with("00:"));
    lines.map(|line| line[..8].to_owned()).collect()
}

#[test]
fn following_and_going_back() {
    let mut sample = Sample::with_flows(80, 24);
    assert!(sample.model.table.follow);
    sample.press("Up Up");
    assert!(!sample.model.table.follow);
    let before = seen(&sample);
    sample.arrive(&[flow(60, "web", "db", 5432, false)]);
    assert_eq!(seen(&sample), before, "what is read stays where it is");
    sample.press("G");
    assert_eq!(seen(&sample).last().unwrap(), "00:01:00");
    sample.arrive(&[flow(61, "web", "db", 5432, false)]);
    assert_eq!(seen(&sample).last().unwrap(), "00:01:01");
    sample.press("g");
    assert_eq!(seen(&sample)[0], "00:00:00");
}

#[test]
fn older_flows_come_before_what_is_seen() {
    let mut sample = Sample::new(80, 24);
    sample.arrive(&[
        flow(50, "web", "db", 5432, false),
        flow(51, "web", "db", 5432, false),
    ]);
    sample.press("g Up");
    assert!(
        matches!(sample.effects[..], [Effect::Older]),
        "{:?}",
        sample.effects
    );
    sample.press("Up o");
    assert_eq!(sample.effects.len(), 1, "one at a time");
    let time = |sample: &Sample| {
        let selected = sample.model.table.selected.unwrap();
        sample.model.data.time(selected).unwrap()
    };
    let selected = time(&sample);
    sample.store.prepend(&[flow(40, "web", "db", 5432, false)]);
    sample.send(Event::Data(sample.store.snapshot()));
    sample.send(Event::Older(Ok(1)));
    assert_eq!(time(&sample), selected);
    sample.press("Up");
    assert_eq!(seen(&sample)[0], "00:00:40");
}

#[test]
fn why_is_asked_once_the_selection_rests() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N Enter");
    let [Effect::Explain(number, flow)] = &sample.effects[..] else {
        panic!("{:?}", sample.effects);
    };
    assert_eq!(flow.uuid, "flow-55-batch-db-5432");
    let number = *number;
    sample.press("Up Up");
    assert_eq!(sample.effects.len(), 1, "not of each flow on the way");
    sample.send(Event::Explained(number, Ok(explained())));
    let explained_now = &sample.model.details.as_ref().unwrap().explained;
    assert_eq!(
        *explained_now,
        Explained::NotAsked,
        "an answer of another flow"
    );
    sample.wait(SECOND);
    assert_eq!(sample.effects.len(), 2);
}

#[test]
fn what_would_allow_it_is_copied() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N Enter");
    let number = sample.model.details.as_ref().unwrap().number;
    sample.send(Event::Explained(number, Ok(explained())));
    sample.effects.clear();
    sample.press("Y T y");
    let copied: Vec<_> = sample
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Copy(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(copied[0].starts_with("- fromEndpoints:"));
    assert!(copied[1].starts_with("flows --lab shop policy trace --src-pod shop/batch-1"));
    assert!(
        copied[2].contains("2026-01-01T00:00:55Z\tshop/batch-1"),
        "{}",
        copied[2]
    );
}

#[test]
fn details_stay_when_their_flow_leaves_the_store() {
    let mut sample = Sample::with_flows(80, 24);
    sample.store = client::Store::new(1);
    sample.send(Event::Restarted);
    sample.arrive(&[flow(1, "batch", "db", 5432, true)]);
    sample.press("Home Enter");
    let many: Vec<_> = (0..40_000)
        .map(|_| flow(30, "web", "db", 5432, false))
        .collect();
    sample.arrive(&many);
    assert!(sample.store.snapshot().counts().evicted > 0);
    let details = sample.model.details.as_ref().unwrap();
    assert_eq!(details.flow.as_ref().unwrap().uuid, "flow-1-batch-db-5432");
    sample.press("Down");
    let details = sample.model.details.as_ref().unwrap();
    assert_ne!(details.flow.as_ref().unwrap().uuid, "flow-1-batch-db-5432");
}

#[test]
fn drops_are_stepped_through_and_from_the_last_on_from_the_other_end() {
    let mut sample = Sample::with_flows(120, 24);
    let mut times = Vec::new();
    for (key, said) in [
        ("N", ""),
        ("N", ""),
        ("n", ""),
        ("n", "search hit the newest flow, continued from the oldest"),
        ("n", ""),
        ("N", ""),
        ("N", "search hit the oldest flow, continued from the newest"),
    ] {
        sample.model.notice = None;
        sample.press(key);
        let selected = sample.model.table.selected.unwrap();
        times.push((sample.model.data.time(selected).unwrap() - START) / SECOND);
        let notice = sample
            .model
            .notice
            .as_ref()
            .map(|notice| notice.text.as_str());
        assert!(notice.unwrap_or_default().starts_with(said), "{notice:?}");
        assert_eq!(notice.is_some(), !said.is_empty(), "{notice:?}");
    }
    assert_eq!(times, [55, 45, 55, 5, 15, 5, 55]);

    let mut sample = Sample::new(120, 24);
    sample.arrive(&[flow(1, "web", "db", 5432, false)]);
    sample.press("n");
    assert!(
        sample.text().contains("no drop in memory"),
        "{}",
        sample.text()
    );
    sample.arrive(&[flow(2, "batch", "db", 5432, true)]);
    sample.press("n n");
    assert!(sample.text().contains("the only drop"), "{}", sample.text());
}

#[test]
fn a_lost_connection_says_when_it_is_tried_and_is_tried_when_asked() {
    let mut sample = Sample::with_flows(120, 24);
    sample.send(Event::Connection(ConnectionState::Lost {
        since: std::time::SystemTime::now(),
        why: "connection refused".to_owned(),
        retry_in: std::time::Duration::from_secs(5),
    }));
    assert!(
        sample.text().contains("next try in 5 s"),
        "{}",
        sample.text()
    );
    sample.wait(2 * SECOND);
    assert!(
        sample.text().contains("next try in 3 s"),
        "{}",
        sample.text()
    );
    let held = sample.model.data.rows();
    sample.press("R");
    assert!(
        matches!(sample.effects[..], [Effect::Retry]),
        "{:?}",
        sample.effects
    );
    assert!(sample.text().contains("trying now"), "{}", sample.text());
    assert_eq!(sample.model.data.rows(), held, "what is held stays");
}

#[test]
fn suspending_works_wherever_one_is() {
    for keys in ["", "/", "?", "t", "N Enter", "w", "c"] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press(keys);
        sample.effects.clear();
        sample.press("Ctrl-z");
        assert!(
            matches!(sample.effects[..], [Effect::Suspend]),
            "{keys}: {:?}",
            sample.effects
        );
    }
}

#[test]
fn columns_are_chosen_moved_and_sorted_by() {
    let mut sample = Sample::with_flows(120, 24);
    let names = |sample: &Sample| {
        let columns = sample.model.table.columns.iter();
        columns.map(|shown| shown.column.name()).collect::<Vec<_>>()
    };
    let before = names(&sample);
    sample.press("c Down Space Esc");
    assert_eq!(names(&sample).len(), before.len() - 1);
    sample.press("Home Left Left Left > <");
    assert_eq!(sample.model.table.cell, 0);
    sample.press("> ]");
    assert_eq!(names(&sample)[1], "timestamp");
    let mut sample = Sample::with_flows(120, 24);
    sample.press("Right s");
    let first = |sample: &Sample| {
        let data = &sample.model.data;
        let first = data.at(0).unwrap().id;
        let cells = flow::attribute::Cells::default();
        let text = data.with_flow(first, |flow| AttributeId::Destination.text(flow, &cells));
        text.unwrap()
    };
    assert_eq!(first(&sample), "shop/mail-1:25", "down");
    sample.press("s");
    assert_eq!(first(&sample), "shop/db-1:5432", "up");
    sample.press("s");
    assert_eq!(sample.model.data.sorted_by(), None);
}

#[test]
fn a_connection_that_comes_back_is_told() {
    let mut sample = Sample::with_flows(80, 24);
    let since = std::time::SystemTime::now();
    sample.send(Event::Connection(ConnectionState::Lost {
        since,
        why: "gone".to_owned(),
        retry_in: std::time::Duration::from_secs(1),
    }));
    sample.press("N Enter");
    let number = sample.model.details.as_ref().unwrap().number;
    sample.send(Event::Explained(number, Err("nobody is there".to_owned())));
    sample.effects.clear();
    sample.send(Event::Connection(ConnectionState::Live { since }));
    assert!(
        sample.text().contains("reconnected after"),
        "{}",
        sample.text()
    );
    assert!(
        matches!(sample.effects[..], [Effect::Explain(..)]),
        "what nobody answered is asked again: {:?}",
        sample.effects
    );
}

#[test]
fn leaving() {
    for keys in ["q", "Ctrl-c", "2 q", "N Enter q"] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press(keys);
        assert!(
            sample
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Quit)),
            "{keys}"
        );
    }
}

#[test]
fn what_is_shown_is_written_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for (name, lines, begin) in [
        (
            // With the loss that is among them.
            "drops.json",
            7,
            "{\"flow\":{\"time\":\"2026-01-01T00:00:05Z\"",
        ),
        (
            "drops.csv",
            7,
            "timestamp,source,reply,destination,verdict,why,state,bytes,rtt,age",
        ),
    ] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press("D w");
        for _ in 0..40 {
            sample.press("Backspace");
        }
        let path = directory.path().join(name);
        sample.write(path.to_str().unwrap());
        sample.press("Enter");
        let Some(Effect::Export(export)) = sample.effects.pop() else {
            panic!("{:?}", sample.effects);
        };
        export.write().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(text.starts_with(begin), "{text}");
        let losses = text.matches("\"lost_events\"").count();
        assert_eq!(losses, usize::from(name == "drops.json"), "{text}");
        // What is there is written over by who wants that alone.
        let failed = export.write().unwrap_err();
        sample.send(Event::Written(Err(failed)));
        let words = format!("{name} already exists");
        assert!(sample.text().contains(&words), "{}", sample.text());
        sample.press("Enter");
        let Some(Effect::Export(export)) = sample.effects.pop() else {
            panic!("{:?}", sample.effects);
        };
        std::fs::write(&path, "something else").unwrap();
        export.write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_name_that_is_none_stays_to_be_mended() {
    let mut sample = Sample::with_flows(100, 24);
    sample.press("w");
    sample.write(".txt");
    sample.press("Enter");
    let words = ".json.txt\" must end in";
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("Backspace Backspace Backspace Backspace Enter");
    let Some(Effect::Export(_)) = sample.effects.pop() else {
        panic!("{:?}", sample.effects);
    };
    assert!(matches!(sample.model.mode, Mode::Normal));
}

#[test]
fn a_command_asks_the_same_server() {
    let command = "flows policy trace --src-pod a";
    for (from, want) in [
        (
            FlowSource::Server("unix:///run/flows/shop/relay.sock".to_owned()),
            "flows --lab shop policy trace --src-pod a",
        ),
        (
            FlowSource::Server("unix:///run/flows/shop/one/hubble.sock".to_owned()),
            "flows --server unix:///run/flows/shop/one/hubble.sock policy trace --src-pod a",
        ),
        (
            FlowSource::Server("unix:///tmp/a b's".to_owned()),
            "flows --server 'unix:///tmp/a b'\\''s' policy trace --src-pod a",
        ),
        (FlowSource::File("flows.json".to_owned()), command),
    ] {
        assert_eq!(from.command(command), want);
    }
}

#[test]
fn the_guide_names_every_key() {
    let guide = include_str!("../../../../docs/SCREENS.md");
    for binding in BINDINGS {
        let keys: Vec<_> = binding
            .keys
            .split(' ')
            .map(|key| format!("`{key}`"))
            .collect();
        let line = format!("| {} | {} |", keys.join(" "), binding.help);
        assert!(guide.contains(&line), "docs/SCREENS.md lacks: {line}");
    }
}
