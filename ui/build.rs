//! Embeds the page: `web/dist`, as far as `cargo xtask page` has built it.
//!
//! Each file there may stand beside its compressed forms (`.br`, `.gz`). Without a built page the list
//! is empty, and the program serves one that says how to build it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let dist = root.join("web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());

    let mut files = BTreeSet::new();
    collect(&dist, &dist, &mut files)?;
    // An index is the sign of a page that is whole: it is written last.
    if !files.contains("index.html") {
        files.clear();
    }
    let mut list = String::from("&[\n");
    for name in &files {
        if name.ends_with(".br") || name.ends_with(".gz") {
            continue;
        }
        let bytes = |name: &str| format!("include_bytes!({:?})", dist.join(name));
        let packed = |end: &str| {
            let name = format!("{name}{end}");
            match files.contains(&name) {
                true => format!("Some({})", bytes(&name)),
                false => "None".to_owned(),
            }
        };
        writeln!(
            list,
            "    Asset {{ name: {name:?}, plain: {}, gzip: {}, brotli: {} }},",
            bytes(name),
            packed(".gz"),
            packed(".br")
        )
        .expect("writing to a string");
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("assets.rs"), list)
}

/// The files below `directory` by their names relative to `root`, hidden ones left out.
fn collect(root: &Path, directory: &Path, files: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.strip_prefix(root).expect("it is below the root");
        let name = name.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(name.to_owned());
        }
    }
    Ok(())
}
