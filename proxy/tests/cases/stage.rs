//! A proxy between a probe's two ends. The end that is judged is a pod of this node, the other one is elsewhere.

use std::net::IpAddr;
use std::sync::Arc;

use l7::rules::{Binding, Direction, Protocol, Rules, Snapshot};
use proxy::http::HttpConnections;
use proxy::limits::Limits;
use proxy::world::{End, World as Ends};
use testing_cases::Probe;
use testing_policy::layer7::World;

use crate::rig::{CLIENT, CLIENT_ENDPOINT, Rig, SERVER, SERVER_ENDPOINT, is_reset};

/// Who the two are.
struct Two {
    client: End,
    server: End,
}

impl Ends for Two {
    fn end(&self, address: IpAddr) -> End {
        assert!(
            [CLIENT, SERVER].contains(&address),
            "{address} takes no part"
        );
        if address == CLIENT {
            self.client
        } else {
            self.server
        }
    }
}

fn is_ingress(probe: &Probe) -> bool {
    probe.dir == "ingress"
}

/// A proxy with the rules of a probe's port, which is another one here: one that the system chose.
pub(crate) async fn stage(world: &World, probe: &Probe) -> Rig {
    let (subject, _) = probe.ends();
    let table = world.table(subject).expect("a pod");
    let (direction, endpoint) = match is_ingress(probe) {
        true => (Direction::Ingress, SERVER_ENDPOINT),
        false => (Direction::Egress, CLIENT_ENDPOINT),
    };
    let end = |name: &str, is_judged: bool| End {
        identity: world.identity(name).0,
        endpoint: is_judged.then_some(endpoint),
    };
    let two = Two {
        client: end(&probe.from, !is_ingress(probe)),
        server: end(&probe.to, is_ingress(probe)),
    };
    let http = Arc::new(HttpConnections::default());
    let rig = Rig::in_world(Limits::default(), Some(http), Arc::new(two)).await;
    let protocol = match probe.proto.as_str() {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        other => panic!("{other}"),
    };
    let bindings = world.snapshot.bindings.iter().filter(|binding| {
        (binding.endpoint, binding.direction, binding.protocol) == (table, direction, protocol)
            && (binding.first_port..=binding.last_port).contains(&probe.port)
    });
    let bindings = bindings.map(|binding| Binding {
        endpoint,
        first_port: rig.address.port(),
        last_port: rig.address.port(),
        ..*binding
    });
    let snapshot = Snapshot {
        bindings: bindings.collect(),
        ..world.snapshot.clone()
    };
    assert_eq!(snapshot.bindings.len(), 1, "rules for {probe}");
    let rules = Rules::compile(&snapshot, None).unwrap();
    rig.context.rules.replace(rules);
    rig
}

/// What is wrong if a connection that no rules can judge isn't refused.
pub(crate) async fn is_refused(world: &World, probe: &Probe) -> Option<String> {
    let mut rig = stage(world, probe).await;
    let _server = rig.server().await;
    let mut client = rig.client().await;
    is_reset(&mut client).await;
    let record = rig.record().await;
    let is_told = record.reason.contains("several protocols");
    (!is_told).then(|| record.reason.to_string())
}
