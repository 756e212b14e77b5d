//! Files that the documents name are there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// The names of files in a document: between backticks, with a directory and an ending.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|name| {
        let plain = |char: char| char.is_ascii_alphanumeric() || "/_-.".contains(char);
        let ending = Path::new(name).extension();
        name.contains('/')
            && !name.starts_with(['/', '.'])
            && name.chars().all(plain)
            && ending.is_some_and(|ending| {
                ["rs", "proto", "toml", "ts", "tsx"]
                    .iter()
                    .any(|known| ending == *known)
            })
    })
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .map(|name| root.join(name))
        .into();
    for directory in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(directory)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        documents
            .extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    documents
}

#[test]
fn files_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut names, mut missing) = (0, Vec::new());
    for document in documents(&root) {
        let text = std::fs::read_to_string(&document).unwrap();
        for name in named(&text) {
            // A name that begins with a directory of the repository is whole; others go on from one before.
            let first = name.split('/').next().unwrap();
            if !root.join(first).is_dir() {
                continue;
            }
            names += 1;
            if !root.join(name).is_file() {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(names > 50, "names are found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
