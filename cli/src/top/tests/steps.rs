//! What keys do.

use client::Link;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use flow::columns::Column;
use proto::observer::get_flows_response::ResponseTypes;

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
        ("+", "src.pod == shop/batch-1", 7),
        ("-", "not (src.pod == shop/batch-1)", 64),
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
        let number = sample.model.table.selected.unwrap();
        times.push((sample.model.data.item(number).unwrap().time() - START) / SECOND);
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
        sample.text().contains("no drop is held"),
        "{}",
        sample.text()
    );
    sample.arrive(&[flow(2, "batch", "db", 5432, true)]);
    sample.press("n n");
    assert!(sample.text().contains("the only drop"), "{}", sample.text());
}

#[test]
fn rows_are_compared_with_rows() {
    let mut sample = Sample::new(120, 24);
    // A packet that two flows tell of is one row.
    let mut twice = flow(1, "web", "db", 5432, false);
    sample.arrive(&[twice.clone()]);
    if let Some(ResponseTypes::Flow(flow)) = &mut twice.response_types {
        flow.uuid = "another".to_owned();
    }
    sample.arrive(&[twice, flow(2, "batch", "db", 5432, true), lost(3, 7)]);
    assert!(sample.text().contains(" 2 held"), "{}", sample.text());
    sample.press("d");
    assert!(sample.text().contains(" 1 of 2 held"), "{}", sample.text());
    sample.arrive(&[flow(4, "web", "db", 5432, false)]);
    assert!(sample.text().contains(" 1 of 3 held"), "{}", sample.text());
    sample.press("x");
    assert!(sample.text().contains(" 3 held"), "{}", sample.text());
}

#[test]
fn what_hides_all_flows_is_said_with_the_key_that_removes_it() {
    let mut sample = Sample::new(120, 30);
    // A mark is always shown: it doesn't hide that no flow is.
    sample.arrive(&[lost(1, 7), flow(2, "web", "db", 5432, false)]);
    sample.press("d");
    for words in [
        "7 events lost",
        "No flow matches.",
        "1 is held, and hidden",
        "x removes the filter dropped",
    ] {
        assert!(sample.text().contains(words), "{words}: {}", sample.text());
    }
    sample.press("/");
    sample.write("dst.port == 1");
    sample.press("Enter");
    let words = "x removes the last filter, dst.port == 1; X all";
    assert!(sample.text().contains(words), "{}", sample.text());
    sample.press("X");
    assert!(
        !sample.text().contains("No flow matches"),
        "{}",
        sample.text()
    );
}

#[test]
fn a_time_is_looked_at_closely() {
    let mut sample = Sample::with_flows(80, 24);
    let wide = sample.model.histogram.clone();
    sample.press("t Home Right Right Right Right Right");
    let at = sample.model.cursor.unwrap();
    sample.press("+ + +");
    let close = sample.model.histogram.clone();
    assert!(close.length < wide.length, "{close:?}");
    assert!(
        close.start <= at
            && at <= close.start + close.length * i64::try_from(close.buckets.len()).unwrap()
    );
    assert_eq!(
        sample.model.cursor,
        Some(at),
        "the cursor stays at its time"
    );
    // On from the last bar the time that is looked at moves, as far as there is something.
    for _ in 0..500 {
        sample.press("Right");
    }
    let end = sample.model.histogram.clone();
    assert!(end.start > close.start);
    assert_eq!(sample.model.zoom.unwrap().1, sample.model.whole.1);
    sample.press("- - - -");
    assert_eq!(sample.model.zoom, None);
    assert_eq!(sample.model.histogram.length, wide.length);
    sample.press("+ 0");
    assert_eq!(sample.model.zoom, None);
    sample.press("+ Esc");
    assert_eq!((sample.model.zoom, sample.model.cursor), (None, None));
    // Closer than a flow is no use.
    sample.press("t");
    for _ in 0..100 {
        sample.press("+");
    }
    assert!(
        sample.text().contains("no closer look"),
        "{}",
        sample.text()
    );
}

#[test]
fn a_selected_time_is_shown_alone() {
    for keys in [
        "t Home Right Right Right Right Right Shift-Right Shift-Right Enter",
        "t Home Right Right Right Right Right L L Enter",
        "t Home Right Right Right Right Right Space Right Right Enter",
    ] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press(keys);
        assert!(matches!(sample.model.mode, Mode::Normal));
        let times: Vec<i64> = sample
            .model
            .data
            .matches()
            .map(|found| (found.time - START) / SECOND)
            .collect();
        assert_eq!(times, [5, 5, 6, 7], "{keys}: {}", sample.text());
        let chip = "[00:00:05.000 \u{2013} 00:00:07.999 \u{d7}]";
        assert!(sample.text().contains(chip), "{}", sample.text());
        // What comes later isn't of this time.
        sample.arrive(&[flow(70, "web", "db", 5432, false)]);
        assert_eq!(sample.model.data.len(), 4);
        sample.press("E");
        assert!(matches!(sample.model.mode, Mode::Time), "to choose it anew");
        assert_eq!(sample.model.data.rows(), 70);
        sample.press("Enter x");
        assert_eq!(sample.model.data.rows(), 70);
    }
}

#[test]
fn the_mouse_selects_a_time() {
    let mut sample = Sample::with_flows(80, 24);
    let bars = sample.model.laid.bars;
    let mut mouse = |kind, column| {
        sample.send(Event::Mouse(MouseEvent {
            kind,
            column,
            row: bars.y,
            modifiers: KeyModifiers::NONE,
        }));
    };
    mouse(MouseEventKind::Down(MouseButton::Left), bars.x + 5);
    mouse(MouseEventKind::Drag(MouseButton::Left), bars.x + 6);
    mouse(MouseEventKind::Drag(MouseButton::Left), bars.x + 7);
    mouse(MouseEventKind::Up(MouseButton::Left), bars.x + 7);
    assert_eq!(
        sample.model.selection(),
        Some((START + 5 * SECOND, START + 8 * SECOND - 1))
    );
    sample.press("Enter");
    assert_eq!(sample.model.data.len(), 4);
}

#[test]
fn a_lost_connection_says_when_it_is_tried_and_is_tried_when_asked() {
    let mut sample = Sample::with_flows(120, 24);
    sample.send(Event::Link(Link::Lost {
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
            // With the loss that is among them.
            "drops.json",
            7,
            "{\"flow\":{\"time\":\"2026-01-01T00:00:05Z\"",
        ),
        (
            "drops.csv",
            7,
            "timestamp,source,reply,destination,verdict,reason,policy",
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
        let losses = text.matches("\"lost_events\"").count();
        assert_eq!(losses, usize::from(name == "drops.json"), "{text}");
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
