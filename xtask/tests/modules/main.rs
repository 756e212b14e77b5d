//! Within a crate, too, files use each other one way: read from the sources' `crate::`, `super::` and
//! `self::` paths.
//!
//! - The top modules of a crate listed in [`order::ORDER`] stand in an order, and use only those before them.
//! - At every level, modules beside each other, with all that is inside them, make no circle. A parent
//!   and what is inside it may use each other.
//!
//! What a module passes on by `pub use` counts as used where it is defined.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod graph;
mod order;
mod source;

use std::path::Path;

use graph::Graph;
use order::ORDER;
use source::sources;

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
