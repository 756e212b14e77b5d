//! What is said, and of whom.

use cluster::manifest::{self, Document};
use policy::{Compiler, Config, LocalEndpoint, LocalNode, PersistentState};

use super::*;

fn add(state: &mut State, text: &str) {
    for tree in cluster::yaml::parse(text).expect("valid YAML") {
        for document in manifest::read(&"web.yaml".into(), tree) {
            match document {
                Document::Object(_, object, _) => state.insert(object),
                bad @ (Document::Bad(..) | Document::Ignored(..)) => panic!("{bad:?}"),
            }
        }
    }
}

fn policy(name: &str, version: u32, peers: &str) -> String {
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: {name}, \
         namespace: shop, resourceVersion: '{version}'}}, spec: {{endpointSelector: {{}}, \
         ingress: [{peers}]}}}}\n"
    )
}

fn ports(count: usize) -> String {
    let ports = (1..=count).map(|port| format!("{{port: '{}', protocol: TCP}}", 1_000 + 2 * port));
    let ports: Vec<String> = ports.collect();
    format!("{{toPorts: [{{ports: [{}]}}]}}", ports.join(", "))
}

struct Scene {
    compiler: Compiler,
    state: State,
    here: LocalNode,
}

impl Scene {
    fn new() -> Self {
        let mut state = State::default();
        add(
            &mut state,
            "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, \
             spec: {nodeName: one}, status: {podIP: 10.1.0.1}}",
        );
        let mut here = LocalNode::default();
        let place = LocalEndpoint {
            index: 1,
            interface: Some(5),
        };
        here.places
            .insert(cluster::NamespacedName::new("shop", "web"), place);
        Self {
            compiler: Compiler::new(Config::default(), "one", PersistentState::default()),
            state,
            here,
        }
    }

    fn compile(&mut self) -> Desired {
        self.compiler.update(&Arc::new(self.state.clone()));
        self.compiler.compiled().desired(&self.here)
    }

    fn refusal(&self, room: Capacity, in_force: &Desired, before: &Progress) -> Refusal {
        let (compiled, policies) = (self.compiler.compiled(), self.compiler.policies());
        Refusal::new(room, &self.state, compiled, &policies, in_force, before)
    }
}

#[test]
fn it_names_map_numbers_policies_and_remedy() {
    let mut scene = Scene::new();
    add(&mut scene.state, &policy("web", 1, &ports(3)));
    add(&mut scene.state, &policy("same", 1, &ports(2)));
    add(&mut scene.state, &policy("closed", 1, "{}"));
    let in_force = scene.compile();
    let before = crate::enforce::publish::progress(
        1,
        &scene.state,
        scene.compiler.compiled(),
        None,
        &Progress::default(),
    );
    add(&mut scene.state, &policy("web", 2, &ports(5)));
    add(&mut scene.state, &policy("huge", 1, &ports(40)));
    add(&mut scene.state, &policy("later", 1, "{}"));
    let mut names = scene.state.policies.keys();
    let gone = names.find(|name| &*name.name == "closed").cloned();
    drop(names);
    scene.state.policies.remove(&gone.expect("it is there"));
    let wanted = scene.compile().policy.len();
    let room = Capacity {
        map: maps::POLICY.name,
        wanted,
        peak: 43,
        max: 20,
    };
    // After a restart nothing was told yet: the kernel's own tables say it.
    for before in [before, Progress::default()] {
        let refusal = scene.refusal(room, &in_force, &before);
        let behind: Vec<_> = refusal
            .behind
            .iter()
            .map(|(name, behind)| (&*name.name, &*behind.version, behind.earlier))
            .collect();
        let expected = [
            ("closed", "", true),
            ("huge", "1", false),
            ("later", "1", false),
            ("web", "2", true),
        ];
        assert_eq!(behind, expected);
        assert_eq!(
            refusal.text(),
            format!(
                "{wanted} policy entries are wanted, map POLICY has room for 20: 40 of cnp \
                 shop/huge (0 in force), 5 of cnp shop/web (3 in force), 2 of cnp shop/same (2 in \
                 force); the last applied policy stays enforced as a whole; restart flows-agent with \
                 --max-policy-entries=64, or select fewer pods, peers or ports in cnp shop/huge"
            )
        );
        let problems = refusal.problems(&scene.state);
        let huge = &problems[1];
        assert!(huge.not_enforced);
        assert!(
            huge.to_string()
                .starts_with("web.yaml:1:1: cnp shop/huge: is not in force: "),
            "{huge}"
        );
        assert!(problems[0].to_string().contains("stays enforced"));
    }
}

#[test]
fn prefixes_and_changes_that_only_pass_by_a_full_map() {
    let mut scene = Scene::new();
    let in_force = scene.compile();
    let peers = "{fromCIDR: [192.0.2.0/24, 198.51.100.0/24, '2001:db8::/32']}";
    add(&mut scene.state, &policy("outer", 1, peers));
    scene.compile();
    let room = Capacity {
        map: maps::CIDR4.name,
        wanted: 3,
        peak: 5,
        max: 3,
    };
    let refusal = scene.refusal(room, &in_force, &Progress::default());
    assert_eq!(
        refusal.text(),
        "3 IPv4 prefixes are wanted, 5 while old and new stand side by side, map CIDR4 has room \
         for 3: 2 of cnp shop/outer (0 in force); the last applied policy stays enforced as a whole; \
         restart flows-agent with --max-ipv4-prefixes=8, or name fewer prefixes in cnp \
         shop/outer, or make the change in two steps"
    );
}

#[test]
fn the_flag_of_each_map_that_can_be_full_is_named() {
    let scene = Scene::new();
    let can_be_full = |map: &&Declaration| map.is_staged && map.flag().is_some();
    let mut named = Vec::new();
    for map in maps::ALL.iter().filter(can_be_full) {
        let room = Capacity {
            map: map.name,
            wanted: 5,
            peak: 5,
            max: 4,
        };
        let text = scene
            .refusal(room, &Desired::default(), &Progress::default())
            .text();
        let problem = format!(
            "5 {} are wanted, map {} has room for 4; ",
            map.entries, map.name
        );
        assert!(text.starts_with(&problem), "{text}");
        let flag = map.flag().expect("it has one").name;
        let remedy = format!("restart flows-agent with --{flag}=8");
        assert!(text.ends_with(&remedy), "{text}");
        named.push(flag);
    }
    let expected = [
        "max-ipv4-addresses",
        "max-ipv6-addresses",
        "max-ipv4-prefixes",
        "max-ipv6-prefixes",
        "max-policy-entries",
    ];
    assert_eq!(named, expected);
}

/// A prefix is an entry in the tables of all who let the world in: they don't ask for it.
#[test]
fn entries_for_new_prefixes_are_of_the_policy_that_names_them() {
    let mut scene = Scene::new();
    let world = |version| policy("open", version, "{fromEntities: [world]}");
    add(&mut scene.state, &world(1));
    let in_force = scene.compile();
    let prefixes: Vec<String> = (0..9).map(|n| format!("192.0.{n}.0/24")).collect();
    let peers = format!("{{fromCIDR: [{}]}}", prefixes.join(", "));
    add(&mut scene.state, &policy("outer", 1, &peers));
    add(&mut scene.state, &world(2));
    let room = Capacity {
        map: maps::POLICY.name,
        wanted: scene.compile().policy.len(),
        peak: 20,
        max: 8,
    };
    let refusal = scene.refusal(room, &in_force, &Progress::default());
    let asked: Vec<_> = refusal
        .asked
        .iter()
        .map(|asked| (&*asked.policy.name, asked.more))
        .collect();
    assert_eq!(asked, [("outer", 9), ("open", 0)], "{}", refusal.text());
}
