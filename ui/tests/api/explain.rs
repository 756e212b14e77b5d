//! The answer of a server's policy engine, a message in JSON, is as openapi.yaml says.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use proto::flows::v1::ExplainResponse;

use crate::schema::DESCRIPTION;

const TIME: &str = "google.protobuf.Timestamp";

fn answer() -> MessageDescriptor {
    let name = "flows.v1.ExplainResponse";
    proto::json::descriptors()
        .get_message_by_name(name)
        .unwrap()
}

/// Adds the names of the messages that one has in it.
fn collect(message: &MessageDescriptor, found: &mut BTreeSet<String>) {
    if message.full_name() == TIME || !found.insert(message.name().to_owned()) {
        return;
    }
    let fields: BTreeSet<String> = message
        .fields()
        .map(|field| field.name().to_owned())
        .collect();
    let fields: BTreeSet<&str> = fields.iter().map(|name| &**name).collect();
    assert_eq!(
        DESCRIPTION.properties(message.name()),
        fields,
        "{}",
        message.name()
    );
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            collect(&inner, found);
        }
    }
}

#[test]
fn fields_are_those_of_the_message() {
    let mut found = BTreeSet::new();
    collect(&answer(), &mut found);
    assert!(found.len() >= 11, "{found:?}");
}

/// A message with something in every field.
fn filled(message: &MessageDescriptor, depth: usize) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        if let Some(value) = value(&field, depth) {
            let value = if field.is_list() {
                Value::List(vec![value])
            } else {
                value
            };
            filled.set_field(&field, value);
        }
    }
    filled
}

fn value(field: &FieldDescriptor, depth: usize) -> Option<Value> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others do not occur")]
    Some(match field.kind() {
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String("text".to_owned()),
        Kind::Uint32 => Value::U32(7),
        Kind::Int32 => Value::I32(7),
        Kind::Int64 => Value::I64(7),
        Kind::Enum(numbers) => Value::EnumNumber(numbers.values().nth(1)?.number()),
        // An answer can have answers in it.
        Kind::Message(_) if depth == 0 => return None,
        Kind::Message(inner) => Value::Message(filled(&inner, depth - 1)),
        _ => panic!("{field:?}: write what fills it"),
    })
}

#[test]
fn types_are_those_of_the_message() {
    let answer: ExplainResponse = filled(&answer(), 6).transcode_to().unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        json["now"]["egress"]["policies"][0]["rules"][0]["path"]["index"],
        7
    );
    DESCRIPTION.check("ExplainResponse", &json);
}
