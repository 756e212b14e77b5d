//! A node with two pods: the thread that asks for it becomes the node, in a namespace of its own. What the
//! datapath's programs do, rules of nftables do here: packets of the first pod are assigned to the proxy's
//! listeners, answers of the second one to the socket that waits for them.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, geteuid, gettid};
use proxy::control::Ports;
use proxy::world::{End, WORLD, World};

type Job = Box<dyn FnOnce() + Send>;

/// A thread in a pod's namespace.
pub(crate) struct Pod {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) addresses: [IpAddr; 2],
}

impl Pod {
    fn new(name: &str, number: u8) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (id, its_id) = channel::<Pid>();
        let thread = thread::spawn(move || {
            enter();
            id.send(gettid()).unwrap();
            for job in todo {
                job();
            }
        });
        let id = its_id.recv().unwrap();
        let v4 = move |host: u8| IpAddr::from([10, 9, number, host]);
        let v6 = move |host: u16| IpAddr::from([0xfd09, number.into(), 0, 0, 0, 0, 0, host]);
        run(&format!(
            "ip link add {name} type veth peer name eth0 netns {id}"
        ));
        run(&format!("ip addr add {}/24 dev {name}", v4(1)));
        run(&format!("ip addr add {}/64 dev {name} nodad", v6(1)));
        run(&format!("ip link set {name} up"));
        let pod = Self {
            jobs: Some(jobs),
            thread: Some(thread),
            addresses: [v4(2), v6(2)],
        };
        pod.run(move || {
            run(&format!("ip addr add {}/24 dev eth0", v4(2)));
            run(&format!("ip addr add {}/64 dev eth0 nodad", v6(2)));
            run("ip link set eth0 up");
            run(&format!("ip route add default via {}", v4(1)));
            run(&format!("ip route add default via {}", v6(1)));
        });
        pod
    }

    /// Runs something in the pod. Sockets that it opens stay there.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, done) = channel();
        let job: Job = Box::new(move || result.send(job()).unwrap());
        self.jobs.as_ref().unwrap().send(job).unwrap();
        done.recv().expect("the job does not panic")
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.take().unwrap();
        if thread.join().is_err() && !thread::panicking() {
            panic!("a job in a pod panicked");
        }
    }
}

/// Runs a program in the thread's namespace, and returns what it prints.
pub(crate) fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn sysctl(path: &str, value: &str) {
    // Of the namespace of the thread that writes.
    std::fs::write(format!("/proc/sys/net/{path}"), value).unwrap();
}

/// Moves the thread into a namespace of its own.
fn enter() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    // Addresses are used at once, without asking whether others have them.
    sysctl("ipv6/conf/default/accept_dad", "0");
    run("ip link set lo up");
}

/// Moves the thread into a namespace of its own, with a first pod, which asks, and a second one, which is asked.
pub(crate) fn node() -> [Pod; 2] {
    assert!(
        geteuid().is_root(),
        "this makes namespaces and needs root: run it through `cargo xtask`"
    );
    enter();
    for (path, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
    ] {
        sysctl(path, value);
    }
    let pods = [Pod::new("first", 1), Pod::new("second", 2)];
    for family in ["-4", "-6"] {
        run(&format!(
            "ip {family} rule add fwmark 0x200/0xf00 lookup 2004"
        ));
        run(&format!(
            "ip {family} route add local default dev lo table 2004"
        ));
    }
    pods
}

/// Assigns the first pod's connections to port 8080, and its DNS, to the proxy.
pub(crate) fn assign(ports: Ports) {
    let Ports { tcp, dns } = ports;
    let mut rules = String::from(
        "table inet proxy {\n\
         counter egress {}\n\
         counter ingress {}\n\
         chain output { type filter hook output priority 0;\n\
         meta mark 0xb00 counter name egress\n\
         meta mark 0xa00 counter name ingress\n\
         }\n\
         chain assign { type filter hook prerouting priority mangle;\n",
    );
    for (family, loopback) in [("ipv4", "ip to 127.0.0.1"), ("ipv6", "ip6 to [::1]")] {
        for (what, port) in [
            ("tcp dport 8080", tcp),
            ("tcp dport 53", dns),
            ("udp dport 53", dns),
        ] {
            rules += &format!(
                "iifname first meta nfproto {family} {what} tproxy {loopback}:{port} \
                 meta mark set 0x200 accept\n"
            );
        }
    }
    rules += "iifname second socket transparent 1 meta mark set 0x200 accept\n}\n}\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rules).unwrap();
    run(&format!("nft -f {}", file.path().display()));
}

/// Packets that left with a mark.
pub(crate) fn packets(counter: &str) -> u64 {
    let text = run(&format!("nft list counter inet proxy {counter}"));
    let mut words = text
        .split_whitespace()
        .skip_while(|word| *word != "packets");
    words.nth(1).unwrap().parse().unwrap()
}

/// The first pod has endpoint 1, the second one 2.
pub(crate) struct Pods;

impl World for Pods {
    fn end(&self, address: IpAddr) -> End {
        let subnet = match address {
            IpAddr::V4(ip) => u32::from(ip.octets()[2]),
            IpAddr::V6(ip) => u32::from(ip.segments()[1]),
        };
        match subnet {
            1 | 2 => End {
                identity: 1000 + subnet,
                endpoint: Some(subnet),
            },
            _ => End {
                identity: WORLD,
                endpoint: None,
            },
        }
    }
}

/// A world of these pods.
pub(crate) fn world() -> Arc<dyn World> {
    Arc::new(Pods)
}

/// An address with a port.
pub(crate) fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}
