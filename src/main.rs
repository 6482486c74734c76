//! The program `scenery`: everything is in the library, see `scenery::cli`.

fn main() -> std::process::ExitCode {
    scenery::cli::main()
}

/// An ingest makes and drops millions of small strings; the system's allocator takes a sixth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
