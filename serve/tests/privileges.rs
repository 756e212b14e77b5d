//! Giving up root, seen from the kernel's side. Needs root: `cargo xtask test` runs it.

use std::{env, fs, process::Command};

use flows_serve::privileges::{self, Capability};
use nix::unistd::Uid;

/// Tells the process that it is the one that gives up, and what.
const GIVES_UP: &str = "FLOWS_TEST_GIVES_UP";

/// Runs this test again in a process of its own, which gives up and prints what the kernel then says of
/// it.
fn status_after(what: &str) -> String {
    assert!(Uid::effective().is_root(), "this test needs root");
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "in_a_process_of_its_own", "--nocapture"])
        .env(GIVES_UP, what)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn field<'a>(status: &'a str, name: &str) -> Vec<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().split_whitespace().collect()
}

const NONE: &str = "0000000000000000";

/// What the two tests below run; by itself it gives up nothing.
#[test]
fn in_a_process_of_its_own() {
    match env::var(GIVES_UP).as_deref() {
        Ok("all") => privileges::drop_all(None).unwrap(),
        Ok("most") => privileges::keep_only(&[Capability::CAP_NET_ADMIN]).unwrap(),
        _ => return,
    }
    // This thread's: privileges belong to threads.
    print!(
        "{}",
        fs::read_to_string("/proc/thread-self/status").unwrap()
    );
    // What root could do.
    let port = std::net::TcpListener::bind("127.0.0.1:1");
    println!("LowPort: {}", port.is_ok());
    println!("Again: {}", nix::unistd::setuid(Uid::from_raw(0)).is_ok());
}

#[test]
fn a_server_that_gives_up_root_is_nobody_and_can_do_nothing() {
    let status = status_after("all");
    let uids = field(&status, "Uid:");
    assert_eq!(uids.len(), 4, "{status}");
    assert!(
        uids.iter().all(|uid| *uid == uids[0] && *uid != "0"),
        "{status}"
    );
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(&status, set), [NONE], "{set} {status}");
    }
    assert_eq!(field(&status, "NoNewPrivs:"), ["1"], "{status}");
    assert_eq!(field(&status, "Groups:"), Vec::<&str>::new(), "{status}");
    assert_eq!(field(&status, "Again:"), ["false"], "{status}");
}

#[test]
fn what_is_kept_is_all_there_is() {
    let status = status_after("most");
    // Bit 12 is CAP_NET_ADMIN (capability.h).
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        assert_eq!(field(&status, set), ["0000000000001000"], "{set} {status}");
    }
    for set in ["CapInh:", "CapAmb:"] {
        assert_eq!(field(&status, set), [NONE], "{set} {status}");
    }
    assert_eq!(field(&status, "NoNewPrivs:"), ["1"], "{status}");
    assert_eq!(field(&status, "LowPort:"), ["false"], "{status}");
}
