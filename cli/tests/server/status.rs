//! What `flows status` prints of policies and losses.

use proto::flows::v1::{EventCounts, GetStatusResponse, ManifestProblem, MapFill};
use tonic::Status;

use crate::service::{Server, said, text};

/// Lines of the plain status, which are Hubble's.
const PLAIN: usize = 6;

fn problem(
    (line, column): (u32, u32),
    object: &str,
    field: &str,
    remedy: &str,
    not_enforced: bool,
) -> ManifestProblem {
    ManifestProblem {
        file: "web.yaml".to_owned(),
        line,
        column,
        object: object.to_owned(),
        field: field.to_owned(),
        problem: "is missing".to_owned(),
        remedy: remedy.to_owned(),
        not_enforced,
        stale: false,
    }
}

fn with(problems: Vec<ManifestProblem>) -> GetStatusResponse {
    GetStatusResponse {
        problems,
        ..GetStatusResponse::default()
    }
}

/// A node whose maps are full to so many percent.
fn fills(node: &str, percents: &[(&str, u64)]) -> GetStatusResponse {
    let fill = |&(map, percent): &(&str, u64)| MapFill {
        map: map.to_owned(),
        entries: 10 * percent,
        max: 1_000,
    };
    GetStatusResponse {
        node_name: node.to_owned(),
        maps: percents.iter().map(fill).collect(),
        ..GetStatusResponse::default()
    }
}

const NOTHING: &str = "Policies: 0 in force on 0 pods\n\
    Events: 0 attempted, 0 limited; lost: 0 in the kernel, 0 left unread, 0 in queues, 0 evicted unread\n";

#[test]
fn policies_problems_and_losses() {
    let kept = "    the last good version stays in force\n";
    let cut = "    NOT ENFORCED: no version of it is in force\n";
    let rows = [
        (GetStatusResponse::default(), NOTHING.to_owned()),
        (
            GetStatusResponse {
                policies: 12,
                endpoints: 3,
                failure: "b: not connected".to_owned(),
                events: Some(EventCounts {
                    attempted: 1_234_567,
                    limited: 1,
                    failed: 2,
                    left_unread: 3,
                    queue_lost: 4_000,
                    evicted_unread: 5,
                    ..EventCounts::default()
                }),
                ..GetStatusResponse::default()
            },
            "Policies: 12 in force on 3 pods\nNOT IN STEP: b: not connected\n\
             Events: 1,234,567 attempted, 1 limited; lost: 2 in the kernel, 3 left unread, 4,000 in queues, \
             5 evicted unread\n"
                .to_owned(),
        ),
        (
            with(vec![problem((3, 5), "cnp shop/web", "spec.ingress[0]", "add it", true)]),
            format!(
                "{NOTHING}Manifest problems: 1\n  web.yaml:3:5: cnp shop/web: spec.ingress[0]: is missing\n\
                 \x20   add it\n{cut}"
            ),
        ),
        // Of all nodes, the fullest first.
        (
            GetStatusResponse {
                nodes: vec![
                    fills("a", &[("POLICY", 30), ("CT4", 90)]),
                    fills("b", &[("POLICY", 99), ("CT4", 0)]),
                ],
                ..GetStatusResponse::default()
            },
            format!(
                "{NOTHING}Map POLICY of b: 990 of 1,000 entries (99.0%)\n\
                 Map CT4 of a: 900 of 1,000 entries (90.0%)\n"
            ),
        ),
        (
            fills("a", &[("POLICY", 50), ("CT4", 49)]),
            format!("{NOTHING}Map POLICY of a: 500 of 1,000 entries (50.0%)\n"),
        ),
        // What isn't known leaves no gap.
        (
            with(vec![
                problem((3, 0), "cnp shop/web", "", "", false),
                problem((0, 0), "", "spec", "", false),
                problem((0, 7), "", "", "", true),
            ]),
            format!(
                "{NOTHING}Manifest problems: 3\n  web.yaml:3: cnp shop/web: is missing\n{kept}\
                 \x20 web.yaml: spec: is missing\n{kept}  web.yaml: is missing\n{cut}"
            ),
        ),
        (
            with(vec![ManifestProblem {
                object: "pod shop/web".to_owned(),
                problem: "its address is taken".to_owned(),
                ..ManifestProblem::default()
            }]),
            format!("{NOTHING}Manifest problems: 1\n  pod shop/web: its address is taken\n{kept}"),
        ),
    ];
    let server = Server::start(vec![]);
    for (status, want) in rows {
        server.says(Some(Ok(status.clone())));
        let output = server.flows(&["status"]);
        let lines: String = text(&output.stdout)
            .split_inclusive('\n')
            .skip(PLAIN)
            .collect();
        assert_eq!(lines, want, "{status:?}");
        assert_eq!(said(&output), ("", Some(0)));
    }
}

/// Other forms are Hubble's, and so is a server that doesn't know the question.
#[test]
fn nothing_of_ours_where_it_does_not_belong() {
    let server = Server::start(vec![]);
    server.says(Some(Ok(with(vec![problem((1, 1), "", "", "", true)]))));
    for form in ["dict", "json", "table"] {
        let output = server.flows(&["status", "-o", form]);
        assert!(
            !text(&output.stdout).contains("Manifest problems"),
            "{form}"
        );
        assert_eq!(said(&output), ("", Some(0)), "{form}");
    }
    server.says(None);
    let output = server.flows(&["status"]);
    assert_eq!(text(&output.stdout).lines().count(), PLAIN);
    assert_eq!(said(&output), ("", Some(0)));

    server.says(Some(Err(Status::internal("no figures"))));
    let output = server.flows(&["status"]);
    let (line, code) = said(&output);
    assert!(
        line.starts_with("failed to get policy status: ") && line.contains("no figures"),
        "{line}"
    );
    assert_eq!(code, Some(1));
}
