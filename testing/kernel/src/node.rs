//! A node with two pods' interfaces, and packets between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use abi::addr::{Addr, Cidr4, Cidr6, LOCAL, PRESENT};
use abi::endpoint::{self, Endpoint};
use abi::identity::WORLD;
use abi::maps::{self, Declaration};
use abi::policy::{
    COOKIE_ALLOW_ANY_EGRESS, COOKIE_ALLOW_ANY_INGRESS, Direction, EGRESS, ENFORCED, ENTRY_PRESENT,
    PolicyEntry, PolicyKey, SHAPE_ALL, SHAPE_PORT, TABLE_PRESENT, Table,
};
use etherparse::PacketBuilder;
use loader::testrun::{Input, Output, Program};
use loader::{Datapath, Desired, IfIndex, Options, Sizes};

use crate::namespace::{Bpffs, enter, ifindex, object};

/// The address that connects.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
/// The pod that listens on port 80.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);
/// The same in IPv6.
pub const CLIENT6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1);
/// The same in IPv6.
pub const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2);

/// Who the client is.
pub const CLIENT_IDENTITY: u32 = 1_000;
/// Who the server is.
pub const SERVER_IDENTITY: u32 = 2_000;
/// Cookie of the rule that lets the client in.
pub const ALLOW: u32 = 20;
/// Cookie of the server's default deny.
pub const DEFAULT_DENY: u32 = 21;

/// The client's policy table.
pub const CLIENT_TABLE: u32 = 1;
/// The server's.
pub const SERVER_TABLE: u32 = 2;

/// A bpffs in a directory of its own, and a network namespace for the calling thread.
pub struct Node {
    /// How it is opened.
    pub options: Options,
    /// What is loaded.
    pub object: Vec<u8>,
    /// The client's interface.
    pub client: IfIndex,
    /// The server's.
    pub server: IfIndex,
    bpffs: Bpffs,
}

impl Node {
    /// Small maps, so that tests are quick and full maps are near.
    ///
    /// # Panics
    /// Without root, or without `FLOWS_BPF_OBJECT`.
    pub fn up() -> Self {
        let sizes = Sizes::default()
            .with(&maps::ADDR4, 1024)
            .with(&maps::ADDR6, 1024)
            .with(&maps::CIDR4, 256)
            .with(&maps::CIDR6, 256)
            .with(&maps::POLICY, 1024)
            .with(&maps::CT4, 4096)
            .with(&maps::CT6, 4096)
            .with(&maps::FRAGS, 1024);
        Self::sized(sizes)
    }

    /// With maps of these sizes.
    ///
    /// # Panics
    /// Without root, or without `FLOWS_BPF_OBJECT`.
    pub fn sized(sizes: Sizes) -> Self {
        let object = object();
        enter(["client", "server"]);
        let mut node = Self::of(Bpffs::new(), object);
        node.options.sizes = sizes;
        node
    }

    /// Another process's node, in whose network namespace this one is; that process cleans up.
    ///
    /// # Panics
    /// Without `FLOWS_BPF_OBJECT`.
    pub fn adopt(directory: PathBuf) -> Self {
        Self::of(Bpffs::of_another(directory), object())
    }

    fn of(bpffs: Bpffs, object: Vec<u8>) -> Self {
        Self {
            options: Options::new(bpffs.path()),
            object,
            client: ifindex("client"),
            server: ifindex("server"),
            bpffs,
        }
    }

    /// The next opening asks for another size of a map.
    pub fn resize(&mut self, map: &Declaration, entries: u32) {
        self.options.sizes = self.options.sizes.clone().with(map, entries);
    }

    /// Loads the programs, or adopts what is pinned.
    ///
    /// # Panics
    /// If that fails.
    pub fn open(&self) -> Datapath {
        Datapath::open(&self.object, &self.options).unwrap()
    }

    /// The bpffs.
    pub fn pins(&self) -> &Path {
        self.bpffs.path()
    }

    /// Two pods; the server lets in what `rules` say, the client may send anything.
    pub fn desired(&self, rules: &[(u32, u16, u32)]) -> Desired {
        let mut desired = Desired::default();
        let pods = [
            (
                1,
                CLIENT,
                CLIENT6,
                CLIENT_IDENTITY,
                self.client,
                CLIENT_TABLE,
            ),
            (
                2,
                SERVER,
                SERVER6,
                SERVER_IDENTITY,
                self.server,
                SERVER_TABLE,
            ),
        ];
        for (index, v4, v6, identity, interface, table) in pods {
            let addr = Addr {
                identity,
                endpoint: index,
                flags: PRESENT | LOCAL,
                ..Addr::default()
            };
            desired.addr4.insert(word(v4), addr);
            desired.addr6.insert(words(v6), addr);
            let endpoint = Endpoint {
                ifindex: interface.0,
                identity,
                table,
                flags: endpoint::PRESENT,
                ..Endpoint::default()
            };
            desired.endpoints.insert(index, endpoint);
        }
        let world = Addr {
            identity: WORLD,
            flags: PRESENT,
            ..Addr::default()
        };
        desired.cidr4.insert(Cidr4::default(), world);
        desired.cidr6.insert(Cidr6::default(), world);
        let open = |default_cookie| Direction {
            default_cookie,
            ..Direction::default()
        };
        let (ingress, egress) = (
            open(COOKIE_ALLOW_ANY_INGRESS),
            open(COOKIE_ALLOW_ANY_EGRESS),
        );
        let header = Table {
            ingress,
            egress,
            flags: TABLE_PRESENT,
            reserved: 0,
        };
        desired.tables.insert(CLIENT_TABLE, header);
        let enforced = Direction {
            peer_shapes: 1 << SHAPE_PORT,
            any_shapes: 0,
            default_cookie: DEFAULT_DENY,
            flags: ENFORCED,
        };
        desired.tables.insert(
            SERVER_TABLE,
            Table {
                ingress: enforced,
                ..header
            },
        );
        for &(identity, port, cookie) in rules {
            desired.policy.insert(rule(identity, port), allow(cookie));
        }
        desired
    }

    /// Two pods; port 80 of the server is open to the client.
    pub fn usual(&self) -> Desired {
        self.desired(&[(CLIENT_IDENTITY, 80, ALLOW)])
    }

    /// What the program at the client's veth does with a packet.
    ///
    /// # Panics
    /// If the kernel doesn't take it.
    pub fn send(&self, datapath: &Datapath, packet: &[u8]) -> Output {
        let input = Input {
            packet,
            interface: self.client,
            repeat: 1,
        };
        datapath.test_run(Program::FromPod, &input).unwrap()
    }
}

/// Key of an ingress rule of the server's table: TCP, one port.
pub fn rule(identity: u32, port: u16) -> PolicyKey {
    PolicyKey {
        table: SERVER_TABLE,
        identity,
        port,
        proto: 6,
        shape: SHAPE_PORT,
    }
}

/// Key of an egress rule of the client's table: any protocol and port.
pub fn egress_rule(identity: u32) -> PolicyKey {
    let shape = SHAPE_ALL | EGRESS;
    PolicyKey {
        table: CLIENT_TABLE,
        identity,
        port: 0,
        proto: 0,
        shape,
    }
}

/// An entry that allows, with this cookie.
pub fn allow(cookie: u32) -> PolicyEntry {
    PolicyEntry {
        cookie,
        precedence: 1,
        flags: ENTRY_PRESENT,
        ..PolicyEntry::default()
    }
}

/// An address as maps have it.
pub fn word(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

/// The same in IPv6.
///
/// # Panics
/// Never.
pub fn words(address: Ipv6Addr) -> [u32; 4] {
    let octets = address.octets();
    std::array::from_fn(|n| u32::from_ne_bytes(octets[4 * n..4 * n + 4].try_into().unwrap()))
}

/// A SYN from the client.
pub fn syn(to: impl Into<IpAddr>, source_port: u16, port: u16) -> Vec<u8> {
    segment(to, source_port, port, true)
}

/// A segment from the client, the first one (SYN) or a later one (ACK).
pub fn segment(to: impl Into<IpAddr>, source_port: u16, port: u16, is_first: bool) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = match to.into() {
        IpAddr::V4(to) => link.ipv4(CLIENT.octets(), to.octets(), 64),
        IpAddr::V6(to) => link.ipv6(CLIENT6.octets(), to.octets(), 64),
    };
    let tcp = ip.tcp(source_port, port, 1, 65_535);
    let packet = if is_first { tcp.syn() } else { tcp.ack(1) };
    let mut bytes = Vec::new();
    packet.write(&mut bytes, &[]).unwrap();
    bytes
}
