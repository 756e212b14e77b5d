//! Within a crate, too, files use each other one way: read from the sources' `crate::`, `super::` and
//! `self::` paths.
//!
//! - The top modules of a crate listed in [`ORDER`] stand in an order, and use only those before them.
//! - At every level, modules beside each other, with all that is inside them, make no circle. A parent
//!   and what is inside it may use each other.
//!
//! What a module passes on by `pub use` counts as used where it is defined.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Directory of a crate, and its top modules from the bottom: each uses only what stands before it.
const ORDER: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "error",
            "flag",
            "text",
            "table",
            "line",
            "connect",
            "filter_args",
            "list",
            "status",
            "observe",
            "policy",
            "top",
            "watch",
            "args",
        ],
    ),
    (
        "datapath/core",
        &[
            "maps",
            "packet",
            "family",
            "parse",
            "conntrack",
            "context",
            "policy",
            "report",
            "shares",
            "verdict",
        ],
    ),
    (
        "datapath/loader",
        &[
            "interface",
            "error",
            "sys",
            "pins",
            "pod_types",
            "prefix",
            "map",
            "stats",
            "shares",
            "sizes",
            "staged",
            "content",
            "cpus",
            "kernel",
            "guard",
            "programs",
            "repair",
            "links",
            "resize",
            "datapath",
            "apply",
            "inspect",
            "netlink",
            "egress",
            "pods",
            "rings",
            "testrun",
        ],
    ),
    (
        "flow",
        &[
            "spelling",
            "quantity",
            "identity",
            "time",
            "monitor_api",
            "view",
            "format",
            "attribute",
            "filter",
            "expr",
            "flags",
            "workload_ref",
            "filter_for",
            "dedup",
            "aggregate",
            "print",
        ],
    ),
    (
        "cluster",
        &[
            "protocol",
            "digest",
            "differ",
            "labels",
            "object",
            "yaml",
            "origin",
            "problem",
            "manifest",
            "named_labels",
            "identities",
            "state",
            "source",
        ],
    ),
    (
        "serve",
        &[
            "process",
            "privileges",
            "listen",
            "grpc",
            "health",
            "http",
            "metrics",
        ],
    ),
    (
        "agent",
        &[
            "config", "error", "node", "fact", "history", "hubble", "observe", "enforce", "api",
            "metrics", "run",
        ],
    ),
    (
        "relay",
        &[
            "merge",
            "raw",
            "metrics",
            "peer",
            "late_marker",
            "query",
            "config",
            "relay",
            "service",
            "policy",
            "status",
            "server",
        ],
    ),
    (
        "ui",
        &[
            "map",
            "config",
            "problem",
            "app_state",
            "auth",
            "flow_id",
            "params",
            "api",
            "assets",
            "metrics",
            "server",
        ],
    ),
    (
        "lab",
        &[
            "error",
            "link",
            "netns",
            "process",
            "manifest",
            "plan",
            "state",
            "netns_exec",
            "network",
            "hosts",
            "manifest_dir",
            "readiness",
            "wait_applied",
            "lab",
            "down",
            "outcome",
            "apply",
            "traffic",
            "cli",
            "status",
        ],
    ),
    (
        "policy",
        &[
            "bounded",
            "config",
            "path",
            "portrange",
            "steps",
            "selector",
            "attribution",
            "cidr",
            "rule",
            "prefixes",
            "parse",
            "cookies",
            "persistent_state",
            "output",
            "desired_state",
            "selector_cache",
            "rule_store",
            "table",
            "decide",
            "compiler",
        ],
    ),
    ("explain", &["trace", "validate", "explain_flow", "proto"]),
    (
        "client",
        &["error", "target", "server", "store", "feed", "view"],
    ),
];

/// Names from the root, which is empty.
type Module = Vec<String>;

/// The sources of a crate, by module.
type Sources = BTreeMap<Module, String>;

fn sources(directory: &Path) -> Sources {
    fn read(directory: &Path, module: &Module, sources: &mut Sources) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut module = module.clone();
            if path.is_dir() {
                module.push(name);
                read(&path, &module, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                match name.as_str() {
                    "main" => continue,
                    "lib" => {}
                    _ => module.push(name),
                }
                sources.insert(module, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Sources::new();
    read(&directory.join("src"), &Module::new(), &mut sources);
    sources
}

/// The source without comments, texts and tests.
fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    for line in source.lines() {
        let mut in_text = false;
        let mut before = '\0';
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' if in_text => {
                    chars.next();
                }
                '"' if before != '\'' => in_text = !in_text,
                '/' if !in_text && chars.peek() == Some(&'/') => break,
                char if !in_text => code.push(char),
                _ => {}
            }
            before = char;
        }
        code.push('\n');
    }
    // Modules of tests stand at the end, or in files of their own.
    match code.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => code[..tests].to_owned(),
        None => code,
    }
}

/// Modules for tests only, in files of their own.
fn tests_of(module: &Module, code: &str) -> Vec<Module> {
    let mut lines = code.lines().map(str::trim).peekable();
    let mut tests = Vec::new();
    while let Some(line) = lines.next() {
        let next = lines.peek().and_then(|next| next.strip_prefix("mod "));
        if let (true, Some(name)) = (line.starts_with("#[cfg(test)]"), next) {
            let mut module = module.clone();
            module.push(name.trim_end_matches(';').to_owned());
            tests.push(module);
        }
    }
    tests
}

/// The paths of a `use` tree.
fn tree(text: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for char in text.chars() {
        match char {
            ',' if depth == 0 => parts.push(String::new()),
            char => {
                depth += match char {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                parts.last_mut().unwrap().push(char);
            }
        }
    }
    for part in parts {
        let part = part.trim();
        let (plain, inner) = match part.split_once('{') {
            Some((plain, inner)) => (plain, inner.strip_suffix('}')),
            None => (part, None),
        };
        let mut path = before.to_vec();
        let plain = plain.split(" as ").next().unwrap();
        let names = plain.split("::").map(str::trim);
        path.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
        match inner {
            Some(inner) => tree(inner, &path, paths),
            None if path.is_empty() => {}
            None => paths.push(path),
        }
    }
}

/// Imports of a source, and those that it passes on.
fn uses(code: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut imports, mut passed_on) = (Vec::new(), Vec::new());
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rfind('\n').map_or(0, |end| end + 1);
        let visibility = code[line..at].trim();
        let plain = visibility.is_empty();
        if !(plain || visibility.starts_with("pub")) {
            continue;
        }
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let into = if plain { &mut imports } else { &mut passed_on };
        tree(&code[at + "use ".len()..end].replace('\n', " "), &[], into);
    }
    (imports, passed_on)
}

/// Paths in the code that begin at the root, or at a module above.
fn paths(code: &str) -> Vec<Vec<String>> {
    let name = |char: char| char.is_alphanumeric() || char == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|char| name(char) || char == ':') {
                continue;
            }
            let end = code[at..].find(|char| !name(char) && char != ':');
            let path = &code[at..end.map_or(code.len(), |end| at + end)];
            let names = path.split("::").filter(|name| !name.is_empty());
            found.push(names.map(str::to_owned).collect());
        }
    }
    found
}

/// Which files use which.
struct Graph {
    modules: BTreeSet<Module>,
    /// Names that a module passes on, and the paths to them.
    passed_on: BTreeMap<(Module, String), Vec<String>>,
    uses: BTreeSet<(Module, Module)>,
}

impl Graph {
    fn new(sources: &Sources) -> Self {
        let codes: BTreeMap<&Module, String> = sources
            .iter()
            .map(|(module, source)| (module, code(source)))
            .collect();
        let tests: Vec<Module> = codes
            .iter()
            .flat_map(|(module, code)| tests_of(module, code))
            .collect();
        let is_test = |module: &Module| tests.iter().any(|tests| module.starts_with(tests));
        let mut graph = Self {
            modules: sources.keys().cloned().collect(),
            passed_on: BTreeMap::new(),
            uses: BTreeSet::new(),
        };
        let mut used: Vec<(Module, Vec<String>)> = Vec::new();
        for (module, code) in codes.into_iter().filter(|(module, _)| !is_test(module)) {
            let (imports, passed_on) = uses(code.as_str());
            // What a module imports for itself, those inside it see as well.
            for path in passed_on.iter().chain(&imports) {
                let key = (module.clone(), path.last().unwrap().clone());
                graph.passed_on.insert(key, path.clone());
            }
            let all = imports.into_iter().chain(passed_on).chain(paths(&code));
            used.extend(all.map(|path| (module.clone(), path)));
        }
        for (module, path) in used {
            let target = graph.resolve(&module, &path, 0);
            graph.uses.insert((module, target.unwrap_or_default()));
        }
        graph
    }

    /// The file in which something is defined; `None` if that is another crate's.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut module = from.clone();
        let mut names = path.iter().peekable();
        match names.peek()?.as_str() {
            "crate" => {
                names.next();
                module.clear();
            }
            "self" => {
                names.next();
            }
            "super" => {
                while names.next_if(|name| *name == "super").is_some() {
                    module.pop();
                }
            }
            // Relative to here, or another crate.
            name => {
                let mut child = module.clone();
                child.push(name.to_owned());
                if !self.modules.contains(&child) {
                    return None;
                }
            }
        }
        while let Some(name) = names.next() {
            let mut child = module.clone();
            child.push(name.clone());
            if self.modules.contains(&child) {
                module = child;
                continue;
            }
            let passed_on = self.passed_on.get(&(module.clone(), name.clone()));
            if let Some(path) = passed_on.filter(|_| depth < 8) {
                let mut path = path.clone();
                path.extend(names.cloned());
                return self.resolve(&module, &path, depth + 1);
            }
            break;
        }
        Some(module)
    }

    /// What is wrong, a line each.
    fn complaints(&self, order: &[&str]) -> Vec<String> {
        // For each parent, which of its children use which, and a file that shows it.
        let mut levels: BTreeMap<&[String], BTreeMap<(&str, &str), String>> = BTreeMap::new();
        for (from, to) in &self.uses {
            let same = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (from.get(same), to.get(same)) {
                let example = format!("{} uses {}", from.join("::"), to.join("::"));
                let level = levels.entry(&from[..same]).or_default();
                level.entry((a.as_str(), b.as_str())).or_insert(example);
            }
        }
        let mut complaints = Vec::new();
        for (parent, edges) in &levels {
            for circle in circles(edges.keys().copied().collect()) {
                let shown = edges
                    .iter()
                    .filter(|((a, b), _)| circle.contains(a) && circle.contains(b));
                let shown: Vec<&str> = shown.map(|(_, example)| example.as_str()).collect();
                complaints.push(format!(
                    "a circle in `{}`: {}",
                    parent.join("::"),
                    shown.join("; ")
                ));
            }
        }
        let tops: BTreeSet<&str> = self
            .modules
            .iter()
            .filter_map(|module| module.first().map(String::as_str))
            .collect();
        let listed: BTreeSet<&str> = order.iter().copied().collect();
        for name in tops.symmetric_difference(&listed) {
            complaints.push(format!("`{name}` is not both a module and listed"));
        }
        let place = |name: &str| order.iter().position(|known| *known == name);
        for ((a, b), example) in levels.get(&[][..]).into_iter().flatten() {
            if place(a) < place(b) {
                complaints.push(format!("against the order: {example}"));
            }
        }
        complaints
    }
}

/// Sets of those that use each other in a circle.
fn circles<'a>(edges: BTreeSet<(&'a str, &'a str)>) -> BTreeSet<BTreeSet<&'a str>> {
    let reached = |from: &'a str| {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![from];
        while let Some(one) = next.pop() {
            for (_, b) in edges.iter().filter(|(a, _)| *a == one) {
                if reached.insert(b) {
                    next.push(b);
                }
            }
        }
        reached
    };
    let names: BTreeSet<&str> = edges.iter().map(|(a, _)| *a).collect();
    let all: BTreeMap<&str, BTreeSet<&str>> =
        names.iter().map(|one| (*one, reached(one))).collect();
    let in_circle = names.iter().filter(|one| all[*one].contains(*one));
    in_circle
        .map(|one| {
            let others = all[one].iter();
            let back = others.filter(|other| all.get(*other).is_some_and(|of| of.contains(one)));
            back.copied().collect()
        })
        .collect()
}

#[test]
fn files_use_each_other_one_way() {
    let mut all = Vec::new();
    for (directory, order) in ORDER {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(directory);
        let sources = sources(&root);
        assert!(sources.len() > order.len(), "{directory} has files");
        let graph = Graph::new(&sources);
        assert!(graph.uses.len() > order.len(), "{directory} has uses");
        let complaints = graph.complaints(order).into_iter();
        all.extend(complaints.map(|complaint| format!("{directory}: {complaint}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[cfg(test)]
fn complaints(files: &[(&str, &str)], order: &[&str]) -> Vec<String> {
    let files = files.iter().map(|(module, source)| {
        let names = module.split("::").filter(|name| !name.is_empty());
        (names.map(str::to_owned).collect(), (*source).to_owned())
    });
    Graph::new(&files.collect()).complaints(order)
}

#[test]
fn what_is_wrong_is_found() {
    let root = ("", "pub mod a;\npub mod b;\n");
    let fine = [
        root,
        ("a", "mod x;\npub use x::X;\nfn f() { x::g() }\n"),
        ("a::x", "use super::f;\npub struct X;\n"),
        ("b", "use crate::a::{self, X};\n"),
    ];
    assert_eq!(complaints(&fine, &["a", "b"]), [""; 0]);
    assert_eq!(
        complaints(&fine, &["b", "a"]),
        ["against the order: b uses a"]
    );
    assert_eq!(
        complaints(&fine, &["a", "b", "c"]),
        ["`c` is not both a module and listed"]
    );
    assert!(complaints(&fine, &["a"])[0].starts_with("`b` is not both"));

    // A circle of two files, in whatever way the path is written.
    for (source, circle) in [
        ("use crate::b::B;\n", true),
        ("use crate::{\n    b::{B, C},\n};\n", true),
        ("pub(crate) use super::b::B as C;\n", true),
        ("fn f() -> crate::b::B {}\n", true),
        ("use std::b::B;\n", false),
        ("// crate::b::B\nconst TEXT: &str = \"crate::b\";\n", false),
        (
            "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n",
            false,
        ),
    ] {
        let files = [root, ("a", source), ("b", "use crate::a::A;\n")];
        let complaints = complaints(&files, &["a", "b"]);
        assert_eq!(
            complaints
                .iter()
                .any(|one| one.starts_with("a circle in ``")),
            circle,
            "{source}: {complaints:?}"
        );
    }

    // Of children, through what their parent passes on.
    let files = [
        ("", "mod a;\n"),
        ("a", "mod x;\nmod y;\npub use x::X;\npub use y::Y;\n"),
        ("a::x", "use super::Y;\n"),
        ("a::y", "use super::X;\n"),
    ];
    assert_eq!(
        complaints(&files, &["a"]),
        ["a circle in `a`: a::x uses a::y; a::y uses a::x"]
    );

    // Of three, through a child.
    let files = [
        ("", ""),
        ("a", "mod x;\n"),
        ("a::x", "use crate::b::B;\n"),
        ("b", "use crate::c::C;\n"),
        ("c", "use crate::a::A;\n"),
    ];
    let complaints = complaints(&files, &["a", "b", "c"]);
    assert!(
        complaints[0].starts_with("a circle in ``: a::x uses b; b uses c; c uses a"),
        "{complaints:?}"
    );
}
