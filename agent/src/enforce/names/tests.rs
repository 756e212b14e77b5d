use std::fs;

use cluster::{Label, State};
use l7::learned::NAME_IDENTITIES;
use policy::{Config, PersistentState, ProxyPorts};
use testing_policy::{add, state};

use super::*;

const BOUNDS: Bounds = Bounds {
    ipv4: 100,
    ipv6: 10,
    entries: 200,
    loses_own: false,
};

const WORLD: &str = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDRs: [10.1.0.0/24]}\nstatus: {addresses: \
                     [{type: InternalIP, address: 192.168.0.1}]}\n";

/// A time at which nothing is special.
const T: Seconds = 1_000_000;

fn world(spec: &str) -> Arc<State> {
    let mut state = state(WORLD);
    let policy = format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p}}\nspec:\n  endpointSelector: {{}}\n  \
         egress: [{spec}]\n"
    );
    add(&mut state, "p.yaml", &policy);
    Arc::new(state)
}

fn compiler(state: &Arc<State>) -> Compiler {
    let config = Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    let mut compiler = Compiler::new(config, "a", PersistentState::default());
    compiler.update(state);
    compiler
}

const STRIPE: &str = "{toFQDNs: [{matchName: api.stripe.com}, {matchPattern: '*.stripe.com'}]}";

fn answer(pod: u8, names: &[&str], addresses: &[&str], ttl: u32) -> Learned {
    let addresses = addresses.iter().map(|ip| ip.parse().expect("an address"));
    Learned {
        id: 1,
        client: IpAddr::from([10, 1, 0, pod]),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        addresses: addresses.collect(),
        ttl,
    }
}

fn open(directory: &Path, compiler: &Compiler) -> Names {
    let mut names = Names::open(directory, BOUNDS, Arc::default());
    names.follow(compiler, true, T);
    names
}

/// What an address is.
fn labels(names: &Names, address: &str) -> Vec<String> {
    let address = address.parse().expect("an address");
    let labels = names.labels().get(&address).into_iter();
    labels
        .flat_map(Labels::iter)
        .map(Label::to_string)
        .collect()
}

/// Looks for what has run out now, whenever that was done last.
fn forget(names: &mut Names, in_use: &[&str], now: Seconds) {
    names.looked = None;
    let in_use = in_use.iter().map(|ip| ip.parse().expect("an address"));
    names.expire(now, |_| in_use.collect());
}

#[test]
fn an_address_has_one_set_of_labels_for_all_selectors() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world(STRIPE));
    let mut names = open(directory.path(), &compiler);
    let learned = answer(1, &["api.stripe.com."], &["1.0.0.1", "1.0.0.2"], 60);
    assert_eq!(names.learn(&learned, T), Ok(Lesson::Names));
    assert!(names.relabel(compiler.compiled()));
    // That one, and the other one that a name can have.
    assert_eq!(names.take_sets().expect("two").len(), 2);
    let both = labels(&names, "1.0.0.1");
    assert_eq!(
        both,
        ["fqdn:*.stripe.com", "fqdn:api.stripe.com", "reserved:world"]
    );
    assert_eq!(labels(&names, "1.0.0.2"), both);
    // The same again, by another pod, too, changes nothing.
    for pod in [1, 2] {
        let again = answer(pod, &["api.stripe.com."], &["1.0.0.2"], 90);
        assert_eq!(names.learn(&again, T), Ok(Lesson::Names));
    }
    assert!(!names.relabel(compiler.compiled()) && names.take_sets().is_none());
    // Another set.
    let other = answer(1, &["js.stripe.com."], &["1.0.0.3"], 60);
    names.learn(&other, T).expect("room");
    assert!(names.relabel(compiler.compiled()));
    assert_eq!(
        labels(&names, "1.0.0.3"),
        ["fqdn:*.stripe.com", "reserved:world"]
    );
    assert!(
        names.take_sets().is_none(),
        "nothing else has to be compiled"
    );
}

#[test]
fn what_no_selector_matches_opens_nothing_and_takes_no_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world(STRIPE));
    let mut names = open(directory.path(), &compiler);
    for number in 0..=255_u8 {
        let address = format!("2.0.0.{number}");
        let learned = answer(1, &["www.other.com."], &[&address], 60);
        assert_eq!(names.learn(&learned, T), Ok(Lesson::Nothing));
    }
    assert!(!names.relabel(compiler.compiled()) && names.filed.is_empty());
    // Once a policy has it, its addresses of before are.
    let after = world("{toFQDNs: [{matchName: www.other.com}]}");
    let mut compiler = compiler;
    compiler.update(&after);
    names.follow(&compiler, false, T + 10);
    assert_eq!(
        labels(&names, "2.0.0.9"),
        ["fqdn:www.other.com", "reserved:world"]
    );
    // Those whose time was over are not.
    compiler.update(&world(STRIPE));
    names.follow(&compiler, false, T + 10);
    assert!(names.filed.is_empty() && names.labels().is_empty());
    compiler.update(&after);
    names.follow(&compiler, false, T + 60 + GRACE);
    assert!(names.labels().is_empty());
}

#[test]
fn the_names_of_a_chain_count() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world("{toFQDNs: [{matchPattern: '*.cdn.net'}]}"));
    let mut names = open(directory.path(), &compiler);
    let chain = ["www.shop.org.", "shop.cdn.net."];
    let learned = answer(1, &chain, &["1.0.0.1"], 60);
    assert_eq!(names.learn(&learned, T), Ok(Lesson::Names));
    names.relabel(compiler.compiled());
    assert_eq!(
        labels(&names, "1.0.0.1"),
        ["fqdn:*.cdn.net", "reserved:world"]
    );
    assert_eq!(names.filed.len(), 1);
    let told = names.told.read();
    let told: Vec<_> = told
        .iter()
        .map(|entry| (&*entry.name, entry.is_alias))
        .collect();
    assert_eq!(told, [("www.shop.org.", false), ("shop.cdn.net.", true)]);
}

#[test]
fn a_name_stays_while_it_holds_a_while_longer_and_as_long_as_connections_have_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world(STRIPE));
    let mut names = open(directory.path(), &compiler);
    // Also one that is to be used at once only.
    for (address, ttl) in [("1.0.0.1", 60), ("1.0.0.2", 0)] {
        let learned = answer(1, &["api.stripe.com."], &[address], ttl);
        names.learn(&learned, T).expect("room");
    }
    names.relabel(compiler.compiled());
    forget(&mut names, &[], T + GRACE - 1);
    assert_eq!(names.filed.addresses(), 2);
    forget(&mut names, &[], T + GRACE);
    assert!(names.relabel(compiler.compiled()));
    assert!(labels(&names, "1.0.0.2").is_empty());
    let end = T + 60 + GRACE;
    forget(&mut names, &["1.0.0.1"], end);
    assert!(!names.relabel(compiler.compiled()));
    forget(&mut names, &["1.0.0.1"], end + GRACE);
    forget(&mut names, &[], end + 2 * GRACE - 1);
    assert_eq!(names.filed.addresses(), 1);
    forget(&mut names, &[], end + 2 * GRACE);
    assert!(names.relabel(compiler.compiled()));
    assert!(names.labels().is_empty());
    assert_eq!(names.sets.len(), 2, "what a name can have stays");
    // People can still ask for it.
    assert_eq!(names.told.read().len(), 2);
    forget(&mut names, &[], T + 60 + REMEMBERED);
    assert!(names.told.read().is_empty());
}

#[test]
fn a_pod_at_its_share_is_refused_and_others_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world(
        "{toFQDNs: [{matchPattern: '**.evil.org'}, {matchName: a.b}]}",
    ));
    let mut names = open(directory.path(), &compiler);
    let mut refused = 0;
    for number in 0..=255_u8 {
        let name = format!("n{number}.evil.org.");
        let address = format!("2.0.0.{number}");
        refused += u32::from(
            names
                .learn(&answer(1, &[&name], &[&address], 600), T)
                .is_err(),
        );
    }
    assert_eq!(refused, 156);
    let failure = names.failure().expect("told");
    assert!(
        failure.contains("10.1.0.1") && failure.contains("SERVFAIL"),
        "{failure}"
    );
    let other = answer(2, &["a.b."], &["1.0.0.1"], 60);
    assert_eq!(names.learn(&other, T), Ok(Lesson::Names));
    names.relabel(compiler.compiled());
    assert_eq!(labels(&names, "1.0.0.1"), ["fqdn:a.b", "reserved:world"]);
    assert_eq!(names.filed.addresses(), 100);
}

#[test]
fn a_new_agent_knows_what_was_filed() {
    let directory = tempfile::tempdir().expect("a directory");
    let compiler = compiler(&world(STRIPE));
    let mut names = open(directory.path(), &compiler);
    let file = directory.path().join("names.jsonl");
    for number in 0..20 {
        let address = format!("1.0.0.{number}");
        names
            .learn(&answer(1, &["api.stripe.com."], &[&address], 60), T)
            .expect("room");
        names.save().expect("written");
    }
    let length = fs::metadata(&file).expect("a file").len();
    // What is known is not written again with each answer.
    for _ in 0..20 {
        names
            .learn(&answer(1, &["api.stripe.com."], &["1.0.0.1"], 90), T)
            .expect("known");
        names.save().expect("written");
    }
    assert_eq!(fs::metadata(&file).expect("a file").len(), length);
    // A crash in the middle of a line.
    let mut text = fs::read(&file).expect("a file");
    text.extend(b"0123456789abcdef [{\"pod\"");
    fs::write(&file, text).expect("written");
    // Before policies are known nothing that was filed is given up, and what is new is filed.
    let mut again = Names::open(directory.path(), BOUNDS, Arc::default());
    assert_eq!(again.filed.addresses(), 20);
    assert_eq!(again.told.read().len(), 20);
    let unknown = answer(1, &["www.unknown.org."], &["3.0.0.1"], 60);
    assert_eq!(again.learn(&unknown, T), Ok(Lesson::Names));
    again.follow(&compiler, false, T);
    assert_eq!(labels(&again, "1.0.0.19").len(), 3);
    assert_eq!(again.filed.addresses(), 20);
    // What is no such file is told of, and replaced.
    fs::write(&file, "{\"version\":3}\n0 []\n").expect("written");
    let mut names = open(directory.path(), &compiler);
    assert!(names.filed.is_empty());
    names
        .learn(&answer(1, &["api.stripe.com."], &["1.0.0.1"], 60), T)
        .expect("room");
    names.save().expect("written");
    assert_eq!(open(directory.path(), &compiler).filed.len(), 1);
}

/// What stands in a run directory for a proxy without an agent.
fn handed_over(directory: &Path) -> NameIdentities {
    let text = fs::read(directory.join(NAME_IDENTITIES)).expect("a file");
    serde_json::from_slice(&text).expect("numbers")
}

/// Compiles, with the sets of labels that names have.
fn compile(names: &mut Names, compiler: &mut Compiler, state: &Arc<State>) {
    compiler.update(state);
    names.follow(compiler, false, T);
    if let Some(sets) = names.take_sets() {
        compiler.set_names(sets);
        compiler.update(state);
    }
}

#[test]
fn a_proxy_without_an_agent_knows_the_numbers_that_the_policies_know() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = world(STRIPE);
    let mut compiler = compiler(&state);
    let mut names = open(directory.path(), &compiler);
    compile(&mut names, &mut compiler, &state);
    names.before_change(compiler.compiled()).expect("written");
    assert!(!directory.path().join(NAME_IDENTITIES).exists());
    names.after_change(compiler.compiled());
    let first = handed_over(directory.path());
    let patterns = first
        .selectors
        .iter()
        .map(|spec| spec.match_pattern.as_deref());
    assert_eq!(patterns.collect::<Vec<_>>(), [Some("*.stripe.com"), None]);
    let sets = first.identities.iter().map(|known| known.selectors.clone());
    let sets: BTreeSet<Vec<u32>> = sets.collect();
    assert_eq!(sets, BTreeSet::from([vec![0], vec![0, 1]]));
    for known in &first.identities {
        assert_eq!(known.outside, abi::identity::WORLD);
        let identities = &compiler.compiled().identities;
        let labels = identities.labels(cluster::Identity(known.identity));
        let count = labels.expect("known").iter().count();
        assert_eq!(count, 1 + known.selectors.len());
    }
    // Two selectors of which no name is both: an address may be.
    let other = world("{toFQDNs: [{matchName: a.org}, {matchName: b.org}]}");
    compile(&mut names, &mut compiler, &other);
    names.before_change(compiler.compiled()).expect("written");
    assert!(!directory.path().join(NAME_IDENTITIES).exists());
    names.after_change(compiler.compiled());
    assert_eq!(handed_over(directory.path()).identities.len(), 3);
    // What an agent finds that doesn't know what was in force stays until it does.
    let mut names = open(directory.path(), &compiler);
    names.save().expect("written");
    assert_eq!(handed_over(directory.path()).identities.len(), 3);
    compile(&mut names, &mut compiler, &other);
    names.before_change(compiler.compiled()).expect("written");
    assert_eq!(handed_over(directory.path()).identities.len(), 3);
}

#[test]
fn what_a_proxy_learned_without_an_agent_is_taken_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(l7::learned::LEARNED);
    let entry = |number: u8, until| Entry {
        pod: IpAddr::from([10, 1, 0, 1]),
        name: "api.stripe.com.".into(),
        address: IpAddr::from([1, 0, 0, number]),
        since: T - 100,
        expires: until - GRACE,
        until,
        is_alias: false,
    };
    let mut journal = Journal::new(file.clone());
    let learned = [entry(1, T + 60), entry(2, T - 10), entry(3, T - 10)];
    journal.append(&learned).expect("written");
    let compiler = compiler(&world(STRIPE));
    let mut names = Names::open(directory.path(), BOUNDS, Arc::default());
    assert!(!file.exists());
    // Before anything comes into force, what has run out is forgotten, but for what connections have.
    forget(&mut names, &["1.0.0.3"], T);
    names.follow(&compiler, false, T);
    assert_eq!(labels(&names, "1.0.0.1").len(), 3);
    assert!(labels(&names, "1.0.0.2").is_empty());
    assert_eq!(labels(&names, "1.0.0.3").len(), 3);
    assert_eq!(names.told.read().len(), 3, "people can ask");
    // It is kept.
    assert_eq!(open(directory.path(), &compiler).filed.len(), 3);
}

#[test]
fn sets_of_selectors_are_bounded() {
    let directory = tempfile::tempdir().expect("a directory");
    let selectors: Vec<String> = (0..12)
        .map(|number| format!("{{matchName: n{number}.org}}"))
        .collect();
    let compiler = compiler(&world(&format!("{{toFQDNs: [{}]}}", selectors.join(", "))));
    let bounds = Bounds {
        ipv4: 5_000,
        entries: 50_000,
        ..BOUNDS
    };
    let mut names = Names::open(directory.path(), bounds, Arc::default());
    names.follow(&compiler, true, T);
    // Each address has other names.
    for set in 1..1_u16 << 12 {
        let [high, low] = set.to_be_bytes();
        for number in (0..12).filter(|number| set & (1 << number) != 0) {
            let learned = Learned {
                addresses: vec![IpAddr::from([2, 0, high, low])],
                ..answer(1, &[&format!("n{number}.org.")], &[], 60)
            };
            names.learn(&learned, T).expect("room");
        }
        names.relabel(compiler.compiled());
    }
    assert_eq!(names.sets.len(), SETS);
    let failure = names.failure().expect("told");
    assert!(failure.contains("2048 sets"), "{failure}");
    let [open, beyond] = [[2, 0, 0, 1], [2, 0, 15, 255]].map(IpAddr::from);
    assert_eq!(names.obstacle(&[open]), None);
    assert!(names.obstacle(&[open, beyond]).is_some());
    assert!(names.labels().get(&beyond).is_none());
    // What runs out makes room.
    forget(&mut names, &["2.0.15.255"], T + 60 + GRACE);
    names.relabel(compiler.compiled());
    names.relabel(compiler.compiled());
    assert_eq!(names.obstacle(&[beyond]), None);
    assert_eq!(labels(&names, "2.0.15.255").len(), 13);
}
