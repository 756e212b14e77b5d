//! What filters hide, and what they add.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use flow::attribute::Attribute;
use proto::observer::get_flows_response::ResponseTypes;

use super::sample::{SECOND, START, Sample, flow, lost};
use crate::top::{
    model::{Mode, Tab},
    update::{Effect, Event},
};

#[test]
fn filters_from_keys() {
    // Keys on the newest drop, and what is then shown of 69 flows and a mark.
    for (keys, chip, shown) in [
        ("D", "dropped", 7),
        ("+", "src.pod == shop/batch-1", 7),
        ("-", "not (src.pod == shop/batch-1)", 64),
        ("Right +", "src.pod", 0),
        ("P", "shop/batch-1", 7),
        ("C", "src.ip == 10.0.0.5", 2),
        ("D x", "no filter", 70),
        ("D + X", "no filter", 70),
        ("V f Esc", "not forwarded", 7),
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
    let text = sample.text();
    assert!(text.contains("[policy.name == shop/db \u{d7}]"), "{text}");
}

#[test]
fn every_column_that_makes_a_filter_makes_one_that_holds_for_its_flow() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N");
    let selected = sample.model.table.selected.unwrap();
    let number = sample.model.data.number(selected).unwrap();
    let row = sample.model.data.row(number).unwrap();
    let mut made = 0;
    for about in Attribute::columns() {
        let Some(text) = crate::top::filters::same(row, about.id) else {
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
fn verdicts_are_chosen_like_columns_and_said_briefly() {
    for (keys, chip) in [
        ("V Space", "[not dropped ×]"),
        ("V d", "[not dropped ×]"),
        ("V Down Space", "[not forwarded ×]"),
        ("V d f", "[not (dropped or forwarded) ×]"),
        ("V f r a t x", "[dropped ×]"),
        ("V f r a t x d e", "no filter"),
    ] {
        let mut sample = Sample::with_flows(80, 24);
        sample.press(keys);
        assert!(matches!(sample.model.mode, Mode::Verdicts(_)), "{keys}");
        assert!(sample.text().contains(chip), "{keys}: {}", sample.text());
        sample.press("Esc");
        assert!(matches!(sample.model.mode, Mode::Normal));
    }
}

#[test]
fn every_filter_is_removed_where_it_stands() {
    let mut sample = Sample::with_flows(120, 24);
    sample.press("D");
    sample.model.narrow("dst.port == 5432");
    sample.draw();
    for (before, after) in [
        ("[dropped ×] [dst.port == 5432 ×]", "[dst.port == 5432 ×]"),
        ("[dst.port == 5432 ×]", "no filter"),
    ] {
        assert!(sample.text().contains(before), "{}", sample.text());
        let (chip, _) = sample.model.laid.chips[0];
        sample.send(Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: chip.x + chip.width - 2,
            row: chip.y,
            modifiers: KeyModifiers::NONE,
        }));
        assert!(!sample.text().contains(before), "{}", sample.text());
        assert!(sample.text().contains(after), "{}", sample.text());
    }
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
    assert!(
        sample.text().contains(" 2 connections"),
        "{}",
        sample.text()
    );
    sample.press("D");
    assert!(
        sample.text().contains(" 1 of 2 connections"),
        "{}",
        sample.text()
    );
    sample.arrive(&[flow(4, "web", "db", 5432, false)]);
    assert!(
        sample.text().contains(" 1 of 3 connections"),
        "{}",
        sample.text()
    );
    sample.press("x");
    assert!(
        sample.text().contains(" 3 connections"),
        "{}",
        sample.text()
    );
}

#[test]
fn what_hides_all_flows_is_said_with_the_key_that_removes_it() {
    let mut sample = Sample::new(120, 30);
    // A mark is always shown: it doesn't hide that no flow is.
    sample.arrive(&[lost(1, 7), flow(2, "web", "db", 5432, false)]);
    sample.press("D");
    for words in [
        "7 events lost",
        "No connection matches.",
        "1 connection in memory, hidden",
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
        !sample.text().contains("No connection matches"),
        "{}",
        sample.text()
    );
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
        assert_eq!(sample.model.screen, Tab::Flows, "{keys}: {}", sample.text());
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
    sample.send(Event::Swapped(other.snapshot(), None));
    let selected = sample.model.table.selected.unwrap();
    assert_eq!(sample.model.data.time(selected), Some(START + 45 * SECOND));
    assert!(!sample.model.table.follow);
}

#[test]
fn a_store_of_what_filters_let_through_adds_to_what_is_held() {
    let mut sample = Sample::with_flows(100, 24);
    sample.press("D");
    assert!(
        sample.text().contains(" 6 of 69 connections"),
        "{}",
        sample.text()
    );
    assert!(!sample.model.keeps_narrowed(), "nobody was told");
    sample.wait(SECOND);
    assert!(sample.model.keeps_narrowed());
    let narrowed = client::Store::new(10_000);
    let drops = [-20, -10, 5, 15, 25, 35, 45, 55];
    narrowed.push(
        &drops.map(|at| flow(at, "batch", "db", 5432, true)),
        i64::MAX,
    );
    let base = sample.store.snapshot();
    sample.send(Event::Swapped(narrowed.snapshot(), Some(base.clone())));
    assert!(
        sample.text().contains(" 8 of 71 connections"),
        "{}",
        sample.text()
    );
    // More of the same narrows further; less of it doesn't.
    sample.press("+");
    assert!(sample.model.keeps_narrowed());
    sample.press("x");
    assert!(sample.model.keeps_narrowed());
    // Paused is what was held then, with the filter or without.
    sample.press("Space");
    narrowed.push(&[flow(70, "batch", "db", 5432, true)], i64::MAX);
    sample
        .store
        .push(&[flow(70, "batch", "db", 5432, true)], i64::MAX);
    sample.send(Event::FilteredStore(
        narrowed.snapshot(),
        sample.store.snapshot(),
    ));
    assert!(
        sample.text().contains(" 8 of 71 connections"),
        "{}",
        sample.text()
    );
    sample.press("x");
    assert!(!sample.model.keeps_narrowed());
    sample.send(Event::Swapped(sample.store.snapshot(), None));
    assert!(
        sample.text().contains(" 69 connections"),
        "{}",
        sample.text()
    );
    sample.press("Space");
    assert!(
        sample.text().contains(" 70 connections"),
        "{}",
        sample.text()
    );
}
