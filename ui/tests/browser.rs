//! The page in a browser, against real labs: brings one up with the three tiers and runs `ui/web/e2e` beside it,
//! and another one with a proxy of layer 7 for what shows requests. Run by `cargo xtask test`, as root.
//!
//! The screenshots that the tests take are in `target/screens`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test: it fails where it stands, and says what it can't clean up"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Two browsers at a time would starve each other.
static BROWSER: Mutex<()> = Mutex::new(());

/// A lab that goes when this is dropped.
struct Lab {
    program: PathBuf,
    name: String,
}

impl Lab {
    /// Of the three tiers, and what else is given.
    fn up(bin: &Path, root: &Path, name: &str, more: &[&str]) -> Self {
        let lab = Self {
            program: bin.join("flows-lab"),
            name: format!("{name}-{}", std::process::id()),
        };
        let status = Command::new(&lab.program)
            .args(["up", "--name", &lab.name, "--relay-listen", "none"])
            .arg("testdata/three-tier")
            .args(more)
            .current_dir(root)
            .status();
        let status = status.expect("flows-lab runs: `cargo xtask test` builds it");
        assert!(status.success(), "the lab did not come up");
        lab
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = Command::new(&self.program)
            .args(["down", "--name", &self.name])
            .status();
        if !down.as_ref().is_ok_and(|status| status.success()) {
            eprintln!("{} is not down: {down:?}", self.name);
        }
    }
}

#[test]
fn the_page_works_in_a_browser() {
    run("e2e", "page", &[]);
}

#[test]
fn requests_are_shown_in_a_browser() {
    let more = ["testdata/layer7", "--outside"];
    run("e2e:layer7", "page7", &more);
}

/// Runs a script of the page's tests beside a lab.
fn run(script: &str, lab: &str, more: &[&str]) {
    let id = Command::new("id").arg("-u").output().unwrap();
    assert_eq!(
        id.stdout, b"0\n",
        "the lab makes network namespaces and needs root: run `cargo xtask test kernel`"
    );
    assert!(
        flows_ui::page_is_built(),
        "run `cargo xtask page`, then build again"
    );
    let bin = std::env::var_os("FLOWS_BIN_DIR")
        .expect("FLOWS_BIN_DIR says where the programs are: run `cargo xtask test kernel`");
    let bin = PathBuf::from(bin);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let screens = bin.parent().unwrap().join("screens");
    std::fs::create_dir_all(&screens).unwrap();

    let report = tempfile::NamedTempFile::new().unwrap();
    let alone = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::up(&bin, root, lab, more);
    let tested = Command::new("npm")
        .args(["run", script, "--", "--reporter=default", "--reporter=json"])
        .arg(format!("--outputFile.json={}", report.path().display()))
        .current_dir(root.join("ui/web"))
        .env("FLOWS_LAB", &lab.name)
        .env("FLOWS", bin.join("flows"))
        .env("FLOWS_LAB_PROGRAM", bin.join("flows-lab"))
        .env("FLOWS_UI", env!("CARGO_BIN_EXE_flows-ui"))
        .env("FLOWS_SCREENS", &screens)
        .status();
    drop(lab);
    drop(alone);
    let said = std::fs::read(report.path()).unwrap();
    assert!(
        tested.unwrap().success(),
        "tests in the browser failed:\n{}",
        failures(&said)
    );
}

/// What failed and how, out of a report of vitest (Jest's JSON): the place where people look first is
/// the end of a long output.
fn failures(report: &[u8]) -> String {
    let Ok(report) = serde_json::from_slice::<serde_json::Value>(report) else {
        return "  no report: they never began, or were stopped".to_owned();
    };
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut told = String::new();
    for file in list(&report["testResults"]) {
        let before = told.len();
        for test in list(&file["assertionResults"]) {
            if test["status"] == "failed" {
                let messages = list(&test["failureMessages"]);
                let message = messages.first().map(text).unwrap_or_default();
                let message: Vec<_> = message.lines().take(12).collect();
                told += &format!(
                    "  {}\n    {}\n",
                    text(&test["fullName"]),
                    message.join("\n    ")
                );
            }
        }
        if told.len() == before && file["status"] == "failed" {
            told += &format!(
                "  {}\n    {}\n",
                text(&file["name"]),
                text(&file["message"])
            );
        }
    }
    told
}
