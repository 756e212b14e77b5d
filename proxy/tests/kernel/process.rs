//! flows-proxy as a process.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use proto::flows::v1::proxy_client::ProxyClient;
use proto::flows::v1::{GetProxyStatusRequest, GetProxyStatusResponse, SetRulesRequest};
use testing_program::{Background, built};
use tonic::transport::{Channel, Endpoint};

use super::pods::{node, run};

/// Starts the proxy with a run directory and more arguments.
pub(crate) fn start_with(directory: &Path, arguments: &[&Path]) -> Background {
    let mut command = Command::new(built("flows-proxy"));
    let command = command.arg("--run-dir").arg(directory);
    Background::start(command.args(arguments))
}

fn start(directory: &Path) -> Background {
    start_with(directory, &[])
}

/// A client of the proxy's control socket, once it serves.
pub(crate) async fn client(directory: &Path) -> ProxyClient<Channel> {
    let socket = format!("unix://{}/proxy.sock", directory.display());
    let channel = testing::until("the proxy serves", async || {
        let endpoint = Endpoint::from_shared(socket.clone()).unwrap();
        endpoint.connect().await.map_err(|error| error.to_string())
    });
    ProxyClient::new(channel.await)
}

async fn status(client: &mut ProxyClient<Channel>) -> GetProxyStatusResponse {
    let status = client.get_proxy_status(GetProxyStatusRequest {}).await;
    status.unwrap().into_inner()
}

#[test]
fn it_keeps_two_capabilities_and_its_rules_over_a_kill() {
    let _pods = node();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(lives());
}

async fn lives() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("node");
    let mut proxy = start(&directory);
    let mut served = client(&directory).await;
    let first = status(&mut served).await;
    assert_eq!(first.revision, 0);
    assert!(first.tcp_port != 0 && first.dns_port != 0);

    // CAP_NET_ADMIN and CAP_NET_RAW (capability.h), in every thread.
    for thread in fs::read_dir(format!("/proc/{}/task", proxy.id())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
            let line = status.lines().find_map(|line| line.strip_prefix(set));
            assert_eq!(line.unwrap().trim(), "0000000000003000", "{set}");
        }
    }
    let modes = run(&format!(
        "stat -c %a {0} {0}/proxy.sock",
        directory.display()
    ));
    assert_eq!(modes, "750\n660\n");

    // Nothing is known of the host: its own connection is refused.
    let port = u16::try_from(first.tcp_port).unwrap();
    for address in ["127.0.0.1", "::1"] {
        let mut stream = TcpStream::connect((address, port)).unwrap();
        assert!(stream.read(&mut [0]).is_err(), "reset");
    }

    let snapshot = SetRulesRequest {
        snapshot: r#"{"version":1,"revision":5,"sets":[],"bindings":[]}"#.to_owned(),
        revision: 5,
    };
    let set = served.set_rules(tokio_stream::iter([snapshot])).await;
    assert_eq!(set.unwrap().into_inner().revision, 5);
    proxy.kill();

    // By itself again, with what it was told.
    let mut proxy = start(&directory);
    let mut served = client(&directory).await;
    assert_eq!(status(&mut served).await.revision, 5);
    assert!(
        fs::metadata(directory.join("proxy-rules.json"))
            .unwrap()
            .len()
            > 0
    );

    // It ends when it is asked to, and takes its socket along.
    run(&format!("kill {}", proxy.id()));
    let ended = tokio::task::spawn_blocking(move || proxy.child().wait().unwrap());
    let ended = ended.await.unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!directory.join("proxy.sock").exists());
}
