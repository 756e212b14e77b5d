//! The table of `testdata/l7/cases.yaml` through the proxy: each set's policies compiled from their manifests, and
//! each probe that its packet's verdict sends to a proxy asked of one over sockets, with a server of its protocol
//! behind it. What the proxy never gets is held against the packet's verdict.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod dns;
mod envoy;
mod http;
mod http2;
mod kafka;
mod stage;
mod tls;

#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../carry/dns_messages.rs"]
mod dns_messages;
#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../carry/rig.rs"]
mod rig;
#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../http/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use testing_cases::{Expect, L4, Probe, Request, Set, Version};
use testing_policy::layer7::{World, l4};

/// What comes out otherwise here than in Cilium, on purpose: the set, what the probe says, what comes instead, and
/// why.
const DIFFERENT: [(&str, &str, Instead, &str); 6] = [
    (
        "dns-01",
        "search-list expansion must be allowed on its own",
        Instead::NoSuchName,
        "resolvers stop at a name that is refused, and would never ask for the allowed one; it is not asked for",
    ),
    (
        "kafka-01",
        "metadata of another",
        Instead::PassesInPart,
        "brokers are told of, the topic is refused in the answer",
    ),
    (
        "kafka-01",
        "metadata for all topics names none: no topic rule can match",
        Instead::PassesInPart,
        "clients ask for all topics when they start: the answer has those that the rules allow",
    ),
    (
        "kafka-01",
        "initproducerid is not in the produce role: idempotent producers (default of current clients) break",
        Instead::Passes,
        "so they don't",
    ),
    (
        "kafka-01",
        "SASL handshake is in no role",
        Instead::Passes,
        "who may ask anything may log in",
    ),
    (
        "kafka-03",
        "one topic too many",
        Instead::PassesInPart,
        "that topic is refused in the answer, the rest passes",
    ),
];

/// What comes of a request that Cilium refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    /// DNS: NXDOMAIN, and the server isn't asked.
    NoSuchName,
    Passes,
    /// Metadata of Kafka: what is allowed of it.
    PassesInPart,
}

/// What came out, if that isn't what must.
async fn wrong(
    world: &World,
    set: &Set,
    probe: &Probe,
    instead: Option<Instead>,
) -> Option<String> {
    let found = l4(&world.decide(probe));
    match (probe.l4, found) {
        (L4::Redirected, L4::Redirected) => {}
        // Policies that can't be merged: the proxy gets it, and refuses it.
        (L4::Error, L4::Redirected) => {
            assert!(set.merge_error.is_some(), "{}", set.id);
            return stage::is_refused(world, probe).await;
        }
        (wanted, found) => {
            return (wanted != found).then(|| format!("the packet is {found:?}"));
        }
    }
    match &probe.request {
        Request::Http(request) => {
            let wrong = match request.version {
                Version::Http11 => http::ask(world, probe, request).await,
                Version::Http2 => None,
            };
            match wrong {
                None => http2::ask(world, probe, request).await,
                wrong => wrong,
            }
        }
        Request::Raw(bytes) => http::send(world, probe, bytes).await,
        Request::Dns(question) => dns::ask(world, probe, question, instead).await,
        Request::Kafka(request) => kafka::ask(world, probe, request, instead).await,
        Request::Tls(hello) => tls::connect(world, probe, hello).await,
        Request::None => Some("a redirected probe without a request".to_owned()),
    }
}

#[tokio::test]
async fn every_probe_comes_out_as_the_table_says() {
    let table = testing_cases::table();
    let mut different = DIFFERENT.to_vec();
    let (mut asked, mut failures) = (BTreeMap::new(), Vec::new());
    for set in &table.sets {
        let world = World::new(&table, set);
        for (n, probe) in set.probes.iter().enumerate() {
            let mut known = different.iter();
            let known = known.position(|(id, why, ..)| *id == set.id && *why == probe.why);
            let instead = known.map(|known| different.swap_remove(known).2);
            // What is waited for in vain panics: that of one doesn't keep the others from being asked.
            let wrong = AssertUnwindSafe(wrong(&world, set, probe, instead)).catch_unwind();
            let wrong = wrong.await.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                Some(text.unwrap_or("it panics").to_owned())
            });
            if let Some(wrong) = wrong {
                failures.push(format!("{} probe {n}: {wrong}; {probe}", set.id));
            }
            *asked.entry((set.kind(), probe.expect)).or_insert(0) += 1;
        }
    }
    assert!(
        failures.is_empty(),
        "{} wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        different.is_empty(),
        "there is no such probe: {different:?}"
    );
    // Of what none is asked, nothing would be noticed.
    for (kind, expect, least) in [
        ("http", Expect::Allowed, 30),
        ("http", Expect::Denied, 25),
        ("raw", Expect::Rejected, 7),
        ("dns", Expect::Allowed, 20),
        ("dns", Expect::Refused, 20),
        ("kafka", Expect::Allowed, 15),
        ("kafka", Expect::Denied, 15),
        ("sni", Expect::Allowed, 4),
        ("sni", Expect::Denied, 4),
    ] {
        assert!(asked.get(&(kind, expect)) >= Some(&least), "{asked:?}");
    }
}
