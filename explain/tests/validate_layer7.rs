//! What is said of rules of layer 7 and for names before they are applied.

use cluster::State;
use flows_explain::validate::{File, Report, Severity, validate};
use policy::{Config, ProxyPorts};

const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: s}
spec:
  endpointSelector: {}
  egress:
  - toFQDNs: [{matchPattern: '*.a.org'}, {}]
  - toEndpoints: [{matchLabels: {app: be}}]
    toPorts:
    - ports: [{port: '80', protocol: TCP}]
      rules:
        http:
        - {method: get, path: /a}
        - {headers: ['X-Tight:1']}
    - ports: [{port: '9092', protocol: TCP}]
      rules:
        kafka: [{topic: t}]
";

fn report(text: &str, layer7: bool) -> Report {
    let config = Config {
        layer7: layer7.then_some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    let file = File {
        name: "p.yaml".into(),
        text: text.to_owned(),
    };
    validate(&[file], &State::default(), &config)
}

fn told(text: &str, layer7: bool) -> Vec<String> {
    let report = report(text, layer7);
    let diagnostics = report.diagnostics.iter();
    let text = diagnostics.map(|one| format!("{}[{}]: {}", one.severity, one.code, one.problem));
    text.collect()
}

#[test]
fn findings_have_their_places() {
    let wanted = [
        "warning[learns-nothing]: p.yaml:7:14: cnp s/p: spec.egress[0].toFQDNs: no rule has the questions of \
         these pods for names read (rules.dns): no address of a name is ever learned, so this allows nothing; \
         add rules.dns to the rule that allows them 53/UDP and 53/TCP",
        "note[layer7]: p.yaml:7:30: cnp s/p: spec.egress[0].toFQDNs[0].matchPattern: *.a.org does not cover \
         a.org or x.y.a.org; `**.a.org` covers the latter",
        "warning[layer7]: p.yaml:7:42: cnp s/p: spec.egress[0].toFQDNs[1]: matches no name: neither matchName nor \
         matchPattern",
        "warning[layer7]: p.yaml:13:20: cnp s/p: spec.egress[1].toPorts[0].rules.http[0].method: matches no \
         request: methods are in upper case, as in GET",
        "note[layer7]: p.yaml:13:31: cnp s/p: spec.egress[1].toPorts[0].rules.http[0].path: /a does not cover \
         /a/x or /a?x=1; `/a([/?].*)?` does",
        "warning[layer7]: p.yaml:14:22: cnp s/p: spec.egress[1].toPorts[0].rules.http[1].headers[0]: matches no \
         request: without a space behind the colon, `X-Tight:1` as a whole is the header's name",
        "warning[layer7]: p.yaml:17:25: cnp s/p: spec.egress[1].toPorts[1].rules.kafka[0].topic: requests that \
         name no topic are allowed too: createacls, alterconfigs, endtxn and more; `role: produce` or \
         `consume`, or an apiKey, beside the topic keeps them out",
    ];
    let found = told(POLICY, true);
    for wanted in wanted {
        assert!(
            found.iter().any(|found| found == wanted),
            "{wanted}\nis not among\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn without_a_cluster_it_is_noted_that_a_proxy_is_needed() {
    let plain = POLICY.replace("name: p,", "name: q,");
    let (plain, _) = plain.split_once("  - toFQDNs").expect("a rule for names");
    let plain = format!("{plain}  - toEntities: [world]\n");
    let mut report = report(&format!("{POLICY}---\n{plain}"), true);
    let before = report.diagnostics.len();
    report.note_proxy();
    let notes = report.diagnostics.iter();
    let notes: Vec<_> = notes.filter(|one| one.code == "needs-proxy").collect();
    assert_eq!(report.diagnostics.len(), before + 1);
    let [note] = &notes[..] else {
        unreachable!("one of the two policies needs it: {notes:?}")
    };
    assert_eq!(note.severity, Severity::Note);
    assert_eq!(
        note.problem.to_string(),
        "p.yaml:1:1: cnp s/p: has rules of layer 7 or for names: agents without a proxy refuse it; run \
         flows-proxy on each node, and agents without --l7-proxy=off"
    );
}

#[test]
fn names_that_are_asked_for_through_the_proxy_are_learned() {
    let asks = POLICY.replace(
        "  - toEndpoints:",
        "  - toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]\n  - toEndpoints:",
    );
    let found = told(&asks, true);
    assert!(
        !found.iter().any(|found| found.contains("learns-nothing")),
        "{found:?}"
    );
}

#[test]
fn without_a_proxy_all_of_it_is_refused() {
    let found = told(POLICY, false);
    let refused = found
        .iter()
        .filter(|found| found.contains("a proxy, which is switched off"));
    assert_eq!(refused.count(), 3, "{found:?}");
}

#[test]
fn a_plain_rule_beside_rules_of_layer_7_opens_everything_but_names() {
    let policy = |rules: &str, plain: &str| {
        format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p, namespace: s}}\nspec:\n  \
             endpointSelector: {{}}\n  egress:\n  - toEndpoints: [{{matchLabels: {{app: be}}}}]\n    toPorts: \
             [{{{rules}}}]\n  - toEndpoints: [{{matchLabels: {{app: be}}}}]{plain}\n"
        )
    };
    let http = "ports: [{port: '80', protocol: TCP}], rules: {http: [{path: '/a.*'}]}";
    let dns = "ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchName: a.org}]}";
    let nothing = "its rules of layer 7 refuse nothing: spec.egress[1]";
    let names = "no other names than this rule";
    for (rules, plain, wanted) in [
        (http, "", Some(nothing)),
        (
            http,
            "\n    toPorts: [{ports: [{port: '80'}]}]",
            Some(nothing),
        ),
        (http, "\n    toPorts: [{ports: [{port: '81'}]}]", None),
        (dns, "", Some(names)),
        (
            dns,
            "\n    toPorts: [{ports: [{port: '53'}]}]",
            Some(nothing),
        ),
        ("ports: [{port: '80'}], serverNames: [a.org]", "", None),
    ] {
        let found = told(&policy(rules, plain), true).join("\n");
        for text in [nothing, names] {
            assert_eq!(
                found.contains(text),
                wanted == Some(text),
                "{rules} {plain}\n{found}"
            );
        }
        assert!(!found.contains("adds nothing"), "{rules} {plain}\n{found}");
    }
}
