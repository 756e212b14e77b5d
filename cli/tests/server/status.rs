//! What `flows status` prints of policies and losses.

use proto::flows::v1::{EventCounts, GetStatusResponse, ManifestProblem, MapFill};
use tonic::Status;

use crate::service::{Server, said, text};

/// Lines of the plain status, which are Hubble's.
const PLAIN: usize = 4;

fn problem(
    (line, column): (u32, u32),
    object: &str,
    field: &str,
    remedy: &str,
    (not_enforced, last_good): (bool, bool),
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
        stale: last_good,
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

const NOTHING: &str = "Policies: 0 in force, restricting 0 of 0 pods\n\
    Events: 0 attempted, 0 limited; lost: 0 in the kernel, 0 left unread, 0 in queues, 0 evicted unread\n";

/// The first line and the indented ones below it, then what is ours.
fn parts(output: &str) -> (Vec<&str>, String) {
    let mut lines = output.split_inclusive('\n').peekable();
    let mut head = vec![
        lines
            .next()
            .unwrap()
            .rsplit(": ")
            .next()
            .unwrap()
            .trim_end(),
    ];
    while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
        head.push(line.trim());
    }
    (head, lines.skip(PLAIN - 1).collect())
}

#[test]
fn policies_problems_and_losses() {
    let kept = "    the last good version stays enforced\n";
    let cut = "    NOT ENFORCED, no version of it is in force\n";
    let rows: Vec<(GetStatusResponse, Vec<&str>, String)> = vec![
        (GetStatusResponse::default(), vec!["Ok"], NOTHING.to_owned()),
        (
            GetStatusResponse {
                policies: 12,
                endpoints: 1,
                selected_endpoints: 1,
                failure: "b: maps are full".to_owned(),
                nodes: vec![GetStatusResponse {
                    node_name: "b".to_owned(),
                    failure: "maps are full".to_owned(),
                    ..GetStatusResponse::default()
                }],
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
            vec!["Degraded", "b does not enforce the manifests: maps are full"],
            "Policies: 12 in force, restricting 1 of 1 pod\n\
             Events: 1,234,567 attempted, 1 limited; lost: 2 in the kernel, 3 left unread, 4,000 in queues, \
             5 evicted unread\n"
                .to_owned(),
        ),
        (
            with(vec![problem((3, 5), "cnp shop/web", "spec.ingress[0]", "add it", (true, false))]),
            vec![
                "Degraded",
                "cnp shop/web (web.yaml:3:5): NOT ENFORCED, no version of it is in force",
            ],
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
            vec!["Ok"],
            format!(
                "{NOTHING}Map POLICY of b: 990 of 1,000 entries (99.0%)\n\
                 Map CT4 of a: 900 of 1,000 entries (90.0%)\n"
            ),
        ),
        (
            fills("a", &[("POLICY", 50), ("CT4", 49)]),
            vec!["Ok"],
            format!("{NOTHING}Map POLICY of a: 500 of 1,000 entries (50.0%)\n"),
        ),
        // What isn't known leaves no gap, and nothing is said to be in force that isn't.
        (
            with(vec![
                problem((3, 0), "cnp shop/web", "", "", (false, true)),
                problem((0, 0), "", "spec", "", (false, false)),
                problem((0, 7), "", "", "", (true, false)),
            ]),
            vec![
                "Degraded",
                "cnp shop/web (web.yaml:3): the last good version stays enforced",
                "web.yaml: is missing",
                "web.yaml: NOT ENFORCED, no version of it is in force",
            ],
            format!(
                "{NOTHING}Manifest problems: 3\n  web.yaml:3: cnp shop/web: is missing\n{kept}\
                 \x20 web.yaml: spec: is missing\n  web.yaml: is missing\n{cut}"
            ),
        ),
        (
            with(vec![ManifestProblem {
                object: "pod shop/web".to_owned(),
                problem: "its address is taken".to_owned(),
                ..ManifestProblem::default()
            }]),
            vec!["Degraded", "pod shop/web: its address is taken"],
            format!("{NOTHING}Manifest problems: 1\n  pod shop/web: its address is taken\n"),
        ),
    ];
    let server = Server::start(vec![]);
    for (status, head, want) in rows {
        server.says(Some(Ok(status.clone())));
        let output = server.flows(&["status"]);
        let (first, rest) = parts(text(&output.stdout));
        assert_eq!((first, rest), (head.clone(), want), "{status:?}");
        let code = i32::from(head != ["Ok"]);
        assert_eq!(said(&output), ("", Some(code)));
        // The JSON says all of it.
        let output = server.flows(&["status", "-o", "json"]);
        let json: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
        assert_eq!(said(&output), ("", Some(code)));
        assert_eq!(json["num_flows"], "1000");
        assert_eq!(json["health"], head[0]);
        let lines: Vec<&str> = json["degraded"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l.as_str().unwrap())
            .collect();
        assert_eq!(lines, head[1..]);
        let ours = proto::json::to_string(&status).unwrap();
        let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
        assert_eq!(json["flows"], ours);
    }
}

#[test]
fn a_problem_of_the_datapath_is_none_of_the_manifests() {
    let server = Server::start(vec![]);
    let what = "a program was taken off lxc1: put back";
    server.says(Some(Ok(with(vec![ManifestProblem {
        problem: what.to_owned(),
        ..ManifestProblem::default()
    }]))));
    let output = server.flows(&["status"]);
    let (head, rest) = parts(text(&output.stdout));
    assert_eq!(head, ["Degraded", &format!("the datapath: {what}")]);
    assert_eq!(rest, format!("{NOTHING}Datapath problems: 1\n  {what}\n"));
}

#[test]
fn a_node_that_is_away_is_named_in_every_form() {
    let server = Server::start(vec![]);
    server.away(&["b", "c"]);
    for ours in [None, Some(Ok(GetStatusResponse::default()))] {
        server.says(ours);
        let output = server.flows(&["status"]);
        let (first, _) = parts(text(&output.stdout));
        assert_eq!(first, ["Degraded", "2 of 3 nodes are away: b, c"]);
        assert_eq!(said(&output), ("", Some(1)));
        for form in ["dict", "table"] {
            assert_eq!(
                said(&server.flows(&["status", "-o", form])),
                ("Degraded: 2 of 3 nodes are away: b, c\n", Some(1)),
                "{form}"
            );
        }
        assert_eq!(
            said(&server.flows(&["status", "-o", "json"])),
            ("", Some(1))
        );
    }
    // Whoever only wants to read it is not told by the exit code.
    let output = server.flows(&["status", "--exit-code=false"]);
    assert_eq!(said(&output), ("", Some(0)));
    assert!(text(&output.stdout).contains("Degraded"));
    server.away(&["b"]);
    let output = server.flows(&["status"]);
    assert_eq!(parts(text(&output.stdout)).0[1], "1 of 2 nodes is away: b");
}

/// Other forms are Hubble's, and so is a server that doesn't know the question.
#[test]
fn nothing_of_ours_where_it_does_not_belong() {
    let server = Server::start(vec![]);
    server.says(Some(Ok(with(vec![problem(
        (1, 1),
        "",
        "",
        "",
        (true, false),
    )]))));
    for form in ["dict", "table"] {
        let output = server.flows(&["status", "-o", form]);
        assert!(!text(&output.stdout).contains("web.yaml"), "{form}");
        assert_eq!(output.status.code(), Some(1), "{form}");
    }
    server.says(None);
    let output = server.flows(&["status"]);
    assert_eq!(text(&output.stdout).lines().count(), PLAIN);
    assert_eq!(said(&output), ("", Some(0)));
    let output = server.flows(&["status", "-o", "json"]);
    assert!(text(&output.stdout).ends_with("}\n") && !text(&output.stdout).contains("health"));

    server.says(Some(Err(Status::internal("no figures"))));
    let output = server.flows(&["status"]);
    let (line, code) = said(&output);
    assert!(
        line.starts_with("failed to get policy status: ") && line.contains("no figures"),
        "{line}"
    );
    assert_eq!((text(&output.stdout), code), ("", Some(1)));
}
