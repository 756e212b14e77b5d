//! Holds answers against openapi.yaml. Fields that the file doesn't describe are errors, too.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::http::Answer;

/// openapi.yaml.
pub(crate) static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let text = include_str!("../../openapi.yaml");
    Description(serde_saphyr::from_str(text).unwrap())
});

/// A description of the API.
pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(|path| &**path)
    }

    /// Names of an operation's parameters.
    pub(crate) fn parameters(&self, path: &str) -> Vec<(String, String)> {
        let listed = self.0["paths"][path]["get"]["parameters"].as_array();
        let listed = listed
            .into_iter()
            .flatten()
            .map(|parameter| self.resolved(parameter));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        listed
            .map(|parameter| (text(&parameter["name"]), text(&parameter["in"])))
            .collect()
    }

    /// Names of what an object of a schema can have.
    pub(crate) fn properties(&self, schema: &str) -> BTreeSet<&str> {
        let schema = &self.0["components"]["schemas"][schema];
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().map(|name| &**name).collect()
    }

    /// Checks an answer to a request for `path` below `/api`: what is described for its status and its
    /// content type.
    pub(crate) fn check_answer(&self, method: &str, path: &str, answer: &Answer) {
        let asked = path.split('?').next().unwrap();
        let operation = self.paths().find(|path| fits(path, asked));
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap();
        let schema = match operation {
            // What there is no such operation of is refused as everything is.
            Some(operation) if self.0["paths"][operation][method].is_object() => {
                let responses = &self.0["paths"][operation][method]["responses"];
                let response = responses.get(answer.status.to_string());
                &self.resolved(response.unwrap_or(&responses["default"]))["content"][kind]["schema"]
            }
            Some(_) | None => &self.0["components"]["schemas"]["Problem"],
        };
        assert!(
            schema.is_object(),
            "{path}: {kind} is not described: {answer:?}"
        );
        if kind == "application/json" || kind.ends_with("+json") {
            let mut wrong = Vec::new();
            self.hold(schema, &answer.json(), "$", &mut wrong);
            assert_eq!(wrong, [""; 0], "{path}");
        }
    }

    /// Checks what a POST brings.
    pub(crate) fn check_sent(&self, path: &str, body: &Value) {
        let content = &self.0["paths"][path]["post"]["requestBody"]["content"];
        let mut wrong = Vec::new();
        self.hold(
            &content["application/json"]["schema"],
            body,
            "$",
            &mut wrong,
        );
        assert_eq!(wrong, [""; 0], "{path}");
    }

    /// Checks something that has a schema of its own.
    pub(crate) fn check(&self, schema: &str, value: &Value) {
        let described = &self.0["components"]["schemas"][schema];
        let mut wrong = Vec::new();
        self.hold(described, value, schema, &mut wrong);
        assert_eq!(wrong, [""; 0]);
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(to) = value["$ref"].as_str() else {
            return value;
        };
        let found = self.0.pointer(to.trim_start_matches('#'));
        found.unwrap_or_else(|| panic!("{to} leads nowhere"))
    }

    fn hold(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let schema = self.resolved(schema);
        let types: Vec<&str> = if let Value::Array(some) = &schema["type"] {
            some.iter().filter_map(Value::as_str).collect()
        } else {
            schema["type"].as_str().into_iter().collect()
        };
        assert!(!types.is_empty(), "{at} has no type in the description");
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = types.contains(&is) || (is == "integer" && types.contains(&"number"));
        if !fits {
            wrong.push(format!("{at} is {is}, not {types:?}"));
            return;
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            wrong.push(format!("{at} is {value}, not one of {allowed:?}"));
        }
        if let Value::Array(items) = value {
            for (index, item) in items.iter().enumerate() {
                self.hold(&schema["items"], item, &format!("{at}[{index}]"), wrong);
            }
        }
        if let Value::Object(fields) = value {
            self.hold_fields(schema, fields, at, wrong);
        }
    }

    fn hold_fields(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        at: &str,
        wrong: &mut Vec<String>,
    ) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                wrong.push(format!("{at} has no {name}"));
            }
        }
        for (name, value) in fields {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (known @ Value::Object(_), _) => self.hold(known, value, &at, wrong),
                (_, others @ Value::Object(_)) => self.hold(others, value, &at, wrong),
                // Messages of protocol buffers are described elsewhere.
                (_, Value::Bool(true)) => {}
                _ => wrong.push(format!("{at} is not described")),
            }
        }
    }
}

/// Whether a path is one of a pattern: `/api/flows/7` of `/api/flows/{flow}`.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(asked)) if part == asked || part.starts_with('{') => {}
            _ => return false,
        }
    }
}
