//! Changes in words.

use cluster::changes::between;
use flows_explain::changes::summary;
use policy::Config;
use testing_policy::state;

/// What a change from one text to another is told as.
fn told(before: &str, after: &str) -> String {
    let (before, after) = (state(before), state(after));
    let found = between((&before).into(), (&after).into());
    let told: Vec<String> = found
        .iter()
        .map(|change| summary(change, &Config::default()).text)
        .collect();
    told.join(" | ")
}

fn policy(spec: &str) -> String {
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: p, namespace: s}}, {spec}}}"
    )
}

#[test]
fn rules_are_compared_by_what_they_say() {
    let web = "{fromEndpoints: [{matchLabels: {app: web}}]}";
    let db = "{fromEndpoints: [{matchLabels: {app: db}}], toPorts: [{ports: [{port: '80'}]}]}";
    let spec = |rules: &str| policy(&format!("spec: {{endpointSelector: {{}}, {rules}}}"));
    let ingress = |rules: &[&str]| spec(&format!("ingress: [{}]", rules.join(", ")));
    for (name, before, after, expected) in [
        (
            "another order",
            ingress(&[web, db]),
            ingress(&[db, web]),
            "no rule changed",
        ),
        (
            "one more",
            ingress(&[web]),
            ingress(&[web, db]),
            "got rule ingress[1] (allows app=db on 80/ANY)",
        ),
        (
            "one less",
            ingress(&[web, db]),
            ingress(&[db]),
            "lost rule ingress[0] (allows app=web)",
        ),
        (
            "one twice",
            ingress(&[web]),
            ingress(&[web, web]),
            "got rule ingress[1] (allows app=web)",
        ),
        (
            "new",
            String::new(),
            ingress(&[web]),
            "denies other ingress of all pods; got rule ingress[0] (allows app=web)",
        ),
        (
            "gone",
            ingress(&[web]),
            String::new(),
            "no longer denies other ingress of all pods; lost rule ingress[0] (allows app=web)",
        ),
        (
            "another word",
            ingress(&[db]),
            ingress(&[&db.replace("app: db", "app: dv")]),
            "rule ingress[0]: app=db -> app=dv (allows app=dv on 80/ANY)",
        ),
        (
            "other words",
            ingress(&[web, db]),
            ingress(&[web, "{fromEntities: [world]}"]),
            "rule ingress[1] allows world instead of app=db on 80/ANY",
        ),
        (
            "nobody",
            String::new(),
            ingress(&["{fromEndpoints: []}"]),
            "denies other ingress of all pods; got rule ingress[0] (allows nobody)",
        ),
        (
            "its last rule",
            ingress(&[web]),
            ingress(&["{}"]),
            "rule ingress[0]: app=web -> nobody (allows nobody)",
        ),
        (
            "another direction",
            ingress(&[web]),
            spec(&format!(
                "ingress: [{web}], egressDeny: [{{toEntities: [world]}}]"
            )),
            "denies other egress; got rule egressDeny[0] (denies world)",
        ),
        (
            "no longer closed",
            ingress(&[web]),
            spec("egress: [{toEntities: [world]}]"),
            "no longer denies other ingress; denies other egress; \
             lost rule ingress[0] (allows app=web); got rule egress[0] (allows world)",
        ),
        (
            "other pods",
            ingress(&[web]),
            policy(&format!(
                "spec: {{endpointSelector: {{matchLabels: {{a: b}}}}, ingress: [{web}]}}"
            )),
            "selects a=b instead of all pods",
        ),
        (
            "specs",
            policy(&format!(
                "specs: [{{endpointSelector: {{}}, ingress: [{web}]}}]"
            )),
            policy(&format!(
                "specs: [{{endpointSelector: {{}}, ingress: [{web}]}}, {{endpointSelector: {{matchLabels: {{a: b}}}}, egress: [{{}}]}}]"
            )),
            "got specs[1], which selects a=b; got rule specs[1].egress[0] (allows nobody)",
        ),
    ] {
        assert_eq!(told(&before, &after), expected, "{name}");
    }
}

#[test]
fn objects_are_compared_field_by_field() {
    let pod = |rest: &str, spec: &str, status: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: s{rest}}}, spec: {{{spec}}}, status: {{{status}}}}}"
        )
    };
    let group = |cidrs: &str| {
        format!(
            "{{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {{name: g}}, spec: {{externalCIDRs: [{cidrs}]}}}}"
        )
    };
    let service = |selector: &str, port: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: w, namespace: s}}, spec: {{selector: {{app: {selector}}}, ports: [{{port: {port}}}]}}}}"
        )
    };
    for (before, after, expected) in [
        (
            String::new(),
            pod(
                ", labels: {app: web, x: ''}",
                "nodeName: one",
                "podIP: 10.0.0.1",
            ),
            "10.0.0.1; node one; app=web,x",
        ),
        (
            pod(", labels: {a: b, c: d}", "nodeName: one", "podIP: 10.0.0.1"),
            pod(", labels: {a: x, e: f}", "nodeName: two", ""),
            "label a: b -> x; label e=f added; label c=d removed; address 10.0.0.1 -> none; node one -> two",
        ),
        (
            pod(", uid: a", "", ""),
            pod(", uid: b", "serviceAccountName: x, hostNetwork: true", ""),
            "service account default -> x; uses its node's network; another pod of this name",
        ),
        (
            group("10.0.0.0/8"),
            group("10.0.0.0/8, 192.0.2.0/24"),
            "192.0.2.0/24 added",
        ),
        (group("10.0.0.0/8"), group(""), "10.0.0.0/8 removed"),
        (group("10.0.0.0/8"), String::new(), "10.0.0.0/8"),
        (
            service("a", "80"),
            service("b", "81"),
            "selects app=a -> app=b; other ports",
        ),
    ] {
        assert_eq!(told(&before, &after), expected);
    }
}

#[test]
fn texts_are_short_whatever_changed() {
    let many: Vec<String> = (0..5_000)
        .map(|n| format!("10.{}.{}.0/24", n / 256, n % 256))
        .collect();
    let rules: Vec<String> = many
        .iter()
        .map(|cidr| format!("{{fromCIDR: [{cidr}]}}"))
        .collect();
    let spec = |rules: &str| {
        policy(&format!(
            "spec: {{endpointSelector: {{}}, ingress: [{rules}]}}"
        ))
    };
    let text = told(&spec("{}"), &spec(&rules.join(", ")));
    assert!(
        text.len() < 1_000 && text.ends_with("and 4,992 more"),
        "{text}"
    );
    let group = |cidrs: &str| {
        format!(
            "{{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {{name: g}}, spec: {{externalCIDRs: [{cidrs}]}}}}"
        )
    };
    let text = told(&group(""), &group(&many.join(", ")));
    assert!(text.len() < 300, "{text}");
}
