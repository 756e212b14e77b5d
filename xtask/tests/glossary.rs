//! Names that docs/GLOSSARY.md says are gone are gone: of modules, and of public types.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Directory of a crate, and the names that it must not have.
fn gone(glossary: &str) -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| -> Vec<String> {
        let ticked = cell.split('`').skip(1).step_by(2);
        ticked.map(str::to_owned).collect()
    };
    let rows = glossary
        .lines()
        .skip_while(|line| !line.starts_with("| crate | gone | now |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut gone: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        assert_eq!(cells.len(), 5, "three columns: {row}");
        let (crates, old) = (cells[1], cells[2]);
        for directory in names(crates) {
            gone.entry(directory).or_default().extend(names(old));
        }
    }
    gone
}

fn files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            self::files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The module or the public type that a line begins.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().peekable();
    let is_public = words.next_if(|word| word.starts_with("pub")).is_some();
    // `pub(in crate::x)`
    if is_public && line.trim_start().starts_with("pub(in ") {
        words.next();
    }
    let is_type = match words.next()? {
        "mod" => false,
        "struct" | "enum" | "trait" | "type" => true,
        _ => return None,
    };
    if is_type && !is_public {
        return None;
    }
    let name = words.next()?;
    name.split(|char: char| !(char.is_alphanumeric() || char == '_'))
        .next()
}

#[test]
fn names_that_are_gone_stay_gone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let glossary = std::fs::read_to_string(root.join("docs/GLOSSARY.md")).unwrap();
    let gone = gone(&glossary);
    assert!(gone.len() > 10, "the table is read");
    let (mut found, mut declarations) = (Vec::new(), 0);
    for (directory, names) in &gone {
        let mut all = Vec::new();
        files(&root.join(directory).join("src"), &mut all);
        for path in all {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let Some(name) = declared(line) else {
                    continue;
                };
                declarations += 1;
                if names.contains(name) {
                    found.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(declarations > 500, "declarations are found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn declarations_are_told_apart() {
    for (line, name) in [
        ("mod desk;", Some("desk")),
        ("pub(crate) mod desk;", Some("desk")),
        ("pub struct Desk {", Some("Desk")),
        ("pub(in crate::enforce) struct Desk<'a>(u8);", Some("Desk")),
        ("pub type Desk<T> = T;", Some("Desk")),
        ("struct Desk;", None),
        ("    let desk = 1;", None),
    ] {
        assert_eq!(declared(line), name, "{line}");
    }
}
