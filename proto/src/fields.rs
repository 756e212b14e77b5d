//! Fields of a flow by name, for languages that name them: [`Path`] says which one, [`Fields`] is the
//! flow it is taken from.

use std::borrow::Cow;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::flow::Flow;
use crate::json::descriptors;

/// A value without its message's types. Enums are numbers; what has no value is its type's default, or
/// `Null` where absence is a value of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    /// An absent wrapper.
    Null,
    /// A bool.
    Bool(bool),
    /// A signed number, or an enum's.
    Int(i64),
    /// An unsigned number.
    Uint(u64),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A message: all its fields.
    Message(Vec<(String, Self)>),
}

/// A flow whose fields are found by name.
#[derive(Debug)]
pub struct Fields(DynamicMessage);

impl Fields {
    /// Of a flow.
    ///
    /// # Panics
    /// Never: the descriptors are those of the type.
    pub fn new(flow: &Flow) -> Self {
        let mut message = DynamicMessage::new(descriptor());
        message
            .transcode_from(flow)
            .expect("the descriptor is the flow's own");
        Self(message)
    }
}

fn descriptor() -> MessageDescriptor {
    descriptors()
        .get_message_by_name("flow.Flow")
        .expect("it is a message of this crate")
}

/// A field of a flow, maybe of a message in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<FieldDescriptor>);

/// A name that no field of a message has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("undefined field '{field}'")]
pub struct NoField {
    /// The name.
    pub field: String,
}

impl Path {
    /// The field that the names lead to from the flow, in the spelling of the .proto file.
    ///
    /// # Errors
    /// The first name that a message doesn't have.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NoField> {
        let mut message = Some(descriptor());
        let mut fields = Vec::new();
        for name in names {
            let field = message.and_then(|message| message.get_field_by_name(name));
            let field = field.ok_or_else(|| NoField {
                field: name.to_owned(),
            })?;
            let kind = field.kind();
            message = kind
                .as_message()
                .filter(|inner| !field.is_list() && !is_value(inner))
                .cloned();
            fields.push(field);
        }
        Ok(Self(fields))
    }

    /// Whether it is a moment, of which there is no plain value.
    pub fn is_moment(&self) -> bool {
        let last = self.0.last().map(FieldDescriptor::kind);
        let message = last.as_ref().and_then(Kind::as_message);
        message.is_some_and(|message| message.full_name() == "google.protobuf.Timestamp")
    }

    /// Its value.
    pub fn get(&self, of: &Fields) -> Plain {
        let Some((last, inner)) = self.0.split_last() else {
            return message(&of.0);
        };
        match holder(&of.0, inner) {
            Some(holder) if holder.has_field(last) => plain(&holder.get_field(last)),
            Some(_) | None => absent(last),
        }
    }

    /// Whether it is there: set, or not its default where that is the same.
    pub fn is_set(&self, of: &Fields) -> bool {
        let Some((last, inner)) = self.0.split_last() else {
            return true;
        };
        holder(&of.0, inner).is_some_and(|holder| holder.has_field(last))
    }
}

/// The message that the fields lead to, if all of them are set.
fn holder<'a>(root: &'a DynamicMessage, fields: &[FieldDescriptor]) -> Option<&'a DynamicMessage> {
    fields.iter().try_fold(root, |holder, field| {
        // What is set is there to be borrowed.
        match holder.get_field(field) {
            Cow::Borrowed(Value::Message(inner)) if holder.has_field(field) => Some(inner),
            Cow::Borrowed(_) | Cow::Owned(_) => None,
        }
    })
}

/// Messages that are values: wrappers and moments.
fn is_value(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("google.protobuf.")
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other kind is a plain value with a default"
)]
fn absent(field: &FieldDescriptor) -> Plain {
    if field.is_list() || field.is_map() {
        return Plain::List(Vec::new());
    }
    match field.kind() {
        Kind::Message(message) if is_value(&message) => Plain::Null,
        Kind::Message(inner) => message(&DynamicMessage::new(inner)),
        _ => plain(&field.default_value()),
    }
}

fn message(message: &DynamicMessage) -> Plain {
    let descriptor = message.descriptor();
    if is_value(&descriptor) {
        // A wrapper has one field.
        let field = descriptor.get_field_by_name("value");
        return field.map_or(Plain::Null, |field| plain(&message.get_field(&field)));
    }
    let fields = descriptor.fields().filter(|field| {
        // A message that is not there may hold its own kind.
        !matches!(field.kind(), Kind::Message(_)) || message.has_field(field)
    });
    let values = fields.map(|field| {
        let value = plain(&message.get_field(&field));
        (field.name().to_owned(), value)
    });
    Plain::Message(values.collect())
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::Bool(value) => Plain::Bool(*value),
        Value::I32(number) | Value::EnumNumber(number) => Plain::Int((*number).into()),
        Value::I64(number) => Plain::Int(*number),
        Value::U32(number) => Plain::Uint((*number).into()),
        Value::U64(number) => Plain::Uint(*number),
        Value::F32(number) => Plain::Float((*number).into()),
        Value::F64(number) => Plain::Float(*number),
        Value::String(text) => Plain::Text(text.clone()),
        Value::Bytes(bytes) => Plain::Bytes(bytes.to_vec()),
        Value::Message(inner) => message(inner),
        Value::List(values) => Plain::List(values.iter().map(plain).collect()),
        Value::Map(values) => {
            let named = values.iter().filter_map(|(key, value)| match key {
                MapKey::String(name) => Some((name.clone(), plain(value))),
                MapKey::Bool(_)
                | MapKey::I32(_)
                | MapKey::I64(_)
                | MapKey::U32(_)
                | MapKey::U64(_) => None,
            });
            Plain::Message(named.collect())
        }
    }
}

/// The number of an enum value by its name, `Verdict.DROPPED` or `DROPPED` of the enum's full name.
pub fn enum_number(names: &[&str]) -> Option<i32> {
    let (value, names) = names.split_last()?;
    let name = match names {
        [name] => format!("flow.{name}"),
        ["flow", name] => format!("flow.{name}"),
        _ => return None,
    };
    let number = descriptors().get_enum_by_name(&name)?;
    let number = number.get_value_by_name(value)?.number();
    Some(number)
}
