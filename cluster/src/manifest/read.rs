//! Documents of a YAML stream into objects.

use std::sync::Arc;

use super::fields::{at, parse_cidr};
use super::kinds::{DocumentKind, classify};
use super::reader::{Reader, Result};
use super::{CidrGroup, EndpointSlice, Namespace, Object, Policy};
use crate::labels::is_domain;
use crate::object::{Kind, NamespacedName, ObjectName};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::yaml::{self, Value};

/// What became of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An object of a known kind, with the tree it was read from.
    Object(ObjectName, Object, Arc<yaml::Node>),
    /// An object that can't be used: a mistake in it, or of a kind that looks like one that is read. The
    /// name is there if it could be read.
    Bad(Option<ObjectName>, Problem),
    /// An object of a kind that isn't used here, for example `apps/v1 Deployment`.
    Ignored(Ignored),
}

/// An object that is left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ignored {
    /// Where it came from.
    pub origin: Origin,
    /// `apiVersion kind`.
    pub kind: String,
    /// `namespace/name`, or the name alone; empty if it has none.
    pub name: String,
    /// It is a policy of another engine: whoever wrote it may believe that it is enforced.
    pub is_policy: bool,
}

/// How deep an object may be nested, so that it can be kept as JSON, whose reader allows 128 levels.
const MAX_DEPTH: usize = 28;

/// Reads one document; a list (`List`, `NetworkPolicyList`, ...) gives one result per item. `origin` is
/// where it came from: a file, whose positions are those of the document, or the object itself.
pub fn read(origin: &Origin, document: yaml::Node) -> Vec<Document> {
    let reader = Reader { origin, name: None };
    match list(&reader, &document) {
        Ok(None) => vec![read_one(reader, document)],
        Ok(Some(head)) => {
            let Value::Map(fields) = document.value else {
                return Vec::new();
            };
            let items = fields.into_iter().find(|field| field.key == "items");
            match items.map(|field| field.node.value) {
                Some(Value::List(items)) => items
                    .into_iter()
                    .flat_map(|item| read(origin, head.complete(item)))
                    .collect(),
                _ => Vec::new(),
            }
        }
        Err(problem) => vec![Document::Bad(None, *problem)],
    }
}

/// The name of the object that a document is; `None` if it is no object of a kind that is read, or its name
/// can't be used.
pub fn object_name(document: &yaml::Node) -> Option<ObjectName> {
    let reader = Reader {
        origin: &Origin::from(""),
        name: None,
    };
    let (version, kind) = reader.head(document).ok()?;
    match classify(&version, &kind) {
        Ok(DocumentKind::Read(kind)) => reader.name(kind, document).ok(),
        Ok(DocumentKind::OtherEngine | DocumentKind::Unused) | Err(_) => None,
    }
}

/// What the items of a list needn't say themselves.
struct ItemDefaults {
    fields: Vec<yaml::Field>,
}

impl ItemDefaults {
    /// An item with what it leaves to its list.
    fn complete(&self, mut item: yaml::Node) -> yaml::Node {
        if let Value::Map(fields) = &mut item.value {
            let missing = self
                .fields
                .iter()
                .filter(|field| fields.iter().all(|own| own.key != field.key));
            let missing: Vec<yaml::Field> = missing.cloned().collect();
            fields.splice(0..0, missing);
        }
        item
    }
}

/// The head of a list; `None`: it is an object. Only what has items, or holds objects that are read, is
/// a list: a kind may end in List and be none.
fn list(reader: &Reader<'_>, document: &yaml::Node) -> Result<Option<ItemDefaults>> {
    let Some(of) = document
        .text("kind")
        .and_then(|kind| kind.strip_suffix("List"))
    else {
        return Ok(None);
    };
    let version = document.text("apiVersion").unwrap_or_default();
    let field = |key: &str| match &document.value {
        Value::Map(fields) => fields.iter().find(|field| field.key == key),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => None,
    };
    let is_read = || !matches!(classify(version, of), Ok(DocumentKind::Unused));
    match field("items").map(|field| &field.node) {
        None if of.is_empty() || is_read() => Err(reader.problem(
            document.at,
            "items",
            "is missing".to_owned(),
            "list the objects under items, [] for none",
        )),
        None => Ok(None),
        Some(node) if !matches!(node.value, Value::List(_) | Value::Null) => {
            Err(reader.wrong_type(node, "items", "a list"))
        }
        Some(_) => {
            let head = ["apiVersion", "kind"]
                .into_iter()
                .filter_map(field)
                .cloned();
            let fields = head.map(|mut field| {
                if field.key == "kind" {
                    field.node.value = Value::Text(of.to_owned());
                }
                field
            });
            // A List's items are of any kind, and say which.
            let fields = if of.is_empty() {
                Vec::new()
            } else {
                fields.collect()
            };
            Ok(Some(ItemDefaults { fields }))
        }
    }
}

fn read_one(mut reader: Reader<'_>, document: yaml::Node) -> Document {
    let (version, kind) = match reader.head(&document) {
        Ok(head) => head,
        Err(problem) => return Document::Bad(None, *problem),
    };
    let kind = match classify(&version, &kind) {
        Ok(DocumentKind::Read(kind)) => kind,
        Ok(meant @ (DocumentKind::OtherEngine | DocumentKind::Unused)) => {
            let text = |key| document.get("metadata").and_then(|node| node.text(key));
            let name = match (text("namespace"), text("name").unwrap_or_default()) {
                (Some(namespace), name) => format!("{namespace}/{name}"),
                (None, name) => name.to_owned(),
            };
            return Document::Ignored(Ignored {
                origin: reader.origin.at(document.at),
                kind: format!("{version} {kind}"),
                name,
                is_policy: meant == DocumentKind::OtherEngine,
            });
        }
        Err(mistake) => {
            let at = document
                .get(mistake.field)
                .map_or(document.at, |node| node.at);
            let problem = reader.problem(at, mistake.field, mistake.problem, &mistake.remedy);
            return Document::Bad(None, *problem);
        }
    };
    let name = match reader.name(kind, &document) {
        Ok(name) => name,
        Err(problem) => return Document::Bad(None, *problem),
    };
    reader.name = Some(name.clone());
    let document = Arc::new(document);
    match reader.object(&name, &document) {
        Ok(object) => Document::Object(name, object, document),
        Err(problem) => Document::Bad(Some(name), *problem),
    }
}

impl Reader<'_> {
    /// `apiVersion` and `kind`.
    fn head(&self, document: &yaml::Node) -> Result<(String, String)> {
        if document.value.as_map().is_none() {
            return Err(self.problem(
                document.at,
                "",
                format!("is {}, not an object", document.value.kind()),
                "an object is a mapping with apiVersion, kind and metadata",
            ));
        }
        let text = |field: &str| match document.get(field).map(|node| (&node.value, node)) {
            Some((Value::Text(text), _)) => Ok(text.clone()),
            Some((_, node)) => Err(self.wrong_type(node, field, "text")),
            None => Err(self.problem(
                document.at,
                field,
                "is missing".to_owned(),
                "every object of a manifest needs apiVersion and kind",
            )),
        };
        Ok((text("apiVersion")?, text("kind")?))
    }

    fn name(&self, kind: Kind, document: &yaml::Node) -> Result<ObjectName> {
        let name = self.opt_text(document, &["metadata", "name"])?;
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let remedy = format!("give the {} a name", kind.name());
            return Err(self.problem(document.at, "metadata.name", "is missing".into(), &remedy));
        };
        self.check_name(document, "name", &name, is_domain(&name))?;
        let namespace = self.opt_text(document, &["metadata", "namespace"])?;
        if let Some(namespace) = &namespace {
            let fits = is_domain(namespace) && namespace.len() <= 63 && !namespace.contains('.');
            self.check_name(document, "namespace", namespace, fits)?;
        }
        Ok(ObjectName {
            kind,
            namespace: kind
                .is_namespaced()
                .then(|| namespace.unwrap_or_else(|| "default".into())),
            name,
        })
    }

    /// Names go into tables, texts and files of others: they are what Kubernetes takes.
    fn check_name(&self, document: &yaml::Node, key: &str, name: &str, fits: bool) -> Result<()> {
        if fits {
            return Ok(());
        }
        let at = at(document, &["metadata", key]).map_or(document.at, |node| node.at);
        Err(self.problem(
            at,
            &format!("metadata.{key}"),
            format!("{name:?} is not a name that Kubernetes takes"),
            "use lower case letters, digits, '-' and, but for namespaces, '.', beginning and ending with a letter or digit",
        ))
    }

    fn object(&self, name: &ObjectName, document: &Arc<yaml::Node>) -> Result<Object> {
        if document.depth() > MAX_DEPTH {
            return Err(self.problem(
                document.at,
                "",
                format!("is nested too deep: at most {MAX_DEPTH} levels are read"),
                "",
            ));
        }
        let own_name = || NamespacedName {
            namespace: name.namespace.clone().unwrap_or_default(),
            name: Arc::clone(&name.name),
        };
        let labels = self.labels(document, &["metadata", "labels"])?;
        Ok(match name.kind {
            Kind::Node => Object::Node(Arc::new(self.node(name, labels, document)?)),
            Kind::Namespace => Object::Namespace(Arc::new(Namespace {
                name: Arc::clone(&name.name),
                labels,
            })),
            Kind::Pod => Object::Pod(Arc::new(self.pod(own_name(), labels, document)?)),
            Kind::Service => {
                Object::Service(Arc::new(self.service(own_name(), labels, document)?))
            }
            Kind::EndpointSlice => Object::EndpointSlice(Arc::new(EndpointSlice {
                name: own_name(),
                service: labels
                    .get("kubernetes.io/service-name")
                    .map(|s| s.as_str().into()),
                addresses: self.slice_addresses(document)?,
                ports: self.service_ports(Some(document), "ports")?,
            })),
            Kind::CiliumCidrGroup => Object::CidrGroup(Arc::new(CidrGroup {
                name: Arc::clone(&name.name),
                labels,
                cidrs: self.parsed(document, &["spec", "externalCIDRs"], parse_cidr, "a CIDR")?,
            })),
            Kind::CiliumNetworkPolicy
            | Kind::CiliumClusterwideNetworkPolicy
            | Kind::NetworkPolicy => Object::Policy(Arc::new(Policy {
                name: name.clone(),
                uid: self.opt_text(document, &["metadata", "uid"])?,
                version: match self.opt_text(document, &["metadata", "resourceVersion"])? {
                    Some(version) => version,
                    None => format!("{:016x}", document.digest()).into(),
                },
                labels,
                document: Arc::clone(document),
                origin: self.origin.at(document.at),
                text: Arc::default(),
            })),
        })
    }
}
