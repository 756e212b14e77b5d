//! What is wrong with an object.

use std::fmt;

use thiserror::Error;

use crate::object::ObjectName;
use crate::origin::{FileOrigin, Origin};

/// Something wrong in an object: where, in which object and field, what, and what to do about it.
#[derive(Clone, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it came from; `None` if it is about the cluster as a whole.
    pub origin: Option<Origin>,
    /// The object, if it could be told which one.
    pub object: Option<ObjectName>,
    /// Path of the field, such as `spec.ingress[0].toPorts[0].ports[0].port`; empty if it concerns
    /// the object or file as a whole.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it; empty if that is obvious.
    pub remedy: String,
}

impl Problem {
    /// File and position, if it came from a file.
    pub fn file(&self) -> Option<&FileOrigin> {
        self.origin.as_ref().and_then(Origin::as_file)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, &self.object) {
            (Some(Origin::File(file)), _) => write!(f, "{file}: ")?,
            (Some(Origin::Cluster(origin)), None) => write!(f, "{}: ", origin.object)?,
            (Some(Origin::Cluster(_)), Some(_)) | (None, _) => {}
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.problem)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}
