//! Which modules use which, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Module, Sources, code, paths, tests_of, uses};

/// Which files use which.
pub(crate) struct Graph {
    modules: BTreeSet<Module>,
    /// Names that a module passes on, and the paths to them.
    passed_on: BTreeMap<(Module, String), Vec<String>>,
    pub(crate) uses: BTreeSet<(Module, Module)>,
}

impl Graph {
    pub(crate) fn new(sources: &Sources) -> Self {
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
    pub(crate) fn complaints(&self, order: &[&str]) -> Vec<String> {
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
