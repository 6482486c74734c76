// What the C++ compiler finds where LIBTORCH names no libtorch: `.cargo/config.toml` has it look here last. So whoever
// builds with the feature `train` too early is told what to type, by the one program that fails then.
#error libtorch is not there yet; type: cargo run --release -- setup libtorch
#include "libtorch is not there yet"
