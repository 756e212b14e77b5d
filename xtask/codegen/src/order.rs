//! Puts the fields of generated protojson into the order of the .proto file.
//!
//! pbjson-build writes a message's plain fields first and its oneofs last; protojson of Go, and so
//! Hubble's, writes them as declared. The generated text is regular: in each `Serialize` the
//! fields are `if` blocks at one indentation between `let mut struct_ser` and `struct_ser.end()`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use prost_types::{DescriptorProto, FileDescriptorSet};

const START: &str = "        let mut struct_ser = serializer.serialize_struct(\"";
const END: &str = "        struct_ser.end()";
const BLOCK_END: &str = "        }";
const FIELD: &str = "struct_ser.serialize_field(\"";

/// Returns `source`, the generated protojson of `package`, with its fields as declared in `set`.
pub(crate) fn as_declared(source: &str, set: &FileDescriptorSet, package: &str) -> Result<String> {
    let mut declared = BTreeMap::new();
    for file in set.file.iter().filter(|file| file.package() == package) {
        for message in &file.message_type {
            collect(message, package, &mut declared);
        }
    }

    let mut out = String::with_capacity(source.len());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        push(&mut out, line);
        let Some(message) = line
            .strip_prefix(START)
            .and_then(|rest| rest.split('"').next())
        else {
            continue;
        };
        let fields = declared
            .get(message)
            .with_context(|| format!("message {message} is not declared"))?;
        let mut blocks = blocks(&mut lines, fields, message)?;
        blocks.sort_by_key(|(place, _)| *place);
        for line in blocks.iter().flat_map(|(_, lines)| lines) {
            push(&mut out, line);
        }
        push(&mut out, END);
    }
    Ok(out)
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The declared place of each field of `message` and of the messages inside it.
fn collect(
    message: &DescriptorProto,
    scope: &str,
    declared: &mut BTreeMap<String, BTreeMap<String, usize>>,
) {
    let name = format!("{scope}.{}", message.name());
    for inner in &message.nested_type {
        collect(inner, &name, declared);
    }
    let places = message.field.iter().enumerate();
    declared.insert(
        name,
        places
            .map(|(place, f)| (f.name().to_owned(), place))
            .collect(),
    );
}

/// Reads the `if` blocks up to `struct_ser.end()`, each with the place of the field it writes (the
/// first of them for a oneof, whose fields are declared together).
fn blocks<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    fields: &BTreeMap<String, usize>,
    message: &str,
) -> Result<Vec<(usize, Vec<&'a str>)>> {
    let mut blocks = Vec::new();
    let mut block = Vec::new();
    for line in lines {
        if line == END {
            ensure!(block.is_empty(), "{message}: a block is not closed");
            return Ok(blocks);
        }
        block.push(line);
        if line == BLOCK_END {
            let place = block
                .iter()
                .filter_map(|line| line.split_once(FIELD)?.1.split('"').next())
                .filter_map(|field| fields.get(field).copied())
                .min()
                .with_context(|| format!("{message}: a block writes no declared field"))?;
            blocks.push((place, std::mem::take(&mut block)));
        }
    }
    anyhow::bail!("{message}: no end of the struct")
}
