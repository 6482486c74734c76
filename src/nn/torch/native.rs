//! What only the system can be asked for: libtorch's CUDA library, and memory that stays.
//!
//! A program is linked to the CPU library alone, so one program runs on both kinds of machine. The CUDA library brings its
//! kernels in when it is loaded with global symbols before the first tensor is made. It stands in a folder of its own
//! beside the CPU library.
#![allow(unsafe_code)]

use std::path::PathBuf;
use std::sync::OnceLock;

/// What came of loading, once.
static LOADED: OnceLock<Result<bool, String>> = OnceLock::new();

/// Loads the library. False where there is none.
///
/// # Errors
/// A sentence, where there is one that cannot be loaded.
pub(super) fn load_cuda() -> Result<bool, String> {
    LOADED.get_or_init(try_load).clone()
}

#[cfg(target_os = "linux")]
fn try_load() -> Result<bool, String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    let Some(path) = candidates().into_iter().find(|path| path.is_file()) else { return Ok(false) };
    // SAFETY: the library is libtorch's own; its initialisers register kernels and have no other preconditions. It is
    // never unloaded: the handle is forgotten.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    match library {
        Ok(library) => {
            std::mem::forget(library);
            Ok(true)
        }
        Err(error) => Err(format!(
            "libtorch's CUDA library cannot be loaded ({error}): `scenery setup libtorch --cuda` mends the folder"
        )),
    }
}

#[cfg(not(target_os = "linux"))]
fn try_load() -> Result<bool, String> {
    Ok(false)
}

/// Where the library may stand: beside the CPU library that this program runs with.
#[cfg(target_os = "linux")]
fn candidates() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let cpu = maps.lines().find_map(|line| {
        let path = &line[line.find('/')?..];
        path.contains("libtorch_cpu.so").then(|| PathBuf::from(path))
    });
    let Some(folder) = cpu.as_ref().and_then(|path| path.parent()) else { return Vec::new() };
    let beside = folder.parent().map(|above| above.join("cuda/torch/lib/libtorch_cuda.so"));
    beside.into_iter().chain([folder.join("libtorch_cuda.so")]).collect()
}

/// Has the C library keep memory that large tensors gave back, and take it for the next ones.
///
/// Left alone it returns every block over 32 MB at most to the system, and the system clears each page anew when the next
/// tensor touches it: a tenth of the time of a training step on a CPU.
pub(super) fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: both calls set numbers of the allocator, under its own lock.
        ONCE.call_once(|| unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        });
    }
}
