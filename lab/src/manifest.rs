//! Reading manifests: files into documents, documents into the few fields that a lab itself needs.
//! What the agents need of them they read for themselves, from the copies that the lab publishes;
//! so a document's text is kept as it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cluster::yaml::{self, Node as Tree};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};

mod fields;
mod split;

pub use fields::FromTree;
pub use split::split;

/// What an object is called in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectName {
    /// Group of the kind, empty for the core group and for kinds that agents read: two groups may have a
    /// kind of the same name.
    #[serde(default)]
    pub group: String,
    /// Kind, as in the manifest.
    pub kind: String,
    /// Namespace; empty for kinds that have none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectName {
    /// Whether it is of a kind that agents read.
    pub fn is(&self, kind: &str) -> bool {
        self.group.is_empty() && self.kind == kind
    }

    /// Name of the file that holds the object in the lab's manifests directory. No name of a kind, group
    /// or namespace has an `@`, and a namespace has no dot.
    pub fn file_name(&self) -> String {
        let mut kind = self.kind.to_ascii_lowercase();
        if !self.group.is_empty() {
            kind = format!("{kind}@{}", self.group);
        }
        if self.namespace.is_empty() {
            format!("{kind}.{}.yaml", self.name)
        } else {
            format!("{kind}.{}.{}.yaml", self.namespace, self.name)
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind.to_ascii_lowercase())?;
        if !self.group.is_empty() {
            write!(out, ".{}", self.group)?;
        }
        if self.namespace.is_empty() {
            write!(out, " {}", self.name)
        } else {
            write!(out, " {}/{}", self.namespace, self.name)
        }
    }
}

/// What a lab makes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Agents read it.
    Read,
    /// Nobody uses it.
    Unused,
    /// It is a policy of another engine, which isn't there.
    OtherEngine,
}

/// One object of a manifest file: a document, or an item of a list.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it stands in.
    pub path: PathBuf,
    /// Line of the file at which `text` begins, from 1.
    pub line: usize,
    /// The object as written, without its `---`.
    pub text: String,
    /// What it describes.
    pub object: ObjectName,
    /// What is made of it.
    pub used: Use,
    /// Its fields; they stand where they stand in the file.
    tree: Tree,
}

impl Document {
    /// The document's fields as a type.
    ///
    /// # Errors
    /// [`Error::Manifest`] with line and field of what doesn't fit.
    pub fn parse<T: FromTree>(&self) -> Result<T> {
        T::from_tree(self, &self.tree)
    }

    /// Line of the file on which the object begins, from 1.
    pub fn first_line(&self) -> usize {
        usize::try_from(self.tree.at.line).unwrap_or(self.line)
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

/// An object's metadata, as far as the lab looks at it.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace, if the manifest says one.
    pub namespace: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A Pod manifest, as far as the lab looks at it.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Name and labels.
    pub metadata: Metadata,
    /// Where it runs and what.
    pub spec: PodSpec,
    /// Its addresses, where the manifest says them.
    pub status: PodStatus,
}

/// A pod's spec.
#[derive(Clone, Debug, Default)]
pub struct PodSpec {
    /// Its node; none lets the lab choose.
    pub node_name: Option<String>,
    /// A pod in its node's own namespace (not supported).
    pub host_network: bool,
    /// What runs in it.
    pub containers: Vec<Container>,
}

/// A pod's status.
#[derive(Clone, Debug, Default)]
pub struct PodStatus {
    /// Its first address.
    pub pod_ip: Option<IpAddr>,
    /// All its addresses.
    pub pod_ips: Vec<PodIp>,
}

/// One of a pod's addresses.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Node {
    /// Name.
    pub metadata: Metadata,
    /// Pod ranges.
    pub spec: NodeSpec,
    /// Addresses.
    pub status: NodeStatus,
}

/// A node's spec.
#[derive(Clone, Debug, Default)]
pub struct NodeSpec {
    /// The first pod range.
    pub pod_cidr: Option<IpNet>,
    /// All pod ranges.
    pub pod_cidrs: Vec<IpNet>,
}

/// A node's status.
#[derive(Clone, Debug, Default)]
pub struct NodeStatus {
    /// Addresses and host names.
    pub addresses: Vec<NodeAddress>,
}

/// One of a node's addresses.
#[derive(Clone, Debug)]
pub struct NodeAddress {
    /// `InternalIP`, `Hostname`, ...
    pub kind: String,
    /// The address or name.
    pub address: String,
}

/// A Service manifest, as far as the lab looks at it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Name.
    pub metadata: Metadata,
    /// Whom it selects.
    pub spec: ServiceSpec,
}

/// A service's spec.
#[derive(Clone, Debug, Default)]
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
            documents.extend(split(&file, &text_of(&file)?)?);
        }
        if documents.len() == before {
            return Err(Error::NoManifests { path: path.clone() });
        }
    }
    let mut known: BTreeMap<&ObjectName, &Document> = BTreeMap::new();
    for document in &documents {
        if let Some(first) = known.insert(&document.object, document) {
            return Err(Error::Manifest {
                path: document.path.clone(),
                line: document.first_line(),
                message: format!(
                    "{}: duplicate definition, the first is at {}:{}; delete one of the two",
                    document.object,
                    first.path.display(),
                    first.first_line()
                ),
            });
        }
    }
    Ok(documents)
}

/// A file's text, if it isn't too large to be read.
fn text_of(file: &Path) -> Result<String> {
    let refuse = |message: String| Error::Manifest {
        path: file.to_owned(),
        line: 1,
        message,
    };
    let length = fs::metadata(file).context("read", file)?.len();
    if length > yaml::MAX_BYTES as u64 {
        let (length, most) = (length.div_ceil(1 << 20), yaml::MAX_BYTES >> 20);
        return Err(refuse(format!(
            "is too large: {length} MiB, at most {most} MiB are read; split it"
        )));
    }
    let bytes = fs::read(file).context("read", file)?;
    String::from_utf8(bytes).map_err(|_not_text| refuse("is not UTF-8 text".to_owned()))
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
