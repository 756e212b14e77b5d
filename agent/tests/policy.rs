//! flows.v1.Policy over gRPC: manifests in a directory, the compiler, questions to the desk. Only the
//! kernel is missing.

mod common;

use std::{
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use common::{CART, FRONTEND, default_deny, new_connection, server::Agent, server::flow};
use flows_agent::{
    control::{Bell, Desk, InForce, Progress, Waker},
    grpc::PolicyAccess,
};
use proto::{
    flow as pb,
    flows::v1::{ExplainRequest, WaitRevisionRequest, policy_client::PolicyClient},
    observer::GetFlowsRequest,
};
use tokio::sync::watch;
use tonic::{Code, Request, transport::Channel};

/// The pods of the shared names, and the policy that their drops name.
fn manifests() -> String {
    format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: node-a}}
spec: {{podCIDR: 10.0.1.0/24}}
---
apiVersion: v1
kind: Pod
metadata: {{name: frontend-6d9c7b-xk2vq, namespace: shop, labels: {{app: frontend}}}}
spec: {{nodeName: node-a}}
status: {{podIP: {FRONTEND}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: cart-0, namespace: shop, labels: {{app: cart}}}}
spec: {{nodeName: node-a}}
status: {{podIP: {CART}}}
---
{POLICY}"
    )
}

const POLICY: &str = "# Only the checkout may.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: allow-frontend, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: checkout}}]
    toPorts: [{ports: [{port: '8080'}]}]
";

/// What the control thread does for questions, without a kernel.
struct Control {
    told: Arc<Mutex<Option<InForce>>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    access: PolicyAccess,
    progress: watch::Sender<Arc<Progress>>,
}

impl Control {
    fn start(told: Option<InForce>) -> Self {
        let bell = Bell::new().unwrap();
        let waker = bell.waker();
        let (desk, asks) = Desk::new(bell.waker());
        let told = Arc::new(Mutex::new(told));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (told, stop) = (Arc::clone(&told), Arc::clone(&stop));
            move || {
                let (_quiet, never) = UnixStream::pair().unwrap();
                while !stop.load(Ordering::Acquire) {
                    bell.wait(&never, Duration::from_secs(1)).unwrap();
                    asks.answer(|| told.lock().unwrap().clone());
                }
            }
        });
        let (progress, seen) = watch::channel(Arc::default());
        Self {
            told,
            stop,
            waker,
            thread: Some(thread),
            access: PolicyAccess {
                desk,
                progress: seen,
                stats: None,
            },
            progress,
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.ring();
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(matches!(joined, Some(Ok(()))), "the thread ends in peace");
    }
}

fn in_force(directory: &Path) -> InForce {
    let state = cluster::Directory::open(directory, cluster::source::Memory::default())
        .unwrap()
        .state();
    let config = policy::Config::default();
    let mut compiler = policy::Compiler::new(config.clone(), "node-a", policy::Memory::default());
    let compiled = compiler.update(&state);
    InForce {
        policies: compiler.policies(),
        state,
        compiled,
        config,
        revision: 7,
    }
}

fn client(agent: &Agent) -> PolicyClient<Channel> {
    PolicyClient::new(agent.channel.clone())
}

#[tokio::test]
async fn a_flow_of_the_history_is_explained_with_its_policy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), manifests()).unwrap();
    let control = Control::start(Some(in_force(directory.path())));
    let agent = Agent::start_with(1000, 1000, Some(control.access.clone())).await;
    agent.store([default_deny(1), new_connection(2)]).await;
    let mut request = Request::new(GetFlowsRequest {
        number: 10,
        ..GetFlowsRequest::default()
    });
    request
        .metadata_mut()
        .insert(proto::WANT_EXTENSIONS, "1".parse().unwrap());
    let mut stream = agent
        .client()
        .get_flows(request)
        .await
        .unwrap()
        .into_inner();
    let mut flows: Vec<pb::Flow> = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        flows.extend(flow(&response).cloned());
    }
    let dropped = flows
        .iter()
        .find(|flow| flow.verdict() == pb::Verdict::Dropped)
        .unwrap();
    let mut client = client(&agent);
    let ask = |flow: Option<pb::Flow>| ExplainRequest { flow };
    let answer = client.explain(ask(Some(dropped.clone()))).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        answer.headline,
        "shop/frontend-6d9c7b-xk2vq may not reach shop/cart-0 on 8080/TCP: no ingress rule of cnp \
         shop/allow-frontend allows it"
    );
    assert_eq!((answer.node_name.as_str(), answer.revision), ("node-a", 7));
    assert_eq!(answer.policies[0].yaml, POLICY);
    assert_eq!(answer.policies[0].place, "shop.yaml:20:1");
    assert!(!answer.differs);
    let now = answer.now.unwrap();
    assert_eq!(
        (now.verdict.as_str(), now.node_name.as_str()),
        ("DENIED", "node-a")
    );
    assert!(now.suggestions[0].yaml.contains("app: frontend"));

    // It was allowed by a rule that is another one now.
    let allowed = flows
        .iter()
        .find(|flow| !flow.ingress_allowed_by.is_empty())
        .unwrap();
    let answer = client.explain(ask(Some(allowed.clone()))).await.unwrap();
    let answer = answer.into_inner();
    assert!(answer.differs);
    assert!(
        answer.headline.ends_with("; now it is denied"),
        "{}",
        answer.headline
    );
    let refused = client.explain(ask(None)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    drop(client);
    agent.end().await;
}

#[tokio::test]
async fn without_anything_in_force_there_is_no_answer() {
    let control = Control::start(None);
    let agent = Agent::start_with(1000, 1000, Some(control.access.clone())).await;
    let mut client = client(&agent);
    let flow = Some(pb::Flow::default());
    let error = client.explain(ExplainRequest { flow: flow.clone() }).await;
    assert_eq!(error.unwrap_err().code(), Code::Unavailable);

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), manifests()).unwrap();
    *control.told.lock().unwrap() = Some(in_force(directory.path()));
    let answer = client.explain(ExplainRequest { flow }).await.unwrap();
    assert_eq!(answer.into_inner().now, None);

    let waiting = WaitRevisionRequest {
        revision: 7,
        ..WaitRevisionRequest::default()
    };
    control.progress.send_replace(Arc::new(Progress {
        revision: 7,
        generation: 2,
        ..Progress::default()
    }));
    let reached = client.wait_revision(waiting).await.unwrap().into_inner();
    assert_eq!((reached.revision, reached.generation), (7, 2));
    drop(client);
    agent.end().await;
}
