//! Our descriptors against those of Hubble, message by message.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use flows_proto as proto;
use prost::Message as _;
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use serde_json::{Value, json};

fn wire() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/hubble-wire.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A file in the form of hubble-wire.json.
fn described(file: &FileDescriptorProto) -> Value {
    let mut messages = BTreeMap::new();
    let mut enums = BTreeMap::new();
    for message in &file.message_type {
        describe("", message, &mut messages, &mut enums);
    }
    for e in &file.enum_type {
        enums.insert(e.name().to_owned(), enumeration(e));
    }
    let mut services = BTreeMap::new();
    for service in &file.service {
        let methods: Vec<Value> = service
            .method
            .iter()
            .map(|m| {
                json!({
                    "name": m.name(),
                    "path": format!("/{}.{}/{}", file.package(), service.name(), m.name()),
                    "request": m.input_type().trim_start_matches('.'),
                    "response": m.output_type().trim_start_matches('.'),
                    "client_streaming": m.client_streaming(),
                    "server_streaming": m.server_streaming(),
                })
            })
            .collect();
        services.insert(service.name().to_owned(), methods);
    }
    json!({
        "package": file.package(), "syntax": file.syntax(), "imports": file.dependency,
        "services": services, "messages": messages, "enums": enums,
    })
}

fn describe(
    scope: &str,
    message: &DescriptorProto,
    messages: &mut BTreeMap<String, Value>,
    enums: &mut BTreeMap<String, Value>,
) {
    let name = format!("{scope}{}", message.name());
    let inside = format!("{name}.");
    for inner in &message.nested_type {
        describe(&inside, inner, messages, enums);
    }
    for e in &message.enum_type {
        enums.insert(format!("{inside}{}", e.name()), enumeration(e));
    }
    let fields: Vec<Value> = message
        .field
        .iter()
        .map(|f| {
            let named = f.type_name().trim_start_matches('.').to_owned();
            let (kind, type_name) = if f.r#type() == Type::Message {
                ("message", named)
            } else if f.r#type() == Type::Enum {
                ("enum", named)
            } else {
                let scalar = f.r#type().as_str_name().trim_start_matches("TYPE_");
                ("scalar", scalar.to_lowercase())
            };
            let label = match f.label() {
                Label::Repeated => "repeated",
                Label::Optional | Label::Required => "optional",
            };
            let mut field = json!({
                "name": f.name(), "number": f.number(), "type": type_name, "label": label,
                "kind": kind, "json": f.json_name(),
            });
            if let Some(oneof) = f.oneof_index {
                let oneof = usize::try_from(oneof).unwrap();
                field["oneof"] = json!(message.oneof_decl[oneof].name());
            }
            if f.options.as_ref().is_some_and(|o| o.deprecated()) {
                field["deprecated"] = json!(true);
            }
            field
        })
        .collect();
    let mut described = json!({ "fields": fields });
    if message.options.as_ref().is_some_and(|o| o.deprecated()) {
        described["deprecated"] = json!(true);
    }
    let reserved: Vec<_> = message
        .reserved_range
        .iter()
        .map(|r| json!([r.start(), r.end() - 1]))
        .collect();
    if !reserved.is_empty() {
        described["reserved_numbers"] = json!(reserved);
    }
    messages.insert(name, described);
}

fn enumeration(e: &EnumDescriptorProto) -> Value {
    let values: Vec<Value> = e
        .value
        .iter()
        .map(|v| {
            let mut value = json!({ "name": v.name(), "number": v.number() });
            if v.options.as_ref().is_some_and(|o| o.deprecated()) {
                value["deprecated"] = json!(true);
            }
            value
        })
        .collect();
    let mut described = json!({ "values": values });
    let reserved: Vec<_> = e
        .reserved_range
        .iter()
        .map(|r| json!([r.start(), r.end()]))
        .collect();
    if !reserved.is_empty() {
        described["reserved_numbers"] = json!(reserved);
    }
    described
}

/// What Hubble has since the version that `wire()` is of (1.20): taken out of what was found, having
/// been compared.
fn take_newer(path: &str, found: &mut Value) {
    if path != "flow/flow.proto" {
        return;
    }
    let fields = found["messages"]["SCTP"]["fields"].as_array_mut().unwrap();
    let chunk_type = fields.pop().unwrap();
    assert_eq!(
        (&chunk_type["name"], &chunk_type["number"]),
        (&json!("chunk_type"), &json!(3))
    );
    let chunk_types = found["enums"].as_object_mut().unwrap();
    let chunk_types = chunk_types.remove("SCTPChunkType").unwrap();
    let names = [
        "UNSUPPORTED",
        "INIT",
        "INIT_ACK",
        "SHUTDOWN",
        "SHUTDOWN_ACK",
        "SHUTDOWN_COMPLETE",
        "ABORT",
    ];
    let values: Vec<_> = (0..)
        .zip(names)
        .map(|(number, name)| json!({ "name": name, "number": number }))
        .collect();
    assert_eq!(chunk_types["values"], json!(values));
}

#[test]
fn messages_and_services_are_those_of_hubble() {
    let set = FileDescriptorSet::decode(proto::DESCRIPTOR_SET).unwrap();
    let wire = wire();
    let mut compared = 0;
    for (path, expected) in wire["files"].as_object().unwrap() {
        if path.starts_with("google/") {
            continue;
        }
        let file = set.file.iter().find(|f| f.name() == path.as_str());
        let mut found = described(file.unwrap_or_else(|| panic!("no {path}")));
        take_newer(path, &mut found);
        for part in ["package", "syntax", "imports", "services"] {
            assert_eq!(found[part], expected[part], "{path}: {part}");
        }
        for part in ["messages", "enums"] {
            let (found, expected) = (found[part].as_object(), expected[part].as_object());
            let (found, expected) = (found.unwrap(), expected.unwrap());
            for (name, expected) in expected {
                assert_eq!(found.get(name), Some(expected), "{path}: {name}");
                compared += 1;
            }
            let ours: Vec<_> = found
                .keys()
                .filter(|n| !expected.contains_key(*n))
                .collect();
            assert!(ours.is_empty(), "{path}: {ours:?} is not Hubble's");
        }
    }
    // 45 + 16 in flow, 17 in observer, 4 in peer, 2 in relay.
    assert_eq!(compared, 84);
}
