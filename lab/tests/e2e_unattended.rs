//! Names while no agent runs: new ones are learned all the same, and nothing opens that no policy opens.

mod common;
#[path = "common/names.rs"]
mod names;
#[path = "common/resolver.rs"]
mod resolver;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::program;
use flows_lab::lab::Target;
use flows_lab::network;
use flows_lab::process::Deadline;
use names::{query, within};
use resolver::resolver;
use testing_lab::{TestLab, options, pod};

const NAMES: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: payment}
spec:
  endpointSelector: {matchLabels: {app: payment}}
  egress:
    - toEndpoints: [{matchLabels: {app: dns}}]
      toPorts:
        - ports: [{port: '53', protocol: UDP}]
          rules: {dns: [{matchPattern: '*.stripe.test'}]}
    - toFQDNs: [{matchName: api.stripe.test}, {matchPattern: 'pay-*.stripe.test'}, {matchPattern: 'cidr*.stripe.test'},
        {matchPattern: 'brief*.stripe.test'}]
      toPorts: [{ports: [{port: '443', protocol: TCP}]}]
    - toCIDR: [198.51.100.0/24]
      toPorts: [{ports: [{port: '22', protocol: TCP}]}]
";

const NO_ERROR: u8 = 0;
const SERVFAIL: u8 = 2;
const REFUSED: u8 = 5;

/// A pod that asks, and whom.
struct Pod {
    namespace: PathBuf,
    server: SocketAddr,
}

impl Pod {
    /// The response code of an answer.
    fn ask(&self, name: &'static str) -> u8 {
        let server = self.server;
        let asking = within(&self.namespace, move || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let limit = Some(Duration::from_secs(1));
            socket.set_read_timeout(limit).unwrap();
            let deadline = Deadline::after(Duration::from_secs(30));
            let mut answer = [0; 512];
            loop {
                socket.send_to(&query(7, name), server).unwrap();
                if socket.recv(&mut answer).is_ok() {
                    return answer[3] & 0xf;
                }
                assert!(deadline.pause(), "no answer about {name}");
            }
        });
        asking.join().unwrap()
    }

    fn connect(&self, port: u16, patience: Duration) -> Option<TcpStream> {
        self.connect_to(network::OUTSIDE_IPV4, port, patience)
    }

    fn connect_to(&self, ip: Ipv4Addr, port: u16, patience: Duration) -> Option<TcpStream> {
        let address = SocketAddr::from((ip, port));
        let connecting = within(&self.namespace, move || {
            TcpStream::connect_timeout(&address, patience).ok()
        });
        connecting.join().unwrap()
    }

    fn opens(&self) -> Option<TcpStream> {
        self.connect(443, Duration::from_secs(10))
    }

    fn is_closed(&self, port: u16) -> bool {
        self.connect(port, Duration::from_millis(400)).is_none()
    }
}

/// What comes back for a byte.
fn echo(connection: &mut TcpStream) {
    let mut byte = [0];
    connection.write_all(b"x").unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    connection.read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"x");
}

fn up() -> (TestLab, Pod) {
    let options = flows_lab::lab::Options {
        l7_proxy: true,
        outside: true,
        ..options(program(), true)
    };
    let manifests = [
        pod("payment", "app: payment", "one", &[]),
        pod("dns", "app: dns", "two", &[]),
        NAMES.to_owned(),
    ];
    let lab = TestLab::up(&options, &manifests.join("---\n")).unwrap();
    let paths = lab.lab().paths();
    let pods = &lab.lab().record().plan.pods;
    let [payment, dns] =
        ["payment", "dns"].map(|name| pods.iter().find(|pod| pod.name == name).unwrap());
    let server = SocketAddr::from((dns.ipv4, 53));
    let bound = within(&paths.pod_namespace(dns), || {
        let socket = UdpSocket::bind("0.0.0.0:53").unwrap();
        let limit = Some(Duration::from_secs(120));
        socket.set_read_timeout(limit).unwrap();
        socket
    });
    let socket = bound.join().unwrap();
    thread::spawn(move || resolver(&socket));
    let route = ["ip", "route", "add", "local", "198.18.0.0/15", "dev", "lo"];
    let mut route = lab.lab().command(&Target::Outside, &route).unwrap();
    assert!(route.status().unwrap().success());
    // The server sends back what it gets, on two ports.
    for port in [443, 444] {
        let bound = within(&paths.outside_namespace(), move || {
            TcpListener::bind(("0.0.0.0", port)).unwrap()
        });
        let listener = bound.join().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    while connection.read_exact(&mut byte).is_ok() {
                        if connection.write_all(&byte).is_err() {
                            break;
                        }
                    }
                });
            }
        });
    }
    let payment = Pod {
        namespace: paths.pod_namespace(payment),
        server,
    };
    (lab, payment)
}

#[test]
fn a_new_name_works_while_no_agent_runs() {
    let (mut lab, pod) = up();
    assert_eq!(pod.ask("www.stripe.test"), NO_ERROR, "all is there");
    assert!(pod.is_closed(443));

    assert!(lab.lab_mut().kill_agent("one").unwrap());
    assert_eq!(pod.ask("www.other.test"), REFUSED);
    assert!(pod.is_closed(443), "nobody asked for its name");
    // Never asked for before.
    assert_eq!(pod.ask("api.stripe.test"), NO_ERROR);
    let mut first = pod.opens().expect("open at once");
    assert!(pod.is_closed(444), "a port of which no rule speaks");
    // Another name of the same address, of another rule.
    assert_eq!(pod.ask("pay-1.stripe.test"), NO_ERROR);
    drop(pod.opens().expect("open still"));
    // What has a prefix of its own around it has no number by this name.
    assert_eq!(pod.ask("cidr.stripe.test"), SERVFAIL);
    assert_eq!(pod.ask("www.other.test"), REFUSED);
    echo(&mut first);
    let told = lab.lab().paths().node("one").join("proxy-names.jsonl");
    assert!(told.exists(), "the next agent is told");

    // What is to be used at once closes in a while, with nobody there to close it.
    let brief = || {
        pod.connect_to(
            Ipv4Addr::new(198, 18, 0, 1),
            443,
            Duration::from_millis(900),
        )
    };
    assert!(brief().is_none());
    assert_eq!(pod.ask("brief.stripe.test"), NO_ERROR);
    let asked = Instant::now();
    let mut long = brief().expect("open at once");

    // A proxy that is new knows as much.
    let deadline = Deadline::after(Duration::from_secs(30));
    while !lab.lab().kill_proxy_worker("one").unwrap() {
        assert!(deadline.pause(), "it doesn't run");
    }
    assert_eq!(pod.ask("pay-2.stripe.test"), NO_ERROR);
    drop(pod.opens().expect("open still"));

    let deadline = Deadline::after(Duration::from_secs(60));
    while brief().is_some() {
        assert!(deadline.pause(), "it never closes");
    }
    assert!(
        asked.elapsed() >= Duration::from_secs(30),
        "{:?}",
        asked.elapsed()
    );
    echo(&mut long);

    // The next agent goes on from there: nothing that is open closes, not even for a moment.
    let is_over = Arc::new(AtomicBool::new(false));
    let connecting = within(&pod.namespace, {
        let is_over = Arc::clone(&is_over);
        move || {
            let address = SocketAddr::from((network::OUTSIDE_IPV4, 443));
            let mut opened = 0;
            while !is_over.load(Ordering::Relaxed) {
                TcpStream::connect_timeout(&address, Duration::from_millis(900)).unwrap();
                opened += 1;
                thread::sleep(Duration::from_millis(2));
            }
            opened
        }
    });
    lab.lab_mut().restart_agent("one").unwrap();
    thread::sleep(Duration::from_secs(1));
    is_over.store(true, Ordering::Relaxed);
    assert!(connecting.join().unwrap() > 10);
    echo(&mut first);
    drop(pod.opens().expect("open still"));
    assert!(pod.is_closed(444));
    assert!(!told.exists(), "it has taken them");
    for name in ["api.stripe.test", "pay-1.stripe.test", "pay-2.stripe.test"] {
        lab.told(&["names", "list"], &["default/payment", name, "open"]);
    }
    // What the proxy that was killed had not yet told is lost.
    let l7 = ["observe", "--type", "l7", "--last", "100"];
    lab.told(
        &l7,
        &["default/payment", "FORWARDED", "A pay-2.stripe.test"],
    );
    // That number is handed over, too.
    let numbers = lab.lab().paths().node("one").join("name-identities.json");
    let before = std::fs::read(&numbers).unwrap();
    let deadline = Deadline::after(Duration::from_secs(30));
    assert_eq!(pod.ask("cidr.stripe.test"), NO_ERROR, "an agent makes one");
    while std::fs::read(&numbers).unwrap() == before {
        assert!(deadline.pause(), "it is written down in a while");
    }
    assert!(lab.lab_mut().kill_agent("one").unwrap());
    assert_eq!(pod.ask("cidr-2.stripe.test"), NO_ERROR);
}
