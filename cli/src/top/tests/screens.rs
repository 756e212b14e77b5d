//! Screens as they look.

use client::ConnectionState;
use insta::assert_snapshot;
use ratatui::style::{Color, Modifier};

use super::sample::{SECOND, START, Sample, explained, flow};
use crate::top::{
    theme::{Colors, Theme},
    update::Event,
};

#[test]
fn flows() {
    assert_snapshot!("flows_80x24", Sample::with_flows(80, 24).text());
    assert_snapshot!("flows_200x40", Sample::with_flows(200, 40).text());
}

#[test]
fn details_of_a_drop() {
    for (width, height) in [(80, 24), (160, 40)] {
        let mut sample = Sample::with_flows(width, height);
        sample.press("N Enter");
        let number = sample.model.details.as_ref().unwrap().number;
        sample.send(Event::Explained(number, Ok(explained())));
        assert_snapshot!(format!("details_{width}x{height}"), sample.text());
        sample.press("z");
        assert_snapshot!(format!("details_alone_{width}x{height}"), sample.text());
    }
}

#[test]
fn details_without_an_explanation() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("N Enter");
    let number = sample.model.details.as_ref().unwrap().number;
    let status = tonic::Status::unimplemented("");
    let service = client::Service::Policy;
    let stock = client::RequestError::new("relay:4245", service, "explanations of flows", status);
    sample.send(Event::Explained(number, Err(stock.to_string())));
    assert_snapshot!("details_stock", sample.text());
}

#[test]
fn sums() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("2");
    assert_snapshot!("top_pairs", sample.text());
    sample.press("Tab Tab");
    assert_snapshot!("top_reasons", sample.text());
    sample.press("3");
    assert_snapshot!("services", sample.text());
    sample.press("4");
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    let text = sample.text();
    // How long a flow took to come here is of no sample.
    let text: Vec<_> = text
        .lines()
        .map(|line| match line.find(" d ") {
            Some(_) if line.starts_with(" one") => line.rsplit_once("  ").unwrap().0,
            _ => line,
        })
        .collect();
    assert_snapshot!("nodes", text.join("\n"));
}

#[test]
fn names_are_told_apart() {
    for (width, height) in [(80, 24), (40, 10)] {
        let mut sample = Sample::new(width, height);
        sample.arrive(&[
            flow(
                1,
                "web-frontend-of-the-shop",
                "auth-database-of-the-shop",
                5432,
                false,
            ),
            flow(
                2,
                "batch-jobs-of-the-shop",
                "auth-database-of-the-shop",
                5432,
                true,
            ),
            flow(3, "web", "db", 5432, false),
        ]);
        sample.press("2");
        assert_snapshot!(format!("long_pairs_{width}x{height}"), sample.text());
        sample.press("Tab Tab Tab");
        assert_snapshot!(format!("long_policies_{width}x{height}"), sample.text());
    }
}

#[test]
fn what_is_wrong_stands_where_it_is() {
    let mut sample = Sample::with_flows(80, 24);
    for (text, wrong) in [
        ("dst.port == 99999999999999", "99999999999999"),
        (
            "verdict == DROPPED and not reply and src.ns == shop and dst.prt == 12",
            "dst.prt",
        ),
        (
            "verdict == DROPPED and not reply and src.ns == shop and dst.ns == shop and dst.prt == 12",
            "dst.prt",
        ),
    ] {
        sample.press("/");
        sample.write(text);
        let screen = sample.text();
        let lines: Vec<&str> = screen.lines().collect();
        let carets = lines.iter().position(|line| line.contains('^')).unwrap();
        let place = lines[carets].find('^').unwrap();
        let above: String = lines[carets - 1].chars().skip(place).collect();
        assert!(above.starts_with(wrong), "{screen}");
        let marked = lines[carets].matches('^').count();
        assert_eq!(marked, wrong.len(), "{screen}");
        let below = lines[carets..].join(" ");
        let words = if wrong == "dst.prt" {
            "unknown field"
        } else {
            "9999"
        };
        assert!(below.contains(words), "{screen}");
        sample.press("Esc");
    }
}

#[test]
fn small_screens() {
    let mut sample = Sample::with_flows(40, 10);
    sample.press("?");
    assert_snapshot!("help_40x10", sample.text());
    sample.press("Esc 2 ?");
    assert_snapshot!("help_of_sums_40x10", sample.text());
    sample.press("Esc 1 c Down Down Down Down Down Down Down Down Down Down");
    assert_snapshot!("columns_40x10", sample.text());
    sample.press("Esc t Left Left L");
    assert_snapshot!("time_40x10", sample.text());
    sample.press("Esc 2 Tab Tab Tab Tab");
    assert_snapshot!("top_nodes_40x10", sample.text());
}

#[test]
fn prompts() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("/");
    sample.write("verdikt == DROPPED");
    assert_snapshot!("filter_error", sample.text());
    sample.press("Esc ?");
    assert_snapshot!("help", sample.text());
    sample.press("Esc c");
    assert_snapshot!("columns", sample.text());
    sample.press("Esc V");
    assert_snapshot!("verdicts", sample.text());
    sample.press("Esc t Left Left");
    assert_snapshot!("time", sample.text());
    sample.press("+ Shift-Right Shift-Right");
    assert_snapshot!("time_selected", sample.text());
}

#[test]
fn nothing_to_see() {
    let mut sample = Sample::new(80, 24);
    assert_snapshot!("empty", sample.text());
    sample.arrive(&[flow(1, "web", "db", 5432, false)]);
    sample.press("D");
    assert_snapshot!("nothing_matches", sample.text());
    sample.send(Event::Connection(ConnectionState::Failed(
        "flows.json: No such file".to_owned(),
    )));
    assert_snapshot!("failed", sample.text());
}

#[test]
fn without_a_connection() {
    let mut sample = Sample::with_flows(80, 24);
    sample.send(Event::Connection(ConnectionState::Lost {
        // Later than now, so that the screen says 0 ms however long drawing takes.
        since: std::time::SystemTime::now() + std::time::Duration::from_secs(3600),
        why: "connection refused".to_owned(),
        retry_in: std::time::Duration::from_secs(5),
    }));
    assert_snapshot!("no_connection", sample.text());
    sample.press("4");
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    let text = sample.text();
    for words in ["unknown", "no connection to the server since"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("by stage"), "{text}");
}

#[test]
fn a_pause_counts_what_waits() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("Space");
    sample.arrive(&[
        flow(60, "web", "db", 5432, false),
        flow(61, "batch", "db", 5432, true),
    ]);
    sample.wait(12 * SECOND);
    assert!(
        sample.text().contains("paused 12 s, 2 waiting"),
        "{}",
        sample.text()
    );
    assert!(!sample.text().contains("/s"), "{}", sample.text());
    assert!(!sample.text().contains("00:01:01"));
    sample.press("Space");
    assert!(sample.text().contains("00:01:01"), "{}", sample.text());
}

#[test]
fn colours_say_nothing_alone() {
    let mut dark = Sample::with_flows(120, 30);
    let mut light = Sample::with_flows(120, 30);
    light.model.theme = Theme(Colors::Light);
    let mut plain = Sample::with_flows(120, 30);
    plain.model.theme = Theme(Colors::None);
    for keys in ["", "D", "N Enter", "Esc 2", "3", "4", "?"] {
        for sample in [&mut dark, &mut light, &mut plain] {
            sample.press(keys);
            sample.draw();
        }
        assert_eq!(dark.text(), plain.text());
        let coloured = |sample: &Sample, colors: &[Color]| {
            let cells = &sample.buffer().content;
            cells
                .iter()
                .any(|cell| colors.contains(&cell.fg) || cell.bg != Color::Reset)
        };
        assert!(!coloured(
            &light,
            &[Color::Yellow, Color::White, Color::LightRed, Color::Cyan]
        ));
        let any = |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
        assert!(!plain.buffer().content.iter().any(any), "{keys}");
    }
    let mut plain = Sample::with_flows(120, 30);
    plain.model.theme = Theme(Colors::None);
    plain.draw();
    let bold = |cell: &ratatui::buffer::Cell| cell.modifier.contains(Modifier::BOLD);
    assert!(plain.buffer().content.iter().any(bold), "drops stand out");
}

#[test]
fn any_size_will_do() {
    let mut sample = Sample::with_flows(80, 24);
    for keys in [
        "",
        "N Enter",
        "z",
        "Esc Esc 2",
        "3",
        "4",
        "d Enter",
        "z Esc Esc 1 /",
        "Esc ?",
        "Esc c",
        "Esc V",
        "Esc t",
        "Esc w",
    ] {
        sample.press(keys);
        for (width, height) in [
            (1, 1),
            (20, 6),
            (21, 7),
            (40, 10),
            (80, 24),
            (300, 100),
            (10, 50),
            (200, 5),
        ] {
            sample.resize(width, height);
        }
        sample.resize(80, 24);
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let mut sample = Sample::new(80, 24);
    let mut response = flow(1, "web", "db", 5432, true);
    if let Some(proto::observer::get_flows_response::ResponseTypes::Flow(flow)) =
        &mut response.response_types
    {
        flow.source.as_mut().unwrap().pod_name = "\u{1b}[2J\u{7}\n日本\u{202e}x".to_owned();
        flow.summary = "\u{1b}]52;c;eA==\u{7}".repeat(100);
        flow.destination.as_mut().unwrap().pod_name = "zwj👩\u{200d}👩\u{200d}👧".to_owned();
    }
    sample.arrive(&[response]);
    // Terminals disagree on how wide letters are that are joined.
    assert!(!sample.text().contains('\u{200d}'), "{}", sample.text());
    sample.press("Enter");
    let controls = |cell: &ratatui::buffer::Cell| cell.symbol().chars().any(char::is_control);
    assert!(!sample.buffer().content.iter().any(controls));
    assert!(sample.now > START);
}
