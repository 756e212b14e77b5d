//! Commands in pods, and what they say.

use std::time::Duration;

use flows_lab::process::Deadline;
use testing_lab::TestLab;

/// What a command in a pod says on both of its outputs.
fn run(lab: &TestLab, from: &str, line: &str) -> String {
    let output = lab
        .exec(from, &["timeout", "60", "bash", "-c", line])
        .unwrap();
    let texts = [output.stdout, output.stderr];
    let texts = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
    texts.concat()
}

/// Runs a command until it says this, which it does once its servers are up.
pub(crate) fn until(lab: &TestLab, from: &str, line: &str, words: &[&str]) {
    let deadline = Deadline::after(Duration::from_secs(60));
    loop {
        let said = run(lab, from, line);
        if words.iter().all(|words| said.contains(words)) {
            return;
        }
        assert!(deadline.pause(), "{from}: {line}: {words:?} in:\n{said}");
    }
}

pub(crate) fn expect(lab: &TestLab, from: &str, line: &str, words: &[&str]) {
    let said = run(lab, from, line);
    let missing: Vec<_> = words
        .iter()
        .filter(|words| !said.contains(**words))
        .collect();
    assert!(
        missing.is_empty(),
        "{from}: {line}: {missing:?} in:\n{said}"
    );
}
