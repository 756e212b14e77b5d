//! Who is meant by a name.

use std::collections::BTreeMap;

use cluster::Identities;
use policy::Config;

use super::*;

#[test]
fn a_workload_is_one_of_its_pods() {
    let made = |namespace: &str, name: &str, ip: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}, labels: \
             {{pod-template-hash: 5d4f}}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, \
             name: web-5d4f, uid: u, controller: true}}]}}, spec: {{nodeName: a}}, status: {{podIP: {ip}}}}}"
        )
    };
    let state = testing_policy::state(
        &[
            made("shop", "web-5d4f-a", "10.1.0.5"),
            made("shop", "web-5d4f-b", "10.1.0.6"),
            made("edge", "web-5d4f-c", "10.1.0.7"),
        ]
        .join("\n---\n"),
    );
    let (policies, config) = (BTreeMap::new(), Config::default());
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(&state, &policies, &config, identities);
    let found = |of: End| {
        let mut known = context.known.clone();
        end(&context, &mut known, &of, None).map(|found| found.name)
    };
    let pod = |name: &str| End::Pod(NamespacedName::new("shop", name));
    assert_eq!(found(pod("web")), Ok("shop/web-5d4f-a".to_owned()));
    assert_eq!(found(pod("web-5d4f-b")), Ok("shop/web-5d4f-b".to_owned()));
    let error = found(pod("wep")).map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.starts_with("there is no pod shop/wep")));
    // None of them differs, and nothing is said.
    let unlike = |state: &cluster::State| {
        let identities = Identities::new(state.is_dual_stack());
        let context = PolicyContext::new(state, &policies, &config, identities);
        let mut known = context.known.clone();
        let found = end(&context, &mut known, &pod("web"), None);
        found.map(|found| found.unlike)
    };
    assert_eq!(unlike(&state), Ok(0));
    let changed = testing_policy::state(
        &[
            made("shop", "web-5d4f-a", "10.1.0.5"),
            made("shop", "web-5d4f-b", "10.1.0.6").replace("labels: {", "labels: {tier: new, "),
        ]
        .join("\n---\n"),
    );
    assert_eq!(unlike(&changed), Ok(1));
    // Of a name alone, it has to be one.
    let error = found(End::Named("web".into())).map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("edge/web, shop/web")));
}
