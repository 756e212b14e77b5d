//! Queries by UDP and TCP.

use l7::wire::dns::rcode;
use testing_cases::{Dns, Expect, Probe};
use testing_policy::layer7::World;
use tokio::io::AsyncReadExt as _;

use crate::Instead;
use crate::dns_messages::{answer, head};
use crate::rig::{Rig, read, send, within};
use crate::stage::stage;

const ID: u16 = 0x1234;

/// Asks: the server's answer comes, or a refusal with the question in it, and the server isn't asked.
pub(crate) async fn ask(
    world: &World,
    probe: &Probe,
    dns: &Dns,
    instead: Option<Instead>,
) -> Option<String> {
    let mut rig = stage(world, probe).await;
    let query = dns.query(ID);
    let (reply, asked) = match probe.proto.as_str() {
        "UDP" => by_udp(&mut rig, &query).await,
        "TCP" => by_tcp(&rig, &query).await,
        other => panic!("{other}"),
    };
    let (id, code, questions, _) = head(&reply);
    let is_whole = id == ID && questions == 1 && reply[12..] == query[12..];
    let wanted = match (probe.expect, instead) {
        (Expect::Allowed, None) => (0, 1),
        (Expect::Refused, None) => (u16::from(rcode::REFUSED), 0),
        (Expect::Refused, Some(Instead::NoSuchName)) => (u16::from(rcode::NAME_ERROR), 0),
        other => panic!("{other:?}"),
    };
    let is_right = (code, asked) == wanted;
    (!is_whole || !is_right).then(|| format!("code {code}, the server is asked {asked} times"))
}

async fn by_udp(rig: &mut Rig, query: &[u8]) -> (Vec<u8>, usize) {
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(query).await.unwrap();
    let (mut asked, mut got, mut reply) = (0, vec![0; 512], vec![0; 512]);
    let length = within(async {
        loop {
            tokio::select! {
                length = client.recv(&mut reply) => return length.unwrap(),
                received = server.recv_from(&mut got) => {
                    let (length, from) = received.unwrap();
                    asked += 1;
                    server.send_to(&answer(&got[..length], 0, &[]), from).await.unwrap();
                }
            }
        }
    });
    let length = length.await;
    reply.truncate(length);
    (reply, asked)
}

async fn by_tcp(rig: &Rig, query: &[u8]) -> (Vec<u8>, usize) {
    let framed = |message: &[u8]| {
        let length = u16::try_from(message.len()).unwrap();
        [&length.to_be_bytes(), message].concat()
    };
    let listener = rig.server().await;
    let mut client = rig.client().await;
    send(&mut client, &framed(query)).await;
    let mut asked = 0;
    let serve = async {
        let (mut server, _) = listener.accept().await.unwrap();
        while let Ok(length) = server.read_u16().await {
            let got = read(&mut server, length.into()).await;
            asked += 1;
            send(&mut server, &framed(&answer(&got, 0, &[]))).await;
        }
        std::future::pending::<()>().await;
    };
    let reply = within(async {
        let reply = async {
            let length = client.read_u16().await.unwrap();
            read(&mut client, length.into()).await
        };
        tokio::select! {
            reply = reply => reply,
            () = serve => unreachable!("it waits"),
        }
    });
    let reply = reply.await;
    (reply, asked)
}
