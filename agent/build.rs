//! Embeds the eBPF object if `FLOWS_BPF_OBJECT` names one (`cargo xtask build-bpf` prints where it
//! is). Never builds it: an agent built without it takes `--object FILE`.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=FLOWS_BPF_OBJECT");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let embedded = match env::var("FLOWS_BPF_OBJECT") {
        Ok(object) if !object.is_empty() => {
            println!("cargo::rerun-if-changed={object}");
            fs::copy(&object, out.join("object.bpf"))
                .map_err(|error| format!("FLOWS_BPF_OBJECT={object}: {error}"))?;
            "Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/object.bpf\")))"
        }
        _ => "None",
    };
    fs::write(out.join("object.rs"), embedded)?;
    Ok(())
}
