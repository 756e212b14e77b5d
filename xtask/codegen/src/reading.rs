//! Keeps of the generated protojson what writes it, and what reads the messages that are read by the
//! million.
//!
//! Other messages are read through the descriptors (`proto::json`), which know more of protojson and
//! are a quarter of the code to compile; they also judge what the generated readers refuse.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// What flows are made of is read fast: these, and all that they hold.
const ROOTS: [&str; 2] = [".observer.GetFlowsResponse", ".flows.v1.FlowExtension"];

const IMPL: &str = "impl<'de> serde::Deserialize<'de> for ";
const NUMBER: &str = "::pbjson::private::NumberDeserialize<_>";
const SKIP: &str = "_ => Ok(GeneratedField::__SkipField__)";

/// The names of the messages and enums that are read fast, as [`name`] has them, by package.
pub(crate) fn readable(set: &FileDescriptorSet) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut messages: BTreeMap<String, &DescriptorProto> = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            collect(message, &format!(".{}", file.package()), &mut messages);
        }
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut todo: Vec<String> = ROOTS.map(str::to_owned).to_vec();
    let mut seen = BTreeSet::new();
    while let Some(next) = todo.pop() {
        if next.starts_with(".google.") || !seen.insert(next.clone()) {
            continue;
        }
        let package = set.file.iter().map(|file| file.package());
        let package = package
            .filter(|package| next[1..].starts_with(&format!("{package}.")))
            .max_by_key(|package| package.len())
            .with_context(|| format!("{next} is in no package"))?;
        let names = found.entry(package.to_owned()).or_default();
        names.insert(name(&next[package.len() + 2..]));
        // Enums hold nothing.
        if let Some(message) = messages.get(&next) {
            let types = message.field.iter().filter_map(|f| f.type_name.clone());
            todo.extend(types);
        }
    }
    Ok(found)
}

fn collect<'a>(
    message: &'a DescriptorProto,
    scope: &str,
    messages: &mut BTreeMap<String, &'a DescriptorProto>,
) {
    let name = format!("{scope}.{}", message.name());
    for inner in &message.nested_type {
        collect(inner, &name, messages);
    }
    messages.insert(name, message);
}

/// A message's name as it is compared: the code generators spell it otherwise than the .proto file.
fn name(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_lowercase()
}

/// Returns `source`, the generated protojson of `package`, without the `Deserialize` implementations
/// of messages that are not `readable`. What remains asks `proto::json` what to do with fields that it
/// doesn't know.
pub(crate) fn only_fast(
    source: &str,
    readable: &BTreeMap<String, BTreeSet<String>>,
    package: &str,
) -> String {
    let readable = readable.get(package);
    let mut out = String::with_capacity(source.len() / 2);
    let mut left_out = false;
    for line in source.lines() {
        if let Some(message) = line.strip_prefix(IMPL) {
            let message = name(message);
            left_out = !readable.is_some_and(|readable| readable.contains(&message));
        }
        if !left_out {
            let line = line.replace(NUMBER, "crate::json::Number<_>").replace(
                SKIP,
                "_ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__)",
            );
            out.push_str(&line);
            out.push('\n');
        }
        if line == "}" {
            left_out = false;
        }
    }
    out
}
