//! The build script. With the feature `train` it has programs, tests and benches find libtorch where they were linked to it,
//! so that they start without LD_LIBRARY_PATH; without it does nothing.

use std::env;
use std::path::{Path, PathBuf};

/// The version that the crate `tch` is made for.
const VERSION: &str = "2.11.0";

fn main() {
    println!("cargo::rerun-if-changed=src/setup/build.rs");
    for name in ["LIBTORCH", "LIBTORCH_LIB", "LIBTORCH_USE_PYTORCH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if !has("TRAIN") || has("TRAIN_CHECK") {
        return;
    }
    match libtorch() {
        Ok(tree) => {
            println!("cargo::rustc-link-arg=-Wl,-rpath,{}", tree.join("lib").display());
            println!("cargo::rustc-env=SCENERY_LIBTORCH={}", tree.display());
        }
        Err(why) => println!("cargo::error={why}"),
    }
}

/// The tree that torch-sys links to; a sentence where it cannot be linked to.
fn libtorch() -> Result<PathBuf, String> {
    const SET_UP: &str = "`cargo run --release -- setup libtorch` puts it there";
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return Err(format!(
            "LIBTORCH_USE_PYTORCH is set: unset it; of a Python that has torch {VERSION}, `cargo run --release -- setup libtorch --python EXE` takes libtorch"
        ));
    }
    // torch-sys takes the libraries from LIBTORCH_LIB where it is set.
    let named = env::var_os("LIBTORCH_LIB").or_else(|| env::var_os("LIBTORCH"));
    let Some(tree) = named.map(PathBuf::from) else {
        return Err(format!(
            "LIBTORCH is not set: name a folder of libtorch {VERSION} by it, or build in the checkout"
        ));
    };
    let tree = if tree.is_absolute() {
        tree
    } else {
        let root = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        Path::new(&root).join(tree)
    };
    // Rebuilt when another tree takes its place.
    println!("cargo::rerun-if-changed={}", tree.join("build-version").display());
    if !tree.join("lib/libtorch_cpu.so").is_file() && !tree.join("lib/libtorch_cpu.dylib").is_file() {
        return Err(format!(
            "the feature `train` needs libtorch {VERSION}, which is not in {}: {SET_UP}",
            tree.display()
        ));
    }
    if let Ok(found) = std::fs::read_to_string(tree.join("build-version")) {
        let found = found.trim();
        if found.split('+').next() != Some(VERSION) {
            return Err(format!(
                "{} is libtorch {found}, and the feature `train` needs {VERSION}: {SET_UP}",
                tree.display()
            ));
        }
    }
    Ok(tree)
}
