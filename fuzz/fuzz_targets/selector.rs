//! Any text as an end of a connection and a port, and as a label selector of a policy: read or refused,
//! and a selector matches the labels that it was made of.

#![no_main]

use cluster::{Label, Labels, manifest, yaml};
use explain::trace::{End, Port};
use libfuzzer_sys::fuzz_target;
use policy::selector::Demand;

fuzz_target!(|text: &str| {
    let _port = Port::parse(text);
    if let Ok(End::Labels(selector)) = End::labels(text) {
        let labels: Labels = selector
            .requirements
            .iter()
            .map(|requirement| {
                let value = match &requirement.demand {
                    Demand::In(values) => values.iter().next().map_or("", |value| value),
                    Demand::Exists => "x",
                    Demand::NotIn(_) | Demand::DoesNotExist => panic!("{requirement:?}"),
                };
                let source = requirement.key.source.as_deref().unwrap_or("k8s");
                Label::new(source, &requirement.key.name, value)
            })
            .collect();
        // A key that is asked for twice can have one value only.
        let mut keys: Vec<_> = selector.requirements.iter().map(|r| &r.key.name).collect();
        keys.sort();
        keys.dedup();
        if keys.len() == selector.requirements.len() {
            assert!(selector.matches(&labels), "{selector:?} {labels}");
        }
    }

    // The text as the selector of a policy, in the flow style.
    let document = format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: p, namespace: n}}, \
         spec: {{endpointSelector: {text}, ingress: [{{fromEndpoints: [{text}]}}]}}}}"
    );
    let Ok(documents) = yaml::parse(&document) else {
        return;
    };
    for document in documents {
        for document in manifest::read(&"fuzz.yaml".into(), document) {
            if let manifest::Document::Object(_, cluster::Object::Policy(raw), _) = document
                && raw.name.namespace.is_some()
                && let Ok(policy) = policy::parse(&raw, &policy::Config::default())
            {
                for rule in &policy.rules {
                    let home = rule.subject.requirements.iter().filter(|requirement| {
                        let key = &requirement.key;
                        let of_pods = key.source.as_deref().is_none_or(|source| source == "k8s");
                        of_pods && &*key.name == cluster::labels::NAMESPACE
                    });
                    // Whatever it says itself, a policy's subjects are in its own namespace.
                    assert_eq!(home.count(), 1, "{rule:?}");
                }
            }
        }
    }
});
