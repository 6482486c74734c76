//! Random queries that compile: every filter and stage that runs, over given names and values. Deterministic from a seed.

/// A small generator of numbers (xorshift64*), so that a seed means the same everywhere.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number under `bound` (which is not 0).
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Between two numbers, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What queries may name. Empty lists are left out; `words` must not be empty.
#[derive(Clone, Debug, Default)]
pub struct GenVocab {
    /// Words that stand in texts: letters and digits, possibly with a few that stand in none.
    pub words: Vec<String>,
    /// Fields of whole numbers with the least and greatest value worth asking.
    pub whole: Vec<(String, i64, i64)>,
    /// Fields of measures, likewise.
    pub real: Vec<(String, i64, i64)>,
    /// Enumerations, and whether they are ordered (then their words stand in order).
    pub enums: Vec<(String, Vec<String>, bool)>,
    /// Fields of free words with values.
    pub names: Vec<(String, Vec<String>)>,
    /// Sets with names, and whether names are counted.
    pub sets: Vec<(String, Vec<String>, bool)>,
    /// Yes-or-no fields.
    pub bools: Vec<String>,
    /// Columns of the sources' own (without `meta.`), with words that stand in them.
    pub metas: Vec<(String, Vec<String>)>,
    /// Those of them that hold numbers, with the least and greatest value worth asking.
    pub numbered: Vec<(String, i64, i64)>,
    /// Days, as `YYYY-MM-DD`, for `added`.
    pub days: Vec<String>,
    /// Ids, or beginnings of them.
    pub ids: Vec<String>,
    /// Fields that rows may be sorted and grouped by.
    pub columns: Vec<String>,
    /// Saved queries that take no arguments.
    pub saved: Vec<String>,
    /// Whole ids, or beginnings of at least six digits of which each is one sample's.
    pub near: Vec<String>,
    /// Patterns of code, without single quotes.
    pub patterns: Vec<String>,
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as typed: bare where that is safe, sometimes quoted all the same.
fn value(rng: &mut Rng, text: &str) -> String {
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && !text.contains("..")
        && !["and", "or", "not"].contains(&text.to_ascii_lowercase().as_str());
    if plain && !rng.chance(15) { text.to_owned() } else { quoted(text) }
}

/// A random query that compiles, as text.
pub fn random_query(rng: &mut Rng, vocab: &GenVocab) -> String {
    let mut out = String::new();
    if !rng.chance(8) {
        out.push_str(&expr(rng, vocab, 3));
    }
    // relevance needs a word that is asked for
    if rng.chance(8) {
        let word = text_of(rng, vocab);
        let keys = match rng.below(3) {
            0 => format!(", {}", pick(rng, &vocab.columns).map_or("id", String::as_str)),
            _ => String::new(),
        };
        out = format!("{word}{}{out} | sort -score{keys}", if out.is_empty() { "" } else { " or " });
    }
    let stages = [0, 0, 1, 1, 2, 3][rng.below(6)];
    for _ in 0..stages {
        out.push_str(" | ");
        out.push_str(&stage(rng, vocab));
    }
    out
}

fn expr(rng: &mut Rng, vocab: &GenVocab, depth: usize) -> String {
    if depth == 0 || rng.chance(30) {
        return leaf(rng, vocab);
    }
    let members = 2 + rng.below(2);
    let between = [" or ", " or ", " OR ", " and ", " "][rng.below(5)];
    let parts: Vec<String> = (0..members)
        .map(|_| {
            let inner = expr(rng, vocab, depth - 1);
            let grouped = inner.contains(' ');
            let inner = if grouped { format!("({inner})") } else { inner };
            match rng.below(6) {
                0 if inner.starts_with('-') => format!("not ({inner})"),
                0 => format!("-{inner}"),
                1 if inner.starts_with('-') => inner,
                1 => format!("not {inner}"),
                _ => inner,
            }
        })
        .collect();
    parts.join(between)
}

fn leaf(rng: &mut Rng, vocab: &GenVocab) -> String {
    for _ in 0..20 {
        let made = match rng.below(16) {
            0 | 1 => Some(text(rng, vocab)),
            2 => numbers(rng, vocab),
            3 => measures(rng, vocab),
            4 => enums(rng, vocab),
            5 => names(rng, vocab),
            6 | 7 => sets(rng, vocab),
            8 => pick(rng, &vocab.bools).map(|name| format!("is:{name}")),
            9 => meta(rng, vocab),
            10 => days(rng, vocab),
            11 => has(rng, vocab),
            12 => pick(rng, &vocab.ids).map(|id| format!("id:{id}")),
            13 => pick(rng, &vocab.near).map(|id| match rng.below(4) {
                0 => format!("near:{id}"),
                _ => format!("near:{id}>=0.{}", rng.between(1, 99)),
            }),
            14 => pick(rng, &vocab.patterns).map(|pattern| format!("ast:'{pattern}'")),
            _ => match rng.below(3) {
                0 => pick(rng, &vocab.saved).map(|name| format!("@{name}")),
                1 => Some(
                    ["state:any", "state:kept", "state:(duplicate or rejected)", "state!=kept"][rng.below(4)]
                        .to_owned(),
                ),
                _ => Some(text(rng, vocab)),
            },
        };
        if let Some(made) = made {
            return made;
        }
    }
    text(rng, vocab)
}

fn pick<'a, T>(rng: &mut Rng, items: &'a [T]) -> Option<&'a T> {
    if items.is_empty() { None } else { Some(rng.pick(items)) }
}

/// A word, prefix, phrase or expression, in both texts or one.
fn text(rng: &mut Rng, vocab: &GenVocab) -> String {
    let word = rng.pick(&vocab.words).clone();
    let place = ["", "", "code:", "instruction:"][rng.below(4)];
    let looks = match rng.below(8) {
        0 => format!("{}*", &word[..word.char_indices().nth(3).map_or(word.len(), |(at, _)| at)]),
        1 => quoted(&format!("{word} {}", rng.pick::<String>(&vocab.words))),
        2 => quoted(&word),
        3 => format!("/{}/{}", regex_of(rng, &word), ["", "i"][rng.below(2)]),
        _ => value(rng, &word),
    };
    if rng.chance(12) && !place.is_empty() {
        let between = [" or ", " and ", " not ", " or not "][rng.below(4)];
        return format!("{place}({looks}{between}{})", quoted(rng.pick::<String>(&vocab.words)));
    }
    format!("{place}{looks}")
}

/// A word, a beginning of one or a phrase, in both texts or one.
fn text_of(rng: &mut Rng, vocab: &GenVocab) -> String {
    let word = rng.pick(&vocab.words).clone();
    let place = ["", "", "code:", "instruction:"][rng.below(4)];
    match rng.below(4) {
        0 => format!("{place}{}*", &word[..word.char_indices().nth(3).map_or(word.len(), |(at, _)| at)]),
        1 => format!("{place}{}", quoted(&format!("{word} {}", rng.pick::<String>(&vocab.words)))),
        _ => format!("{place}{}", value(rng, &word)),
    }
}

fn regex_of(rng: &mut Rng, word: &str) -> String {
    let plain: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
    match rng.below(8) {
        0 => plain,
        1 => format!("{}.*", plain.chars().take(2).collect::<String>()),
        2 => format!(r"\b{plain}\b"),
        _ => expression(rng, word, 2),
    }
}

/// A random expression with pieces of a word in it, in places that may be empty, repeated, classes, or at edges.
fn expression(rng: &mut Rng, word: &str, depth: usize) -> String {
    const CODE: &[&str] = &[
        "self",
        "play",
        "run_time",
        "Scene",
        "construct",
        "import",
        "Text",
        "frac",
        "MathTex",
        "range",
        "add_updater",
    ];
    let mut out = String::new();
    for _ in 0..1 + rng.below(3) {
        let source: Vec<char> = if rng.chance(60) { word } else { rng.pick(CODE) }.chars().collect();
        let from = rng.below(source.len());
        let to = from + 1 + rng.below(source.len() - from);
        let piece: String = if rng.chance(50) { source.iter().collect() } else { source[from..to].iter().collect() };
        let piece: String =
            piece.chars().flat_map(|c| if ".\\()^'".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        let made = match rng.below(10) {
            0 | 1 if depth > 0 => {
                format!("(?:{}|{})", expression(rng, word, depth - 1), expression(rng, word, depth - 1))
            }
            2 if depth > 0 => {
                format!("({}){}", expression(rng, word, depth - 1), ["?", "*", "+", "{1,2}"][rng.below(4)])
            }
            3 => format!("{piece}{}", [r"\s+", r"\s*", ".*", r"\W", r"[(. ,]", "[^a-z]", r"\W?", "."][rng.below(8)]),
            4 => {
                format!("{}{piece}", [r"\s+", r"\s*", r"\b", r"\B", r"[(. ,]", "[^a-z]", "(?m:^)", r"\\"][rng.below(8)])
            }
            5 => format!("{piece}{}", [r"\b", "(?m:$)", r"\(", r"\.", "=", r"\d?", r"\n\s*", "e?"][rng.below(8)]),
            6 => format!("(?i:{piece})"),
            7 => format!("[{}x]{piece}", if rng.chance(50) { "a-z" } else { "" }),
            _ => piece,
        };
        out.push_str(&made);
        out.push_str(["", "", ".*", r"\s*", "(?s:.)*"][rng.below(5)]);
    }
    out
}

/// `name OP number`, or a list or a range
fn number_test(rng: &mut Rng, name: &str, low: i64, high: i64, show: &dyn Fn(&mut Rng, i64) -> String) -> String {
    let number = rng.between(low, high);
    let first = show(rng, number);
    match rng.below(7) {
        0 => format!("{name}:{first}"),
        1 => {
            let other = rng.between(number, high);
            let second = show(rng, other);
            let fits = first.parse::<f64>().unwrap_or(0.0) <= second.parse::<f64>().unwrap_or(0.0);
            if fits { format!("{name}:{first}..{second}") } else { format!("{name}:{second}..{first}") }
        }
        2 => format!("{name}:{first}.."),
        3 => format!("{name}:..{first}"),
        4 => {
            let other = rng.between(low, high);
            let second = show(rng, other);
            format!("{name}:({first} or {second}..)")
        }
        _ => format!("{name}{}{first}", ["=", "!=", "<", "<=", ">", ">="][rng.below(6)]),
    }
}

fn numbers(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let (name, low, high) = pick(rng, &vocab.whole)?.clone();
    Some(number_test(rng, &name, low, high, &|_, number| number.to_string()))
}

fn measures(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let (name, low, high) = pick(rng, &vocab.real)?.clone();
    Some(number_test(rng, &name, low, high, &|rng, number| match rng.below(3) {
        0 => format!("{number}.5"),
        _ => number.to_string(),
    }))
}

fn enums(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let (name, words, ordered) = pick(rng, &vocab.enums)?.clone();
    let at = rng.below(words.len());
    let word = &words[at];
    if ordered && rng.chance(50) {
        let other = at + rng.below(words.len() - at);
        return Some(match rng.below(5) {
            0 => format!("{name}:{word}..{}", words[other]),
            1 => format!("{name}:..{word}"),
            2 => format!("{name}>={word}"),
            3 if at > 0 => format!("{name}<{word}"),
            _ => format!("{name}<={word}"),
        });
    }
    Some(match rng.below(6) {
        0 => format!("{name}!={word}"),
        1 => format!("{name}={word}"),
        2 => format!("{name}:({word} or {})", rng.pick(&words)),
        3 => format!("{name}:(not {word})"),
        4 => format!("{name}:{}*", &word[..1]),
        _ => format!("{name}:{word}"),
    })
}

fn names(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let (name, words) = pick(rng, &vocab.names)?.clone();
    let word = rng.pick(&words).clone();
    let plain: String = word.chars().take(3).filter(|c| c.is_ascii_alphanumeric()).collect();
    Some(match rng.below(7) {
        0 => format!("{name}!={}", value(rng, &word)),
        1 => format!("{name}={}", value(rng, &word)),
        2 => format!("{name}:({} or {})", value(rng, &word), quoted(rng.pick::<String>(&words))),
        3 if !plain.is_empty() => format!("{name}:{plain}*"),
        4 if !plain.is_empty() => format!("{name}:/{plain}/"),
        _ => format!("{name}:{}", value(rng, &word)),
    })
}

fn sets(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let (name, words, counted) = pick(rng, &vocab.sets)?.clone();
    let word = rng.pick(&words).clone();
    let other = rng.pick(&words).clone();
    let dotted = word.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    if counted && dotted && rng.chance(40) {
        return Some(number_test(rng, &format!("{name}.{word}"), 0, 6, &|_, number| number.to_string()));
    }
    let plain: String = word.chars().take(2).filter(|c| c.is_ascii_alphanumeric()).collect();
    Some(match rng.below(6) {
        0 => format!("{name}:({} and {})", value(rng, &word), value(rng, &other)),
        1 => format!("{name}:({} or {})", value(rng, &word), value(rng, &other)),
        2 => format!("{name}:({} not {})", value(rng, &word), value(rng, &other)),
        3 if !plain.is_empty() => format!("{name}:{plain}*"),
        4 if !plain.is_empty() => format!("{name}:/^{plain}/i"),
        _ => format!("{name}:{}", value(rng, &word)),
    })
}

fn meta(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    if rng.chance(30) {
        let (name, low, high) = pick(rng, &vocab.numbered)?.clone();
        let (low, high) = (rng.between(low, high), high);
        let other = rng.between(low, high);
        return Some(match rng.below(4) {
            0 => format!("meta.{name}:{low}..{other}"),
            1 => format!("meta.{name}:({low}.. or ..{other}.5)"),
            _ => format!("meta.{name}{}{low}", ["=", "!=", "<", "<=", ">", ">="][rng.below(6)]),
        });
    }
    let (name, words) = pick(rng, &vocab.metas)?.clone();
    let word = rng.pick(&words).clone();
    Some(match rng.below(6) {
        0 => format!("meta.{name}:/{}/i", regex_of(rng, &word)),
        1 => format!("-has:meta.{name}"),
        2 => format!("meta.{name}:({} or not {})", value(rng, &word), quoted(rng.pick::<String>(&words))),
        3 if word.chars().all(char::is_alphanumeric) => {
            format!("meta.{name}:{}*", word.chars().take(2).collect::<String>())
        }
        4 => format!("has:meta.{name}"),
        _ => format!("meta.{name}:{}", value(rng, &word)),
    })
}

fn days(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let mut ends = [pick(rng, &vocab.days)?.clone(), rng.pick(&vocab.days).clone()];
    ends.sort();
    let [low, high] = ends;
    Some(match rng.below(5) {
        0 => format!("added:{low}..{high}"),
        1 => format!("added:{low}.."),
        2 => format!("added<{high}"),
        3 => format!("added>={low}"),
        _ => format!("added:{high}"),
    })
}

fn has(rng: &mut Rng, vocab: &GenVocab) -> Option<String> {
    let mut fields: Vec<&str> =
        vec!["instruction", "code", "id", "key", "locator", "origin", "added", "source", "rank", "edited", "valid"];
    fields.extend(vocab.whole.iter().chain(&vocab.real).map(|(name, ..)| name.as_str()));
    fields.extend(vocab.enums.iter().map(|(name, ..)| name.as_str()).filter(|name| *name != "state"));
    fields.extend(vocab.names.iter().map(|(name, _)| name.as_str()));
    fields.extend(vocab.sets.iter().map(|(name, ..)| name.as_str()));
    let field = rng.pick(&fields);
    Some(format!("{}has:{field}", ["", "-"][rng.below(2)]))
}

fn stage(rng: &mut Rng, vocab: &GenVocab) -> String {
    let column = |rng: &mut Rng| pick(rng, &vocab.columns).map_or("id", String::as_str).to_owned();
    match rng.below(9) {
        0 | 1 => {
            let mut keys: Vec<String> = Vec::new();
            for _ in 0..1 + rng.below(3) {
                let key = column(rng);
                if !keys.iter().any(|known| known.trim_start_matches('-') == key) {
                    keys.push(if rng.chance(50) { format!("-{key}") } else { key });
                }
            }
            format!("sort {}", keys.join([" ", ", ", ","][rng.below(3)]))
        }
        2 => format!("take {}", rng.between(1, 40)),
        3 => format!("skip {}", rng.between(0, 12)),
        4 => format!("sample {} seed {}", rng.between(1, 40), rng.between(0, 9)),
        5 => match rng.below(3) {
            0 => format!("sample {}% seed {}", rng.between(1, 100), rng.between(0, 9)),
            1 => format!("sample {}", rng.between(1, 30)),
            _ => format!("sample {} seed {} by {}", rng.between(1, 40), rng.between(0, 9), column(rng)),
        },
        6 => format!("per {} {}", column(rng), rng.between(1, 4)),
        7 if !vocab.enums.is_empty() => {
            let (field, words, _) = rng.pick(&vocab.enums).clone();
            let first = rng.below(words.len());
            let shares: Vec<String> = (0..1 + rng.below(words.len()))
                .map(|at| format!(" {}:{}", words[(first + at) % words.len()], [1, 1, 2, 3][rng.below(4)]))
                .collect();
            let to = if rng.chance(50) { format!(" to {}", rng.between(1, 30)) } else { String::new() };
            format!("balance {field}{}{to}", shares.concat())
        }
        _ => match rng.below(3) {
            0 => "dedup".to_owned(),
            _ => format!("dedup 0.{}", rng.between(1, 9)),
        },
    }
}
