//! Holds answers against openapi.yaml. Fields that the file doesn't describe are errors, too.

use serde_json::Value;

/// The description.
pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../openapi.yaml");
        Self(serde_saphyr::from_str(text).unwrap())
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
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

    /// What is wrong with a good answer to `path`.
    pub(crate) fn check(&self, path: &str, answer: &Value) -> Vec<String> {
        let schema = &self.0["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        assert!(schema.is_object(), "{path} has no schema");
        let mut wrong = Vec::new();
        self.hold(schema, answer, "$", &mut wrong);
        wrong
    }

    /// What is wrong with something that has a schema of its own.
    pub(crate) fn check_named(&self, name: &str, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.hold(
            &self.0["components"]["schemas"][name],
            value,
            name,
            &mut wrong,
        );
        wrong
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
                _ if schema["properties"].is_null() => {}
                _ => wrong.push(format!("{at} is not described")),
            }
        }
    }
}
