//! Every field of a flow, as its JSON has it, one a line.

use proto::flow::Flow;
use serde_json::Value;

/// Paths and values of all fields that are set. What only our servers tell stands under `flows.v1`.
pub(super) fn of(flow: &Flow) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let extension = flow.extension();
    // The packed form says nothing to people.
    let plain = Flow {
        extensions: None,
        ..flow.clone()
    };
    if let Some(value) = json(&plain) {
        flatten(String::new(), &value, &mut fields);
    }
    if let Some(value) = extension.as_ref().and_then(json) {
        flatten("flows.v1".to_owned(), &value, &mut fields);
    }
    fields
}

fn json<M: serde::Serialize>(message: &M) -> Option<Value> {
    let text = proto::json::to_string(message).ok()?;
    serde_json::from_str(&text).ok()
}

fn flatten(path: String, value: &Value, to: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(format!("{path}{dot}{name}"), value, to);
            }
        }
        Value::Array(values) if values.iter().all(|value| !value.is_object()) => {
            let texts = values.iter().map(plain).collect::<Vec<_>>();
            to.push((path, texts.join(", ")));
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                flatten(format!("{path}[{at}]"), value, to);
            }
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            to.push((path, plain(value)));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    }
}
