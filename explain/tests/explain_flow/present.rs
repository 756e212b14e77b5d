//! The recorded decision beside the present one: what changed, and who is gone.

use super::*;

#[test]
fn a_drop_is_explained_with_everything_that_helps() {
    let answer = explain(&state(CLUSTER), &dropped());
    assert_eq!(
        answer.headline,
        "production/web may not reach production/db on 5432/TCP: no ingress rule of cnp \
         production/db allows it; \
         nearest: ingress[0] of cnp production/db (from: app=auth, have app=web)"
    );
    let recorded = answer.recorded.expect("it was decided");
    assert_eq!(
        (
            recorded.direction(),
            recorded.end.as_str(),
            recorded.revision
        ),
        (pb::TrafficDirection::Ingress, "production/db", 9)
    );
    let now = answer.now.expect("both ends are there");
    assert_eq!((now.verdict(), now.revision), (Verdict::Denied, 9));
    assert_eq!(now.suggestions[0].policy, "cnp production/db");
    assert!(now.suggestions[0].yaml.contains("app: web"), "{now:?}");
    assert!(
        !answer.differs && answer.changes.is_empty(),
        "{:?}",
        answer.changes
    );
    let [policy] = &answer.policies[..] else {
        panic!("one policy: {:?}", answer.policies);
    };
    assert_eq!(
        (
            policy.policy.as_str(),
            policy.version.as_str(),
            policy.decided,
            policy.in_force
        ),
        ("cnp production/db", "5", true, true)
    );
    assert!(policy.place.starts_with("test.yaml:"), "{}", policy.place);
    assert!(policy.yaml.contains("endpointSelector"), "{}", policy.yaml);
    assert!(
        policy.meaning.contains("selects 1 pod"),
        "{}",
        policy.meaning
    );
    assert_eq!(
        answer.command,
        "flows policy trace --src-pod production/web --dst-pod production/db --dport 5432/tcp"
    );
    assert_eq!(answer.notes, [""; 0]);
}

#[test]
fn what_changed_since_is_said() {
    let repaired = CLUSTER
        .replace("app: auth", "app: web")
        .replace("resourceVersion: '5'", "resourceVersion: '7'");
    let answer = explain(&state(&repaired), &pb::Flow { ..dropped() });
    assert!(answer.differs);
    assert!(
        answer.headline.ends_with("; now it is allowed"),
        "{}",
        answer.headline
    );
    assert_eq!(
        answer.changes,
        ["cnp production/db says another thing now (flows policy history production/db --diff)"]
    );
    assert!(!answer.policies[0].in_force);

    let gone = CLUSTER
        .split("---\n# Who")
        .next()
        .expect("there is a first part");
    let answer = explain(&state(gone), &dropped());
    assert!(answer.differs);
    assert_eq!(answer.changes, ["cnp production/db no longer exists"]);
    let policy = &answer.policies[0];
    assert_eq!((policy.yaml.as_str(), policy.in_force), ("", false));

    let mut more = state(CLUSTER);
    let all = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: all, \
               namespace: production}, spec: {endpointSelector: {}, ingress: [{}], egress: [{}]}}";
    add(&mut more, "all.yaml", all);
    let answer = explain(&more, &dropped());
    let names: Vec<&str> = answer
        .policies
        .iter()
        .map(|policy| policy.policy.as_str())
        .collect();
    assert_eq!(names, ["cnp production/db", "cnp production/all"]);
    assert!(!answer.policies[1].decided);
}

#[test]
fn a_pod_that_is_gone_is_judged_by_what_the_flow_tells_of_it() {
    let flow = pb::Flow {
        source: pod("auth-1", "auth"),
        ..dropped()
    };
    let answer = explain(&state(CLUSTER), &flow);
    let now = answer.now.expect("its labels are known");
    assert_eq!(now.verdict(), Verdict::Allowed);
    assert_eq!(now.source.expect("it has one").name, "production/auth-1");
    assert!(answer.differs);
    assert_eq!(
        answer.notes,
        ["production/auth-1 no longer exists; evaluated with its labels from the flow"]
    );
    assert_eq!(
        answer.command,
        "flows policy trace --src-labels app=auth,io.kubernetes.pod.namespace=production \
         --dst-pod production/db --dport 5432/tcp"
    );

    let mut nameless = flow.clone();
    nameless.source.as_mut().expect("it has one").labels.clear();
    let answer = explain(&state(CLUSTER), &nameless);
    assert_eq!(answer.now, None);
    assert_eq!(answer.command, "");
    assert_eq!(
        answer.headline,
        "production/auth-1 may not reach production/db on 5432/TCP: no ingress rule of cnp \
         production/db allows it"
    );
    assert_eq!(
        answer.notes,
        [
            "the current decision is unknown: the flow does not identify the source: \
          production/auth-1 no longer exists, and the flow does not record its labels"
        ]
    );
    assert!(answer.policies[0].yaml.contains("endpointSelector"));

    let other = pb::Flow {
        source: pod("web", "old"),
        ..dropped()
    };
    let answer = explain(&state(CLUSTER), &other);
    assert_eq!(
        answer.notes,
        [
            "the labels of production/web changed since the flow was recorded: -k8s:app=old +k8s:app=web"
        ]
    );
}
