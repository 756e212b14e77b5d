//! What the proxy costs: requests of HTTP, queries of DNS and records of Kafka through it, against the same
//! without it, and against Envoy where it is installed (`FLOWS_ENVOY`, or `envoy` in PATH).
//!
//! ```text
//!  load (this process) --> proxy (a process) --> server (a process)
//!         |                                         ^
//!         +------------ direct ---------------------+
//! ```
//!
//! The proxy is the carrier of flows-proxy with one worker, as Envoy has one; records are made and taken from the
//! queue. As in its tests, it listens at the server's address, and a network of the bench knows where the server
//! really is: what the kernel's redirect and transparent sockets cost is no part of this. Load and server are the
//! same for all, and share the machine's cores with the proxy: a ratio to direct is one of all three together.
//!
//! A part may be started by hand, to try a program with it: `--role http-proxy SERVER [RULES]` prints where it
//! listens; clients are to come from 127.0.0.2. RULES is a file of a proxy's rules, for endpoint 7.
//!
//! Arguments: `http`, `dns`, `kafka`: only those; `--brief`: single runs, to see that all of it works.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench: it fails where it stands, and counts in small numbers"
)]

mod dns;
mod envoy;
mod http;
mod kafka;
mod latency;
mod proxied;
mod role;

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Of each run.
    time: Duration,
    runs: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    if let [first, role, rest @ ..] = words.as_slice()
        && first == role::FLAG
    {
        return role::run(role, rest);
    }
    let plan = if words.iter().any(|word| word == "--brief") {
        Plan {
            time: Duration::from_secs(1),
            runs: 1,
        }
    } else {
        Plan {
            time: Duration::from_secs(1),
            runs: 5,
        }
    };
    type Part = (&'static str, fn(Plan));
    let parts: [Part; 3] = [
        ("http", http::measure),
        ("dns", dns::measure),
        ("kafka", kafka::measure),
    ];
    let is_any = |name: &str| words.iter().any(|word| word == name);
    let all = !parts.iter().any(|(name, _)| is_any(name));
    for (name, measure) in parts {
        if all || is_any(name) {
            measure(plan);
        }
    }
}
