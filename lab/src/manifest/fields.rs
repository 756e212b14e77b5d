//! Fields of documents as the types that the lab works with.

use cluster::yaml::{Node as Tree, Value};

use super::{
    Container, Document, EnvVar, Metadata, Node, NodeAddress, NodeSpec, NodeStatus, Pod, PodIp,
    PodSpec, PodStatus, Service, ServiceSpec,
};
use crate::error::{Error, Result};

/// What a document's fields can be read as. What agents read as well was looked at already.
pub trait FromTree: Sized {
    /// Reads the fields.
    ///
    /// # Errors
    /// [`Error::Manifest`] with line and field.
    fn from_tree(document: &Document, tree: &Tree) -> Result<Self>;
}

/// A value and its path.
struct Field<'a> {
    document: &'a Document,
    tree: Option<&'a Tree>,
    path: String,
}

impl<'a> Field<'a> {
    fn root(document: &'a Document, tree: &'a Tree) -> Self {
        Self {
            document,
            tree: Some(tree),
            path: String::new(),
        }
    }

    fn get(&self, key: &str) -> Self {
        Self {
            document: self.document,
            tree: self.tree.and_then(|tree| tree.get(key)),
            path: match self.path.is_empty() {
                true => key.to_owned(),
                false => format!("{}.{key}", self.path),
            },
        }
    }

    fn refuse(&self, tree: &Tree, wanted: &str) -> Error {
        let is_scalar = matches!(tree.value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
        let remedy = match is_scalar && wanted == "text" {
            true => "; quote it",
            false => "",
        };
        Error::Manifest {
            path: self.document.path.clone(),
            line: usize::try_from(tree.at.line).unwrap_or(self.document.line),
            message: format!(
                "{}: {}: is {}, should be {wanted}{remedy}",
                self.document.object,
                self.path,
                tree.value.kind()
            ),
        }
    }

    /// The text; `None` if it is absent.
    fn text(&self) -> Result<Option<String>> {
        match self.tree.map(|tree| (&tree.value, tree)) {
            None => Ok(None),
            Some((Value::Text(text), _)) => Ok(Some(text.clone())),
            Some((_, tree)) => Err(self.refuse(tree, "text")),
        }
    }

    /// The items; none if it is absent.
    fn items(&self) -> Result<Vec<Self>> {
        let Some(tree) = self.tree else {
            return Ok(Vec::new());
        };
        let Some(items) = tree.value.as_list() else {
            return Err(self.refuse(tree, "a list"));
        };
        let item = |(number, tree)| Self {
            document: self.document,
            tree: Some(tree),
            path: format!("{}[{number}]", self.path),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn texts(&self) -> Result<Vec<String>> {
        let items = self.items()?;
        let texts = items.iter().map(Self::text);
        Ok(texts
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The address, range, ...; `None` if it is absent.
    fn parsed<T: std::str::FromStr>(&self, wanted: &str) -> Result<Option<T>> {
        let (Some(text), Some(tree)) = (self.text()?, self.tree) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_not_one) => Err(self.refuse(tree, wanted)),
        }
    }
}

impl FromTree for Metadata {
    fn from_tree(document: &Document, tree: &Tree) -> Result<Self> {
        let metadata = Field::root(document, tree).get("metadata");
        let labels = metadata.get("labels");
        let fields = labels.tree.and_then(|tree| tree.value.as_map());
        let labels = fields.unwrap_or_default().iter().map(|field| {
            let value = labels.get(&field.key).text()?;
            Ok((field.key.clone(), value.unwrap_or_default()))
        });
        Ok(Self {
            name: metadata.get("name").text()?.unwrap_or_default(),
            namespace: metadata.get("namespace").text()?,
            labels: labels.collect::<Result<_>>()?,
        })
    }
}

impl FromTree for Pod {
    fn from_tree(document: &Document, tree: &Tree) -> Result<Self> {
        let root = Field::root(document, tree);
        let (spec, status) = (root.get("spec"), root.get("status"));
        let containers = spec.get("containers").items()?;
        let pod_ips = status.get("podIPs").items()?;
        let pod_ips = pod_ips
            .iter()
            .map(|item| item.get("ip").parsed("an IP address"));
        let pod_ips = pod_ips.collect::<Result<Vec<_>>>()?;
        Ok(Self {
            metadata: Metadata::from_tree(document, tree)?,
            spec: PodSpec {
                node_name: spec.get("nodeName").text()?,
                host_network: spec
                    .get("hostNetwork")
                    .tree
                    .is_some_and(|tree| tree.value == Value::Bool(true)),
                containers: containers.iter().map(container).collect::<Result<_>>()?,
            },
            status: PodStatus {
                pod_ip: status.get("podIP").parsed("an IP address")?,
                pod_ips: pod_ips
                    .into_iter()
                    .flatten()
                    .map(|ip| PodIp { ip })
                    .collect(),
            },
        })
    }
}

fn container(field: &Field<'_>) -> Result<Container> {
    let env = field.get("env").items()?;
    let env = env.iter().map(|item| {
        Ok(EnvVar {
            name: item.get("name").text()?.unwrap_or_default(),
            value: item.get("value").text()?.unwrap_or_default(),
        })
    });
    Ok(Container {
        name: field.get("name").text()?.unwrap_or_default(),
        command: field.get("command").texts()?,
        args: field.get("args").texts()?,
        env: env.collect::<Result<_>>()?,
    })
}

impl FromTree for Node {
    fn from_tree(document: &Document, tree: &Tree) -> Result<Self> {
        let root = Field::root(document, tree);
        let spec = root.get("spec");
        let pod_cidrs = spec.get("podCIDRs").items()?;
        let pod_cidrs = pod_cidrs.iter().map(|item| item.parsed("a CIDR"));
        let pod_cidrs = pod_cidrs.collect::<Result<Vec<_>>>()?;
        let addresses = root.get("status").get("addresses").items()?;
        let addresses = addresses.iter().map(|item| {
            Ok(NodeAddress {
                kind: item.get("type").text()?.unwrap_or_default(),
                address: item.get("address").text()?.unwrap_or_default(),
            })
        });
        Ok(Self {
            metadata: Metadata::from_tree(document, tree)?,
            spec: NodeSpec {
                pod_cidr: spec.get("podCIDR").parsed("a CIDR")?,
                pod_cidrs: pod_cidrs.into_iter().flatten().collect(),
            },
            status: NodeStatus {
                addresses: addresses.collect::<Result<_>>()?,
            },
        })
    }
}

impl FromTree for Service {
    fn from_tree(document: &Document, tree: &Tree) -> Result<Self> {
        let selector = Field::root(document, tree).get("spec").get("selector");
        let fields = selector.tree.and_then(|tree| tree.value.as_map());
        let labels = fields.unwrap_or_default().iter().map(|field| {
            let value = selector.get(&field.key).text()?;
            Ok((field.key.clone(), value.unwrap_or_default()))
        });
        Ok(Self {
            metadata: Metadata::from_tree(document, tree)?,
            spec: ServiceSpec {
                selector: labels.collect::<Result<_>>()?,
            },
        })
    }
}

/// For what is completed and written again.
impl FromTree for serde_json::Value {
    fn from_tree(_document: &Document, tree: &Tree) -> Result<Self> {
        Ok(json(tree))
    }
}

fn json(tree: &Tree) -> serde_json::Value {
    match &tree.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(fields) => fields
            .iter()
            .map(|field| (field.key.clone(), json(&field.node)))
            .collect(),
    }
}
