//! The time cursor.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::sample::{SECOND, START, Sample, flow};
use crate::top::{model::Mode, update::Event};

#[test]
fn a_time_is_jumped_to() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("t Home Right Right Enter");
    assert!(matches!(sample.model.mode, Mode::Normal));
    let selected = sample.model.table.selected.unwrap();
    let time = sample.model.data.time(selected).unwrap();
    let length = sample.model.histogram.length;
    assert_eq!(time, START + 2 * length);
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
        sample.text().contains("the closest zoom"),
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
            .lines()
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
fn the_sum_of_a_time_is_of_that_time_however_close_one_looks() {
    let mut sample = Sample::with_flows(100, 24);
    sample.press("t Home Right Right Right Right Right L L");
    let (from, to) = sample.model.selection().unwrap();
    let flows = sample.model.data.lines().filter(|found| found.is_flow());
    let of = flows
        .filter(|found| (from..=to).contains(&found.time))
        .count();
    assert_eq!(of, 4);
    let words = "00:00:05.000 – 00:00:07.999 3 passed, 1 dropped";
    assert!(sample.text().contains(words), "{}", sample.text());
    let wide = sample.model.histogram.length;
    sample.press("+ + +");
    assert!(sample.model.histogram.length < wide);
    assert!(sample.text().contains(words), "{}", sample.text());
    // A time that goes beyond what is seen.
    sample.model.zoom = Some((START + 6 * SECOND, START + 60 * SECOND));
    sample.draw();
    assert!(sample.text().contains(words), "{}", sample.text());
}

#[test]
fn all_times_are_in_one_zone() {
    let mut sample = Sample::with_flows(100, 30);
    // Half an hour off, so that nothing in UTC looks right by chance.
    sample.model.zone = flow::time::Zone::named("IST-5:30").unwrap();
    sample.draw();
    let mut seen = sample.text();
    sample.press("N Enter z");
    seen.push_str(&sample.text());
    sample.press("Esc Esc t Home Shift-Right Shift-Right");
    seen.push_str(&sample.text());
    sample.press("Enter");
    seen.push_str(&sample.text());
    sample.press("4");
    sample.send(Event::Connection(client::ConnectionState::Lost {
        since: std::time::UNIX_EPOCH
            + std::time::Duration::from_nanos(u64::try_from(START + 60 * SECOND).unwrap()),
        why: "gone".to_owned(),
        retry_in: std::time::Duration::from_secs(1),
    }));
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    seen.push_str(&sample.text());
    for words in [
        "TIME (IST)",
        "05:30:00 IST",
        "05:30:55.000 IST, 5 s ago",
        "05:30:00.000 \u{2013} 05:30:02.999",
        "since 05:31:00.000",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    // Nothing is of the hour that UTC has.
    assert!(
        !seen.contains("00:00:") && !seen.contains("00:01:0"),
        "{seen}"
    );
}
