//! What is taken, and what is refused in which words.

use cluster::manifest::{self, Document, Object};
use cluster::yaml::{self, Node};
use flows_policy::{Config, Policy, parse_all};
pub(crate) use testing_policy::layer7::config as on;

fn read(document: Node, config: &Config) -> Result<Policy, Vec<String>> {
    let name = "p.yaml".into();
    let mut read = manifest::read(&name, document);
    let Document::Object(_, Object::Policy(raw), _) = read.remove(0) else {
        panic!("no policy");
    };
    parse_all(&raw, config).map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

fn read_text(text: &str, config: &Config) -> Result<Policy, Vec<String>> {
    read(yaml::parse(text).expect("valid YAML").remove(0), config)
}

#[test]
fn every_policy_of_the_table_is_refused_or_taken_as_it_says() {
    let table = yaml::parse(testing_cases::TEXT).expect("valid YAML");
    let rows = table[0].get("validation").expect("a list");
    let rows = rows.value.as_list().expect("a list");
    let (mut refused, mut taken) = (0, 0);
    for row in rows {
        let id = row.text("id").expect("an id");
        let note = row.text("note").unwrap_or_default();
        let policy = row.get("policy").expect("a policy").clone();
        let off = read(policy.clone(), &Config::default());
        let is_refused = |text: &str| {
            text.contains("supported yet") || text.contains("a proxy, which is switched off")
        };
        assert!(
            id == "val-10" || off.is_err_and(|wrong| is_refused(&wrong[0])),
            "{id}: taken where layer 7 isn't in force"
        );
        let wanted = match (
            row.text("load_error"),
            note.strip_prefix("refuse in flows: "),
        ) {
            (Some(wanted), _) => wanted,
            (None, Some("no name can match")) => "a label is empty",
            (None, Some(_)) => "unknown field",
            (None, None) => {
                let policy = read(policy, &on());
                let findings = policy.expect(id).findings;
                assert_eq!(
                    !findings.is_empty(),
                    note.starts_with("lint in flows"),
                    "{id}: {findings:?}"
                );
                taken += 1;
                continue;
            }
        };
        let wrong = read(policy, &on()).expect_err(id);
        assert!(
            wrong.iter().any(|wrong| wrong.contains(wanted)),
            "{id}: {wrong:?}, not {wanted:?}"
        );
        refused += 1;
    }
    assert!(refused >= 23 && taken >= 4, "{refused} {taken}");
}

/// What stands under `toPorts` of an egress rule from line 8 on, and what is said of it.
const REFUSALS: [(&str, &str); 16] = [
    (
        "[{ports: [{port: '80', protocol: TCP}], rules: {http: [{path: '/a('}]}}]",
        "p.yaml:8:76: cnp s/p: spec.egress[0].toPorts[0].rules.http[0].path: error parsing regexp: missing \
         closing ): `/a(`; write a regular expression of RE2: no lookaround, no backreferences",
    ),
    (
        "[{ports: [{port: '80', protocol: TCP}], rules: {http: [{headerMatches: [{name: A, mismatch: NO}]}]}}]",
        "p.yaml:8:106: cnp s/p: spec.egress[0].toPorts[0].rules.http[0].headerMatches[0].mismatch: Invalid \
         header action: NO; use LOG, ADD, DELETE or REPLACE",
    ),
    (
        "[{ports: [{port: '80', protocol: TCP}], rules: {http: [{pat: /}]}}]",
        "p.yaml:8:70: cnp s/p: spec.egress[0].toPorts[0].rules.http[0].pat: unknown field; did you mean path?",
    ),
    (
        "[{ports: [{port: '80'}, {port: '81', protocol: TCP}], rules: {http: [{}]}}]",
        "p.yaml:8:24: cnp s/p: spec.egress[0].toPorts[0].ports[0].protocol: L7 rules can only apply to TCP \
         (not ANY) except for DNS rules; write protocol: TCP",
    ),
    (
        "[{ports: [{port: '0', protocol: TCP}], rules: {http: [{}]}}]",
        "p.yaml:8:31: cnp s/p: spec.egress[0].toPorts[0].ports[0].port: L7 rules can not be used when a port \
         is 0; name the ports that the rules are for",
    ),
    (
        "[{rules: {dns: [{matchName: a.org}]}}]",
        "p.yaml:8:29: cnp s/p: spec.egress[0].toPorts[0].rules.dns: port 53 must be specified for DNS rules; \
         add ports: [{port: \"53\", protocol: ANY}] to the item",
    ),
    (
        "[{ports: [{port: '53', endPort: 60}], rules: {dns: [{matchName: a.org}]}}]",
        "p.yaml:8:46: cnp s/p: spec.egress[0].toPorts[0].ports[0].endPort: DNS rules do not support port \
         ranges; write each port by itself",
    ),
    (
        "[{ports: [{port: '53'}], rules: {dns: [{matchName: '*.org'}]}}]",
        "p.yaml:8:65: cnp s/p: spec.egress[0].toPorts[0].rules.dns[0].matchName: Invalid characters in \
         MatchName: \"*.org\". Only 0-9, a-z, A-Z and ., -, _ characters are allowed; use matchPattern for a \
         name with stars",
    ),
    (
        "[{ports: [{port: '80', protocol: TCP}], rules: {http: [{}], kafka: []}}]",
        "p.yaml:8:61: cnp s/p: spec.egress[0].toPorts[0].rules: multiple L7 protocol rule types specified in \
         single rule; write an item of toPorts for each kind, and no empty lists",
    ),
    (
        "[{ports: [{port: '9092', protocol: TCP}], rules: {kafka: [{apiVersion: 'x'}]}}]",
        "p.yaml:8:85: cnp s/p: spec.egress[0].toPorts[0].rules.kafka[0].apiVersion: invalid Kafka APIVersion \
         \"x\"; use a quoted number from 0 to 32767",
    ),
    (
        "[{ports: [{port: '9092', protocol: TCP}], rules: {kafka: [{apiVersion: 3}]}}]",
        "p.yaml:8:85: cnp s/p: spec.egress[0].toPorts[0].rules.kafka[0].apiVersion: is a number, should be \
         text; quote it",
    ),
    (
        "[{ports: [{port: '443', protocol: TCP}], serverNames: [a.org, '']}]",
        "p.yaml:8:76: cnp s/p: spec.egress[0].toPorts[0].serverNames[1]: empty server name is not allowed; \
         write it as www.example.com or *.example.com",
    ),
    (
        "[{ports: [{port: '443', protocol: TCP}], terminatingTLS: {secret: {name: s}}}]",
        "p.yaml:8:71: cnp s/p: spec.egress[0].toPorts[0].terminatingTLS: terminatingTLS is not supported by \
         flows; remove it",
    ),
    (
        "[{ports: [{port: '443', protocol: TCP}], originatingTLS: {secret: {name: s}}}]",
        "p.yaml:8:71: cnp s/p: spec.egress[0].toPorts[0].originatingTLS: originatingTLS is not supported by \
         flows; remove it",
    ),
    (
        "[{ports: [{port: '443', protocol: TCP}], listener: {name: l, envoyConfig: {name: e}}}]",
        "p.yaml:8:65: cnp s/p: spec.egress[0].toPorts[0].listener: listener is not supported by flows; remove \
         it",
    ),
    (
        "[{ports: [{port: '443', protocol: TCP}], rules: {l7proto: r2d2}}]",
        "p.yaml:8:72: cnp s/p: spec.egress[0].toPorts[0].rules.l7proto: l7proto is not supported by flows; use \
         http, dns or kafka",
    ),
];

fn policy(element: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p, namespace: s}}\nspec:\n  \
         endpointSelector: {{}}\n  egress:\n  - {element}\n"
    )
}

#[test]
fn refusals_name_line_column_field_and_remedy() {
    for (ports, wanted) in REFUSALS {
        let text = policy(&format!("toEntities: [world]\n    toPorts: {ports}"));
        let wrong = read_text(&text, &on()).expect_err(ports);
        assert_eq!(wrong, [wanted], "{ports}");
    }
    for (element, wanted) in [
        (
            "toFQDNs: [{matchName: a.org}]\n    toCIDR: [10.0.0.0/8]",
            "combining ToCIDR and ToFQDNs is not supported yet",
        ),
        (
            "toFQDNs: [{matchName: a.org, matchPattern: b.org}]",
            "spec.egress[0].toFQDNs[0]: only one of MatchName or MatchPattern is allowed in an FQDNSelector",
        ),
        (
            "toServices: []",
            "spec.egress[0].toServices: isn't supported yet",
        ),
    ] {
        let wrong = read_text(&policy(element), &on()).expect_err(element);
        assert!(wrong[0].contains(wanted), "{wrong:?}");
    }
    let ingress = policy("toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchName: a.org}]}}]");
    let wrong = read_text(&ingress.replace("egress:", "ingress:"), &on()).expect_err("on ingress");
    assert!(
        wrong[0]
            .contains("spec.ingress[0].toPorts[0].rules.dns: DNS rules are not allowed on ingress")
    );
    let deny = ingress.replace("egress:", "egressDeny:");
    let wrong = read_text(&deny, &on()).expect_err("in a deny");
    assert!(wrong[0].contains("spec.egressDeny[0].toPorts[0].rules: unknown field"));
}

#[test]
fn what_is_taken_is_said_in_words() {
    for (element, wanted) in [
        (
            "toFQDNs: [{matchName: a.org}, {matchPattern: '*.B.org'}]\n    toPorts: [{ports: [{port: '443'}]}]",
            "a.org or *.B.org on 443/ANY",
        ),
        ("toFQDNs: [{}]", "no name"),
        (
            "toPorts: [{ports: [{port: '80', protocol: TCP}, {port: '81', protocol: TCP}], rules: {http: \
             [{method: GET, path: /a}, {}]}}, {ports: [{port: '82', protocol: TCP}]}]",
            "anyone on 80/TCP, 81/TCP (HTTP GET /a or any request), 82/TCP",
        ),
        (
            "toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]",
            "anyone on 53/ANY (DNS *)",
        ),
        (
            "toPorts: [{ports: [{port: '9092', protocol: TCP}], rules: {kafka: [{role: produce, topic: t}]}}]",
            "anyone on 9092/TCP (Kafka role=produce topic=t)",
        ),
        (
            "toPorts: [{ports: [{port: '443', protocol: TCP}], serverNames: ['*.org']}]",
            "anyone on 443/TCP (TLS *.org)",
        ),
        (
            "toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: []}}]",
            "anyone on 80/TCP",
        ),
    ] {
        let policy = read_text(&policy(element), &on()).expect(element);
        let egress = policy.rules[0].egress.as_ref().expect("a statement");
        assert_eq!(&*egress.elements[0].text, wanted);
    }
}
