//! DNS: queries at a pace from several sockets, as many as are answered, and each from a socket of its own.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use testing_bench::Row;
use testing_program::processor_time;

use crate::Plan;
use crate::latency::{Sample, Samples, in_turns};
use crate::proxied::CLIENT;
use crate::role::{Process, tell};

/// Sockets of the client.
const SOCKETS: usize = 16;
/// Asked before it counts.
const WARM_UP: Duration = Duration::from_millis(200);
/// Queries without an answer, where as many are asked as are answered.
const WINDOW: usize = 4;

/// Answers each query with one address.
pub(crate) fn serve() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    tell(socket.local_addr().unwrap());
    let mut bytes = [0; 1024];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut bytes) else {
            continue;
        };
        let mut answer = bytes[..length].to_vec();
        answer[2] |= 0x80;
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        // A client that is gone needs none.
        drop(socket.send_to(&answer, client));
    }
}

/// A query for an address of `www.example`.
fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend(b"\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01");
    query
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// So many a second.
    Pace(u32),
    /// As many as are answered.
    Most,
    /// One after the other, each from a socket of its own, as resolvers do.
    OneByOne,
}

impl Load {
    fn name(self) -> String {
        match self {
            Self::Pace(pace) => format!("{pace} queries/s"),
            Self::Most => format!("{SOCKETS} sockets, {WINDOW} queries at a time on each"),
            Self::OneByOne => "one by one, each from a socket of its own".to_owned(),
        }
    }

    fn run(self, address: SocketAddr, proxy: Option<u32>, time: Duration) -> Sample {
        match self {
            Self::Pace(pace) => paced(address, proxy, pace, time),
            Self::Most => most(address, proxy, time),
            Self::OneByOne => one_by_one(address, proxy, time),
        }
    }
}

pub(crate) fn measure(plan: Plan) {
    let server = Process::role("dns-server", &[]);
    let proxy = Process::role("dns-proxy", &[server.address.to_string()]);
    let ways = [None, Some(&proxy)];
    for load in [
        Load::Pace(1_000),
        Load::Pace(10_000),
        Load::Most,
        Load::OneByOne,
    ] {
        let all = in_turns(plan.runs, &ways, |way| {
            let address = way.map_or(server.address, |proxy| proxy.address);
            load.run(address, way.map(Process::id), plan.time)
        });
        print(load, &all[0], &all[1]);
    }
}

fn print(load: Load, direct: &Samples, own: &Samples) {
    let name = |what: &str| format!("DNS, {}, {what}", load.name());
    match load {
        Load::Most => {
            let rate = |samples: &Samples| samples.median(|one| one.rate);
            Row::new(name("direct"), rate(direct), "/s").print();
            Row::new(name("flows"), rate(own), "/s")
                .against(Some(("direct", rate(direct))))
                .ratio(own.ratio(direct, |one| one.rate))
                .print();
        }
        Load::Pace(_) | Load::OneByOne => {
            let is_fast = matches!(load, Load::Pace(10_000));
            let more = |what: fn(&Sample) -> f64| own.added(direct, what);
            Row::new(
                name("direct, median"),
                direct.median(|one| one.median),
                "us",
            )
            .print();
            Row::new(name("added, median"), more(|one| one.median), "us")
                .goal(is_fast.then_some("<= 100"))
                .print();
            Row::new(
                name("direct, 99th percentile"),
                direct.median(|one| one.p99),
                "us",
            )
            .print();
            Row::new(name("added, 99th percentile"), more(|one| one.p99), "us")
                .goal(is_fast.then_some("<= 1000"))
                .print();
        }
    }
    let processor = own.median(|one| one.processor);
    Row::new(name("processor time per query"), processor, "us").print();
}

fn socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((CLIENT, 0)).unwrap();
    socket.connect(server).unwrap();
    socket
}

fn used(proxy: Option<u32>) -> Duration {
    proxy.map(processor_time).unwrap_or_default()
}

/// When each id of each socket was asked.
type Asked = Vec<Mutex<Vec<Option<Instant>>>>;

/// Answers of sockets until it is to end: the times of those that were asked after `begins`.
fn receive(
    sockets: &[UdpSocket],
    asked: &Asked,
    begins: Instant,
    ends: &AtomicBool,
    mut answered: impl FnMut(usize),
) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut bytes = [0; 1024];
    while !ends.load(Ordering::Relaxed) {
        let mut ready: Vec<PollFd<'_>> = sockets
            .iter()
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut ready, PollTimeout::from(20_u8)).unwrap();
        let is_ready: Vec<bool> = ready.iter().map(|one| one.any() == Some(true)).collect();
        for (at, socket) in sockets.iter().enumerate().filter(|(at, _)| is_ready[*at]) {
            while let Ok(length) = socket.recv(&mut bytes) {
                let now = Instant::now();
                assert!(length > 40 && bytes[3] & 0xf == 0, "not answered");
                let id = u16::from_be_bytes([bytes[0], bytes[1]]);
                let asked = asked[at].lock().unwrap()[usize::from(id)].take();
                times.extend(asked.filter(|at| *at >= begins).map(|at| now - at));
                answered(at);
            }
        }
    }
    times
}

fn paced(server: SocketAddr, proxy: Option<u32>, pace: u32, time: Duration) -> Sample {
    let (sockets, asked) = sockets(server);
    let start = Instant::now();
    let begins = start + WARM_UP;
    let total = (WARM_UP + time).as_secs_f64() * f64::from(pace);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&sockets, &asked, begins, &ends, |_| {}));
        let mut before = None;
        for number in 0..total as u32 {
            let due = start + Duration::from_secs(1) * number / pace;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if before.is_none() && due >= begins {
                before = Some(used(proxy));
            }
            let at = number as usize % SOCKETS;
            send(&sockets[at], &asked[at], (number as usize / SOCKETS) as u16);
        }
        let used = used(proxy) - before.unwrap();
        thread::sleep(Duration::from_millis(100));
        ends.store(true, Ordering::Relaxed);
        let times = receiver.join().unwrap();
        let wanted = time.as_secs_f64() * f64::from(pace);
        let lost = 1.0 - times.len() as f64 / wanted;
        assert!(lost < 0.01, "{lost} of the queries were not answered");
        Sample::new(times, time, used)
    })
}

fn sockets(server: SocketAddr) -> (Vec<UdpSocket>, Asked) {
    let sockets: Vec<UdpSocket> = (0..SOCKETS).map(|_| socket(server)).collect();
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
    }
    let asked = (0..SOCKETS).map(|_| Mutex::new(vec![None; 1 << 16]));
    (sockets, asked.collect())
}

fn send(socket: &UdpSocket, asked: &Mutex<Vec<Option<Instant>>>, id: u16) {
    asked.lock().unwrap()[usize::from(id)] = Some(Instant::now());
    socket.send(&query(id)).unwrap();
}

fn most(server: SocketAddr, proxy: Option<u32>, time: Duration) -> Sample {
    let (sockets, asked) = sockets(server);
    let begins = Instant::now() + WARM_UP;
    let ends = AtomicBool::new(false);
    let mut next = [0_u16; SOCKETS];
    for (at, next) in next.iter_mut().enumerate() {
        for _ in 0..WINDOW {
            send(&sockets[at], &asked[at], *next);
            *next += 1;
        }
    }
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            receive(&sockets, &asked, begins, &ends, |at| {
                send(&sockets[at], &asked[at], next[at]);
                next[at] = next[at].wrapping_add(1);
            })
        });
        thread::sleep(WARM_UP);
        let before = used(proxy);
        thread::sleep(time);
        ends.store(true, Ordering::Relaxed);
        let used = used(proxy) - before;
        Sample::new(receiver.join().unwrap(), time, used)
    })
}

fn one_by_one(server: SocketAddr, proxy: Option<u32>, time: Duration) -> Sample {
    let begins = Instant::now() + WARM_UP;
    let ends = begins + time;
    let (mut before, mut times) = (None, Vec::new());
    let mut bytes = [0; 1024];
    loop {
        let asked = Instant::now();
        if asked >= ends {
            break;
        }
        if asked >= begins && before.is_none() {
            before = Some(used(proxy));
        }
        let socket = socket(server);
        socket.send(&query(7)).unwrap();
        let length = socket.recv(&mut bytes).unwrap();
        assert!(length > 40 && bytes[3] & 0xf == 0, "not answered");
        if asked >= begins {
            times.push(asked.elapsed());
        }
    }
    Sample::new(times, time, used(proxy) - before.unwrap())
}
