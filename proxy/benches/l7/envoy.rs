//! Envoy with the same rule, if it is there.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testing_program::Background;

use crate::role::Process;

/// The program.
pub(crate) fn find() -> Option<PathBuf> {
    let found = testing_program::envoy();
    if let Err(error) = found {
        eprintln!("not compared with Envoy: {error}");
    }
    found.ok()
}

/// Starts it with one worker before a server, which is spoken to as the client speaks.
pub(crate) fn start(program: &PathBuf, server: SocketAddr) -> Process {
    // It can't tell which port it has: one that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("envoy.yaml");
    fs::write(&file, config(address, server)).unwrap();
    let mut command = Command::new(program);
    command
        .args([
            "--concurrency",
            "1",
            "-l",
            "error",
            "--disable-hot-restart",
            "-c",
        ])
        .arg(&file)
        .stdout(Stdio::null());
    let mut process = Background::start(&mut command);
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "envoy does not listen");
        assert!(process.child().try_wait().unwrap().is_none(), "envoy ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    Process::other(process, address)
}

fn config(address: SocketAddr, server: SocketAddr) -> String {
    format!(
        r#"
static_resources:
  listeners:
  - address: {{socket_address: {{address: {ip}, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          codec_type: AUTO
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: server}}
          http_filters:
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: ALLOW
                policies:
                  public:
                    principals: [{{any: true}}]
                    permissions:
                    - and_rules:
                        rules:
                        - header: {{name: ":method", string_match: {{safe_regex: {{regex: "GET"}}}}}}
                        - url_path: {{path: {{safe_regex: {{regex: "/public.*"}}}}}}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: server
    type: STATIC
    circuit_breakers:
      thresholds: [{{max_connections: 20000, max_pending_requests: 20000, max_requests: 20000}}]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        use_downstream_protocol_config: {{http_protocol_options: {{}}, http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: server
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: {server_ip}, port_value: {server_port}}}}}
"#,
        ip = address.ip(),
        port = address.port(),
        server_ip = server.ip(),
        server_port = server.port(),
    )
}
