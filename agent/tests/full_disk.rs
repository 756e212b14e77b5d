//! Where the agent's state can't be written, a change isn't in force, and the status says why; once there
//! is room, it is.
//!
//! Needs root, `FLOWS_BPF_OBJECT` and `FLOWS_BIN_DIR`: `cargo xtask test` runs it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use proto::flows::v1::{GetStatusRequest, GetStatusResponse, status_client::StatusClient};
use tonic::transport::Endpoint;

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, \
    spec: {nodeName: one}, status: {podIP: 10.1.0.1}}";

/// Killed when dropped, and its disk taken away.
struct Agent {
    process: Child,
    run: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if let Err(error) = umount2(&self.run, MntFlags::MNT_DETACH) {
            eprintln!("{}: {error}", self.run.display());
        }
    }
}

/// A policy is put in place, as a whole.
fn put_policy(manifests: &Path, prefix: &str) {
    let text = format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: p, namespace: shop}}, \
         spec: {{endpointSelector: {{}}, ingress: [{{fromCIDR: [{prefix}]}}]}}}}"
    );
    let hidden = manifests.join(".policy.yaml");
    std::fs::write(&hidden, text).expect("a file");
    std::fs::rename(hidden, manifests.join("policy.yaml")).expect("a file");
}

/// Waits for a status of this kind.
fn wait(socket: &str, what: &str, is: impl Fn(&GetStatusResponse) -> bool) -> GetStatusResponse {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ask = async || {
        let endpoint = Endpoint::from_shared(format!("unix://{socket}")).ok()?;
        let mut client = StatusClient::new(endpoint.connect().await.ok()?);
        let status = client.get_status(GetStatusRequest {}).await.ok()?;
        Some(status.into_inner())
    };
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < Duration::from_secs(60) {
        last = runtime.block_on(ask());
        if let Some(status) = last.take_if(|status| is(status)) {
            return status;
        }
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
    panic!("{what}: {last:?}");
}

#[test]
fn without_room_for_the_state_nothing_new_is_in_force() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test loads programs into the kernel and needs root: run `cargo xtask test`"
    );
    let programs = std::env::var_os("FLOWS_BIN_DIR")
        .expect("FLOWS_BIN_DIR is not set: run `cargo xtask test`");
    // Nobody else has these mounts and this network; they end with the last process in them.
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("namespaces");
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).expect("mounts of its own");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [manifests, run] = ["manifests", "run"].map(|name| directory.path().join(name));
    for path in [&manifests, &run] {
        std::fs::create_dir(path).expect("a directory");
    }
    let small = Some("size=512k");
    mount(Some("tmpfs"), &run, Some("tmpfs"), MsFlags::empty(), small).expect("a small disk");
    std::fs::write(manifests.join("pod.yaml"), POD).expect("a file");
    put_policy(&manifests, "192.0.1.0/24");
    let agent = Command::new(Path::new(&programs).join("flows-agent"))
        .args(["--node", "one", "--metrics-listen", "127.0.0.1:0"])
        .arg("--state-dir")
        .arg(&manifests)
        .arg("--run-dir")
        .arg(&run)
        .spawn();
    let _agent = Agent {
        process: agent.expect("flows-agent runs"),
        run: run.clone(),
    };
    let socket = run.join("hubble.sock").display().to_string();
    let first = wait(&socket, "at first", |status| status.revision > 0);
    assert_eq!(first.failure, "");

    let filler = run.join("filler");
    let full = std::fs::write(&filler, vec![0; 1 << 20]).expect_err("more than fits");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let said = std::fs::read(run.join("state.json")).expect("a file");
    put_policy(&manifests, "192.0.2.0/24");
    let behind = wait(&socket, "without room", |status| !status.failure.is_empty());
    assert!(behind.failure.contains("No space left"), "{behind:?}");
    assert_eq!(
        behind.failure.matches("No space left").count(),
        1,
        "{behind:?}"
    );
    assert_eq!(behind.revision, first.revision);
    let after = std::fs::read(run.join("state.json")).expect("a file");
    assert_eq!(after, said, "half of a record");

    std::fs::remove_file(filler).expect("removed");
    let then = wait(&socket, "with room", |status| {
        status.revision > first.revision
    });
    assert_eq!(then.failure, "");
    let after = std::fs::read(run.join("state.json")).expect("a file");
    assert!(after.starts_with(&said) && after.len() > said.len());
}
