//! Secret-like strings: keys, tokens and passwords that should never be learned.
//!
//! Tokens of known services are told by their form; an assignment to a name like `api_key` or `password` by the name and
//! by how random its value looks. What is found is named by its kind and place and never printed whole.

use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;

use super::{Check, Found, Named, Severity, rows_are};

/// E08.
pub static SECRETS: Check = Check {
    code: "E08",
    name: "secret",
    severity: Severity::Error,
    doc: "A text looks like a key, a token or a password.",
    remedy: "Revoke it where it is real, and `scenery forget` the row: a model repeats what it was taught.",
    run: |subject| {
        let found: Vec<Named> = subject
            .rows
            .par_iter()
            .filter_map(|row| {
                let texts = [("system", &row.system), ("instruction", &row.instruction), ("response", &row.response)];
                let all: Vec<String> = texts
                    .into_iter()
                    .filter_map(|(name, text)| Some((name, text.as_deref()?)))
                    .flat_map(|(name, text)| scan(text).into_iter().map(move |secret| (name, secret)))
                    .map(|(name, secret)| format!("{name} line {}: {} {}", secret.line, secret.kind, secret.redacted))
                    .collect();
                let named = || Named { id: row.name.clone(), side: row.side, detail: all.join("; ") };
                (!all.is_empty()).then(named)
            })
            .collect();
        Found::of_rows(found, |count| format!("in {} something looks like a secret", rows_are(count)))
    },
};

/// A secret that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What it looks like.
    pub kind: &'static str,
    /// Line of the text, from 1.
    pub line: usize,
    /// Its first characters and its length, and no more.
    pub redacted: String,
}

/// A form of secret: its name, its pattern (the secret is group 1 where there is one), how random its characters must be
/// (bits per character), and whether it must hold a digit, or small and capital letters as no name has them.
struct Kind {
    name: &'static str,
    pattern: &'static str,
    least_bits: f64,
    varied: bool,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "AWS access key",
        pattern: r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        least_bits: 2.5,
        varied: false,
    },
    Kind { name: "GitHub token", pattern: r"\b(gh[pousr]_[A-Za-z0-9]{36,255})\b", least_bits: 3.0, varied: false },
    Kind {
        name: "GitHub token",
        pattern: r"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
        least_bits: 3.0,
        varied: false,
    },
    Kind {
        name: "GitLab token",
        pattern: r"\b(gl(?:pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_-]{20,})",
        least_bits: 3.0,
        varied: false,
    },
    Kind {
        name: "Hugging Face token",
        pattern: r"\b((?:hf|api_org)_[A-Za-z0-9]{34})\b",
        least_bits: 3.5,
        varied: false,
    },
    Kind {
        name: "Anthropic key",
        pattern: r"\b(sk-ant-[a-z]+[0-9]{2}-[A-Za-z0-9_-]{80,})",
        least_bits: 3.5,
        varied: true,
    },
    Kind {
        name: "OpenAI key",
        pattern: r"\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,})",
        least_bits: 3.5,
        varied: true,
    },
    Kind { name: "OpenRouter key", pattern: r"\b(sk-or-v[0-9]-[a-f0-9]{40,})\b", least_bits: 3.0, varied: true },
    Kind { name: "OpenAI key", pattern: r"\b(sk-[A-Za-z0-9]{32,64})\b", least_bits: 3.5, varied: true },
    Kind { name: "ElevenLabs key", pattern: r"\b(sk_[a-f0-9]{40,64})\b", least_bits: 3.0, varied: true },
    Kind { name: "Groq key", pattern: r"\b(gsk_[A-Za-z0-9]{40,64})\b", least_bits: 3.5, varied: true },
    Kind { name: "xAI key", pattern: r"\b(xai-[A-Za-z0-9]{60,100})\b", least_bits: 3.5, varied: true },
    Kind { name: "Replicate token", pattern: r"\b(r8_[A-Za-z0-9]{37})\b", least_bits: 3.5, varied: true },
    Kind {
        name: "Google API key",
        pattern: r"\b(AIza[A-Za-z0-9_-]{35})(?:[^A-Za-z0-9_-]|$)",
        least_bits: 3.0,
        varied: false,
    },
    Kind { name: "Google client secret", pattern: r"\b(GOCSPX-[A-Za-z0-9_-]{28})", least_bits: 3.0, varied: false },
    Kind { name: "Slack token", pattern: r"\b(xox[abeoprs]-[A-Za-z0-9-]{20,})", least_bits: 2.5, varied: true },
    Kind {
        name: "Slack token",
        pattern: r"\b(xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-f0-9]{30,})",
        least_bits: 2.5,
        varied: true,
    },
    Kind {
        name: "Slack webhook",
        pattern: r"(hooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{8,}/[A-Z0-9]{8,}/[A-Za-z0-9]{16,})",
        least_bits: 3.0,
        varied: true,
    },
    Kind {
        name: "Stripe key",
        pattern: r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,})\b",
        least_bits: 3.0,
        varied: false,
    },
    Kind { name: "Stripe webhook secret", pattern: r"\b(whsec_[A-Za-z0-9]{32,})\b", least_bits: 3.0, varied: false },
    Kind {
        name: "SendGrid key",
        pattern: r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})",
        least_bits: 3.0,
        varied: false,
    },
    Kind { name: "npm token", pattern: r"\b(npm_[A-Za-z0-9]{36})\b", least_bits: 3.0, varied: false },
    Kind { name: "PyPI token", pattern: r"\b(pypi-AgEI[A-Za-z0-9_-]{50,})", least_bits: 3.0, varied: false },
    Kind {
        name: "Telegram token",
        pattern: r"\b([0-9]{8,10}:AA[A-Za-z0-9_-]{33})(?:[^A-Za-z0-9_-]|$)",
        least_bits: 3.0,
        varied: true,
    },
    Kind { name: "Azure account key", pattern: r"AccountKey=([A-Za-z0-9+/]{86}==)", least_bits: 3.0, varied: false },
    Kind {
        name: "private key",
        pattern: r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)",
        least_bits: 0.0,
        varied: false,
    },
    Kind {
        name: "JSON web token",
        pattern: r"\b(eyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{16,})",
        least_bits: 3.5,
        varied: false,
    },
    Kind { name: "bearer token", pattern: r"\b[Bb]earer\s+([A-Za-z0-9_.~+/=-]{24,})", least_bits: 3.8, varied: true },
    Kind {
        name: "password in an address",
        pattern: r#"\b[a-z][a-z0-9+.-]{1,20}://[^/\s:@'"{}<>]{1,64}:([^/\s:@'"{}<>]{6,64})@[A-Za-z0-9.-]+"#,
        least_bits: 2.5,
        varied: false,
    },
    // A name that says so, as it is set, called or asked for, then a quoted value without blanks.
    Kind {
        name: "key in an assignment",
        pattern: r#"(?i)(?:api[_-]?key|apikey|secret[_-]?key|access[_-]?key|subscription[_-]?key|private[_-]?key|client[_-]?secret|auth[_-]?token|access[_-]?token|api[_-]?token|refresh[_-]?token|bot[_-]?token|aws_secret_access_key|[a-z_]*secret|\b[a-z_]*token)["']?\]?\s*(?::\s*str\s*)?[:=,(]=?\s*[rbu]?["']([^\s"'{}<>$]{16,200})["']"#,
        least_bits: 3.2,
        varied: true,
    },
    Kind {
        name: "password in an assignment",
        pattern: r#"(?i)\b(?:[a-z0-9]+_)?(?:password|passwd|passphrase|pwd)["']?\]?\s*(?::\s*str\s*)?[:=,(]=?\s*[rbu]?["']([^\s"'{}<>$]{8,200})["']"#,
        least_bits: 2.8,
        varied: true,
    },
    // As shells and files of settings have it, without quotes.
    Kind {
        name: "key in an assignment",
        pattern: r"(?m)^\W*(?:export\s+|set\s+|env\s+)?[A-Z0-9_]*(?:API_?KEY|ACCESS_KEY|SECRET|TOKEN|PASSWORD)[A-Z0-9_]*=([A-Za-z0-9_.~+/=-]{16,200})\s*$",
        least_bits: 3.2,
        varied: true,
    },
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    KINDS.iter().map(|kind| Regex::new(kind.pattern).expect("the patterns of the table are legal")).collect()
});

/// Parts of values that are no secrets: what documentation puts in their place.
const PLACEHOLDERS: &[&str] = &[
    "your",
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "xxxx",
    "****",
    "....",
    "dummy",
    "redacted",
    "replace",
    "insert",
    "<",
    "${",
    "{{",
    "environ",
    "getenv",
    "12345678",
    "abcdef",
    "todo",
    "sample",
    "secret_here",
];

/// Finds the secrets of a text, in order of their places; a place is named once.
pub fn scan(text: &str) -> Vec<Secret> {
    let mut found: Vec<(usize, usize, &'static str)> = Vec::new();
    for (kind, pattern) in KINDS.iter().zip(PATTERNS.iter()) {
        for captures in pattern.captures_iter(text) {
            let Some(secret) = captures.get(1) else { continue };
            let value = secret.as_str();
            let lower = value.to_ascii_lowercase();
            let random = bits_per_character(value) >= kind.least_bits;
            let varied = !kind.varied || varied(value);
            if random && varied && !PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
                found.push((secret.start(), secret.end(), kind.name));
            }
        }
    }
    // Of several kinds at one place the first of the table counts: the sort is stable.
    found.sort_by_key(|(start, ..)| *start);
    let mut out: Vec<Secret> = Vec::new();
    let mut end = 0;
    for (start, stop, kind) in found {
        if start < end {
            continue;
        }
        end = stop;
        let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..start]).count() + 1;
        out.push(Secret { kind, line, redacted: redacted(&text[start..stop]) });
    }
    out
}

/// Whether a value has a digit, or changes between small and capital letters more often than words written together do.
fn varied(value: &str) -> bool {
    let pairs = value.as_bytes().windows(2);
    let changes = pairs.filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase()).count();
    value.bytes().any(|byte| byte.is_ascii_digit()) || changes * 5 >= value.len() * 2
}

/// The first characters, never more than a quarter, and the length.
fn redacted(secret: &str) -> String {
    let count = secret.chars().count();
    let shown: String = secret.chars().take(4.min(count / 4)).collect();
    format!("{shown}… ({count} characters)")
}

/// Entropy of the characters, in bits each.
fn bits_per_character(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    text.chars().for_each(|ch| *counts.entry(ch).or_insert(0u64) += 1);
    super::statistics::entropy(&counts.into_values().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random-looking characters of an alphabet, so that no token of a test stands in a source as it is.
    fn made(alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut state = 41u64;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                letters[(state >> 33) as usize % letters.len()]
            })
            .collect()
    }

    const ALL: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    #[test]
    fn tokens_of_every_kind_are_found_and_not_printed() {
        let all = |count| made(ALL, count);
        let cases = [
            ("AWS access key", format!("AKIA{}", made(UPPER, 16))),
            ("GitHub token", format!("ghp_{}", all(36))),
            ("GitHub token", format!("github_pat_{}_{}", all(22), all(59))),
            ("GitLab token", format!("glpat-{}", all(20))),
            ("Hugging Face token", format!("hf_{}", all(34))),
            ("Anthropic key", format!("sk-ant-api03-{}", all(93))),
            ("OpenAI key", format!("sk-proj-{}", all(48))),
            ("OpenAI key", format!("sk-{}", all(48))),
            ("OpenRouter key", format!("sk-or-v1-{}", made("0123456789abcdef", 64))),
            ("ElevenLabs key", format!("sk_{}", made("0123456789abcdef", 48))),
            ("Groq key", format!("gsk_{}", all(52))),
            ("xAI key", format!("xai-{}", all(80))),
            ("Replicate token", format!("r8_{}", all(37))),
            ("Google API key", format!("AIza{}", all(35))),
            ("Google client secret", format!("GOCSPX-{}", all(28))),
            ("Slack token", format!("xoxb-{}-{}", made("0123456789", 12), all(24))),
            (
                "Slack token",
                format!("xapp-1-A{}-{}-{}", made(UPPER, 9), made("0123456789", 12), made("0123456789abcdef", 40)),
            ),
            ("Slack webhook", format!("hooks.slack.com/services/T{}/B{}/{}", made(UPPER, 9), made(UPPER, 9), all(24))),
            ("Stripe key", format!("sk_live_{}", all(24))),
            ("Stripe webhook secret", format!("whsec_{}", all(32))),
            ("SendGrid key", format!("SG.{}.{}", all(22), all(43))),
            ("npm token", format!("npm_{}", all(36))),
            ("PyPI token", format!("pypi-AgEI{}", all(60))),
            ("Telegram token", format!("{}:AA{}", made("0123456789", 9), all(33))),
            ("JSON web token", format!("eyJ{}.eyJ{}.{}", all(30), all(60), all(43))),
            ("private key", format!("-----BEGIN {}PRIVATE KEY-----", "RSA ")),
        ];
        for (kind, token) in cases {
            let found = scan(&format!("import os\nx = '{token}'\n"));
            assert_eq!(found.len(), 1, "{kind} {token}");
            assert_eq!((found[0].kind, found[0].line), (kind, 2), "{token}");
            assert!(!found[0].redacted.contains(&token[5..]), "{}", found[0].redacted);
        }
        let account = format!("AccountKey={}==;EndpointSuffix=x", all(86));
        assert_eq!(scan(&account)[0].kind, "Azure account key");
        assert_eq!(scan(&format!("headers = {{'Authorization': 'Bearer {}'}}", all(40)))[0].kind, "bearer token");
        assert_eq!(scan(&format!("postgres://me:{}@db.test/x", all(12)))[0].kind, "password in an address");
    }

    #[test]
    fn assignments_are_told_by_their_names_and_by_how_random_their_values_look() {
        let key = made(ALL, 32);
        for name in ["api_key", "AZURE_SUBSCRIPTION_KEY", "openai.api_key", "ELEVEN_API_KEY", "client_secret"] {
            let found = scan(&format!("{name} = \"{key}\"\n"));
            assert_eq!(found.iter().map(|each| each.kind).collect::<Vec<_>>(), ["key in an assignment"], "{name}");
        }
        assert_eq!(scan(&format!("os.environ['API_KEY'] = '{key}'")).len(), 1);
        assert_eq!(scan(&format!("{{\"api_key\": \"{key}\"}}")).len(), 1);
        let letters = made("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 32);
        for text in [
            format!("client.set_api_key(\"{key}\")"),
            format!("os.environ.setdefault(\"OPENAI_API_KEY\", \"{key}\")"),
            format!("if api_key == '{key}':"),
            format!("export ELEVEN_API_KEY={key}"),
            format!("# ELEVEN_API_KEY={key}\n"),
            format!("TOKEN = \"{key}\""),
            format!("api_key = \"{letters}\""),
        ] {
            let found = scan(&text);
            assert_eq!(found.iter().map(|each| each.kind).collect::<Vec<_>>(), ["key in an assignment"], "{text}");
        }
        for text in ["password = 'tr0ub4dor&3'", "{\"password\": \"tr0ub4dor&3\"}", "login(password='tr0ub4dor&3')"] {
            assert_eq!(scan(text)[0].kind, "password in an assignment", "{text}");
        }
        for text in [
            "api_key = \"YOUR_API_KEY_GOES_HERE_1\"",
            "api_key = os.environ[\"API_KEY\"]",
            "password = \"aaaaaaaaaa1\"",
            "api_key = 'xxxxxxxxxxxxxxxxxxxxxxxx1'",
            "key = 'FadeInFromPointWithVeryLongName12'",
            "token_text = Text('password: hunter2hunter2')",
            "api_key = 'TheNameOfSomethingLongEnough'",
            "SECRET=Circle(radius=2).shift(LEFT)",
            "tokens = Text('AttentionIsAllYouNeed2017Paper')",
            "Token(\"https://example.org/a/b/c\")",
        ] {
            assert_eq!(scan(text), [], "{text}");
        }
    }

    #[test]
    fn code_that_draws_is_not_suspected() {
        for text in [
            "from manim import *\n\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Circle(color=\"#58C4DD\")))\n",
            "hf_value = hf_model_config_for_training_runs_and_more = 1",
            "svg = SVGMobject('assets/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.svg')",
            "eq = MathTex(r\"\\frac{d}{dx} \\left( \\sin(x) \\right) = \\cos(x)\")",
            "sk = sklearn_like_name_that_is_long_enough_to_be_a_key",
            "secret = Text('secret')",
            "sha = hashlib.sha256(b'hello').hexdigest()",
        ] {
            assert_eq!(scan(text), [], "{text}");
        }
    }

    #[test]
    fn rows_with_a_secret_are_e08_and_it_is_not_printed() {
        use super::super::rows::for_tests::{clean, codes, contract, dataset, lint_without, scene, subject, tokenizer};
        let mut examples = clean();
        let key = format!("ghp_{}", made(ALL, 36));
        examples[1].fields.insert("response".to_owned(), format!("TOKEN = '{key}'\n{}", scene(1)));
        let report = lint_without(examples.clone(), &["W11"]);
        let mut stated = clean();
        stated[1].fields.insert("system".to_owned(), format!("Use the key {key}."));
        let dataset = dataset(stated);
        let tokenizer = tokenizer(&dataset);
        let contract = contract("deepseek", &tokenizer, 2_048);
        let stated = super::super::run(&subject(&dataset, &contract, &tokenizer), &[]);
        assert_eq!(codes(&stated), ["E08"], "{:#?}", stated.findings);
        assert!(stated.findings[0].rows[0].detail.starts_with("system line 1"), "{:?}", stated.findings[0].rows);
        assert_eq!(codes(&report), ["E08"], "{:#?}", report.findings);
        let shown = serde_json::to_string(&report).expect("it is JSON");
        assert!(shown.contains("response line 1: GitHub token ghp_") && !shown.contains(&key[4..12]), "{shown}");
    }

    #[test]
    fn a_secret_is_named_once_and_in_order() {
        let (one, two) = (format!("ghp_{}", made(ALL, 36)), format!("AKIA{}", made(UPPER, 16)));
        let text = format!("api_key = \"{one}\"\n\n\naws = '{two}'\n");
        let found: Vec<(&str, usize)> = scan(&text).iter().map(|each| (each.kind, each.line)).collect();
        assert_eq!(found, [("GitHub token", 1), ("AWS access key", 4)]);
    }
}
