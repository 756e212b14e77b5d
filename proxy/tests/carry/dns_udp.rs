//! DNS by UDP.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use l7::names::NameSpec;
use l7::rules::{Allows, Direction, Peers, RuleRef};
use l7::wire::name::Name;
use proxy::limits::{Limits, RejectResponseCode};
use proxy::names::{LearnError, Learned};
use proxy::record::{Dns, Layer7, Record as Told, Verdict};
use testing::eventually;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::dns_messages::*;
use super::rig::*;

pub(crate) fn dns(patterns: &[&str]) -> Allows {
    let items = patterns.iter().map(|pattern| NameSpec {
        match_pattern: Some((*pattern).into()),
        ..NameSpec::default()
    });
    Allows::Dns(items.collect())
}

async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = within(socket.recv(&mut buffer)).await.unwrap();
    buffer.truncate(length);
    buffer
}

/// The server's side: the next query, and from where.
async fn asked(server: &UdpSocket) -> (Vec<u8>, std::net::SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (length, from) = within(server.recv_from(&mut buffer)).await.unwrap();
    buffer.truncate(length);
    (buffer, from)
}

async fn nothing_comes(socket: &UdpSocket) {
    let early = timeout(SHORT, socket.recv(&mut [0; 512])).await;
    assert!(early.is_err(), "nothing is to come");
}

fn of(record: &Told) -> &Dns {
    let Layer7::Dns(dns) = &record.layer7 else {
        panic!("not DNS: {record:?}");
    };
    dns
}

#[tokio::test]
async fn an_allowed_query_is_passed_on_and_its_answer_learned_from_before_it_leaves() {
    let mut rig = Rig::new(vec![egress(dns(&["*.example.com"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    // The agent takes its time.
    let agent = Arc::clone(&rig.agent);
    let gate = agent.gate.lock().await;
    let query = query(0x1234, "API.example.com", A);
    client.send(&query).await.unwrap();
    let (passed, from) = asked(&server).await;
    assert_eq!(&passed[2..], &query[2..], "all but the id is as sent");
    let records = [
        cname("api.example.com", 60, "edge.example.net"),
        Record("edge.example.net", A, 30, vec![192, 0, 2, 1]),
        Record("edge.example.net", A, 300, vec![192, 0, 2, 2]),
    ];
    // With something behind it, which isn't passed on.
    let reply = answer(&passed, 0, &records);
    server
        .send_to(&[&reply[..], b"tail"].concat(), from)
        .await
        .unwrap();
    eventually("the agent is told", || {
        agent.learned.lock().unwrap().len() == 1
    })
    .await;
    nothing_comes(&client).await;
    drop(gate);
    let got = receive(&client).await;
    assert_eq!(got, answer(&query, 0, &records), "the client's own id");
    let names = ["api.example.com", "edge.example.net"].map(|name| Name::from_text(name).unwrap());
    let addresses: Vec<IpAddr> = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from).into();
    assert_eq!(
        *agent.learned.lock().unwrap(),
        [Learned {
            endpoint: CLIENT_ENDPOINT,
            client: CLIENT,
            names: names.into(),
            addresses: addresses.clone(),
            ttl: 30,
        }]
    );
    let [request, reply] = rig.records(2).await.try_into().unwrap();
    assert_eq!(
        (request.verdict, request.is_reply),
        (Verdict::Allowed, false)
    );
    assert_eq!((request.rule, request.item), (Some(RuleRef(101)), Some(0)));
    assert_eq!(&*of(&request).query, "api.example.com.");
    assert_eq!((reply.is_reply, reply.direction), (true, Direction::Egress));
    assert!(reply.latency.is_some());
    assert_eq!(
        of(&reply),
        &Dns {
            query: "api.example.com.".into(),
            qtype: A,
            rcode: 0,
            addresses,
            ttl: Some(30),
            cnames: vec!["edge.example.net.".into()],
            rrtypes: vec![CNAME, A, A],
        }
    );
    eventually("no query waits", || rig.context.queries.count() == 0).await;
}

#[tokio::test]
async fn refused_names_are_answered_and_never_asked() {
    let mut rig = Rig::new(vec![egress(dns(&["*.example.com"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(&query(7, "evil.org", AAAA)).await.unwrap();
    let reply = receive(&client).await;
    assert_eq!(head(&reply), (7, 5, 1, 0));
    assert_eq!(&reply[12..], &query(7, "evil.org", AAAA)[12..]);
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Denied);
    assert_eq!(
        &*record.reason,
        "name evil.org does not match *.example.com"
    );
    assert_eq!(of(&record).rcode, 0);
    // No rules, by either end: not REFUSED, which would end a search list.
    rig.set(vec![]);
    client.send(&query(8, "a.example.com", A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (8, 2, 1, 0));
    assert_eq!(rig.record().await.verdict, Verdict::Error);
    // Rules that select another server.
    let other = Peers::Identities([1].into());
    rig.set(vec![Side(Direction::Egress, vec![(other, dns(&["*"]))])]);
    client.send(&query(9, "a.example.com", A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (9, 5, 1, 0));
    assert_eq!(&*rig.record().await.reason, "no rule selects this peer");
    nothing_comes(&server).await;
}

#[tokio::test]
async fn refused_names_are_said_not_to_exist_if_that_is_wanted() {
    let limits = Limits {
        reject: RejectResponseCode::NameError,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(dns(&["*.example.com"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(&query(7, "evil.org", A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (7, 3, 1, 0));
    let record = rig.record().await;
    // What is told of it is the same: a policy forbids it.
    assert_eq!((record.verdict, of(&record).rcode), (Verdict::Denied, 0));
    nothing_comes(&server).await;
}

#[tokio::test]
async fn a_search_goes_on_to_the_name_that_is_allowed() {
    let mut rig = Rig::new(vec![egress(dns(&["*.example.com"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    for (id, suffix) in [
        (1, "shop.svc.cluster.local"),
        (2, "svc.cluster.local"),
        (3, "cluster.local"),
    ] {
        let name = format!("api.example.com.{suffix}");
        client.send(&query(id, &name, A)).await.unwrap();
        assert_eq!(head(&receive(&client).await), (id, 3, 1, 0), "{name}");
        let [asked, told] = rig.records(2).await.try_into().unwrap();
        assert_eq!(&*of(&asked).query, format!("{name}."));
        assert_eq!(
            (asked.verdict, told.verdict),
            (Verdict::Allowed, Verdict::Allowed)
        );
        assert_eq!((told.is_reply, of(&told).rcode), (true, 3));
        assert_eq!(&*asked.reason, "a search for api.example.com");
        assert_eq!((asked.rule, asked.item), (Some(RuleRef(101)), Some(0)));
    }
    // Of a name that isn't allowed there is none, and nothing of it is asked for.
    let name = "api.example.org.shop.svc.cluster.local";
    client.send(&query(4, name, A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (4, 5, 1, 0));
    assert_eq!(rig.record().await.verdict, Verdict::Denied);
    nothing_comes(&server).await;
}

#[tokio::test]
async fn what_is_no_query_is_answered_or_passed_over() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    let mut update = query(1, "a.example", A);
    update[2] = 5 << 3;
    let mut two = query(2, "a.example", A);
    two[5] = 2;
    for (bytes, rcode) in [(update, 4), (two, 1)] {
        client.send(&bytes).await.unwrap();
        assert_eq!(head(&receive(&client).await).1, rcode);
        assert_eq!(rig.record().await.verdict, Verdict::Error);
    }
    // Too short, a response, nothing.
    for bytes in [vec![1, 2, 3], answer(&query(3, "a.b", A), 0, &[]), vec![]] {
        client.send(&bytes).await.unwrap();
        assert_eq!(rig.record().await.verdict, Verdict::Error);
    }
    // A name that goes round.
    let mut round = query(4, "", A);
    round.splice(12..13, [0xc0, 12]);
    client.send(&round).await.unwrap();
    assert_eq!(head(&receive(&client).await).1, 1);
    nothing_comes(&client).await;
    nothing_comes(&server).await;
}

#[tokio::test]
async fn answers_must_be_of_this_server_with_this_id_to_this_question() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(&query(1, "a.example", A)).await.unwrap();
    let (passed, from) = asked(&server).await;
    let address = || [Record("a.example", A, 1, vec![192, 0, 2, 66])];
    // Another id, another name, another type, no question, garbage, a query, and one cut short.
    let id = u16::from_be_bytes([passed[0], passed[1]]);
    let forged = [
        answer(&query(id.wrapping_add(1), "a.example", A), 0, &address()),
        answer(&query(id, "b.example", A), 0, &address()),
        answer(&query(id, "a.example", AAAA), 0, &address()),
        {
            let mut without = answer(&query(id, "", A), 0, &[]);
            without[5] = 0;
            without.truncate(12);
            without
        },
        vec![9; 40],
        passed.clone(),
        answer(&passed, 0, &address())[..30].to_vec(),
    ];
    for bytes in &forged {
        server.send_to(bytes, from).await.unwrap();
    }
    // Of somebody else: the kernel doesn't let it in.
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    other
        .send_to(&answer(&passed, 0, &address()), from)
        .await
        .unwrap();
    let counters = &rig.context.counters;
    eventually("all were looked at", || {
        counters.answers_unexpected.get() == forged.len() as u64
    })
    .await;
    nothing_comes(&client).await;
    assert!(rig.agent.learned.lock().unwrap().is_empty());
    let right = [Record("a.example", A, 1, vec![192, 0, 2, 1])];
    server
        .send_to(&answer(&passed, 0, &right), from)
        .await
        .unwrap();
    assert_eq!(
        receive(&client).await,
        answer(&query(1, "a.example", A), 0, &right)
    );
}

#[tokio::test]
async fn codes_and_answers_without_addresses_pass_as_they_are() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    let truncated = |mut bytes: Vec<u8>| {
        bytes[2] |= 2;
        bytes
    };
    for (id, rcode) in [(1, 3), (2, 2), (3, 0)] {
        let query = query(id, "a.example", A);
        client.send(&query).await.unwrap();
        let (passed, from) = asked(&server).await;
        let reply = truncated(answer(&passed, rcode, &[]));
        server.send_to(&reply, from).await.unwrap();
        assert_eq!(
            receive(&client).await,
            truncated(answer(&query, rcode, &[]))
        );
        let records = rig.records(2).await;
        assert_eq!(of(&records[1]).rcode, rcode);
        assert_eq!(records[1].verdict, Verdict::Allowed);
    }
    assert!(rig.agent.learned.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_whose_addresses_are_not_in_force_is_servfail() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    *rig.agent.refuses.lock().unwrap() = Some(LearnError::Refused("the map is full".into()));
    client.send(&query(5, "a.example", AAAA)).await.unwrap();
    let (passed, from) = asked(&server).await;
    let records = [Record("a.example", AAAA, 9, vec![1; 16])];
    server
        .send_to(&answer(&passed, 0, &records), from)
        .await
        .unwrap();
    assert_eq!(head(&receive(&client).await), (5, 2, 1, 0));
    let records = rig.records(2).await;
    assert_eq!(records[1].verdict, Verdict::Error);
    assert!(
        records[1].reason.ends_with("the map is full"),
        "{records:?}"
    );
    assert_eq!(rig.context.counters.answers_unlearned.get(), 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_or_is_not_there() {
    let limits = Limits {
        answer: SHORT,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(&query(1, "a.example", A)).await.unwrap();
    let records = rig.records(2).await;
    assert!(records[1].reason.contains("did not answer"), "{records:?}");
    assert_eq!(rig.context.counters.queries_timed_out.get(), 1);
    nothing_comes(&client).await;
    // Its machine says that nobody listens.
    drop(server);
    client.send(&query(2, "a.example", A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (2, 2, 1, 0));
    let records = rig.records(2).await;
    assert!(records[1].reason.starts_with("asking the server: "));
}

#[tokio::test]
async fn queries_of_one_port_share_a_socket_and_answers_find_their_own() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    // As resolvers do: the same id for both types is allowed too.
    let queries = [
        query(4, "a.example", A),
        query(4, "a.example", AAAA),
        query(5, "b.example", A),
    ];
    let mut passed = Vec::new();
    for query in &queries {
        client.send(query).await.unwrap();
        passed.push(asked(&server).await);
    }
    let ports: HashSet<_> = passed.iter().map(|(_, from)| *from).collect();
    assert_eq!(ports.len(), 1, "one socket");
    let ids: HashSet<_> = passed
        .iter()
        .map(|(query, _)| query[..2].to_vec())
        .collect();
    assert_eq!(ids.len(), 3, "an id each");
    // In another order.
    for at in [2, 0, 1] {
        let (query, from) = &passed[at];
        server.send_to(&answer(query, 3, &[]), from).await.unwrap();
        assert_eq!(receive(&client).await, answer(&queries[at], 3, &[]));
    }
    // The socket went with the last one.
    client.send(&queries[0]).await.unwrap();
    let (_, from) = asked(&server).await;
    assert!(!ports.contains(&from));
}

#[tokio::test]
async fn answers_of_one_name_keep_their_order() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    let agent = Arc::clone(&rig.agent);
    let gate = agent.gate.lock().await;
    for id in [1, 2] {
        client.send(&query(id, "same.example", A)).await.unwrap();
        let (passed, from) = asked(&server).await;
        let records = [Record("same.example", A, 9, vec![192, 0, 2, 1])];
        server
            .send_to(&answer(&passed, 0, &records), from)
            .await
            .unwrap();
        eventually("the first is being learned", || {
            !agent.learned.lock().unwrap().is_empty()
        })
        .await;
    }
    nothing_comes(&client).await;
    assert_eq!(
        agent.learned.lock().unwrap().len(),
        1,
        "the second one waits its turn"
    );
    drop(gate);
    assert_eq!(head(&receive(&client).await).0, 1);
    assert_eq!(head(&receive(&client).await).0, 2);
    assert_eq!(agent.learned.lock().unwrap().len(), 2);
    drop(rig.records(4).await);
}

#[tokio::test]
async fn queries_are_bounded_for_all_and_for_each() {
    let limits = Limits {
        queries: 20,
        queries_per_client: 10,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    for id in 1..=10 {
        client.send(&query(id, "a.example", A)).await.unwrap();
        asked(&server).await;
    }
    client.send(&query(11, "a.example", A)).await.unwrap();
    assert_eq!(head(&receive(&client).await), (11, 2, 1, 0));
    assert_eq!(rig.context.counters.queries_refused.get(), 1);
    let records = rig.records(11).await;
    assert_eq!(
        &*records[10].reason,
        "the limit of 10 for one client is reached"
    );
}

#[tokio::test]
async fn a_thousand_queries_at_a_time() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let server = rig.udp_server().await;
    let serving = async {
        for _ in 0..1_000 {
            let (passed, from) = asked(&server).await;
            let records = [Record("n.example", A, 9, vec![192, 0, 2, 1])];
            server
                .send_to(&answer(&passed, 0, &records), from)
                .await
                .unwrap();
        }
    };
    let asking = async {
        let mut answered = HashSet::new();
        let sockets = futures::future::join_all((0..10).map(|_| rig.udp_client())).await;
        // A hundred in flight, so that no socket's buffer overflows.
        for round in 0..10_u16 {
            for (at, socket) in sockets.iter().enumerate() {
                for one in 0..10_u16 {
                    let id = round * 100 + u16::try_from(at).unwrap() * 10 + one;
                    socket.send(&query(id, "n.example", A)).await.unwrap();
                }
            }
            for socket in &sockets {
                for _ in 0..10 {
                    answered.insert(head(&receive(socket).await).0);
                }
            }
        }
        answered.len()
    };
    let ((), answered) = within(async { tokio::join!(serving, asking) }).await;
    assert_eq!(answered, 1_000);
    eventually("none waits", || rig.context.queries.count() == 0).await;
    assert_eq!(rig.records(2_000).await.len(), 2_000);
}
