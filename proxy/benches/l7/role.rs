//! Processes beside the load: this program again, with another role. It prints its addresses when it listens.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use testing_program::Background;
use tokio::runtime::Runtime;

use crate::{dns, http, kafka, proxied};

/// Before the name of a role.
pub(crate) const FLAG: &str = "--role";

/// A process with a role.
pub(crate) struct Process {
    process: Background,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts one with a role.
    pub(crate) fn role(role: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command.arg(FLAG).arg(role).args(arguments);
        let mut process = Background::start(command.stdout(Stdio::piped()));
        let output = process.child().stdout.take().unwrap();
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().parse();
        Self {
            process,
            address: address.unwrap_or_else(|error| panic_with(role, &line, error)),
        }
    }

    /// One that was started otherwise.
    pub(crate) fn other(process: Background, address: SocketAddr) -> Self {
        Self { process, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

#[expect(clippy::panic, reason = "a bench fails where it stands")]
fn panic_with(role: &str, line: &str, error: std::net::AddrParseError) -> SocketAddr {
    panic!("{role} printed {line:?}: {error}")
}

/// Has the role until it is killed.
pub(crate) fn run(role: &str, arguments: &[String]) {
    let runtime = one_thread();
    let proxy = |allows| {
        let server = arguments[0].parse().unwrap();
        let rules = arguments.get(1).map(PathBuf::from);
        runtime.block_on(proxied::serve(allows, server, rules));
    };
    match role {
        "http1-server" => runtime.block_on(http::server::http1()),
        "http2-server" => runtime.block_on(http::server::http2()),
        "dns-server" => dns::serve(),
        "kafka-server" => runtime.block_on(kafka::serve()),
        "http-proxy" => proxy(proxied::http()),
        "dns-proxy" => proxy(proxied::dns()),
        "kafka-proxy" => proxy(proxied::kafka()),
        _ => unreachable!("roles are named here"),
    }
}

/// Tells where this process listens.
pub(crate) fn tell(address: SocketAddr) {
    println!("{address}");
}

pub(crate) fn one_thread() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}
