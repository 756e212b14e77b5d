//! A file's text into objects, each with its own text.

use std::path::Path;
use std::sync::Arc;

use cluster::manifest::{self, Document as Read};
use cluster::yaml::{self, Node, Value};
use cluster::{Origin, Problem};

use super::{Document, ObjectName, Use};
use crate::error::{Error, Result};

/// Kinds that aren't read and belong to no namespace.
const CLUSTER_SCOPED: [&str; 1] = ["CiliumNode"];

/// Splits a file's text into objects: documents, and the items of lists. Documents without content
/// (comments only), and those of kinds that aren't used and that have no name, are left out.
///
/// # Errors
/// [`Error::Manifest`] for what isn't YAML or isn't an object, and for objects that agents would refuse to
/// read: a policy under a kind that isn't one, say.
pub fn split(path: &Path, text: &str) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    let mut start = 1;
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            chunk(path, start, &current, &mut documents)?;
            current.clear();
            start = number + 2;
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    chunk(path, start, &current, &mut documents)?;
    Ok(documents)
}

/// The objects of what stands between two marks.
fn chunk(path: &Path, line: usize, text: &str, documents: &mut Vec<Document>) -> Result<()> {
    let trees = yaml::parse(text).map_err(|error| Error::Manifest {
        path: path.to_owned(),
        line: usize::try_from(error.at.line).unwrap_or(1).max(1) + line - 1,
        message: format!("invalid YAML: {}", error.problem),
    })?;
    let lines: Vec<&str> = text.lines().collect();
    let origin = Origin::from(&*path.to_string_lossy());
    let before = u32::try_from(line - 1).unwrap_or(u32::MAX);
    for mut tree in trees {
        move_down(&mut tree, before);
        let whole = tree.at;
        for read in manifest::read(&origin, tree.clone()) {
            let (object, used, tree) = match read {
                Read::Object(name, _, tree) => {
                    let object = ObjectName {
                        group: String::new(),
                        kind: name.kind.name().to_owned(),
                        namespace: name.namespace.as_deref().unwrap_or_default().to_owned(),
                        name: name.name.to_string(),
                    };
                    (object, Use::Read, Arc::unwrap_or_clone(tree))
                }
                Read::Bad(_, problem) => return Err(refusal(path, &problem)),
                Read::Ignored(ignored) => {
                    let found = find(&tree, position(Some(&ignored.origin)));
                    let Some(object) = unused(path, &ignored)? else {
                        continue;
                    };
                    let used = match ignored.is_policy {
                        true => Use::OtherEngine,
                        false => Use::Unused,
                    };
                    (object, used, found.unwrap_or(&tree).clone())
                }
            };
            let (line, text) = match tree.at == whole {
                true => (line, text.to_owned()),
                false => item(&lines, line, &tree),
            };
            documents.push(Document {
                path: path.to_owned(),
                line,
                text,
                object,
                used,
                tree,
            });
        }
    }
    Ok(())
}

/// Makes everything in a tree stand where it stands in the whole file.
fn move_down(tree: &mut Node, lines: u32) {
    tree.at.line = tree.at.line.saturating_add(lines);
    match &mut tree.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_down(item, lines)),
        Value::Map(fields) => fields.iter_mut().for_each(|field| {
            field.at.line = field.at.line.saturating_add(lines);
            move_down(&mut field.node, lines);
        }),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn refusal(path: &Path, problem: &Problem) -> Error {
    let named = Problem {
        origin: None,
        ..problem.clone()
    };
    Error::Manifest {
        path: path.to_owned(),
        line: usize::try_from(position(problem.origin.as_ref()).line)
            .unwrap_or(1)
            .max(1),
        message: named.to_string(),
    }
}

/// Where in its file something stands.
fn position(origin: Option<&Origin>) -> yaml::Position {
    let file = origin.and_then(Origin::as_file);
    file.map(|file| file.at).unwrap_or_default()
}

/// The name of an object that nobody reads; `None` if it has none, as what other tools keep for themselves.
fn unused(path: &Path, ignored: &manifest::Ignored) -> Result<Option<ObjectName>> {
    let (version, kind) = ignored.kind.rsplit_once(' ').unwrap_or(("", &ignored.kind));
    let (namespace, name) = match ignored.name.split_once('/') {
        Some((namespace, name)) => (namespace, name),
        None if CLUSTER_SCOPED.contains(&kind) => ("", ignored.name.as_str()),
        None => ("default", ignored.name.as_str()),
    };
    if name.is_empty() {
        return Ok(None);
    }
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let object = ObjectName {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    // Names become file names: nothing may lead out of the directory.
    let plain = |word: &str| {
        !word.starts_with('.')
            && word.len() <= 200
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
    };
    if [group, kind, namespace, name].into_iter().all(plain) {
        return Ok(Some(object));
    }
    Err(Error::Manifest {
        path: path.to_owned(),
        line: usize::try_from(position(Some(&ignored.origin)).line)
            .unwrap_or(1)
            .max(1),
        message: format!(
            "metadata: namespace {namespace:?}, name {name:?} are not names that Kubernetes takes"
        ),
    })
}

/// The object that begins at a place.
fn find(tree: &Node, at: yaml::Position) -> Option<&Node> {
    if tree.at == at && tree.value.as_map().is_some() {
        return Some(tree);
    }
    let items = tree.get("items").and_then(|items| items.value.as_list());
    items
        .unwrap_or_default()
        .iter()
        .find_map(|item| find(item, at))
}

/// The text of a list's item, on its lines and in its columns as far as it can be: what it leaves to its
/// list is written above it. `lines` are those of its document, which begins on line `start`.
fn item(lines: &[&str], start: usize, tree: &Node) -> (usize, String) {
    let line = usize::try_from(tree.at.line).unwrap_or(start);
    let index = line.saturating_sub(start);
    let margin = usize::try_from(tree.at.column.saturating_sub(1)).unwrap_or(0);
    let first = lines.get(index).copied().unwrap_or_default();
    let before: String = first.chars().take(margin).collect();
    let is_block = margin > 0
        && before.trim_end().ends_with('-')
        && before.trim_matches([' ', '-']).is_empty();
    let inherited: Vec<String> = fields(tree)
        .filter(|(_, at, _)| *at < tree.at)
        .map(|(key, _, value)| format!("{}{key}: {value}\n", " ".repeat(margin)))
        .collect();
    if !is_block || index < inherited.len() {
        return (line, tree.to_yaml());
    }
    let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count();
    let mut text = inherited.concat();
    text.push_str(&" ".repeat(margin));
    text.extend(first.chars().skip(margin));
    text.push('\n');
    for next in lines.iter().skip(index + 1) {
        if !next.trim().is_empty() && indent(next) < margin {
            break;
        }
        text.push_str(next);
        text.push('\n');
    }
    (line - inherited.len(), text)
}

/// `apiVersion` and `kind`, and where they stand.
fn fields(tree: &Node) -> impl Iterator<Item = (&str, yaml::Position, &str)> {
    let fields = tree.value.as_map().unwrap_or_default().iter();
    fields
        .filter(|field| matches!(field.key.as_str(), "apiVersion" | "kind"))
        .filter_map(|field| Some((field.key.as_str(), field.at, field.node.value.as_text()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    #[test]
    fn documents_keep_their_lines() {
        let text = "# a comment\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n---\n# nothing\n--- # next\n\
                    apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec:\n  podCIDR: 10.0.0.0/16\n";
        let documents = split(Path::new("f.yaml"), text).unwrap();
        let seen: Vec<_> = documents
            .iter()
            .map(|d| (d.object.to_string(), d.line))
            .collect();
        assert_eq!(
            seen,
            [("pod default/a".to_owned(), 3), ("node n".to_owned(), 10),]
        );
        let copy = documents[1].at_original_lines();
        assert_eq!(copy.lines().nth(9), Some("apiVersion: v1"), "{copy}");
    }

    #[test]
    fn lists_are_taken_item_by_item() {
        let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n\
                    - metadata: {name: a, namespace: shop}\n  spec:\n    podSelector: {}\n\n\
                    - metadata: {name: b, namespace: shop}\n  spec: {podSelector: {}}\n---\n\
                    {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Node, metadata: {name: n}}]}\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n  - apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: d}\n";
        let documents = split(Path::new("f.yaml"), text).unwrap();
        let seen: Vec<_> = documents
            .iter()
            .map(|d| (d.object.to_string(), d.first_line(), d.used))
            .collect();
        assert_eq!(
            seen,
            [
                ("networkpolicy shop/a".to_owned(), 4, Use::Read),
                ("networkpolicy shop/b".to_owned(), 8, Use::Read),
                ("node n".to_owned(), 11, Use::Read),
                ("deployment.apps default/d".to_owned(), 16, Use::Unused),
            ]
        );
        // What is published says the same, in the same places.
        for document in &documents {
            let copy = document.at_original_lines();
            let tree = yaml::parse(&copy).unwrap_or_else(|error| panic!("{error}\n{copy}"));
            assert_eq!(tree.len(), 1, "{copy}");
            assert_eq!(tree[0].digest(), document.tree.digest(), "{copy}");
            let name = |tree: &Node| tree.at_path("metadata.name").map(|name| name.at);
            if document.first_line() != 11 {
                assert_eq!(name(&tree[0]), name(&document.tree), "{copy}");
            }
        }
    }

    #[test]
    fn a_kind_of_two_groups_is_two_kinds() {
        let text = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: guard, namespace: shop}, spec: {podSelector: {}}}\n---\n\
                    {apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: guard, namespace: shop}}\n";
        let documents = split(Path::new("f.yaml"), text).unwrap();
        let files: Vec<_> = documents.iter().map(|d| d.object.file_name()).collect();
        assert_eq!(
            files,
            [
                "networkpolicy.shop.guard.yaml",
                "networkpolicy@projectcalico.org.shop.guard.yaml"
            ]
        );
        assert_eq!(documents[1].used, Use::OtherEngine);
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_line_and_field() {
        for (text, wanted) in [
            (
                "kind: Pod\nmetadata: {name: a}\n",
                "f.yaml:1: apiVersion: is missing",
            ),
            (
                "apiVersion: v1\nmetadata: {name: a}\n",
                "f.yaml:1: kind: is missing",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: ../a}\n",
                "f.yaml:3: metadata.name: \"../a\" is not a name that Kubernetes takes",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: ''}\n",
                "f.yaml:1: metadata.name: is missing",
            ),
            (
                "# first\n---\nkind: [\n",
                "f.yaml:3: invalid YAML: [ is never closed; close it",
            ),
            ("hello\n", "f.yaml:1: is text, not an object"),
            (
                "---\napiVersion: v1\nkind: NetworkPolicy\nmetadata: {name: a}\n",
                "f.yaml:2: apiVersion: NetworkPolicy is not a kind of v1; use networking.k8s.io/v1",
            ),
            (
                "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec:\n  podCIDR: nonsense\n",
                "f.yaml:5: node n: spec.podCIDR: \"nonsense\" is not a CIDR",
            ),
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a/b}\n",
                "f.yaml:1: metadata: namespace \"a\", name \"b\"",
            ),
        ] {
            let outcome = split(Path::new("f.yaml"), text);
            match outcome {
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.starts_with(wanted), "{text:?}: {error}");
                }
                Ok(_) => assert!(text.contains("a/b"), "{text:?}"),
            }
        }
    }

    #[test]
    fn containers_are_read_with_their_fields() {
        let pod = |containers: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  nodeName: n\n  containers: {containers}\n"
            );
            split(Path::new("f.yaml"), &text)?[0].parse::<manifest::Pod>()
        };
        let fine = pod(
            "[{name: c, command: [sh], args: ['-c', x], env: [{name: A, value: b}, {name: B}]}]",
        )
        .unwrap();
        assert_eq!(fine.spec.containers[0].command_line(), ["sh", "-c", "x"]);
        assert_eq!(fine.spec.containers[0].env[1].value, "");
        for (containers, wanted) in [
            (
                "{}",
                "f.yaml:6: pod default/a: spec.containers: is a mapping, should be a list",
            ),
            (
                "[{name: c, args: [5]}]",
                "f.yaml:6: pod default/a: spec.containers[0].args[0]: is a number, should be text; quote it",
            ),
            (
                "[{name: c, env: [{name: A, value: 5}]}]",
                "f.yaml:6: pod default/a: spec.containers[0].env[0].value: is a number, should be text; quote it",
            ),
        ] {
            let error = pod(containers).unwrap_err().to_string();
            assert_eq!(error, wanted);
        }
    }
}
