//! `flows-codegen PROTO_DIR OUT_DIR`, run by `cargo xtask codegen`.

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [proto_dir, out_dir] = arguments.as_slice() else {
        anyhow::bail!("usage: flows-codegen PROTO_DIR OUT_DIR (or: cargo xtask codegen)");
    };
    flows_codegen::generate(proto_dir, out_dir)
}
