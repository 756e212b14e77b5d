//! From `proto/**/*.proto` to `proto/src/gen/`: message and service code, protojson, and the
//! descriptor set that gRPC reflection serves. No protoc: the compiler is `protox`.
//!
//! For each protobuf package `p` there is `p.rs` (messages, client, server) and `p.serde.rs`
//! (protojson: written with field names as in the .proto file, in the order of the .proto file; read
//! where it has to be fast). The
//! well-known types are those of `proto::google`.

mod enums;
mod order;
mod reading;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// Reads every .proto file below `proto_dir` and writes the generated files into `out_dir`, which
/// is created if missing. Files that are no longer generated are removed from it.
///
/// # Errors
/// A .proto file that does not compile, or a directory that can't be read or written.
pub fn generate(proto_dir: &Path, out_dir: &Path) -> Result<()> {
    let files = proto_files(proto_dir)?;
    ensure!(
        !files.is_empty(),
        "no .proto files below {}",
        proto_dir.display()
    );
    fs::create_dir_all(out_dir).with_context(|| format!("creating {}", out_dir.display()))?;

    // Compiled with source information, which becomes doc comments.
    let mut compiler = protox::Compiler::new([proto_dir]).context("setting up the compiler")?;
    compiler.include_imports(true).include_source_info(true);
    compiler
        .open_files(&files)
        .context("compiling the .proto files")?;
    let set = compiler.file_descriptor_set();
    write_messages(&without_deprecation(set.clone()), out_dir)?;

    let mut bare = set.clone();
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    let descriptor = bare.encode_to_vec();
    fs::write(out_dir.join("descriptor.bin"), &descriptor).context("writing descriptor.bin")?;
    write_json(&bare, &descriptor, out_dir)?;
    remove_others(&own_packages(&bare), out_dir)
}

/// All .proto files below `dir`, relative to it, sorted.
fn proto_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        let entries = fs::read_dir(&next).with_context(|| format!("reading {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                found.push(path.strip_prefix(dir)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The protobuf packages of our own files, without the well-known types.
fn own_packages(set: &FileDescriptorSet) -> BTreeSet<String> {
    set.file
        .iter()
        .map(|file| file.package().to_owned())
        .filter(|package| package != "google.protobuf")
        .collect()
}

/// Hubble's printers and clients read fields that its API calls deprecated, so that ours must fill
/// and read them too: without a warning in each place.
fn without_deprecation(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        let fields = file.message_type.iter_mut().flat_map(|m| {
            if let Some(options) = &mut m.options {
                options.deprecated = None;
            }
            &mut m.field
        });
        for options in fields.filter_map(|field| field.options.as_mut()) {
            options.deprecated = None;
        }
        let values = file.enum_type.iter_mut().flat_map(|e| &mut e.value);
        for options in values.filter_map(|value| value.options.as_mut()) {
            options.deprecated = None;
        }
    }
    set
}

fn write_messages(set: &FileDescriptorSet, out_dir: &Path) -> Result<()> {
    tonic_prost_build::configure()
        .out_dir(out_dir)
        .btree_map(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "crate::google")
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(set.clone())
        .context("generating messages and services")
}

fn write_json(set: &FileDescriptorSet, descriptor: &[u8], out_dir: &Path) -> Result<()> {
    let prefixes: Vec<String> = own_packages(set)
        .into_iter()
        .map(|package| format!(".{package}"))
        .collect();
    pbjson_build::Builder::new()
        .register_descriptors(descriptor)
        .context("reading the descriptors")?
        .out_dir(out_dir)
        .preserve_proto_field_names()
        .btree_map(["."])
        .ignore_unknown_fields()
        .extern_path(".google.protobuf", "crate::google")
        .build(&prefixes)
        .context("generating protojson")?;
    let readable = reading::readable(set)?;
    for package in own_packages(set) {
        let path = out_dir.join(format!("{package}.serde.rs"));
        let source = fs::read_to_string(&path)
            .with_context(|| format!("reading back {}", path.display()))?;
        let source = enums::named_or_number(&reading::only_fast(&source, &readable, &package));
        let ordered = order::as_declared(&source, set, &package)
            .with_context(|| format!("ordering the fields of {}", path.display()))?;
        fs::write(&path, ordered).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Removes what an earlier run generated for packages that are gone, and the well-known types'.
fn remove_others(packages: &BTreeSet<String>, out_dir: &Path) -> Result<()> {
    let mut keep: BTreeSet<String> = BTreeSet::from(["descriptor.bin".to_owned()]);
    for package in packages {
        keep.insert(format!("{package}.rs"));
        keep.insert(format!("{package}.serde.rs"));
    }
    for entry in fs::read_dir(out_dir)? {
        let entry = entry?;
        if !keep.contains(entry.file_name().to_string_lossy().as_ref()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
