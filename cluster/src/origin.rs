//! Where an object came from: a manifest file, or a Kubernetes cluster.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::object::ObjectName;
use crate::yaml::Position;

/// Where an object, or a problem with one, came from. Shown as `web.yaml:3:5`, or as
/// `cnp shop/web (resourceVersion 812)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// A manifest file.
    File(FileOrigin),
    /// An object of a Kubernetes cluster.
    Cluster(ClusterOrigin),
}

/// A manifest file and a position in it. Shown as `web.yaml:3:5`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileOrigin {
    /// The file as the source names it: relative to the watched directory.
    #[serde(rename = "file")]
    pub path: Arc<str>,
    /// Position in it; line 0 = the file as a whole.
    pub at: Position,
}

/// An object as the API server delivered it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterOrigin {
    /// Kind, namespace and name.
    pub object: ObjectName,
    /// `metadata.uid`: another one is another object of the same name.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`; good for equality only.
    pub resource_version: Arc<str>,
}

impl Origin {
    /// This origin at a position: in a file there, of a cluster's object the same.
    #[must_use]
    pub fn at(&self, position: Position) -> Self {
        match self {
            Self::File(file) => Self::File(FileOrigin {
                path: Arc::clone(&file.path),
                at: position,
            }),
            Self::Cluster(_) => self.clone(),
        }
    }

    /// The file and position, if it is a file.
    pub fn as_file(&self) -> Option<&FileOrigin> {
        match self {
            Self::File(file) => Some(file),
            Self::Cluster(_) => None,
        }
    }
}

impl From<Arc<str>> for Origin {
    /// A manifest file as a whole.
    fn from(path: Arc<str>) -> Self {
        Self::File(FileOrigin {
            path,
            at: Position::default(),
        })
    }
}

impl From<&str> for Origin {
    /// A manifest file as a whole.
    fn from(path: &str) -> Self {
        Self::from(Arc::from(path))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.fmt(f),
            Self::Cluster(object) => object.fmt(f),
        }
    }
}

impl fmt::Display for FileOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.line == 0 {
            f.write_str(&self.path)
        } else {
            write!(f, "{}:{}", self.path, self.at)
        }
    }
}

impl fmt::Display for ClusterOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            resource_version,
            ..
        } = self;
        write!(f, "{object} (resourceVersion {resource_version})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    fn in_cluster() -> Origin {
        Origin::Cluster(ClusterOrigin {
            object: ObjectName {
                kind: Kind::CiliumNetworkPolicy,
                namespace: Some("shop".into()),
                name: "web".into(),
            },
            uid: "9f3c".into(),
            resource_version: "812".into(),
        })
    }

    #[test]
    fn is_shown_as_people_look_it_up() {
        let file = Origin::from("web.yaml");
        let position = Position { line: 3, column: 5 };
        for (origin, shown) in [
            (file.clone(), "web.yaml"),
            (file.at(position), "web.yaml:3:5"),
            (in_cluster(), "cnp shop/web (resourceVersion 812)"),
            (
                in_cluster().at(position),
                "cnp shop/web (resourceVersion 812)",
            ),
        ] {
            assert_eq!(origin.to_string(), shown);
        }
    }

    /// State files of earlier versions know files only.
    #[test]
    fn stored_form() {
        let position = Position { line: 3, column: 5 };
        let file = Origin::from("web.yaml").at(position);
        let stored = r#"{"file":"web.yaml","at":{"line":3,"column":5}}"#;
        assert_eq!(serde_json::to_string(&file).expect("plain data"), stored);
        for origin in [file, in_cluster()] {
            let stored = serde_json::to_string(&origin).expect("plain data");
            let read: Origin = serde_json::from_str(&stored).expect("own form");
            assert_eq!(read, origin);
        }
    }
}
