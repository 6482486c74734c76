//! Generation with a small model that is a function: batches, draws, beams, stops, forced tokens, and what is refused.

#[cfg(feature = "train")]
mod model;
mod opening;
mod trained;

use std::ops::ControlFlow;

use scenery::generate::prompts::Prompted;
use scenery::generate::skeleton::Frame;
use scenery::generate::{
    Choice, Decode, Ended, Forcing, GenerateError, Generated, Options, Outcome, Progress, SlotEnd, Stop, Task, run,
};
use scenery::nn::{Batch, Logits, NnError, Predictor, Scores};
use scenery::prompt::skeleton::Skeleton;

/// Ends answers; every id below is a byte.
const END: u32 = 256;
/// Tokens of the vocabulary of bytes.
const BYTES: usize = 257;

/// A vocabulary of bytes and an end token.
struct Text;

impl Decode for Text {
    fn decode(&self, ids: &[u32]) -> Result<String, GenerateError> {
        let bytes: Vec<u8> = ids.iter().filter_map(|id| u8::try_from(*id).ok()).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn vocabulary(&self) -> usize {
        BYTES
    }
}

/// A model that is a function of the tokens so far, and that minds the rules of [`Predictor`].
struct Model<'a> {
    vocabulary: usize,
    context: usize,
    logits: &'a dyn Fn(&[u32]) -> Vec<f32>,
    rows: Vec<Vec<u32>>,
    room: usize,
    /// Sequences × room that fit into memory.
    memory: usize,
    /// Sequences of each call of `begin`.
    begun: Vec<usize>,
    /// Tokens that were read, of all sequences.
    read: usize,
}

impl<'a> Model<'a> {
    fn new(vocabulary: usize, logits: &'a dyn Fn(&[u32]) -> Vec<f32>) -> Model<'a> {
        let (rows, begun) = (Vec::new(), Vec::new());
        Model { vocabulary, context: 4096, logits, rows, room: 0, memory: usize::MAX, begun, read: 0 }
    }

    fn answer(&self) -> Logits {
        Logits { vocabulary: self.vocabulary, values: self.rows.iter().flat_map(|row| (self.logits)(row)).collect() }
    }

    fn add(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError> {
        assert_eq!(tokens.len(), self.rows.len(), "a list of tokens for each sequence");
        assert!(!tokens.is_empty() && !tokens[0].is_empty(), "there are tokens");
        assert!(tokens.iter().all(|row| row.len() == tokens[0].len()), "as many to each");
        for (row, new) in self.rows.iter_mut().zip(tokens) {
            row.extend(new);
            self.read += new.len();
            assert!(row.len() <= self.room && row.len() <= self.context, "{} tokens of {}", row.len(), self.room);
        }
        Ok(self.answer())
    }
}

impl Predictor for Model<'_> {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn context(&self) -> usize {
        self.context
    }

    fn score(&mut self, _: &Batch) -> Result<Vec<Scores>, NnError> {
        Err(NnError::Request("nothing here is scored".to_owned()))
    }

    fn begin(&mut self, sequences: &[Vec<u32>], capacity: usize) -> Result<Logits, NnError> {
        self.begun.push(sequences.len());
        (self.rows, self.room) = (vec![Vec::new(); sequences.len()], capacity);
        if sequences.len() * capacity > self.memory {
            return Err(NnError::OutOfMemory("the test's memory is full".to_owned()));
        }
        self.add(sequences)
    }

    fn append(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError> {
        self.add(tokens)
    }

    fn select(&mut self, sequences: &[usize]) -> Result<(), NnError> {
        self.rows = sequences.iter().map(|at| self.rows[*at].clone()).collect();
        if self.rows.len() * self.room > self.memory {
            return Err(NnError::OutOfMemory("the test's memory is full".to_owned()));
        }
        Ok(())
    }
}

/// A number that depends on all of `tokens` and on `id`.
fn mixed(tokens: &[u32], id: u32, seed: u64) -> u64 {
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    for token in tokens.iter().chain([&id]) {
        hash = (hash ^ u64::from(*token)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash
}

/// Logits from -3 to 3 that depend on the last three tokens, and end an answer now and then.
fn ngram(vocabulary: usize, end: u32, seed: u64) -> impl Fn(&[u32]) -> Vec<f32> {
    move |tokens| {
        let last = &tokens[tokens.len().saturating_sub(3)..];
        let logit = |id: u32| (mixed(last, id, seed) % 6000) as f32 / 1000.0 - 3.0;
        (0..vocabulary as u32).map(|id| logit(id) + if id == end { 0.2 } else { 0.0 }).collect()
    }
}

/// A model that answers each prompt, which ends with `:`, with a text of its own and then the end token.
fn scripted(answers: &'static [(&'static str, &'static str)]) -> impl Fn(&[u32]) -> Vec<f32> {
    move |tokens| {
        let colon = tokens.iter().position(|id| *id == u32::from(b':')).map_or(tokens.len(), |at| at + 1);
        let prompt = Text.decode(&tokens[..colon]).expect("text");
        let next = answers.iter().find(|(asked, _)| *asked == prompt).and_then(|(_, answer)| {
            let so_far = &tokens[colon..];
            let answer: Vec<u32> = answer.bytes().map(u32::from).collect();
            // Where the answer was led elsewhere, the model goes on behind the longest beginning that it knows.
            answer.get(so_far.len()).copied()
        });
        let mut logits = vec![0.0; BYTES];
        logits[next.unwrap_or(END) as usize] = 9.0;
        logits
    }
}

fn bytes(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

fn asked(ids: Vec<u32>, key: &str) -> Prompted {
    Prompted { name: format!("item {key}"), key: key.to_owned(), number: 0, ids }
}

fn task(prompts: Vec<Prompted>, options: Options) -> Task {
    Task { prompts, stop_ids: vec![END], max_len: 2048, options, forcing: Forcing::Nothing }
}

fn texts(asked_for: &[&str], options: Options) -> Task {
    task(asked_for.iter().map(|text| asked(bytes(text), text)).collect(), options)
}

fn answered(model: &mut Model<'_>, task: &Task) -> Outcome {
    let outcome = run(model, &Text, task, &mut on).expect("it is answered");
    assert!(matches!(outcome.ended, Ended::Finished), "{:?}", outcome.ended);
    assert_eq!(outcome.items, (0..task.prompts.len()).collect::<Vec<_>>());
    outcome
}

/// Lets a generation go on.
fn on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What ends a generation whose options are right.
fn failure(outcome: Outcome) -> GenerateError {
    let Ended::Failed(error) = outcome.ended else { panic!("it ended as {:?}", outcome.ended) };
    error
}

fn one(model: &mut Model<'_>, task: &Task) -> Generated {
    answered(model, task).generated.remove(0)
}

/// Prompts of many lengths, some of them equal.
fn prompts_of_many_lengths() -> Vec<Prompted> {
    let lengths = [3usize, 9, 4, 3, 40, 9, 9, 1, 17, 4, 300, 2];
    let ids =
        |at: usize, length: usize| (0..length).map(|place| mixed(&[at as u32], place as u32, 1) as u32 % 50).collect();
    lengths.iter().enumerate().map(|(at, length)| asked(ids(at, *length), &at.to_string())).collect()
}

fn limited(most: usize) -> Options {
    Options { max_new_tokens: Some(most), ..Options::default() }
}

#[test]
fn greedy_answers_are_the_same_in_every_batch() {
    let logits = ngram(60, 59, 5);
    let all = prompts_of_many_lengths();
    let mut wanted = Vec::new();
    for prompt in &all {
        // What greedy is: the likeliest token, again and again.
        let mut tokens = prompt.ids.clone();
        while tokens.len() < prompt.ids.len() + 30 && tokens.last() != Some(&59) {
            let row = logits(&tokens);
            let best = (0..60).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a))).expect("a token");
            tokens.push(best as u32);
        }
        wanted.push(tokens[prompt.ids.len()..].to_vec());
    }
    assert!(wanted.iter().any(|ids| ids.last() == Some(&59)) && wanted.iter().any(|ids| ids.len() == 30));
    for (spread, batch_tokens) in [(256, 65_536), (0, 65_536), (1000, 65_536), (7, 200), (256, 1)] {
        let options = Options { spread, batch_tokens, ..limited(30) };
        let mut task = Task { stop_ids: vec![59], ..task(all.clone(), options) };
        let mut model = Model::new(60, &logits);
        let found = answered(&mut model, &task);
        assert_eq!(found.generated.iter().map(|each| each.ids.clone()).collect::<Vec<_>>(), wanted, "{spread}");
        assert_eq!(found.batches, model.begun.len());
        for (each, prompt) in found.generated.iter().zip(&all) {
            let ended = each.ids.last() == Some(&59);
            assert_eq!(each.stop, if ended { Stop::StopId } else { Stop::MaxTokens });
            assert_eq!((each.prompt_tokens, each.generated_tokens()), (prompt.ids.len(), each.ids.len()));
            assert_eq!(each.prompt_sha256, prompt.sha256());
        }
        task.prompts.reverse();
        let mut back = answered(&mut Model::new(60, &logits), &task).generated;
        back.reverse();
        assert_eq!(back, found.generated);
    }
}

#[test]
fn batches_hold_what_their_budget_and_their_spread_allow_and_shrink() {
    let logits = ngram(60, 59, 5);
    let begun = |spread, batch_tokens| {
        let mut model = Model::new(60, &logits);
        let options = Options { spread, batch_tokens, ..limited(30) };
        answered(&mut model, &Task { stop_ids: vec![59], ..task(prompts_of_many_lengths(), options) });
        (model.begun, model.read)
    };
    // Lengths 1, 2, 3, 3, 4, 4, 9, 9, 9, 17, 40, 300.
    assert_eq!(begun(0, 65_536).0, [1, 1, 2, 2, 3, 1, 1, 1]);
    assert_eq!(begun(8, 65_536).0, [9, 1, 1, 1]);
    assert_eq!(begun(1000, 65_536).0, [12]);
    // Three sequences of up to 3 + 30 tokens fit into 100; longer ones two at a time, then one.
    assert_eq!(begun(1000, 100).0[..2], [3, 2]);
    // What has ended is read no further: under 12 sequences of the longest length.
    assert!(begun(1000, 65_536).1 < 12 * 330, "{}", begun(1000, 65_536).1);
}

#[test]
fn draws_depend_on_seed_key_and_position_and_not_on_the_batch() {
    let logits = ngram(60, 59, 6);
    let choice = |seed| Choice::Sample { temperature: 0.9, top_k: Some(30), top_p: Some(0.95), seed };
    let ids = |prompts: Vec<Prompted>, options: Options| {
        let task = Task { stop_ids: vec![59], ..task(prompts, options) };
        let found = answered(&mut Model::new(60, &logits), &task).generated;
        found.into_iter().map(|each| each.ids).collect::<Vec<_>>()
    };
    let all = prompts_of_many_lengths();
    let first = ids(all.clone(), Options { choice: choice(3), ..limited(30) });
    assert_eq!(first, ids(all.clone(), Options { choice: choice(3), spread: 0, batch_tokens: 1, ..limited(30) }));
    let mut turned = all.clone();
    turned.rotate_left(5);
    let mut back = ids(turned, Options { choice: choice(3), ..limited(30) });
    back.rotate_right(5);
    assert_eq!(first, back);
    assert_ne!(first, ids(all.clone(), Options { choice: choice(4), ..limited(30) }));
    assert_ne!(first, ids(all, limited(30)));
    // The same prompt under other keys is answered otherwise.
    let twice = vec![asked(vec![1, 2, 3], "a"), asked(vec![1, 2, 3], "b")];
    let two = ids(twice, Options { choice: choice(3), ..limited(30) });
    assert_ne!(two[0], two[1]);
}

#[test]
fn draws_are_as_frequent_as_they_are_likely() {
    let logits = |_: &[u32]| vec![0.5f64.ln() as f32, 0.3f64.ln() as f32, 0.2f64.ln() as f32, f32::NEG_INFINITY];
    let prompts: Vec<Prompted> = (0..4000).map(|at| asked(vec![0], &at.to_string())).collect();
    let choice = Choice::Sample { temperature: 1.0, top_k: None, top_p: None, seed: 0 };
    let options = Options { choice, batch_tokens: 4000 * 6, ..limited(5) };
    let found = answered(&mut Model::new(4, &logits), &Task { stop_ids: vec![3], ..task(prompts, options) });
    let mut counts = [0f64; 4];
    found.generated.iter().flat_map(|each| &each.ids).for_each(|id| counts[*id as usize] += 1.0);
    for (count, share) in counts.iter().zip([0.5, 0.3, 0.2, 0.0]) {
        // Five standard deviations.
        assert!((count - 20_000.0 * share).abs() <= 5.0 * (20_000.0 * share * (1.0 - share)).sqrt(), "{counts:?}");
    }
}

const SCRIPT: &[(&str, &str)] = &[
    ("a:", "x = 1\n```\nand so on"),
    ("uni:", "é圆🎬 end"),
    ("long:", "one two three four five six seven eight nine ten"),
    ("code:", "from manim import *\n\n\nclass A(Scene):\n    pass\n"),
];

#[test]
fn answers_end_where_they_should_and_say_why() {
    let logits = scripted(SCRIPT);
    let ask = |prompt: &str, options: Options| one(&mut Model::new(BYTES, &logits), &texts(&[prompt], options));
    let found = ask("code:", Options::default());
    assert_eq!((found.text.as_str(), found.stop), (SCRIPT[3].1, Stop::StopId));
    assert_eq!(found.ids.last(), Some(&END));
    // A stop string that lies across tokens; the text is cut before it, the tokens are all there.
    let stop = |words: &[&str]| Options {
        stop_strings: words.iter().map(|word| (*word).to_owned()).collect(),
        ..Options::default()
    };
    let found = ask("a:", stop(&["```", "never"]));
    assert_eq!(
        (found.text.as_str(), found.stop, found.stop_string.as_deref()),
        ("x = 1\n", Stop::StopString, Some("```"))
    );
    assert_eq!(found.ids, bytes("x = 1\n```"));
    // Characters of several tokens: neither cut nor taken for a stop string before they are whole.
    let found = ask("uni:", stop(&["\u{FFFD}", "🎬"]));
    assert_eq!((found.text.as_str(), found.stop), ("é圆", Stop::StopString));
    let found = ask("uni:", limited(4));
    assert_eq!((found.text.as_str(), found.stop), ("é\u{FFFD}", Stop::MaxTokens));
    assert_eq!(ask("long:", stop(&["two", "one two"])).text, "");
    // An end that comes too early is passed over, a stop string is not.
    let early = ask("a:", Options { min_new_tokens: 30, max_new_tokens: Some(40), ..Options::default() });
    assert!(early.ids.len() >= 30 && !early.ids[..30].contains(&END));
    assert_eq!(ask("a:", Options { min_new_tokens: 30, ..stop(&["```"]) }).stop, Stop::StopString);
    // The model's positions, and what training allowed.
    let mut small = Model { context: 20, ..Model::new(BYTES, &logits) };
    let found = one(&mut small, &texts(&["long:"], limited(100)));
    assert_eq!((found.stop, found.ids.len()), (Stop::ContextFull, 15));
    let trained = Task { max_len: 12, ..texts(&["long:"], Options::default()) };
    let found = one(&mut Model::new(BYTES, &logits), &trained);
    assert_eq!((found.stop, found.ids.len()), (Stop::MaxTokens, 7));
}

#[test]
fn log_probability_is_the_models_own_whatever_is_drawn_from() {
    let logits = ngram(60, 59, 9);
    let prompt = || vec![asked(vec![4, 8], "a")];
    let drawn = Choice::Sample { temperature: 2.0, top_k: Some(3), top_p: None, seed: 1 };
    for options in [limited(12), Options { choice: drawn, repetition_penalty: Some(1.3), ..limited(12) }] {
        let found = one(&mut Model::new(60, &logits), &Task { stop_ids: vec![59], ..task(prompt(), options) });
        let mut tokens = vec![4, 8];
        let mut sum = 0.0;
        for id in &found.ids {
            let row = logits(&tokens);
            let all: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            sum += f64::from(row[*id as usize]) - all.ln();
            tokens.push(*id);
        }
        assert!((found.log_probability - sum).abs() < 1e-9, "{} {sum}", found.log_probability);
    }
}

#[test]
fn a_repetition_penalty_makes_repetition_less_likely_and_none_is_the_default() {
    // Without it the model says the same for ever.
    let logits = |_: &[u32]| vec![2.0, 1.9, 1.8, -9.0];
    let ids = |penalty| {
        let options = Options { repetition_penalty: penalty, ..limited(4) };
        let task = Task { stop_ids: vec![3], ..task(vec![asked(vec![2], "a")], options) };
        one(&mut Model::new(4, &logits), &task).ids
    };
    assert_eq!(ids(None), [0, 0, 0, 0]);
    // The prompt's token counts as seen.
    assert_eq!(ids(Some(1.5)), [0, 1, 0, 0]);
}

/// Every answer of up to `most` tokens, with its log-probability.
fn every(logits: &dyn Fn(&[u32]) -> Vec<f32>, begun: &[u32], most: usize, end: u32) -> Vec<(Vec<u32>, f64)> {
    let mut out = Vec::new();
    let mut open = vec![(Vec::new(), 0.0)];
    while let Some((ids, sum)) = open.pop() {
        if ids.last() == Some(&end) || ids.len() == most {
            out.push((ids, sum));
            continue;
        }
        let row = logits(&[begun, &ids].concat());
        let all: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
        for (id, logit) in row.iter().enumerate() {
            let mut next = ids.clone();
            next.push(id as u32);
            open.push((next, sum + f64::from(*logit) - all));
        }
    }
    out
}

#[test]
fn wide_beams_find_what_brute_force_finds() {
    for seed in 0..12 {
        let logits = ngram(4, 3, seed);
        for length_penalty in [-1.0, 0.0, 0.7, 1.0, 2.0] {
            let score = |answer: &(Vec<u32>, f64)| answer.1 / (answer.0.len() as f64).powf(length_penalty);
            let all = every(&logits, &[0, 1], 4, 3);
            assert_eq!(all.len(), 121);
            let best = all.iter().max_by(|a, b| score(a).total_cmp(&score(b))).expect("an answer");
            let options = Options { choice: Choice::Beams { beams: 256, length_penalty }, ..limited(4) };
            let task = Task { stop_ids: vec![3], ..task(vec![asked(vec![0, 1], "a")], options) };
            let found = one(&mut Model::new(4, &logits), &task);
            assert_eq!(found.ids, best.0, "seed {seed}, penalty {length_penalty}");
            assert!((found.beam_score.expect("a score") - score(best)).abs() < 1e-9);
            assert!((found.log_probability - best.1).abs() < 1e-9);
        }
    }
}

#[test]
fn one_beam_is_greedy_and_more_see_what_greedy_passes_by() {
    let logits = ngram(60, 59, 5);
    let with = |choice| {
        let options = Options { choice, ..limited(30) };
        answered(&mut Model::new(60, &logits), &Task { stop_ids: vec![59], ..task(prompts_of_many_lengths(), options) })
    };
    let strip = |outcome: Outcome| {
        outcome.generated.into_iter().map(|each| (each.ids, each.text, each.stop)).collect::<Vec<_>>()
    };
    assert_eq!(strip(with(Choice::Beams { beams: 1, length_penalty: 1.0 })), strip(with(Choice::Greedy)));
    // 0 is a little likelier at first, but then all are as likely; after 1 there is but one way.
    let path = |tokens: &[u32]| match tokens.last() {
        Some(2) => [0.55, 0.45, 0.0, 0.0],
        Some(0) => [0.3, 0.3, 0.2, 0.2],
        _ => [0.0, 0.0, 0.0, 1.0],
    };
    let logits = |tokens: &[u32]| path(tokens).iter().map(|share: &f64| share.ln() as f32).collect::<Vec<f32>>();
    let ids = |choice| {
        let options = Options { choice, ..limited(5) };
        one(&mut Model::new(4, &logits), &Task { stop_ids: vec![3], ..task(vec![asked(vec![2], "a")], options) }).ids
    };
    assert_eq!(ids(Choice::Greedy), [0, 0, 0, 0, 0]);
    assert_eq!(ids(Choice::Beams { beams: 2, length_penalty: 0.0 }), [1, 3]);
}

#[test]
fn beams_of_many_items_are_the_same_in_every_batch() {
    let logits = ngram(60, 59, 5);
    let with = |spread, batch_tokens| {
        let choice = Choice::Beams { beams: 4, length_penalty: 1.0 };
        let options = Options { choice, spread, batch_tokens, ..limited(12) };
        let task = Task { stop_ids: vec![59], ..task(prompts_of_many_lengths(), options) };
        answered(&mut Model::new(60, &logits), &task).generated
    };
    let wanted = with(0, 1);
    assert_eq!(with(1000, 1 << 20), wanted);
    assert_eq!(with(20, 900), wanted);
}

#[test]
fn what_does_not_fit_is_halved_and_goes_on_where_it_was() {
    let logits = ngram(60, 59, 5);
    // The longest item alone fits: 330 tokens, and with three beams 990.
    for (choice, memory) in [(Choice::Greedy, 500), (Choice::Beams { beams: 3, length_penalty: 1.0 }, 1000)] {
        let options = Options { choice, ..limited(30) };
        let task = Task { stop_ids: vec![59], ..task(prompts_of_many_lengths(), options) };
        let wanted = answered(&mut Model::new(60, &logits), &task);
        assert!(wanted.halvings.is_empty());
        let mut small = Model { memory, ..Model::new(60, &logits) };
        let found = answered(&mut small, &task);
        assert_eq!(found.generated, wanted.generated);
        assert!(!found.halvings.is_empty() && found.batches > wanted.batches);
        assert!(found.halvings.iter().all(|halving| halving.message.contains("memory is full")));
        let mut tiny = Model { memory: 20, ..Model::new(60, &logits) };
        let error = failure(run(&mut tiny, &Text, &task, &mut on).expect("the options are right")).to_string();
        assert!(error.contains("one item with room for") && error.contains("fewer new tokens"), "{error}");
    }
}

#[test]
fn a_forced_prefix_is_fed_marked_and_not_counted() {
    let logits = scripted(SCRIPT);
    let forced = Task { forcing: Forcing::Prefix(bytes("from mani")), ..texts(&["code:", "long:"], limited(60)) };
    let found = answered(&mut Model::new(BYTES, &logits), &forced).generated;
    assert_eq!(found[0].text, SCRIPT[3].1);
    assert_eq!((found[0].forced.as_slice(), found[0].forced_tokens()), (std::slice::from_ref(&(0..9)), 9));
    assert_eq!(found[0].generated_tokens(), SCRIPT[3].1.len() + 1 - 9);
    assert!(found[1].text.starts_with("from mani"), "{}", found[1].text);
    assert_eq!(found[1].text[9..], SCRIPT[2].1[9..]);
    // A stop string is looked for in what the model wrote, not in what was forced.
    let options = Options { stop_strings: vec!["from".to_owned(), "import".to_owned()], ..Options::default() };
    let forced = Task { options, ..forced };
    assert_eq!(answered(&mut Model::new(BYTES, &logits), &forced).generated[0].text, "from manim ");
    let beams = Options { choice: Choice::Beams { beams: 3, length_penalty: 1.0 }, ..limited(60) };
    let found = answered(&mut Model::new(BYTES, &logits), &Task { options: beams, ..forced });
    assert_eq!(
        (found.generated[0].text.as_str(), found.generated[0].forced.as_slice()),
        (SCRIPT[3].1, std::slice::from_ref(&(0..9)))
    );
}

/// The frame of trained answers.
fn frame(answers: &[&str]) -> Frame {
    let all: Vec<Vec<u32>> = answers.iter().map(|answer| [bytes(answer), vec![END]].concat()).collect();
    let rows: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
    Frame::of(&Skeleton::of(&rows), &rows).expect("a frame")
}

#[test]
fn a_skeleton_is_fed_and_its_slots_are_filled() {
    const ANSWERS: &[(&str, &str)] = &[
        ("right:", "f = x**2\ng = 2*x\nshow(f, g)\n"),
        ("wordy:", "f = sin(sin(sin(sin(sin(sin(sin(sin(sin(x)))))))))"),
        ("short:", "f = x"),
    ];
    let logits = scripted(ANSWERS);
    let frame = frame(&["f = x**3\ng = 3*x**2\nshow(f, g)\n", "f = 2\ng = 0\nshow(f, g)\n"]);
    assert_eq!((frame.slots(), frame.mark(0), frame.limit(0), frame.limit(1)), (2, 1, 24, 28));
    let task = Task {
        forcing: Forcing::Skeleton(frame.clone()),
        ..texts(&["right:", "wordy:", "short:"], Options::default())
    };
    let mut model = Model::new(BYTES, &logits);
    let found = answered(&mut model, &task).generated;
    let right = &found[0];
    assert_eq!((right.text.as_str(), right.stop), (ANSWERS[0].1, Stop::TemplateEnd));
    assert_eq!(right.ids.last(), Some(&END));
    let slots: Vec<(String, SlotEnd)> = right
        .slots
        .iter()
        .map(|slot| (Text.decode(&right.ids[slot.tokens.clone()]).expect("text"), slot.ended))
        .collect();
    assert_eq!(slots, [("x**2".to_owned(), SlotEnd::Run), ("2*x".to_owned(), SlotEnd::Run)]);
    // The model's own: what stands in the slots, and the token of each run that ended them.
    assert_eq!(right.generated_tokens(), 4 + 1 + 3 + 1);
    let forced: String =
        right.forced.iter().map(|range| Text.decode(&right.ids[range.clone()]).expect("text")).collect();
    assert_eq!(forced, "f = g = show(f, g)\n");
    let wordy = &found[1];
    assert_eq!(wordy.slots[0].ended, SlotEnd::SlotLimit);
    assert_eq!(wordy.slots[0].tokens.len(), 24);
    assert!(wordy.text.starts_with("f = sin(sin(sin(sin(sin(sin(\ng = "), "{}", wordy.text);
    // A model that ends the answer inside a slot is not overruled.
    let short = &found[2];
    assert_eq!((short.text.as_str(), short.stop), ("f = x", Stop::StopId));
    assert_eq!((short.slots.len(), short.slots[0].ended, short.slots[0].tokens.clone()), (1, SlotEnd::Answer, 4..5));
    let beams = Options { choice: Choice::Beams { beams: 2, length_penalty: 1.0 }, ..Options::default() };
    let error = run(&mut model, &Text, &Task { options: beams, ..task }, &mut on).expect_err("not both");
    assert!(error.to_string().contains("without beams"), "{error}");
}

#[test]
fn skeletons_are_the_same_in_every_batch() {
    let logits = ngram(BYTES, END, 2);
    let frame = frame(&["abxcdefyye", "abzyxcdefe"]);
    let with = |spread, batch_tokens| {
        let options = Options { spread, batch_tokens, ..limited(60) };
        let task = Task { forcing: Forcing::Skeleton(frame.clone()), ..task(prompts_of_many_lengths(), options) };
        answered(&mut Model::new(BYTES, &logits), &task).generated
    };
    let wanted = with(0, 1);
    assert!(wanted.iter().any(|each| each.slots.iter().any(|slot| slot.ended == SlotEnd::SlotLimit)));
    assert_eq!(with(1000, 1 << 20), wanted);
}

#[test]
fn what_cannot_be_asked_is_told_with_its_item() {
    let logits = scripted(SCRIPT);
    let wrong = |model: &mut Model<'_>, task: &Task| {
        run(model, &Text, task, &mut on).map_or_else(|error| error, failure).to_string()
    };
    let mut small = Model { context: 4, ..Model::new(BYTES, &logits) };
    assert!(
        wrong(&mut small, &texts(&["a:", "long:"], limited(3))).contains("item long:: prompt and forced prefix have 5")
    );
    let trained = Task { max_len: 5, ..texts(&["a:", "long:"], Options::default()) };
    assert!(wrong(&mut Model::new(BYTES, &logits), &trained).contains("the contract allows 5"));
    let mut other = Model::new(100, &logits);
    assert!(wrong(&mut other, &texts(&["z:"], limited(3))).contains("beyond the model's vocabulary of 100"));
    assert!(wrong(&mut Model::new(BYTES, &logits), &texts(&[""], limited(3))).contains("no token"));
    let broken = |tokens: &[u32]| if tokens.len() > 3 { vec![f32::NAN; BYTES] } else { scripted(SCRIPT)(tokens) };
    for choice in [
        Choice::Greedy,
        Choice::Sample { temperature: 1.0, top_k: None, top_p: Some(0.9), seed: 0 },
        Choice::Beams { beams: 2, length_penalty: 1.0 },
    ] {
        let error = wrong(&mut Model::new(BYTES, &broken), &texts(&["a:"], Options { choice, ..limited(9) }));
        assert!(error.contains("item a:") && error.contains("token 3 of the answer"), "{error}");
    }
    for (options, part) in [
        (Options { choice: Choice::Beams { beams: 0, length_penalty: 1.0 }, ..limited(3) }, "at least 1 beam"),
        (limited(0), "at least 1"),
        (Options { stop_strings: vec![String::new()], ..limited(3) }, "stop string is empty"),
        (Options { repetition_penalty: Some(0.0), ..limited(3) }, "above 0"),
        (
            Options { choice: Choice::Sample { temperature: 0.0, top_k: None, top_p: None, seed: 0 }, ..limited(3) },
            "leave it out",
        ),
        (
            Options {
                choice: Choice::Sample { temperature: 1.0, top_k: None, top_p: Some(1.5), seed: 0 },
                ..limited(3)
            },
            "at most 1",
        ),
    ] {
        assert!(wrong(&mut Model::new(BYTES, &logits), &texts(&["a:"], options)).contains(part), "{part}");
    }
}

#[test]
fn ids_that_are_no_tokens_are_never_chosen() {
    // A model whose vocabulary is padded, and whose padding would win.
    let logits = |tokens: &[u32]| {
        let mut row = scripted(SCRIPT)(tokens);
        row.resize(300, 50.0);
        row
    };
    let found = one(&mut Model::new(300, &logits), &texts(&["code:"], Options::default()));
    assert_eq!(found.text, SCRIPT[3].1);
}

#[test]
fn what_was_answered_before_the_end_is_kept() {
    let logits = ngram(60, 59, 5);
    // Batches of one, and all in one.
    for (batch_tokens, spread) in [(1, 0), (65_536, 1000)] {
        let task = Task {
            stop_ids: vec![59],
            ..task(prompts_of_many_lengths(), Options { batch_tokens, spread, ..limited(30) })
        };
        let wanted = answered(&mut Model::new(60, &logits), &task);
        let same = |found: &Outcome| {
            assert!((1..task.prompts.len()).contains(&found.items.len()), "{:?} {:?}", found.items, found.ended);
            assert!(found.items.is_sorted() && found.items.len() == found.generated.len());
            for (at, generated) in found.items.iter().zip(&found.generated) {
                assert_eq!(*generated, wanted.generated[*at], "{at}");
            }
        };
        let mut stop = |progress: &Progress| {
            if progress.done >= 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let found = run(&mut Model::new(60, &logits), &Text, &task, &mut stop).expect("the options are right");
        assert!(matches!(found.ended, Ended::Stopped), "{:?}", found.ended);
        same(&found);
        // A model that says no numbers for the longest prompt.
        let broken = |tokens: &[u32]| if tokens.len() >= 300 { vec![f32::NAN; 60] } else { logits(tokens) };
        let found = run(&mut Model::new(60, &broken), &Text, &task, &mut on).expect("the options are right");
        same(&found);
        let error = failure(found).to_string();
        assert!(error.contains("item 10: "), "{error}");
        // Stopped at once, there is nothing.
        let found = run(&mut Model::new(60, &logits), &Text, &task, &mut |_| ControlFlow::Break(())).expect("right");
        assert!(found.generated.len() <= 1 && matches!(found.ended, Ended::Stopped), "{:?}", found.items);
    }
}

#[test]
fn progress_counts_answers_and_tokens() {
    let logits = scripted(SCRIPT);
    let mut seen = Vec::new();
    let task = texts(&["a:", "uni:"], Options { spread: 0, ..Options::default() });
    let found = run(&mut Model::new(BYTES, &logits), &Text, &task, &mut |progress| {
        seen.push(*progress);
        ControlFlow::Continue(())
    })
    .expect("answers");
    let last = seen.last().expect("progress");
    let tokens: usize = found.generated.iter().map(Generated::generated_tokens).sum();
    assert_eq!((last.done, last.items, last.tokens), (2, 2, tokens as u64));
    assert!(seen.windows(2).all(|two| two[0].done <= two[1].done && two[0].tokens <= two[1].tokens));
}
