//! Writes the bench corpus: `cargo bench --bench corpus -- --rows 100000 --out FILE`.
//!
//! Other targets make it by themselves where they need it; this is for a look at it, and for other tools.

mod measure;
mod scenes;

fn main() {
    let arguments = measure::Arguments::of_process();
    let rows = arguments.number("--rows", 100_000);
    let seed = arguments.number("--seed", measure::SEED);
    let path = match arguments.text("--out") {
        Some(path) => std::path::PathBuf::from(path),
        None => measure::corpus(rows),
    };
    if arguments.text("--out").is_some() {
        scenes::write(&path, rows, seed).expect("the corpus can be written");
    }
    let (mut lines, mut code, mut instruction, mut broken) = (0u64, 0u64, 0u64, 0u64);
    for row in 0..rows {
        let made = scenes::sample(seed, row);
        code += made.code.len() as u64;
        lines += made.code.lines().count() as u64;
        instruction += made.instruction.len() as u64;
        broken += u64::from(made.broken);
    }
    let size = std::fs::metadata(&path).expect("the corpus was written").len();
    println!("{rows} rows of seed {seed}: {:.1} MB, {} bytes a line", size as f64 / 1e6, size / rows.max(1));
    println!(
        "code {} bytes and {} lines a row, instruction {} bytes, {broken} broken on purpose",
        code / rows.max(1),
        lines / rows.max(1),
        instruction / rows.max(1)
    );
}
