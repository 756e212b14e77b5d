//! What is wrong in a document, with its place.

use crate::object::ObjectName;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::yaml::{self, Position, Value};

pub(super) type Result<T> = std::result::Result<T, Box<Problem>>;

/// Reads one document: where it is, and whose mistakes are found in it.
pub(super) struct Reader<'a> {
    pub(super) origin: &'a Origin,
    pub(super) name: Option<ObjectName>,
}

impl Reader<'_> {
    pub(super) fn problem(
        &self,
        at: Position,
        field: &str,
        problem: String,
        remedy: &str,
    ) -> Box<Problem> {
        Box::new(Problem {
            origin: Some(self.origin.at(at)),
            object: self.name.clone(),
            field: field.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        })
    }

    pub(super) fn wrong_type(&self, node: &yaml::Node, field: &str, wanted: &str) -> Box<Problem> {
        let remedy = match node.value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if wanted == "text" => "quote it",
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => "",
        };
        let problem = format!("is {}, should be {wanted}", node.value.kind());
        self.problem(node.at, field, problem, remedy)
    }
}
