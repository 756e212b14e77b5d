//! Denied requests of layer 7 among connections and as incidents, and the requests of a connection in its
//! details.

use insta::assert_snapshot;

use super::sample::Sample;
use crate::top::model::Tab;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/flows.jsonl"
);

/// What a pod with a search list asked its resolver.
const SEARCH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/search.jsonl"
);

#[test]
fn lookups_of_a_name_are_one_line() {
    for (width, height) in [(120, 30), (80, 24)] {
        let size = format!("{width}x{height}");
        let mut sample = Sample::of_file(SEARCH, width, height);
        assert_snapshot!(format!("lookups_{size}"), sample.text());
        sample.press("Home Enter");
        assert_snapshot!(format!("lookups_details_{size}"), sample.text());
    }
}

#[test]
fn lines_of_several_connections_are_found_counted_and_left() {
    let mut sample = Sample::of_file(SEARCH, 120, 60);
    let data = &sample.model.data;
    assert_eq!((data.len(), data.rows(), data.lines().len()), (2, 11, 11));
    // Wherever a connection is, its line is that of all that are alike.
    let lines: Vec<usize> = data.lines().map(|line| data.line(line.id)).collect();
    let mut seen = lines.clone();
    seen.dedup();
    assert_eq!(lines[0], 0);
    assert_eq!(
        lines.iter().filter(|line| **line == 0).count(),
        8,
        "{lines:?}"
    );
    let last = data.lines().next_back().unwrap();
    assert_eq!(data.line_at(last.time), 0);
    // Sorted they are still one.
    sample.press("Home s");
    assert_eq!(sample.model.data.len(), 2);
    // Down, up, and by time again.
    sample.press("s s Home Enter z");
    let mut text = sample.text();
    for _ in 0..10 {
        sample.press("PgDn");
        text.push_str(&sample.text());
    }
    for words in [
        "8 connections alike, answered",
        "Requests of these connections",
        "A api.stripe.com.production.svc.cluster.local no such name",
        "A api.stripe.com 203.0.113.10",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn screens_with_requests() {
    for (width, height) in [(160, 40), (80, 24)] {
        let size = format!("{width}x{height}");
        let mut sample = Sample::of_file(FILE, width, height);
        assert_snapshot!(format!("requests_{size}"), sample.text());
        sample.press("d");
        assert_snapshot!(format!("requests_incidents_{size}"), sample.text());
        sample.press("Enter");
        assert_snapshot!(format!("requests_incident_{size}"), sample.text());
    }
}

#[test]
fn denied_requests_are_lines_that_filters_and_keys_take() {
    let mut sample = Sample::of_file(FILE, 160, 40);
    let all = sample.model.data.rows();
    sample.press("D");
    let text = sample.text();
    for words in [
        "POST /admin/delete: 403",
        "DELETE /cart: 403",
        "DNS www.other.test: refused",
        "default deny",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(sample.model.data.rows(), 6, "{text}");
    assert_eq!(sample.model.data.held(), all, "{text}");
    sample.press("D / ");
    sample.write("dst.port == 53");
    sample.press("Enter");
    let text = sample.text();
    assert!(text.contains("DNS www.other.test: refused"), "{text}");
    assert!(!text.contains("POST /admin/delete"), "{text}");
    // Of events all of them are there, and none twice.
    sample.press("e");
    assert!(
        sample.text().contains("A www.other.test"),
        "{}",
        sample.text()
    );
}

#[test]
fn details_list_the_latest_requests_of_the_connection() {
    let mut sample = Sample::of_file(FILE, 120, 60);
    sample.press("/");
    sample.write("src.pod == shop/scraper");
    sample.press("Enter Home");
    let wanted = [
        "Requests of this connection",
        "GET http://api/metrics 200 in",
        "DELETE http://api/cart denied",
        "cnp shop/api: method DELETE is not GET",
    ];
    // Of the connection, and of the denied request on it.
    for keys in ["Enter z", "Esc Down Enter z"] {
        sample.press(keys);
        let mut text = sample.text();
        for _ in 0..20 {
            sample.press("PgDn");
            text.push_str(&sample.text());
        }
        for words in wanted {
            assert!(text.contains(words), "{keys}: {words}: {text}");
        }
        sample.press("Esc");
    }
}

#[test]
fn an_incident_of_requests_counts_requests() {
    let mut sample = Sample::of_file(FILE, 120, 50);
    sample.press("d");
    assert_eq!(sample.model.screen, Tab::Incidents);
    let shown = sample.model.incidents.shown();
    let post = shown.iter().position(|cause| {
        let request = cause.incident.row.request.as_ref();
        request.is_some_and(|request| request.subject == "POST /admin/delete")
    });
    for _ in 0..post.unwrap() {
        sample.press("Down");
    }
    sample.press("Enter");
    let text = sample.text();
    assert!(text.contains("3 requests refused since"), "{text}");
    assert!(text.contains("method POST is not GET"), "{text}");
    // C shows what it is made of.
    sample.press("Esc C");
    assert!(
        sample.text().contains("POST /admin/delete: 403"),
        "{}",
        sample.text()
    );
}
