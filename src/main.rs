//! The program `scenery`: everything is in the library, see `scenery::cli`.

fn main() -> std::process::ExitCode {
    scenery::cli::main()
}
