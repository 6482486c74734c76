//! How long Manim shows what a call plays, as far as the text says it.
//!
//! Run times given as arguments count; else the defaults of Manim 0.22. `play(.., run_time=t)` sets every animation's.

use ruff_python_ast::{Expr, ExprCall};

use super::constants::Env;
use crate::analyze::manim_api::{NameKind, api};

/// Default run time of animations that do not take one second.
const DEFAULT_SECONDS: &[(&str, f64)] = &[
    ("Add", 0.0),
    ("ApplyMatrix", 3.0),
    ("ApplyPointwiseFunction", 3.0),
    ("ApplyPointwiseFunctionToCenter", 3.0),
    ("ApplyWave", 2.0),
    ("Broadcast", 3.0),
    ("ComplexHomotopy", 3.0),
    ("DrawBorderThenFill", 2.0),
    ("FocusOn", 2.0),
    ("Homotopy", 3.0),
    ("LaggedStartMap", 2.0),
    ("Rotating", 5.0),
    ("SmoothedVectorizedHomotopy", 3.0),
    ("Wiggle", 2.0),
];

/// Animations whose default depends on what they show: 1 for few glyphs, 2 for many, or a time per letter.
const DEPENDS_ON_MOBJECT: &[&str] = &[
    "AddTextLetterByLetter",
    "AddTextWordByWord",
    "Blink",
    "RemoveTextLetterByLetter",
    "TypeWithCursor",
    "UntypeWithCursor",
    "Unwrite",
    "Write",
];

/// How far groups of groups are followed.
const MAX_DEPTH: u32 = 24;

/// Most animations that a comprehension is unrolled to.
const MAX_UNROLLED: u64 = 10_000;

fn keyword<'a>(call: &'a ExprCall, name: &str) -> Option<&'a Expr> {
    call.arguments.keywords.iter().find(|keyword| keyword.arg.as_deref() == Some(name)).map(|keyword| &keyword.value)
}

fn has_unpacked(call: &ExprCall) -> bool {
    call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none())
}

/// Seconds of a `play` and whether they are certain.
pub(super) fn play_seconds(env: &Env<'_>, call: &ExprCall) -> (f64, bool) {
    if let Some(run_time) = keyword(call, "run_time") {
        if let Some(seconds) = env.fold(run_time) {
            return (seconds.max(0.0), true);
        }
        return (longest(env, &call.arguments.args, 0).0, false);
    }
    let (seconds, exact) = longest(env, &call.arguments.args, 0);
    (seconds, exact && !has_unpacked(call) && !call.arguments.args.is_empty())
}

/// Seconds of a `wait` or `pause`: its first argument or `duration`, one second by default.
pub(super) fn wait_seconds(env: &Env<'_>, call: &ExprCall) -> (f64, bool) {
    match call.arguments.args.first().or_else(|| keyword(call, "duration")) {
        Some(duration) => env.fold(duration).map_or((1.0, false), |seconds| (seconds.max(0.0), true)),
        None => (1.0, !has_unpacked(call)),
    }
}

fn longest(env: &Env<'_>, args: &[Expr], depth: u32) -> (f64, bool) {
    let (list, exact) = each(env, args, depth);
    let longest =
        list.into_iter().fold(None, |longest: Option<f64>, seconds| Some(longest.map_or(seconds, |l| l.max(seconds))));
    longest.map_or((1.0, false), |seconds| (seconds, exact))
}

/// Seconds of each animation among arguments, unpacked where that is literal; and whether all are certain.
fn each(env: &Env<'_>, args: &[Expr], depth: u32) -> (Vec<f64>, bool) {
    let mut list = Vec::new();
    let mut exact = true;
    for arg in args {
        match arg {
            Expr::Starred(e) => each_of_sequence(env, &e.value, depth, &mut list, &mut exact),
            Expr::List(_) | Expr::Tuple(_) | Expr::ListComp(_) | Expr::Generator(_) => {
                each_of_sequence(env, arg, depth, &mut list, &mut exact);
            }
            // The older form `play(mobject.shift, UP)`: what follows a method are its arguments.
            Expr::Name(e) if e.id.chars().all(|ch| ch.is_ascii_uppercase() || ch == '_') => {}
            Expr::BinOp(_) | Expr::UnaryOp(_) => {}
            literal if literal.is_literal_expr() => {}
            _ => {
                let (seconds, certain) = seconds_within(env, arg, depth + 1);
                list.push(seconds);
                exact &= certain;
            }
        }
    }
    (list, exact)
}

fn each_of_sequence(env: &Env<'_>, sequence: &Expr, depth: u32, list: &mut Vec<f64>, exact: &mut bool) {
    if depth > MAX_DEPTH {
        *exact = false;
        return;
    }
    let (element, generators) = match sequence {
        Expr::List(e) => {
            let (inner, certain) = each(env, &e.elts, depth + 1);
            list.extend(inner);
            *exact &= certain;
            return;
        }
        Expr::Tuple(e) => {
            let (inner, certain) = each(env, &e.elts, depth + 1);
            list.extend(inner);
            *exact &= certain;
            return;
        }
        Expr::ListComp(e) => (&e.elt, &e.generators),
        Expr::Generator(e) => (&e.elt, &e.generators),
        _ => {
            list.push(1.0);
            *exact = false;
            return;
        }
    };
    let (seconds, certain) = seconds_within(env, element, depth + 1);
    let count = match generators.as_slice() {
        [one] if one.ifs.is_empty() => env.length(&one.iter),
        _ => None,
    };
    *exact &= certain;
    // Without a known count one stands for all: right for what plays at once, a lower bound for what follows one another.
    let count = count.unwrap_or_else(|| {
        if depth > 0 {
            *exact = false;
        }
        1
    });
    list.extend((0..count.min(MAX_UNROLLED)).map(|_| seconds));
}

/// Seconds of an animation and whether they are certain.
pub(super) fn animation_seconds(env: &Env<'_>, expr: &Expr) -> (f64, bool) {
    seconds_within(env, expr, 0)
}

fn seconds_within(env: &Env<'_>, expr: &Expr, depth: u32) -> (f64, bool) {
    if depth > MAX_DEPTH {
        return (1.0, false);
    }
    match expr {
        Expr::Call(call) => call_seconds(env, call, depth),
        Expr::Name(e) => env.animation(&e.id).unwrap_or((1.0, false)),
        // `mobject.shift`, the older form.
        Expr::Attribute(_) => (1.0, true),
        Expr::If(e) => {
            let (one, two) = (seconds_within(env, &e.body, depth + 1), seconds_within(env, &e.orelse, depth + 1));
            (one.0.max(two.0), one == two && one.1)
        }
        _ => (1.0, false),
    }
}

fn call_seconds(env: &Env<'_>, call: &ExprCall, depth: u32) -> (f64, bool) {
    let name = match call.func.as_ref() {
        Expr::Name(e) => e.id.as_str(),
        Expr::Attribute(e) => {
            if let Some(result) = animate_seconds(env, call) {
                return result;
            }
            e.attr.as_str()
        }
        _ => return (1.0, false),
    };
    if let Some(run_time) = keyword(call, "run_time") {
        return env.fold(run_time).map_or((1.0, false), |seconds| (seconds.max(0.0), true));
    }
    if name == "Wait"
        && let Some(seconds) = call.arguments.args.first()
    {
        return env.fold(seconds).map_or((1.0, false), |seconds| (seconds.max(0.0), true));
    }
    if api().kind_in_either(name) != Some(NameKind::Animation) || has_unpacked(call) {
        return (1.0, false);
    }
    let default_lag = match name {
        "AnimationGroup" => 0.0,
        "LaggedStart" => 0.05,
        "Succession" => 1.0,
        _ => {
            let seconds = DEFAULT_SECONDS.iter().find(|(other, _)| *other == name).map_or(1.0, |(_, seconds)| *seconds);
            return (seconds, !DEPENDS_ON_MOBJECT.contains(&name));
        }
    };
    let lag = keyword(call, "lag_ratio").map_or(Some(default_lag), |lag| env.fold(lag));
    let (list, exact) = each(env, &call.arguments.args, depth + 1);
    let (mut start, mut end) = (0.0f64, 0.0f64);
    for seconds in &list {
        end = end.max(start + seconds);
        start += lag.unwrap_or(default_lag) * seconds;
    }
    if list.is_empty() { (1.0, false) } else { (end, exact && lag.is_some()) }
}

/// Seconds of `mobject.animate.shift(..)` and `mobject.animate(run_time=2).shift(..)`.
fn animate_seconds(env: &Env<'_>, call: &ExprCall) -> Option<(f64, bool)> {
    let mut at: &Expr = call.func.as_ref();
    loop {
        match at {
            Expr::Attribute(e) if e.attr.as_str() == "animate" => return Some((1.0, true)),
            Expr::Attribute(e) => at = &e.value,
            Expr::Call(e) => match e.func.as_ref() {
                Expr::Attribute(inner) if inner.attr.as_str() == "animate" => {
                    let run_time = keyword(e, "run_time");
                    return Some(run_time.map_or((1.0, !has_unpacked(e)), |value| {
                        env.fold(value).map_or((1.0, false), |seconds| (seconds.max(0.0), true))
                    }));
                }
                func => at = func,
            },
            _ => return None,
        }
    }
}
