//! What is refused, where exactly, and what the author is told to do.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use cluster::manifest::{self, Document, Object};
use cluster::yaml;
use flows_policy::Config;

/// `spec` of a policy, and the end of the error that it must give: position, field, problem, remedy.
/// `None`: it is fine.
const CASES: &[(&str, &str, Option<&str>)] = &[
    ("fine", "{endpointSelector: {}, ingress: [{}]}", None),
    (
        "null is absent",
        "{endpointSelector: {}, egress: ~, ingress: [{}]}",
        None,
    ),
    (
        "no subject",
        "{ingress: [{}]}",
        Some(
            "5:3: cnp s/p: spec: rule must have one of EndpointSelector or NodeSelector; add endpointSelector: {} to select all pods",
        ),
    ),
    (
        "no rules",
        "{endpointSelector: {}, ingress: []}",
        Some(
            "5:3: cnp s/p: spec: rule must have at least one of Ingress, IngressDeny, Egress, EgressDeny; to deny everything write ingress: [{}] or egress: [{}]",
        ),
    ),
    (
        "unknown field of a rule",
        "{endpointSelector: {}, ingres: [{}]}",
        Some("5:26: cnp s/p: spec.ingres: unknown field; did you mean ingress?"),
    ),
    (
        "unknown field of an element",
        "{endpointSelector: {}, ingress: [{toEndpoints: []}]}",
        Some(
            "5:37: cnp s/p: spec.ingress[0].toEndpoints: unknown field; did you mean fromEndpoints?",
        ),
    ),
    (
        "names",
        "{endpointSelector: {}, egress: [{toFQDNs: [{matchName: a.b}]}]}",
        Some(
            "5:36: cnp s/p: spec.egress[0].toFQDNs: needs a proxy, which is switched off; start the agent without --l7-proxy=off, or use toCIDR",
        ),
    ),
    (
        "HTTP",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80'}], rules: {http: [{}]}}]}]}",
        Some(
            "spec.ingress[0].toPorts[0].rules.http: http rules need a proxy, which is switched off; start the agent without --l7-proxy=off, or remove them to allow the whole port",
        ),
    ),
    (
        "empty HTTP is none",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80'}], rules: {http: []}}]}]}",
        None,
    ),
    (
        "rules under deny",
        "{endpointSelector: {}, ingressDeny: [{toPorts: [{ports: [{port: '80'}], rules: {}}]}]}",
        Some("spec.ingressDeny[0].toPorts[0].rules: unknown field; known here: ports"),
    ),
    (
        "two kinds of peers",
        "{endpointSelector: {}, ingress: [{fromEndpoints: [{}], fromEntities: [world]}]}",
        Some(
            "spec.ingress[0]: combining FromEndpoints and FromEntities is not supported yet; write two elements of the list: they are alternatives",
        ),
    ),
    (
        "requirements",
        "{endpointSelector: {}, ingress: [{fromRequires: [{matchLabels: {a: b}}]}]}",
        Some(
            "spec.ingress[0].fromRequires: fromRequires is gone from the language; write what it requires into each selector of fromEndpoints",
        ),
    ),
    (
        "metadata of a rule",
        "{endpointSelector: {}, ingress: [{}], description: why, log: {value: web}, labels: [{key: a, value: b, source: c}]}",
        None,
    ),
    (
        "a label without key",
        "{endpointSelector: {}, ingress: [{}], labels: [{value: b}]}",
        Some("5:50: cnp s/p: spec.labels[0]: has no key; add key"),
    ),
    (
        "a long word for the log",
        "{endpointSelector: {}, ingress: [{}], log: {value: 123456789-123456789-123456789-123}}",
        Some(
            "spec.log.value: is longer than 32 characters, or has one that can't be printed; use at most 32 printable characters",
        ),
    ),
    (
        "entity",
        "{endpointSelector: {}, ingress: [{fromEntities: [wolrd]}]}",
        Some(
            "5:52: cnp s/p: spec.ingress[0].fromEntities[0]: unsupported entity: wolrd; use one of all, world, world-ipv4, world-ipv6, cluster, host, remote-node, kube-apiserver, ingress, init, health, unmanaged, none",
        ),
    ),
    (
        "operator",
        "{endpointSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}, ingress: [{}]}",
        Some(
            "spec.endpointSelector.matchExpressions[0].operator: invalid label selector: \"in\" is not an operator; use In, NotIn, Exists or DoesNotExist",
        ),
    ),
    (
        "values of Exists",
        "{endpointSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}, ingress: [{}]}",
        Some(
            "spec.endpointSelector.matchExpressions[0]: invalid label selector: Exists takes no values; remove values, or use In or NotIn",
        ),
    ),
    (
        "value of a label is a number",
        "{endpointSelector: {matchLabels: {a: 1}}, ingress: [{}]}",
        Some(
            "5:40: cnp s/p: spec.endpointSelector.matchLabels.a: is a number, should be text; quote it",
        ),
    ),
    (
        "value of a label",
        "{endpointSelector: {matchLabels: {a: 'x y'}}, ingress: [{}]}",
        Some(
            "spec.endpointSelector.matchLabels.a: invalid label selector: \"x y\" is not a label value; use at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
        ),
    ),
    (
        "no port",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{protocol: TCP}]}]}]}",
        Some(
            "spec.ingress[0].toPorts[0].ports[0]: port must be specified; add port, \"0\" for all ports",
        ),
    ),
    (
        "port out of range",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '65536'}]}]}]}",
        Some("ports[0].port: unable to parse port: 65536 is out of range; use 0 to 65535"),
    ),
    (
        "port with a leading zero",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '080'}]}]}]}",
        Some(
            "ports[0].port: unable to parse port: \"080\" begins with 0, which Cilium reads as octal; write \"80\"",
        ),
    ),
    (
        "port with a sign",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '+80'}]}]}]}",
        Some(
            "ports[0].port: unable to parse port: \"+80\" is neither a number nor the name of a port; use 0 to 65535, or a name of at most 15 letters, digits and single dashes",
        ),
    ),
    (
        "port with a line in it",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '8_0'}]}]}]}",
        Some(
            "ports[0].port: unable to parse port: \"8_0\" is neither a number nor the name of a port; use 0 to 65535, or a name of at most 15 letters, digits and single dashes",
        ),
    ),
    (
        "port with a leading zero and no quotes",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: 080}]}]}]}",
        Some("ports[0].port: is a number, should be text; quote it"),
    ),
    (
        "port in hexadecimal, without quotes",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: 0x50}]}]}]}",
        Some("ports[0].port: is a number, should be text; quote it"),
    ),
    (
        "end in hexadecimal",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', endPort: 0x60}]}]}]}",
        Some(
            "ports[0].endPort: is spelled so that it isn't read alike everywhere; write it in plain decimal digits",
        ),
    ),
    (
        "a label key with two slashes",
        "{endpointSelector: {matchLabels: {a/b/c: x}}, ingress: [{}]}",
        Some(
            "spec.endpointSelector.matchLabels.a/b/c: invalid label selector: \"a/b/c\" is not a label key; use a name of at most 63 letters, digits, '-', '_' and '.', if wanted with a domain and one '/' before it",
        ),
    ),
    (
        "label keys of all sources",
        "{endpointSelector: {matchLabels: {'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': x, \
          'any:app.kubernetes.io/name': y, app: z}}, \
          ingress: [{fromEndpoints: [{matchLabels: {'reserved:host': ''}}, {matchLabels: {'cidr:2001-db8--0/32': ''}}]}]}",
        None,
    ),
    (
        "port 0 to somewhere",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '0', endPort: 9}]}]}]}",
        Some(
            "ports[0].endPort: port 0 means all ports and takes no endPort; use port \"1\" for a range from the first port, or remove endPort",
        ),
    ),
    (
        "protocol",
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '1', protocol: ICMP}]}]}]}",
        Some(
            "ports[0].protocol: invalid protocol \"ICMP\", must be { tcp | udp | sctp | vrrp | igmp | any }; use icmps beside toPorts in an element of its own",
        ),
    ),
    (
        "ICMP and ports",
        "{endpointSelector: {}, ingress: [{toPorts: [], icmps: []}]}",
        Some(
            "spec.ingress[0].icmps: the ICMPs block may only be present without ToPorts. Define a separate rule to use ToPorts; write two elements of the list",
        ),
    ),
    (
        "ICMP type of the other family",
        "{endpointSelector: {}, ingress: [{icmps: [{fields: [{family: IPv6, type: Photuris}]}]}]}",
        Some("fields[0].type: ICMP type Photuris not found in IPv6; use a number from 0 to 255"),
    ),
    (
        "prefix without length",
        "{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.1}]}]}",
        Some(
            "toCIDRSet[0].cidr: unable to parse CIDRRule \"10.0.0.1\": has no length; add the length of the prefix: 10.0.0.1/32",
        ),
    ),
    (
        "exception outside",
        "{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}]}",
        Some(
            "toCIDRSet[0]: allow CIDR prefix 10.0.0.0/8 does not contain exclude CIDR prefix 11.0.0.0/8; except can only take parts out of cidr",
        ),
    ),
    (
        "two sources of prefixes",
        "{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, cidrGroupRef: x}]}]}",
        Some(
            "toCIDRSet[0]: more than one of cidr, cidrGroupRef, or cidrGroupSelector may not be set; write one item for each",
        ),
    ),
    (
        "an item that is nothing",
        "{endpointSelector: {}, ingress: [~]}",
        Some(
            "5:36: cnp s/p: spec.ingress[0]: is nothing, should be a mapping; write {} for an empty one",
        ),
    ),
    (
        "a mapping where a list belongs",
        "{endpointSelector: {}, ingress: {}}",
        Some("spec.ingress: is a mapping, should be a list; start each item with a dash"),
    ),
    (
        "authentication that asks for nothing",
        "{endpointSelector: {}, ingress: [{fromEndpoints: [{}], authentication: {mode: disabled}}]}",
        None,
    ),
    (
        "authentication",
        "{endpointSelector: {}, ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]}",
        Some(
            "spec.ingress[0].authentication.mode: \"required\" isn't supported yet: nobody authenticates; use disabled, or remove authentication",
        ),
    ),
    (
        "authentication of a deny",
        "{endpointSelector: {}, ingressDeny: [{authentication: {mode: disabled}}]}",
        Some(
            "spec.ingressDeny[0].authentication: unknown field; known here: fromEndpoints, fromEntities, fromCIDR, fromCIDRSet, toPorts, icmps, fromRequires",
        ),
    ),
    (
        "a label's value",
        "{endpointSelector: {}, ingress: [{}], labels: [{key: a, value: 5}]}",
        Some("spec.labels[0].value: is a number, should be text; quote it"),
    ),
    (
        "default deny",
        "{endpointSelector: {}, ingress: [{}], enableDefaultDeny: {ingress: 'no'}}",
        Some("spec.enableDefaultDeny.ingress: is text, should be true or false"),
    ),
    (
        "nodes",
        "{nodeSelector: {}, ingress: [{}]}",
        Some(
            "spec.nodeSelector: Invalid CiliumNetworkPolicy spec: rule cannot have NodeSelector; use endpointSelector, or a CiliumClusterwideNetworkPolicy",
        ),
    ),
];

fn refusal(kind: &str, spec: &str) -> Option<String> {
    read(kind, spec).err().map(|problem| problem.to_string())
}

fn read(kind: &str, spec: &str) -> Result<flows_policy::Policy, Box<cluster::Problem>> {
    let (version, kind) = match kind {
        "cnp" => ("cilium.io/v2", "CiliumNetworkPolicy"),
        _ => ("networking.k8s.io/v1", "NetworkPolicy"),
    };
    let text = format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p, namespace: s}}\nspec:\n  {spec}\n"
    );
    let document = yaml::parse(&text).expect("valid YAML").remove(0);
    let Document::Object(_, Object::Policy(raw), _) =
        manifest::read(&"p.yaml".into(), document).remove(0)
    else {
        panic!("{text}")
    };
    flows_policy::parse(&raw, &Config::default())
}

fn check(kind: &str, cases: &[(&str, &str, Option<&str>)]) {
    for (name, spec, wanted) in cases {
        match (refusal(kind, spec), wanted) {
            (None, None) => {}
            (Some(refused), Some(wanted)) => {
                assert!(refused.starts_with("p.yaml:5:"), "{name}: {refused}");
                assert!(
                    refused.ends_with(wanted),
                    "{name}:\n  {refused}\nwanted\n  {wanted}"
                );
            }
            (refused, wanted) => panic!("{name}: {refused:?}, wanted {wanted:?}"),
        }
    }
}

#[test]
fn cilium_policies() {
    check("cnp", CASES);
}

#[test]
fn kubernetes_policies() {
    check(
        "netpol",
        &[
            ("fine", "{podSelector: {}}", None),
            (
                "an empty peer",
                "{podSelector: {}, ingress: [{from: [{}]}]}",
                Some(
                    "spec.ingress[0].from[0]: names no peer; add podSelector, namespaceSelector or ipBlock; to allow anyone remove the list",
                ),
            ),
            (
                "block and selector",
                "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
                Some(
                    "from[0].ipBlock: can't be combined with podSelector or namespaceSelector; write two items: they are alternatives",
                ),
            ),
            (
                "type",
                "{podSelector: {}, policyTypes: [ingress]}",
                Some(
                    "spec.policyTypes[0]: \"ingress\" is not a policy type; use Ingress or Egress",
                ),
            ),
            (
                "types three times",
                "{podSelector: {}, policyTypes: [Ingress, Egress, Ingress]}",
                Some(
                    "spec.policyTypes: has 3 items, the max is 2; name Ingress and Egress once each",
                ),
            ),
            (
                "no types at all",
                "{podSelector: {}, policyTypes: []}",
                None,
            ),
            (
                "all of a block taken out",
                "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.0.0.0/8]}}]}]}",
                Some(
                    "from[0].ipBlock: except 10.0.0.0/8 leaves nothing of cidr; take out a part of cidr, or remove the block",
                ),
            ),
            (
                "a source before a key",
                "{podSelector: {matchLabels: {'k8s:app': web}}}",
                Some(
                    "spec.podSelector.matchLabels.k8s:app: invalid label selector: \"k8s:app\" is not a label key; use a name of at most 63 letters, digits, '-', '_' and '.', if wanted with a domain and one '/' before it",
                ),
            ),
            (
                "port with a leading zero",
                "{podSelector: {}, ingress: [{ports: [{port: 080}]}]}",
                Some("ports[0].port: is not a port number; use 1 to 65535 in plain decimal digits"),
            ),
            (
                "port in quotes",
                "{podSelector: {}, ingress: [{ports: [{port: '80'}]}]}",
                Some(
                    "ports[0].port: unable to parse port: \"80\" is neither a number nor the name of a port; write 80 without quotes",
                ),
            ),
            (
                "name of a port in capitals",
                "{podSelector: {}, ingress: [{ports: [{port: HTTP}]}]}",
                Some(
                    "ports[0].port: unable to parse port: \"HTTP\" is neither a number nor the name of a port; write it in lower case",
                ),
            ),
            (
                "end without beginning",
                "{podSelector: {}, ingress: [{ports: [{endPort: 5}]}]}",
                Some("ports[0].endPort: needs a port; add the first port of the range as port"),
            ),
            (
                "end of a name",
                "{podSelector: {}, ingress: [{ports: [{port: http, endPort: 5}]}]}",
                Some("ports[0].endPort: needs a numeric port; write the first port as a number"),
            ),
            (
                "end below",
                "{podSelector: {}, ingress: [{ports: [{port: 9, endPort: 5}]}]}",
                Some("ports[0].endPort: is below port; swap the two"),
            ),
            (
                "Cilium's field",
                "{podSelector: {}, ingressDeny: [{}]}",
                Some(
                    "spec.ingressDeny: unknown field; known here: podSelector, policyTypes, ingress, egress",
                ),
            ),
        ],
    );
}

/// What has a meaning in Cilium, and another one to its author.
#[test]
fn ports_that_look_like_numbers_are_named() {
    for (name, spec, wanted) in [
        (
            "hexadecimal",
            "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '0x50', protocol: TCP}]}]}]}",
            Some(
                "p.yaml:5:63: cnp s/p: spec.ingress[0].toPorts[0].ports[0].port: \"0x50\" is the name of a port, as in Cilium, and not the number 80; write \"80\", or give the port a name that doesn't look like a number",
            ),
        ),
        (
            "a name",
            "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: 0xyz}]}]}]}",
            None,
        ),
    ] {
        let doubts: Vec<String> = read("cnp", spec)
            .unwrap_or_else(|refused| panic!("{name}: {refused}"))
            .doubts
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(doubts.iter().map(String::as_str).next(), wanted, "{name}");
    }
}

/// All mistakes at once, those within one mapping, too.
#[test]
fn one_mistake_does_not_hide_another() {
    for (name, spec, wanted) in [
        (
            "no selector, a bad peer, a bad switch",
            "{ingress: [{fromEntities: [wolrd]}], enableDefaultDeny: {ingress: 1, egres: true}}",
            4,
        ),
        (
            "everything about a port",
            "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{prot: 5, port: '80800', protocol: TPC, endPort: x}]}]}]}",
            4,
        ),
        (
            "an expression",
            "{endpointSelector: {matchExpressions: [{kee: a, key: 'b c', values: [1, 'd e']}]}, ingress: [{}]}",
            5,
        ),
    ] {
        let text = format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p, namespace: s}}\nspec: {spec}\n"
        );
        let document = yaml::parse(&text).expect("valid YAML").remove(0);
        let Document::Object(_, Object::Policy(raw), _) =
            manifest::read(&"p.yaml".into(), document).remove(0)
        else {
            panic!("{text}")
        };
        let wrong = flows_policy::parse_all(&raw, &Config::default()).expect_err(name);
        let shown: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), wanted, "{name}: {shown:#?}");
    }
}
