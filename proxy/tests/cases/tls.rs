//! Connections of TLS by the server's name.

use testing_cases::{Expect, Probe, Tls};
use testing_policy::layer7::World;

use crate::rig::{is_reset, read, send, within};
use crate::stage::stage;

/// Says hello: it reaches the server as it is, or the connection is reset, and the server never hears of it.
pub(crate) async fn connect(world: &World, probe: &Probe, tls: &Tls) -> Option<String> {
    let rig = stage(world, probe).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let hello = tls.hello();
    send(&mut client, &hello).await;
    if probe.expect != Expect::Allowed {
        assert_eq!(probe.expect, Expect::Denied);
        is_reset(&mut client).await;
        let legs = rig.network.legs.lock().unwrap().len();
        return (legs != 0).then(|| "the server hears of it".to_owned());
    }
    let (mut server, _) = within(async {
        tokio::select! {
            accepted = listener.accept() => accepted.unwrap(),
            () = is_reset(&mut client) => panic!("{probe}: reset"),
        }
    })
    .await;
    let got = read(&mut server, hello.len()).await;
    send(&mut server, b"answer").await;
    let is_right = got == hello && read(&mut client, 6).await == b"answer";
    (!is_right).then(|| "other bytes arrive".to_owned())
}
