//! What others do behind the agent's back is put right, and nothing passes meanwhile.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flows_loader::testrun::{SHOT, Tamper, tamper};
use flows_loader::{Damage, Datapath, IfIndex, guard};
use nix::mount::{MntFlags, umount2};

use testing_kernel::{Node, SERVER, ifindex, ip, syn};

/// A pod that raised its own end and talks, in a network namespace of its own.
struct Pod(Child);

impl Pod {
    /// The far end of `client`; the near end gets an address, too.
    fn start() -> Self {
        let child = Command::new("unshare")
            .args(["--net", "sleep", "600"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pod = Self(child);
        // It has its namespace once it runs the other program.
        let comm = format!("/proc/{}/comm", pod.0.id());
        while fs::read_to_string(&comm).unwrap().trim() != "sleep" {
            std::thread::sleep(Duration::from_millis(5));
        }
        ip(&format!("link set client-in netns {}", pod.0.id()));
        ip("addr add 10.7.9.1/24 dev client");
        assert!(pod.run("ip addr add 10.7.9.2/24 dev client-in"));
        assert!(pod.run("ip link set client-in up"));
        pod
    }

    fn run(&self, line: &str) -> bool {
        let pid = self.0.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--net"]);
        let status = command
            .args(line.split_whitespace())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        let program = line.split_whitespace().next();
        assert_ne!(
            status.code(),
            Some(127),
            "{program:?} is missing: run `cargo xtask setup`"
        );
        status.success()
    }

    fn reaches_the_node(&self) -> bool {
        self.run("ping -c 1 -W 1 10.7.9.1")
    }

    /// As [`Self::reaches_the_node`], in a while: the link comes up once the kernel's worker has the lock over
    /// network devices, and a neighbour that didn't answer isn't asked at once.
    fn comes_to_reach_the_node(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if self.reaches_the_node() {
                return true;
            }
        }
        false
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

#[test]
fn a_closed_interface_passes_nothing_until_somebody_decides() {
    let node = Node::up();
    let pod = Pod::start();
    assert!(pod.comes_to_reach_the_node(), "nothing hinders it");
    guard::close(node.client).unwrap();
    guard::close(node.client).unwrap();
    assert!(!pod.reaches_the_node());
    // The end that the pod owns makes no difference.
    assert!(pod.run("ip link set client-in down"));
    assert!(pod.run("ip link set client-in up"));
    assert!(!pod.reaches_the_node());
    ip("link set client down");
    ip("link set client up");
    assert!(!pod.reaches_the_node());

    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    datapath.attach(node.client).unwrap();
    assert!(datapath.inspect([node.client]).repairs.is_empty());
    // Whoever takes the programs off as their owner opens it, too.
    datapath.detach(node.client).unwrap();
    assert!(pod.comes_to_reach_the_node());
}

/// What a look finds, as words; a second one must find nothing.
fn inspect(datapath: &mut Datapath, interfaces: &[IfIndex]) -> Vec<(Damage, String)> {
    let found = datapath.inspect(interfaces.iter().copied());
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    let again = datapath.inspect(interfaces.iter().copied());
    assert!(again.repairs.is_empty(), "{:?}", again.repairs);
    assert_eq!(datapath.attached().unwrap(), interfaces);
    let repairs = found.repairs.into_iter();
    let mut repairs: Vec<_> = repairs.map(|repair| (repair.damage, repair.name)).collect();
    repairs.sort();
    repairs
}

#[test]
fn what_was_taken_away_is_put_back_and_named() {
    let node = Node::up();
    let pod = Pod::start();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    datapath.attach(node.client).unwrap();
    datapath.attach(node.server).unwrap();
    let mut both = [node.client, node.server];
    both.sort();
    assert_eq!(inspect(&mut datapath, &both), []);
    // A stranger's address: denied by the programs.
    assert!(!pod.reaches_the_node());
    let pin = |end: &str| node.pins().join(format!("link_{}_{end}", node.client.0));
    let name = |path: std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let said = |damage, name: &str| vec![(damage, name.to_owned())];

    for end in ["from", "to"] {
        tamper(&pin(end), Tamper::Detach).unwrap();
        assert!(!pod.reaches_the_node(), "{end}: what is behind it drops");
        assert_eq!(inspect(&mut datapath, &both), said(Damage::Link, end));
        tamper(&pin(end), Tamper::Replace).unwrap();
        assert_eq!(inspect(&mut datapath, &both), said(Damage::Program, end));
        assert!(!pod.reaches_the_node());
        // A pin that is removed takes nothing off while there is an agent.
        fs::remove_file(pin(end)).unwrap();
        let pins = said(Damage::Pin, &name(pin(end)));
        assert_eq!(inspect(&mut datapath, &both), pins);
    }
    // Another's pin in the place of ours.
    fs::rename(pin("to"), pin("from")).unwrap();
    let pins = ["from", "to"].map(|end| (Damage::Pin, name(pin(end))));
    assert_eq!(inspect(&mut datapath, &both), pins);

    // The kernel's own names (`maps.debug`) can't be removed.
    let names = fs::read_dir(node.pins()).unwrap();
    let paths = names.map(|entry| entry.unwrap().path());
    let pins: Vec<_> = paths.filter(|path| path.extension().is_none()).collect();
    for pin in pins {
        fs::remove_file(pin).unwrap();
    }
    let all = inspect(&mut datapath, &both);
    assert_eq!(all.len(), abi::maps::ALL.len() + 3 + 4, "{all:?}");
    assert!(all.iter().all(|(damage, _)| *damage == Damage::Pin));

    umount2(node.pins(), MntFlags::MNT_DETACH).unwrap();
    let all = inspect(&mut datapath, &both);
    let mounts = all.iter().filter(|(damage, _)| *damage == Damage::Mount);
    assert_eq!(mounts.count(), 1);
    assert_eq!(all.len(), 1 + abi::maps::ALL.len() + 3 + 4, "{all:?}");
    // It is the agent's again, and a successor finds everything.
    let busy = Datapath::open(&node.object, &node.options).unwrap_err();
    assert!(matches!(busy, flows_loader::Error::Busy { .. }), "{busy}");
    assert_eq!(node.send(&datapath, &syn(SERVER, 40_000, 81)).action, SHOT);
    drop(datapath);
    let mut successor = node.open();
    assert_eq!(successor.revision(), 1);
    assert_eq!(inspect(&mut successor, &both), []);
    assert!(!pod.reaches_the_node());
}

#[test]
fn an_interface_that_took_anothers_number_is_attached() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    ip("link del client");
    assert!(datapath.inspect([node.client]).errors.is_empty());
    let number = node.client.0;
    ip(&format!(
        "link add client index {number} type veth peer name client-in"
    ));
    assert_eq!(ifindex("client"), node.client);
    let found = inspect(&mut datapath, &[node.client]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|(damage, _)| *damage == Damage::Link));
}
