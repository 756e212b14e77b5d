//! What `flows policy diff` and `flows who-can` print about `testdata/diff`, and their exit codes: three
//! nodes, forty pods of Deployments, a StatefulSet and a DaemonSet, and flows of some of them.

use std::path::Path;
use std::process::{Command, Output};

const BEFORE: &str = "testdata/diff/before";
const AFTER: &str = "testdata/diff/after";
const FLOWS: &str = "testdata/diff/flows.jsonl";

/// Runs in the root of the repository: paths stand in what is printed.
fn flows(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("FLOWS_OUTPUT")
        .env_remove("FLOWS_LAB")
        .env_remove("FLOWS_SERVER")
        .output()
        .expect("the program was built for this test")
}

/// Output, errors and exit code as one text.
fn shown(arguments: &[&str]) -> String {
    let output = flows(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    format!(
        "{}{}exit code {}\n",
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().expect("it ended by itself")
    )
}

fn diff(more: &[&str]) -> String {
    let mut arguments = vec!["policy", "diff"];
    arguments.extend(more);
    shown(&arguments)
}

#[test]
fn two_directories() {
    let both = ["--from", BEFORE, "--to", AFTER, "--exit-code"];
    insta::assert_snapshot!("two_directories", diff(&both));
    let with_flows = [&both[..], &["--flows", FLOWS]].concat();
    insta::assert_snapshot!("with_flows", diff(&with_flows));
    let markdown = [&with_flows[..], &["-o", "markdown"]].concat();
    insta::assert_snapshot!("markdown", diff(&markdown));
    let json = [
        "--from", BEFORE, "--to", AFTER, "--flows", FLOWS, "-o", "json",
    ];
    insta::assert_snapshot!("json", diff(&json));
}

#[test]
fn files_beside_a_directory() {
    let policies = "testdata/diff/after/policies.yaml";
    insta::assert_snapshot!("file", diff(&[policies, "--state", BEFORE, "--exit-code"]));
    let delete = ["--state", BEFORE, "--delete", "cnp", "shop/db"];
    let other = ["--delete", "CiliumNetworkPolicy", "shop/cart-egress"];
    let both = [&delete[..], &other[..], &["--exit-code"]].concat();
    insta::assert_snapshot!("delete", diff(&both));
}

/// Connections stay as they are: what is sent on them changes.
#[test]
fn changes_of_requests_alone_are_told() {
    const STATE: &str = "testdata/requests";
    let wider = ["testdata/requests/change/api.yaml", "--state", STATE];
    let wider = [&wider[..], &["--exit-code"]].concat();
    insta::assert_snapshot!("requests_allowed", diff(&wider));
    let both = ["testdata/requests/change", "--state", STATE, "--flows"];
    let both = [&both[..], &["testdata/requests/flows.jsonl", "--exit-code"]].concat();
    insta::assert_snapshot!("requests", diff(&both));
    let markdown = [&both[..], &["-o", "markdown"]].concat();
    insta::assert_snapshot!("requests_markdown", diff(&markdown));
    let json = [&both[..], &["-o", "json"]].concat();
    insta::assert_snapshot!("requests_json", diff(&json));
    let delete = ["--state", STATE, "--delete", "cnp", "shop/api"];
    insta::assert_snapshot!("requests_delete", diff(&delete));
    // Written otherwise, and the same.
    let own = ["testdata/requests/manifests.yaml", "--state", STATE];
    let own = diff(&[&own[..], &["--exit-code"]].concat());
    assert!(own.ends_with("exit code 0\n"), "{own}");
}

#[test]
fn exit_codes_are_for_those_who_ask() {
    for (arguments, code) in [
        (&["--from", BEFORE, "--to", AFTER][..], 0),
        (&["--from", BEFORE, "--to", AFTER, "--exit-code"], 2),
        (&["--from", BEFORE, "--to", BEFORE, "--exit-code"], 0),
        (
            &[
                "--state",
                BEFORE,
                "--delete",
                "cnp",
                "shop/db",
                "--exit-code",
            ],
            3,
        ),
        (
            &["--from", BEFORE, "--to", "testdata/none", "--exit-code"],
            1,
        ),
    ] {
        let shown = diff(arguments);
        assert!(
            shown.ends_with(&format!("exit code {code}\n")),
            "{arguments:?}: {shown}"
        );
    }
}

#[test]
fn mistakes_say_what_to_do() {
    let mistakes = [
        &[][..],
        &["--from", BEFORE],
        &["--from", BEFORE, "--to", AFTER, "--state", BEFORE],
        &["--state", BEFORE, "--delete", "cnp", "shop/dbb"],
        &["--state", BEFORE, "--delete", "cnp", "db"],
        &["--state", BEFORE, "--delete", "deployment", "shop/db"],
        &["--state", BEFORE, "testdata/validate/errors.yaml"],
        &[
            "testdata/three-tier/auth-database-policy.yaml",
            "--state",
            "testdata/validate",
        ],
        &["--from", BEFORE, "--to", AFTER, "--since", "1h"],
        &[
            "--from",
            BEFORE,
            "--to",
            AFTER,
            "--flows",
            FLOWS,
            "--no-flows",
        ],
        &[
            "--from",
            BEFORE,
            "--to",
            AFTER,
            "--flows",
            "testdata/README.md",
        ],
        &["--from", BEFORE, "--to", AFTER, "-o", "yaml"],
    ];
    let texts: Vec<String> = mistakes.iter().map(|arguments| diff(arguments)).collect();
    insta::assert_snapshot!("mistakes", texts.join("--\n"));
}

#[test]
fn who_can() {
    let questions = [
        &["reach", "shop/db", "--state", BEFORE, "--flows", FLOWS][..],
        &["reach", "db-0", "--state", BEFORE],
        &["reach", "api:metrics", "--state", AFTER],
        &["reach", "shop/db:80", "--state", AFTER],
        &[
            "be-reached-from",
            "cart",
            "--state",
            AFTER,
            "--flows",
            FLOWS,
        ],
        &["reach", "shop/dbs", "--state", BEFORE],
        &["reach", "shop/db:http", "--state", BEFORE],
        &["reach", "shop/db", "--state", BEFORE, "-o", "json"],
    ];
    let ask = |question: &&[&str]| shown(&[&["who-can"], *question].concat());
    let texts: Vec<String> = questions.iter().map(ask).collect();
    insta::assert_snapshot!("who_can", texts.join("--\n"));
}

#[test]
fn who_can_send_which_requests() {
    const STATE: [&str; 2] = ["--state", "testdata/requests"];
    const WITH_FLOWS: [&str; 2] = ["--flows", "testdata/requests/flows.jsonl"];
    let questions = [
        &["reach", "shop/api:8080"][..],
        &["reach", "shop/api", WITH_FLOWS[0], WITH_FLOWS[1]],
        &[
            "be-reached-from",
            "shop/web:53/udp",
            WITH_FLOWS[0],
            WITH_FLOWS[1],
        ],
        &[
            "reach",
            "shop/api:8080",
            WITH_FLOWS[0],
            WITH_FLOWS[1],
            "-o",
            "json",
        ],
    ];
    let ask = |question: &&[&str]| shown(&[&["who-can"], *question, &STATE].concat());
    let texts: Vec<String> = questions.iter().map(ask).collect();
    insta::assert_snapshot!("who_can_send", texts.join("--\n"));
}
