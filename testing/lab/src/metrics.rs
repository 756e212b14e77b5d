//! An agent's metrics.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use lab::netns;

use crate::harness::TestLab;

/// The page of the agent on node one: what it says by name and labels.
///
/// # Panics
/// If it doesn't answer.
pub fn metrics(lab: &TestLab) -> BTreeMap<String, u64> {
    let namespace = lab.lab().paths().node_namespace("one");
    let page = thread::spawn(move || {
        netns::enter(&namespace).unwrap();
        let mut stream = TcpStream::connect("127.0.0.1:9965").unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    });
    let page = page.join().unwrap();
    page.lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}
