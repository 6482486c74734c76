//! `train show`.

use std::fmt::Write as _;

use super::flags::of_a_look;
use super::{contract, dataset};
use crate::cli::args::{BatchFlags, TrainShowArgs};
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::session::Session;
use crate::train::show::{Part, Shown, show as shown};

/// Shows examples as a model sees them.
///
/// # Errors
/// As the data, and where an example cannot be encoded.
pub fn show(session: &Session, args: &TrainShowArgs) -> Result<(), Failure> {
    let options = of_a_look(&args.tokens, &BatchFlags::default())?;
    let dataset = dataset(session, &args.data)?;
    let (tokenizer, contract) = contract(session, &args.data, &args.tokens, options.max_len, &dataset)?;
    let places: Vec<usize> = (0..dataset.examples.len().min(args.limit)).collect();
    let all = shown(&dataset, &contract, &tokenizer, &places)?;
    if session.json {
        return session.print_json(&all);
    }
    let mut out = String::new();
    for example in &all {
        write(&mut out, session.colour, example);
    }
    pager::print(session, &out, true)?;
    session.say(format!(
        "{} of {} examples, template {}; {}",
        all.len(),
        thousands(dataset.examples.len() as u64),
        contract.template.id,
        if session.colour { "dim is masked" } else { "⟦ ⟧ is masked" }
    ));
    Ok(())
}

fn write(out: &mut String, colour: bool, example: &Shown) {
    let bold = |text: &str| if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let tokens = example.tokens;
    let head = format!("{} {} {}", &example.id[..8.min(example.id.len())], safe(&example.source), example.side);
    let _ = writeln!(out, "{}", bold(&head));
    let _ = writeln!(
        out,
        "{} tokens = {} of the prompt + {} trained{}",
        thousands(tokens.total as u64),
        thousands(tokens.prompt as u64),
        thousands(tokens.trained as u64),
        if example.too_long {
            format!("; more than the {} allowed", thousands(tokens.most as u64))
        } else {
            String::new()
        }
    );
    out.push('\n');
    parts(out, colour, &example.parts);
    let _ = writeln!(out, "\n{}", bold("what generation is given"));
    parts(out, colour, &example.prompt);
    let _ = writeln!(out, "\nprefix identical: {}\n", if example.prefix_identical { "yes" } else { "no" });
}

/// The parts one after the other; masked ones that follow each other are marked as one.
fn parts(out: &mut String, colour: bool, parts: &[Part]) {
    let (open, close) = if colour { ("\u{1b}[2m", "\u{1b}[0m") } else { ("⟦", "⟧") };
    let mut masked = false;
    for part in parts {
        if part.trained == masked {
            out.push_str(if masked { close } else { open });
            masked = !masked;
        }
        out.push_str(&safe(&part.text));
    }
    if masked {
        out.push_str(close);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
}
