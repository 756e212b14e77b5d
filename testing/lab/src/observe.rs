//! What `flows observe` tells of a lab.

use std::time::Duration;

use lab::process::Deadline;

use crate::harness::TestLab;

/// What `flows observe` prints.
///
/// # Panics
/// If it fails.
pub fn observe(lab: &TestLab, arguments: &[&str]) -> String {
    let output = lab
        .flows()
        .args(["observe", "--events", "--last", "1000"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Waits for output that satisfies the condition: agents read their rings some milliseconds after the packet,
/// on a busy machine some seconds.
///
/// # Panics
/// If none comes in half a minute.
pub fn until(lab: &TestLab, arguments: &[&str], condition: impl Fn(&str) -> bool) -> String {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let text = observe(lab, arguments);
        if condition(&text) {
            return text;
        }
        assert!(
            deadline.pause(),
            "flows observe {arguments:?} never says so:\n{text}"
        );
    }
}
