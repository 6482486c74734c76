//! Instructions in other words.

/// Pairs of words of which one stands for the other.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("a", "the"),
    ("an", "the"),
    ("the", "a"),
    ("this", "that"),
    ("show", "display"),
    ("display", "show"),
    ("create", "make"),
    ("make", "create"),
    ("draw", "sketch"),
    ("animate", "present"),
    ("then", "afterwards"),
    ("with", "having"),
    ("and", "plus"),
];

/// Fewest different pairs of words in a row of an instruction in which a word is changed: at most two of them go and two
/// come, and 12 of 16 are 0.75.
const FOR_A_WORD: usize = 14;
/// The same of one in which two words change places: three go and three come.
const FOR_A_SWAP: usize = 21;
/// The same of one in which both is done.
const FOR_BOTH: usize = 35;

/// Letters and digits in a row, or what stands between such; in turns.
fn pieces(text: &str) -> Vec<(bool, String)> {
    let mut out: Vec<(bool, String)> = Vec::new();
    for ch in text.chars() {
        let is_word = ch.is_alphanumeric();
        match out.last_mut() {
            Some((kind, piece)) if *kind == is_word => piece.push(ch),
            _ => out.push((is_word, ch.to_string())),
        }
    }
    out
}

/// An instruction with another case and other punctuation; a longer one with a word changed or two swapped, or both. As
/// many changes as leave it as like as the threshold for prompts has it unless another is asked for. `None` where there
/// are no words.
pub fn reworded(text: &str, seed: u64) -> Option<String> {
    let pieces = pieces(text);
    let mut words: Vec<String> = pieces.iter().filter(|(is_word, _)| *is_word).map(|(_, word)| word.clone()).collect();
    if words.is_empty() {
        return None;
    }
    let mut pairs: Vec<(String, String)> =
        words.windows(2).map(|pair| (pair[0].to_lowercase(), pair[1].to_lowercase())).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let long = words.len() >= super::LEAST_WORDS;
    let both = pairs.len() >= FOR_BOTH;
    let swaps = long && (both || (pairs.len() >= FOR_A_SWAP && seed.is_multiple_of(2)));
    let changes = long && (both || (pairs.len() >= FOR_A_WORD && !swaps));
    if swaps {
        let middle = words.len() / 2;
        let differ = |at: &usize| words[*at].to_lowercase() != words[*at + 1].to_lowercase();
        if let Some(at) = (middle..words.len() - 1).find(differ) {
            words.swap(at, at + 1);
        }
    }
    if changes {
        let other = |word: &str| OTHER_WORDS.iter().find(|(one, _)| word.eq_ignore_ascii_case(one));
        match words.iter().position(|word| other(word).is_some()) {
            Some(at) => words[at] = other(&words[at]).map_or("", |(_, two)| two).to_owned(),
            None => words[0] = "Illustrate".to_owned(),
        }
    }
    let upper = seed % 3;
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            out.push_str(match (at as u64 + seed) % 5 {
                0 => ", ",
                1 => " \n",
                2 => " - ",
                _ => " ",
            });
        }
        match upper {
            0 => out.push_str(&word.to_ascii_uppercase()),
            1 => out.push_str(&word.to_ascii_lowercase()),
            _ if at % 2 == 0 => out.push_str(&word.to_ascii_uppercase()),
            _ => out.push_str(word),
        }
    }
    out.push_str("!!");
    Some(out)
}
