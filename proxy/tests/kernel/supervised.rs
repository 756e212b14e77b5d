//! flows-proxy under its supervisor.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use proto::flows::v1::GetProxyStatusRequest;

use super::pods::{node, run};
use super::process::{client, start_with};

/// The only process that another one started.
fn worker(supervisor: u32) -> Option<u32> {
    let list = format!("/proc/{supervisor}/task/{supervisor}/children");
    fs::read_to_string(list).ok()?.trim().parse().ok()
}

async fn ports(directory: &Path) -> [u16; 2] {
    let mut client = client(directory).await;
    let status = client.get_proxy_status(GetProxyStatusRequest {}).await;
    let status = status.unwrap().into_inner();
    [status.tcp_port, status.dns_port].map(|port| port.try_into().unwrap())
}

#[test]
fn the_ports_outlive_the_worker_and_not_the_supervisor() {
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
    let any = ["--supervise", "--tcp-port=0", "--dns-port=0"].map(Path::new);
    let mut supervisor = start_with(&directory, &any);
    let [tcp, dns] = ports(&directory).await;
    let first = worker(supervisor.id()).unwrap();
    for process in [first, supervisor.id()] {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
        assert_eq!(bounding.unwrap().trim(), "0000000000003000");
    }

    // What comes while no worker is there waits: nothing refuses it.
    let connect = |port: u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        TcpStream::connect_timeout(&address, Duration::from_secs(10))
    };
    let asking = UdpSocket::bind("127.0.0.1:0").unwrap();
    asking.connect(("127.0.0.1", dns)).unwrap();
    run(&format!("kill -KILL {first}"));
    for _ in 0..50 {
        for port in [tcp, dns] {
            connect(port).unwrap();
        }
        asking.send(b"too short").unwrap();
    }
    let second = testing::until("another worker", async || {
        worker(supervisor.id())
            .filter(|now| *now != first)
            .ok_or_else(|| "none".to_owned())
    });
    let second = second.await;
    assert_eq!(ports(&directory).await, [tcp, dns]);
    // No error came back for any of the datagrams.
    asking.send(b"too short").unwrap();
    // It is replaced when that is asked for.
    run(&format!("kill -HUP {}", supervisor.id()));
    let third = testing::until("a third worker", async || {
        worker(supervisor.id())
            .filter(|now| *now != second)
            .ok_or_else(|| "none".to_owned())
    });
    third.await;
    assert_eq!(ports(&directory).await, [tcp, dns]);

    supervisor.kill();
    let gone = testing::until(
        "the worker has ended, and its ports are closed",
        async || match (connect(tcp), connect(dns)) {
            (Err(_), Err(_)) => Ok(()),
            others => Err(format!("{others:?}")),
        },
    );
    gone.await;
    asking.send(b"too short").unwrap();
    assert!(asking.send(b"too short").is_err(), "nobody is there");
}
