//! What keys do.

use client::Link;
use flow::columns::Column;

use super::sample::{SECOND, START, Sample, explained, flow, lost};
use crate::top::{
    details::Explained,
    keys::BINDINGS,
    model::{Mode, Screen},
    update::{Effect, Event},
};

/// Times of day that are seen in the table, newest last.
fn seen(sample: &Sample) -> Vec<String> {
    let text = sample.text();
    let lines = text.lines().filter(|line| line.starts_with("00:"));
    lines.map(|line| line[..12].to_owned()).collect()
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
    assert_eq!(seen(&sample).last().unwrap(), "00:01:00.000");
    sample.arrive(&[flow(61, "web", "db", 5432, false)]);
    assert_eq!(seen(&sample).last().unwrap(), "00:01:01.000");
    sample.press("g");
    assert_eq!(seen(&sample)[0], "00:00:00.000");
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
    let selected = sample.model.table.selected;
    sample.store.prepend(&[flow(40, "web", "db", 5432, false)]);
    sample.send(Event::Data(sample.store.snapshot()));
    sample.send(Event::Older(Ok(1)));
    assert_eq!(sample.model.table.selected, selected);
    sample.press("Up");
    assert_eq!(seen(&sample)[0], "00:00:40.000");
}

#[test]
fn filters_from_keys() {
    // Keys on the newest drop, and what is then shown of 69 flows and a mark.
    for (keys, chip, shown) in [
        ("d", "dropped", 7),
        ("+", "src.pod == \"shop/batch-1\"", 7),
        ("-", "not (src.pod == \"shop/batch-1\")", 64),
        ("Right +", "src.pod", 0),
        ("P", "shop/batch-1", 7),
        ("C", "src.ip == 10.0.0.5", 2),
        ("d x", "all flows", 70),
        ("d + X", "all flows", 70),
        ("V f Esc", "dropped or", 7),
    ] {
        let mut sample = Sample::with_flows(200, 24);
        sample.press("N");
        sample.press(keys);
        let text = sample.text();
        assert!(text.contains(chip) || shown == 0, "{keys}: {text}");
        if shown > 0 {
            assert_eq!(sample.model.data.len(), shown, "{keys}: {text}");
        }
    }
    let mut sample = Sample::with_flows(200, 24);
    sample.press("N Right Right Right +");
    assert!(sample.text().contains("verdict == DROPPED") || sample.text().contains("reason"));
}

#[test]
fn every_column_that_makes_a_filter_makes_one_that_holds_for_its_flow() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N");
    let number = sample.model.table.selected.unwrap();
    let row = sample.model.data.row(number).unwrap();
    let mut made = 0;
    for about in Column::all() {
        let Some(text) = crate::top::filters::same(row, about.column) else {
            continue;
        };
        let filter = flow::Filter::parse_expr(&text);
        let filter = filter.unwrap_or_else(|error| panic!("{}: {text}: {error}", about.name));
        assert!(filter.matches(row), "{}: {text}", about.name);
        made += 1;
    }
    assert!(made > 15, "{made}");
}

#[test]
fn writing_a_filter() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("/");
    sample.write("dst.port == 25");
    sample.press("Enter");
    assert_eq!(sample.model.data.len(), 4, "three mails and the mark");
    assert!(
        matches!(&sample.effects[..], [Effect::Remember(texts)] if texts == &["dst.port == 25"])
    );
    // The server is told once the filters rest.
    sample.effects.clear();
    sample.wait(SECOND);
    assert!(
        matches!(sample.effects[..], [Effect::Narrow(_)]),
        "{:?}",
        sample.effects
    );
    sample.press("E Backspace Backspace");
    sample.write("5432");
    sample.press("Enter");
    assert_eq!(sample.model.filters.chips.len(), 1);
    assert_eq!(sample.model.data.len(), 67);
    sample.press("/");
    sample.write("port ==");
    sample.press("Enter");
    assert!(
        matches!(sample.model.mode, Mode::Filter),
        "what is wrong is not taken"
    );
    sample.press("Ctrl-c");
    assert!(matches!(sample.model.mode, Mode::Normal));
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
    assert!(copied[1].starts_with("flows policy trace --src-pod shop/batch-1"));
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
fn a_time_is_jumped_to() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("t Home Right Right Enter");
    assert!(matches!(sample.model.mode, Mode::Normal));
    let number = sample.model.table.selected.unwrap();
    let time = sample.model.data.item(number).unwrap().time();
    let length = sample.model.histogram.length;
    assert_eq!(time, START + 2 * length);
}

#[test]
fn drops_are_stepped_through() {
    let mut sample = Sample::with_flows(80, 24);
    let mut times = Vec::new();
    for key in ["N", "N", "N", "n", "n", "n"] {
        sample.press(key);
        let number = sample.model.table.selected.unwrap();
        times.push((sample.model.data.item(number).unwrap().time() - START) / SECOND);
    }
    assert_eq!(times, [55, 45, 35, 45, 55, 55]);
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
        let row = sample
            .model
            .data
            .row(sample.model.data.number(0).unwrap())
            .unwrap();
        Column::Destination.text(row, &flow::columns::Cells::default())
    };
    assert_eq!(first(&sample), "shop/mail-1:25", "down");
    sample.press("s");
    assert_eq!(first(&sample), "shop/db-1:5432", "up");
    sample.press("s");
    assert_eq!(sample.model.data.sorted_by(), None);
}

#[test]
fn sums_lead_to_their_flows() {
    for (keys, chip) in [
        ("2 Down Enter", "src.workload"),
        ("2 Tab Enter", "dst.port == 5432"),
        ("2 Tab Tab Enter", "reason"),
        ("2 Tab Tab Tab Enter", "policy"),
        ("2 Tab Tab Tab Tab Enter", "node == one"),
        ("3 Down Enter", "dst.port == 5432"),
    ] {
        let mut sample = Sample::with_flows(200, 30);
        sample.press(keys);
        assert_eq!(
            sample.model.screen,
            Screen::Flows,
            "{keys}: {}",
            sample.text()
        );
        let chips = &sample.model.filters.chips;
        assert!(
            chips.len() == 1 && chips[0].text.contains(chip),
            "{keys}: {chips:?}"
        );
        assert!(sample.model.data.len() > 1, "{keys}: {chips:?}");
    }
}

#[test]
fn another_store_goes_on_at_the_same_flow() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N N");
    let other = client::Store::new(1000);
    other.push(
        &[
            lost(1, 5),
            flow(5, "batch", "db", 5432, true),
            flow(45, "batch", "db", 5432, true),
            flow(55, "batch", "db", 5432, true),
        ],
        i64::MAX,
    );
    sample.send(Event::Swapped(other.snapshot()));
    let number = sample.model.table.selected.unwrap();
    assert_eq!(
        sample.model.data.item(number).unwrap().time(),
        START + 45 * SECOND
    );
    assert!(!sample.model.table.follow);
}

#[test]
fn a_connection_that_comes_back_is_told() {
    let mut sample = Sample::with_flows(80, 24);
    let since = std::time::SystemTime::now();
    sample.send(Event::Link(Link::Lost {
        since,
        why: "gone".to_owned(),
        retry_in: std::time::Duration::from_secs(1),
    }));
    sample.send(Event::Link(Link::Live { since }));
    assert!(
        sample.text().contains("connected again"),
        "{}",
        sample.text()
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
            "drops.json",
            6,
            "{\"flow\":{\"time\":\"2026-01-01T00:00:05Z\"",
        ),
        (
            "drops.csv",
            7,
            "timestamp,source,destination,verdict,reason,policy",
        ),
    ] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press("d w");
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
        assert!(
            export.write().unwrap_err().contains("exists"),
            "nothing is overwritten"
        );
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
