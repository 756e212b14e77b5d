//! Checks of manifests that take long, many at once, whose callers leave: over gRPC. In a process of its
//! own, since threads are counted.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::{fmt::Write as _, fs, time::Duration};

use common::{
    enforcing::{Enforcing, in_force},
    server::Agent,
};
use flows_agent::node::StateSnapshot;
use proto::flows::v1::{
    GetPoliciesRequest, ManifestFile, ValidateRequest, policy_client::PolicyClient,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// A policy with expressions that take minutes to compile together.
fn dear() -> ValidateRequest {
    let mut text = String::from(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: s}\nspec:\n  \
         endpointSelector: {}\n  ingress:\n  - toPorts:\n    - ports: [{port: '80'}]\n      rules:\n        http:\n",
    );
    for n in 0..2_000 {
        let _infallible = writeln!(text, "        - path: '/{n}(a{{1,900}}){{1,30}}'");
    }
    let name = "p.yaml".to_owned();
    ValidateRequest {
        files: vec![ManifestFile { name, text }],
    }
}

/// Threads that answer questions now.
fn at_work() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "question").count()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_end_with_their_callers() {
    let directory = tempfile::tempdir().unwrap();
    let mut in_force = in_force(directory.path());
    in_force.config.layer7 = Some(policy::ProxyPorts { tcp: 1, dns: 2 });
    let told = StateSnapshot::InSync(Box::new(in_force));
    let enforcing = Enforcing::start(Some(told));
    let agent = Agent::start_with(10, 10, Some(enforcing.access.clone())).await;
    let client = PolicyClient::new(agent.channel.clone());
    for _ in 0..3 {
        let mut callers: JoinSet<Result<(), Status>> = JoinSet::new();
        for _ in 0..40 {
            let mut client = client.clone();
            callers.spawn(async move { client.validate(dear()).await.map(drop) });
        }
        // One is answered, 16 wait.
        for _ in 0..40 - 17 {
            let refused = callers.join_next().await.unwrap().unwrap().unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
            assert!(refused.message().contains("try again"), "{refused}");
        }
        until("one is answered", || at_work() == 1).await;
        // Other questions have places of their own.
        let mut other = client.clone();
        other.get_policies(GetPoliciesRequest {}).await.unwrap();
        callers.shutdown().await;
        until("nothing is left of those that were abandoned", || {
            at_work() == 0
        })
        .await;
    }
    // A deadline is like leaving.
    let mut request = tonic::Request::new(dear());
    request.set_timeout(Duration::from_millis(200));
    client.clone().validate(request).await.unwrap_err();
    until("nothing is left of what took too long", || at_work() == 0).await;
    agent.end().await;
}
