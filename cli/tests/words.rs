//! What people type who know kubectl, cilium or hubble, and their own file of contexts: the real program.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn shop() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/flows.jsonl");
    path.display().to_string()
}

/// Runs it with a home of its own, and no server anywhere.
fn flows(home: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(args)
        .env_clear()
        .env("TZ", "UTC")
        .env("HOME", home)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// Standard output, standard error and the exit code.
fn ran(home: &Path, args: &[&str]) -> (String, String, i32) {
    parts(flows(home, &[], args))
}

fn parts(output: Output) -> (String, String, i32) {
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

#[test]
fn words_are_filters() {
    let home = tempfile::tempdir().unwrap();
    let file = shop();
    let rows = |words: &[&str]| {
        let args = [&["observe", "--input-file", &file], words].concat();
        let (out, said, code) = ran(home.path(), &args);
        assert_eq!((said.as_str(), code), ("", 0), "{words:?}");
        out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = rows(&[]);
    let redis = rows(&["event-queue"]);
    assert!(redis.len() > 3 && redis.len() < all.len(), "{redis:?}");
    assert!(
        redis.iter().all(|row| row.contains("event-queue")),
        "{redis:?}"
    );
    assert_eq!(rows(&["EVENT-queue"]), redis);
    assert_eq!(rows(&["--filter", "event-queue"]), redis);
    assert_eq!(rows(&["flows", "event-queue"]), redis);
    let denied = rows(&["event-queue", "verdict == DROPPED"]);
    assert!(
        !denied.is_empty() && denied.len() < redis.len(),
        "{denied:?}"
    );
    assert_eq!(
        rows(&["event-queue", "and", "verdict", "==", "DROPPED"]),
        denied
    );
    assert_eq!(rows(&["pod", "data/event-queue"]), redis);
    // In JSON, too.
    let json = rows(&["event-queue", "-o", "json"]);
    assert!(
        json.iter().all(|row| row.contains("event-queue")),
        "{json:?}"
    );
}

#[test]
fn a_script_of_hubbles_may_have_words_that_mean_nothing() {
    let home = tempfile::tempdir().unwrap();
    let file = shop();
    let args = ["observe", "extra", "--input-file", &file, "-o", "compact"];
    let (out, said, _) = ran(home.path(), &args);
    assert!(out.lines().count() > 100);
    assert_eq!(
        said,
        "hint: \"extra\" selects nothing, as in hubble; --filter extra does\n"
    );
}

#[test]
fn what_is_meant_is_said() {
    let home = tempfile::tempdir().unwrap();
    let file = shop();
    let file = file.as_str();
    for (args, wanted) in [
        (
            &["observe", "--input-file", file, "--pod", "web"][..],
            "--pod web means default/web, and shop/web-",
        ),
        (
            &["observe", "--input-file", file, "-n", "shopp"],
            "no pod is in the namespace shopp; did you mean shop?",
        ),
        (
            &["observe", "--input-file", file, "5432"],
            "did you mean `port == 5432`?",
        ),
        (
            &["observe", "--input-file", file, "--last", "0"],
            "--all shows all flows",
        ),
        (
            &["observe", "--input-file", file, "--time-format", "unix"],
            "RFC3339Milli",
        ),
        (
            &[
                "observe",
                "--input-file",
                file,
                "--since",
                "1h",
                "--until",
                "2h",
            ],
            "--until is before --since",
        ),
        (&["observe", "-f", "--until", "1m"], "--until and --follow"),
        (
            &["observe", "--input-file", file, "--since", "soon"],
            "--since 5m, 2d, 14:30",
        ),
        (
            &["observe", "--input-file", file, "--color", "blue"],
            "auto, always or never",
        ),
        (
            &["observe", "--verdict", "dropped"],
            "did you mean DROPPED?",
        ),
        (&["top", "--last", "x"], "--last takes a whole number"),
        (
            &[
                "status",
                "--server",
                "unix:///nonexistent/a.sock",
                "--timeout",
                "soon",
            ],
            "--timeout takes a duration",
        ),
        (
            &["observe", "--input-file", file, "--debug=maybe"],
            "--debug takes true or false",
        ),
        (&["get", "svc"], "flows observe --aggregate-by dst.service"),
        (&["apply", "-f", "x.yaml"], "flows policy validate FILE"),
        (&["--lab", "no/such", "status"], "is not the name of a lab"),
    ] {
        let (_, said, _) = ran(home.path(), args);
        assert!(said.contains(wanted), "{args:?}: {said}");
        for go in ["strconv", "rpc error", "time: invalid"] {
            assert!(!said.contains(go), "{args:?}: {said}");
        }
    }
}

#[test]
fn flags_of_others_are_taken() {
    let home = tempfile::tempdir().unwrap();
    let file = shop();
    for flag in ["--last", "--tail", "--limit"] {
        let args = ["observe", "--input-file", &file, flag, "3"];
        let (out, said, code) = ran(home.path(), &args);
        assert_eq!(
            (out.lines().count(), said.as_str(), code),
            (4, "", 0),
            "{flag}"
        );
    }
}

/// `-h` fits a screen and `--help` has everything, wherever they stand.
#[test]
fn help_is_short_or_long() {
    let home = tempfile::tempdir().unwrap();
    let lines = |args: &[&str]| ran(home.path(), args).0.lines().count();
    for args in [
        &["observe", "-h"][..],
        &["-h"],
        &[],
        &["--lab", "x", "observe", "-h"],
    ] {
        assert!(
            (10..=25).contains(&lines(args)),
            "{args:?}: {}",
            lines(args)
        );
    }
    for args in [&["observe", "--help"][..], &["help", "observe"]] {
        assert!(lines(args) > 100, "{args:?}: {}", lines(args));
    }
    let (_, said, code) = ran(home.path(), &["policy", "nonsense"]);
    assert_eq!(
        (said.as_str(), code),
        (
            "unknown command \"nonsense\" for \"flows policy\"\nhint: flows policy --help lists the commands\n",
            1
        )
    );
}

fn file(home: &Path) -> PathBuf {
    home.join(".config/flows/config.toml")
}

#[test]
fn contexts_are_made_shown_and_chosen() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let path = file(home);
    let (out, said, code) = ran(home, &["config"]);
    assert_eq!((out.as_str(), code), ("", 0));
    assert!(said.contains("flows config set-context"), "{said}");
    let set = [
        "config",
        "set-context",
        "prod",
        "--server",
        "unix:///nonexistent/a.sock",
    ];
    let (out, _, code) = ran(home, &[&set[..], &["-n", "shop"]].concat());
    assert_eq!(code, 0);
    assert!(out.starts_with(&format!(
        "Context \"prod\" created in {}.\n",
        path.display()
    )));
    assert_eq!(
        ran(home, &["config", "set-context", "lab", "--lab", "nosuch"]).2,
        0
    );
    assert_eq!(
        ran(home, &["config", "use-context", "prod"]).0,
        "Switched to context \"prod\".\n"
    );
    assert_eq!(ran(home, &["config", "current-context"]).0, "prod\n");
    let list = ran(home, &["config", "get-contexts"]).0;
    let cells = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
    let list: Vec<String> = list.lines().map(cells).collect();
    let wanted = [
        "CURRENT NAME SERVER NAMESPACE",
        "lab lab nosuch",
        "* prod unix:///nonexistent/a.sock shop",
    ];
    assert_eq!(list, wanted);
    let view = "current-context = \"prod\"\n\n[contexts.lab]\nlab = \"nosuch\"\n\n[contexts.prod]\nserver = \"unix:///nonexistent/a.sock\"\nnamespace = \"shop\"\n";
    assert_eq!(ran(home, &["config", "view"]).0, view);
    // Which server is asked: the flag's, the variable's, the named context's, the current one's.
    let asked = |variables: &[(&str, &str)], args: &[&str]| {
        parts(flows(home, variables, &[args, &["status"]].concat())).1
    };
    assert!(asked(&[], &[]).contains("/nonexistent/a.sock"));
    assert!(asked(&[], &["--context", "lab"]).contains("no lab named nosuch"));
    assert!(asked(&[("FLOWS_CONTEXT", "lab")], &[]).contains("no lab named nosuch"));
    let server = [("FLOWS_SERVER", "unix:///nonexistent/b.sock")];
    assert!(asked(&server, &[]).contains("/nonexistent/b.sock"));
    let flag = ["--server", "unix:///nonexistent/c.sock"];
    assert!(asked(&server, &flag).contains("/nonexistent/c.sock"));
    // One is taken for the other.
    let change = ["config", "set-context", "--current", "--lab", "other"];
    assert_eq!(ran(home, &change).2, 0);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("lab = \"other\"") && !text.contains("server"),
        "{text}"
    );
    assert_eq!(ran(home, &["config", "delete-context", "prod"]).2, 0);
    let (_, said, code) = ran(home, &["config", "current-context"]);
    assert_eq!(code, 1);
    assert!(said.contains("flows config use-context NAME"), "{said}");
    let (_, said, _) = ran(home, &["config", "use-context", "lap"]);
    assert!(said.contains("did you mean lab?"), "{said}");
}

#[test]
fn names_are_of_the_contexts_namespace() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let data = shop();
    let rows = |variables: &[(&str, &str)]| {
        let args = ["observe", "--input-file", &data, "--pod", "web"];
        parts(flows(home, variables, &args)).0.lines().count()
    };
    assert_eq!(rows(&[]), 0);
    ran(home, &["config", "set-context", "a", "--namespace", "shop"]);
    assert_eq!(rows(&[]), 0);
    assert!(rows(&[("FLOWS_CONTEXT", "a")]) > 5);
    ran(home, &["config", "use-context", "a"]);
    assert!(rows(&[]) > 5);
    let args = [
        "observe",
        "--from-pod",
        "web",
        "--to-service",
        "b/c",
        "--print-raw-filters",
    ];
    let (out, _, _) = ran(home, &args);
    assert!(out.contains("shop/web") && out.contains("b/c"), "{out}");
}

#[test]
fn mistakes_in_the_file_name_the_line_and_stop_what_needs_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let path = home.join("mine.toml");
    fs::write(&path, "[contexts.a]\nserver = \"x:1\"\nnamspace = \"b\"\n").unwrap();
    let named = path.display().to_string();
    let want = format!("{named}:3: unknown key namspace; did you mean namespace?\n");
    for args in [
        &["status"][..],
        &["observe", "--pod", "a"],
        &["config", "view"],
    ] {
        let by_flag = ran(home, &[args, &["--config", &named]].concat());
        let by_variable = parts(flows(home, &[("FLOWS_CONFIG", &named)], args));
        assert_eq!(
            (by_flag.1.as_str(), by_flag.2),
            (want.as_str(), 1),
            "{args:?}"
        );
        assert_eq!(by_variable.1, want, "{args:?}");
    }
    assert_eq!(ran(home, &["version", "--client", "--config", &named]).2, 0);
    let (_, said, _) = ran(home, &["status", "--config", "/nonexistent/c.toml"]);
    assert!(
        said.starts_with("/nonexistent/c.toml: No such file"),
        "{said}"
    );
}

#[test]
fn the_version_says_what_it_was_built_from() {
    let home = tempfile::tempdir().unwrap();
    let (out, said, code) = ran(home.path(), &["version", "--client"]);
    assert_eq!((said.as_str(), code), ("", 0));
    let rest = out
        .strip_prefix(concat!("flows ", env!("CARGO_PKG_VERSION"), " ("))
        .unwrap();
    assert!(rest.contains(") on linux/"), "{out}");
    let args = ["version", "--server", "unix:///nonexistent/a.sock"];
    let (out, said, code) = ran(home.path(), &args);
    assert!(
        out.starts_with("flows ") && said.contains("/nonexistent/a.sock"),
        "{out} {said}"
    );
    assert_eq!(code, 1);
}
