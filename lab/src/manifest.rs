//! Reading manifests: files into documents, documents into the few fields that a lab itself needs.
//! What the agents need of them they read for themselves, from the copies that the lab publishes;
//! so a document's text is kept as it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};

/// What an object is called in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectName {
    /// Kind, as in the manifest.
    pub kind: String,
    /// Namespace; empty for kinds that have none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectName {
    /// Name of the file that holds the object in the lab's manifests directory.
    pub fn file_name(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        if self.namespace.is_empty() {
            format!("{kind}.{}.yaml", self.name)
        } else {
            format!("{kind}.{}.{}.yaml", self.namespace, self.name)
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_ascii_lowercase();
        if self.namespace.is_empty() {
            write!(out, "{kind} {}", self.name)
        } else {
            write!(out, "{kind} {}/{}", self.namespace, self.name)
        }
    }
}

/// One document of a manifest file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it stands in.
    pub path: PathBuf,
    /// Line of the file at which `text` begins, from 1.
    pub line: usize,
    /// The document as written, without its `---`.
    pub text: String,
    /// What it describes.
    pub object: ObjectName,
}

impl Document {
    /// The document's fields as a type.
    ///
    /// # Errors
    /// [`Error::Manifest`] with the line of the field that doesn't fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        parse(&self.path, self.line, &self.text)
    }

    /// Text for the lab's own copy: fields stand on the lines on which they stand in the original,
    /// so that what an agent reports about the copy is true of the original as well.
    pub fn at_original_lines(&self) -> String {
        match self.line {
            0 | 1 => self.text.clone(),
            line => format!(
                "# {}{}{}",
                self.path.display(),
                "\n".repeat(line - 1),
                self.text
            ),
        }
    }
}

fn parse<T: DeserializeOwned>(path: &Path, first_line: usize, text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error
            .location()
            .and_then(|location| usize::try_from(location.line()).ok())
            .unwrap_or(1);
        let message = error.without_snippet().to_string();
        Error::Manifest {
            path: path.to_owned(),
            line: first_line + line.saturating_sub(1),
            message,
        }
    })
}

/// Kinds that belong to no namespace.
const CLUSTER_SCOPED: [&str; 5] = [
    "Node",
    "Namespace",
    "CiliumClusterwideNetworkPolicy",
    "CiliumCIDRGroup",
    "CiliumNode",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    // Agents insist on it.
    #[serde(rename = "apiVersion")]
    _api_version: String,
    kind: String,
    metadata: Metadata,
}

/// An object's metadata, as far as the lab looks at it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace, if the manifest says one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A Pod manifest, as far as the lab looks at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Pod {
    /// Name and labels.
    pub metadata: Metadata,
    /// Where it runs and what.
    #[serde(default)]
    pub spec: PodSpec,
    /// Its addresses, where the manifest says them.
    #[serde(default)]
    pub status: PodStatus,
}

/// A pod's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Its node; none lets the lab choose.
    pub node_name: Option<String>,
    /// A pod in its node's own namespace (not supported).
    pub host_network: bool,
    /// What runs in it.
    pub containers: Vec<Container>,
}

/// A pod's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Its first address.
    #[serde(rename = "podIP")]
    pub pod_ip: Option<IpAddr>,
    /// All its addresses.
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
}

/// One of a pod's addresses.
#[derive(Clone, Debug, Deserialize)]
pub struct PodIp {
    /// The address.
    pub ip: IpAddr,
}

/// A container: a process in the pod's namespace. Images are not pulled; a container without a
/// command runs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Name, unique in the pod.
    pub name: String,
    /// Program and first arguments.
    pub command: Vec<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Environment.
    pub env: Vec<EnvVar>,
}

impl Container {
    /// Program and arguments; empty if the container runs nothing.
    pub fn command_line(&self) -> Vec<String> {
        match self.command.is_empty() {
            true => Vec::new(),
            false => [self.command.as_slice(), self.args.as_slice()].concat(),
        }
    }
}

/// A variable of a container's environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvVar {
    /// Name.
    pub name: String,
    /// Value; empty where the manifest takes it from elsewhere.
    pub value: String,
}

/// A Node manifest, as far as the lab looks at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// Name.
    pub metadata: Metadata,
    /// Pod ranges.
    #[serde(default)]
    pub spec: NodeSpec,
    /// Addresses.
    #[serde(default)]
    pub status: NodeStatus,
}

/// A node's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// The first pod range.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: Option<IpNet>,
    /// All pod ranges.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<IpNet>,
}

/// A node's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// Addresses and host names.
    pub addresses: Vec<NodeAddress>,
}

/// One of a node's addresses.
#[derive(Clone, Debug, Deserialize)]
pub struct NodeAddress {
    /// `InternalIP`, `Hostname`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The address or name.
    pub address: String,
}

/// A Service manifest, as far as the lab looks at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Name.
    pub metadata: Metadata,
    /// Whom it selects.
    #[serde(default)]
    pub spec: ServiceSpec,
}

/// A service's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Labels of its pods; empty selects none.
    pub selector: BTreeMap<String, String>,
}

/// Reads files and directories (every .yaml, .yml and .json in them, not deeper) in a fixed order.
///
/// # Errors
/// [`Error::Manifest`] for a document that isn't a manifest, [`Error::NoManifests`] for a path
/// without any, [`Error::Io`].
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in paths {
        let before = documents.len();
        for file in files(path)? {
            let text = fs::read_to_string(&file).context("read", &file)?;
            documents.extend(split(&file, &text)?);
        }
        if documents.len() == before {
            return Err(Error::NoManifests { path: path.clone() });
        }
    }
    Ok(documents)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).context("list", path)? {
        let file = entry.context("list", path)?.path();
        let hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let manifest = file
            .extension()
            .is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
        if manifest && !hidden && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Splits a file's text into documents. Documents without content (comments only) are left out.
///
/// # Errors
/// [`Error::Manifest`] for a document without kind or name.
pub fn split(path: &Path, text: &str) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    let mut start = 1;
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.extend(document(path, start, &current)?);
            current.clear();
            start = number + 2;
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    documents.extend(document(path, start, &current)?);
    Ok(documents)
}

fn document(path: &Path, line: usize, text: &str) -> Result<Option<Document>> {
    let content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(content) {
        return Ok(None);
    }
    let head: Head = parse(path, line, text)?;
    let namespace = match CLUSTER_SCOPED.contains(&head.kind.as_str()) {
        true => String::new(),
        false => head
            .metadata
            .namespace
            .unwrap_or_else(|| "default".to_owned()),
    };
    let object = ObjectName {
        kind: head.kind,
        namespace,
        name: head.metadata.name,
    };
    // Names become file names: nothing may lead out of the directory.
    let plain = |word: &str| {
        !word.starts_with('.')
            && word.len() <= 253
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let named = !object.name.is_empty() && !object.kind.is_empty();
    if !(named && plain(&object.kind) && plain(&object.namespace) && plain(&object.name)) {
        return Err(Error::Manifest {
            path: path.to_owned(),
            line,
            message: format!(
                "kind {:?}, namespace {:?}, name {:?}: not names that Kubernetes would take",
                object.kind, object.namespace, object.name
            ),
        });
    }
    Ok(Some(Document {
        path: path.to_owned(),
        line,
        text: text.to_owned(),
        object,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_lines() {
        let text = "# a comment\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n---\n# nothing\n--- # next\n\
                    apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec:\n  podCIDR: nonsense\n";
        let documents = split(Path::new("f.yaml"), text).unwrap();
        let seen: Vec<_> = documents
            .iter()
            .map(|d| (d.object.to_string(), d.line))
            .collect();
        assert_eq!(
            seen,
            [("pod default/a".to_owned(), 3), ("node n".to_owned(), 10),]
        );
        let error = documents[1].parse::<Node>().unwrap_err().to_string();
        assert!(error.starts_with("f.yaml:14: "), "{error}");
        let copy = documents[1].at_original_lines();
        assert_eq!(copy.lines().nth(9), Some("apiVersion: v1"), "{copy}");
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_line() {
        let cases = [
            ("kind: Pod\nmetadata: {name: a}\n", "f.yaml:2: "),
            ("apiVersion: v1\nmetadata: {name: a}\n", "f.yaml:2: "),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: ../a}\n",
                "f.yaml:1: kind \"Pod\"",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: ''}\n",
                "f.yaml:1: kind \"Pod\"",
            ),
            ("# first\n---\nkind: [\n", "f.yaml:"),
        ];
        for (text, expected) in cases {
            let error = split(Path::new("f.yaml"), text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
