//! Fresh names, each with an address that nobody had before: connected to in the moment in which the answer is there.
//! `FLOWS_NAMES` says how many, if there are to be others than 3,000.

mod common;
#[path = "common/names.rs"]
mod names;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::program;
use names::{query, within};
use testing_lab::{TestLab, options, pod};

/// Names, unless told otherwise.
const NAMES: u32 = 3_000;

/// Who ask at a time.
const ASKING: u32 = 32;

const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: client}
spec:
  endpointSelector: {matchLabels: {app: client}}
  egress:
    - toEndpoints: [{matchLabels: {app: dns}}]
      toPorts:
        - ports: [{port: '53', protocol: UDP}]
          rules: {dns: [{matchPattern: '*.fresh.test'}]}
    - toFQDNs: [{matchPattern: '*.fresh.test'}]
      toPorts: [{ports: [{port: '443', protocol: TCP}]}]
";

/// The address of a name's number: 198.18.0.0/15, which nobody has (RFC 2544).
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number % (1 << 17))
}

/// Answers a question for `nNUMBER.fresh.test`, for 1 s.
fn answer(query: &[u8]) -> Vec<u8> {
    let length = usize::from(query[12]);
    let label = std::str::from_utf8(&query[14..13 + length]).unwrap();
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut answer = query[..end].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
    answer.extend(address(label.parse().unwrap()).octets());
    answer
}

/// How it went, of one that asks.
#[derive(Debug, Default)]
struct Asked {
    refused: Vec<String>,
    /// From the question to the connection.
    took: Vec<Duration>,
}

fn ask(server: SocketAddr, next: &AtomicU32, all: u32) -> Asked {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut asked = Asked::default();
    let mut buffer = [0; 512];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= all {
            return asked;
        }
        let began = Instant::now();
        let question = query(
            number.to_be_bytes()[3].into(),
            &format!("n{number}.fresh.test"),
        );
        socket.send_to(&question, server).unwrap();
        let answered = socket.recv(&mut buffer);
        if answered.is_err() || buffer[7] != 1 {
            asked
                .refused
                .push(format!("{number}: {answered:?}, code {}", buffer[3] & 0xf));
            continue;
        }
        let https = SocketAddr::from((address(number), 443));
        // A first segment that is dropped is sent again after a second.
        match TcpStream::connect_timeout(&https, Duration::from_millis(900)) {
            Ok(_connection) => asked.took.push(began.elapsed()),
            Err(error) => asked.refused.push(format!("{number}: {error}")),
        }
    }
}

#[test]
fn none_of_them_is_denied() {
    let all = std::env::var("FLOWS_NAMES").map_or(NAMES, |text| text.parse().unwrap());
    let options = flows_lab::lab::Options {
        l7_proxy: true,
        outside: true,
        ..options(program(), true)
    };
    let manifests = [
        pod("client", "app: client", "one", &[]),
        pod("dns", "app: dns", "two", &[]),
        POLICY.to_owned(),
    ];
    let lab = TestLab::up(&options, &manifests.join("---\n")).unwrap();
    let outside = lab.lab().paths().outside_namespace();
    let route = ["ip", "route", "add", "local", "198.18.0.0/15", "dev", "lo"];
    let mut route = lab
        .lab()
        .command(&flows_lab::lab::Target::Outside, &route)
        .unwrap();
    assert!(route.status().unwrap().success());
    let listener = within(&outside, || TcpListener::bind("0.0.0.0:443").unwrap());
    let listener = listener.join().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
        }
    });
    let plan = &lab.lab().record().plan;
    let server = SocketAddr::from((plan.pod("default", "dns").unwrap().ipv4, 53));
    let paths = lab.lab().paths();
    let resolver = within(
        &paths.pod_namespace(plan.pod("default", "dns").unwrap()),
        || UdpSocket::bind("0.0.0.0:53").unwrap(),
    );
    let resolver = resolver.join().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = resolver.recv_from(&mut buffer) {
            resolver.send_to(&answer(&buffer[..length]), from).unwrap();
        }
    });
    let client = paths.pod_namespace(plan.pod("default", "client").unwrap());
    let next = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let asking = (0..ASKING).map(|_| {
        let next = Arc::clone(&next);
        within(&client, move || ask(server, &next, all))
    });
    let asking: Vec<_> = asking.collect();
    let (mut refused, mut took) = (Vec::new(), Vec::new());
    for asked in asking {
        let asked = asked.join().unwrap();
        refused.extend(asked.refused);
        took.extend(asked.took);
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    println!(
        "{} names in {seconds:.0} s, {ASKING} at a time; from question to connection: median {:?}, 99th percentile {:?}",
        took.len(),
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
    assert!(
        refused.is_empty(),
        "{} of {all}: {:?}",
        refused.len(),
        &refused[..refused.len().min(10)]
    );
    // And the name of none of them is all that there is.
    let denied = within(&client, || {
        let https = SocketAddr::from((Ipv4Addr::new(198, 19, 255, 255), 443));
        TcpStream::connect_timeout(&https, Duration::from_millis(400)).is_err()
    });
    assert!(denied.join().unwrap(), "nobody asked for its name");
}
