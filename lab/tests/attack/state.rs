//! Files that change while somebody waits for a gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flows_lab::process::Deadline;

use crate::frames::{MARK, udp};
use crate::wire::{Tap, send};
use crate::world::{POLICIES, pod, up};

fn pause(milliseconds: u64) {
    let deadline = Deadline::after(Duration::from_millis(milliseconds));
    while deadline.pause() {}
}

#[test]
fn a_file_that_is_written_in_two_steps_opens_nothing() {
    let lab = up(&[]);
    let [evil, victim] = ["evil", "victim"].map(|name| pod(&lab, name));
    let manifests = lab.lab().paths().manifests();
    // The policies stand in one file each; together they stand in this one, too.
    let together = manifests.join("together.yaml");
    std::fs::write(&together, POLICIES).unwrap();
    for name in ["victim", "jail", "server"] {
        let own = manifests.join(format!("ciliumnetworkpolicy.default.{name}.yaml"));
        assert!(own.is_file(), "{}", own.display());
        std::fs::remove_file(own).unwrap();
    }
    pause(2_000);

    let tap = Tap::on(&victim, MARK);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let denied = udp(&evil, evil.v4, 5555, victim.v4, 9000, MARK);
            while !done.load(Ordering::Relaxed) {
                send(&evil, std::iter::repeat_n(denied.clone(), 20));
                pause(5);
            }
        });
        // Truncated, its second half first, and whole again, as an editor or a template engine does it.
        let half = POLICIES.len() / 2;
        let half = POLICIES[half..].find("---").unwrap() + half + 4;
        for _ in 0..3 {
            std::fs::write(&together, "").unwrap();
            pause(300);
            std::fs::write(&together, &POLICIES[half..]).unwrap();
            pause(500);
            std::fs::write(&together, POLICIES).unwrap();
            pause(300);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(tap.count(), 0);
}
