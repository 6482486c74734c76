//! What the walk keeps, on small texts.

use super::*;

const SCENE: &str = "\
# Shows a circle
import numpy as np
import manim as m
from manim import Create as C, Scene

SPEED = 2

class Base(Scene):
    pause = 0.5

class Intro(Base):
    CONFIG = {}
    def construct(self):
        '''Doc.'''
        circle = m.Circle(radius=1.5)
        for i in range(3):
            self.play(C(circle), run_time=SPEED * 2)
            self.wait(self.pause)
        if i:
            self.play(circle.animate.shift(m.UP).scale(2))
        else:
            self.wait()
        xs = [unknown(x) for x in (1, 2) if x]
";

fn seconds(body: &str) -> Vec<(f64, bool)> {
    let code = format!("from manim import *\nclass A(Scene):\n    def construct(self):\n        {body}\n");
    let facts = code_facts(&code);
    assert!(facts.has_tree(), "{body}");
    facts.times.iter().map(|time| (time.seconds, time.exact)).collect()
}

#[test]
fn one_walk_keeps_classes_calls_names_and_times() {
    let facts = code_facts(SCENE);
    assert_eq!(facts.syntax, Syntax::Valid);
    assert_eq!((facts.lines, facts.functions, facts.loops), (23, 1, 2));
    assert_eq!(facts.cyclomatic, 1 + 1 + 1 + 2);
    assert_eq!(facts.leading_comment.as_deref(), Some("Shows a circle"));
    let scenes: Vec<&str> = facts.scenes().map(|class| class.name.as_str()).collect();
    assert_eq!(scenes, ["Base", "Intro"]);
    let intro = &facts.classes[1];
    assert!(intro.has_construct && intro.top_level);
    assert_eq!((intro.construct_statements, intro.line), (4, 11));
    assert_eq!(intro.attributes, ["CONFIG"]);
    assert_eq!(facts.free_names.keys().collect::<Vec<_>>(), ["unknown"]);
    assert_eq!(
        facts.manim.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
        [("Circle", 1), ("Create", 1), ("Scene", 1), ("UP", 1)]
    );
    let circle = &facts.calls[0];
    assert_eq!((circle.name.as_str(), circle.manim.as_deref()), ("m.Circle", Some("Circle")));
    assert_eq!(circle.keywords, [("radius".to_owned(), Some(1.5))]);
    assert_eq!(&*circle.within, "Intro.construct");
    let times: Vec<(&str, f64, bool, bool, Option<u64>)> = facts
        .times
        .iter()
        .map(|time| (time.what.as_str(), time.seconds, time.exact, time.alternative, time.repeats))
        .collect();
    assert_eq!(
        times,
        [
            ("play", 4.0, true, false, Some(3)),
            ("wait", 0.5, true, false, Some(3)),
            ("play", 1.0, false, false, Some(1)),
            ("wait", 1.0, false, true, Some(1)),
        ]
    );
}

#[test]
fn run_times_follow_the_defaults_of_manim() {
    assert_eq!(seconds("self.play(Create(a), FadeIn(b, run_time=3))"), [(3.0, true)]);
    assert_eq!(seconds("self.play(Succession(Create(a), Wait(2), Rotating(b)))"), [(8.0, true)]);
    assert_eq!(seconds("self.play(LaggedStart(*[Create(x) for x in range(3)], lag_ratio=0.5))"), [(2.0, true)]);
    assert_eq!(seconds("self.play(AnimationGroup(Create(a), DrawBorderThenFill(b)))"), [(2.0, true)]);
    assert_eq!(seconds("self.play(a.animate(run_time=2).shift(UP), Create(b))"), [(2.0, true)]);
    assert_eq!(seconds("self.play(Write(a))"), [(1.0, false)]);
    assert_eq!(seconds("self.play(Create(a), Wait(5))"), [(5.0, true)]);
    assert_eq!(seconds("self.play(Create(a), Wait())"), [(1.0, true)]);
    assert_eq!(seconds("self.play(Create(a), run_time=n)"), [(1.0, false)]);
    assert_eq!(seconds("self.play(a.shift, UP)"), [(1.0, true)]);
    assert_eq!(seconds("x = FadeIn(a, run_time=1.5); self.play(x)"), [(1.5, true)]);
    assert_eq!(
        seconds("self.wait(); self.wait(1/2); self.wait(duration=3); self.wait(t)"),
        [(1.0, true), (0.5, true), (3.0, true), (1.0, false)]
    );
}

#[test]
fn ranges_beyond_any_film_are_of_unknown_length() {
    let facts = code_facts("for i in range(10**300):\n    s.wait(1)\n");
    assert_eq!(facts.times[0].repeats, None);
}

#[test]
fn names_that_change_are_no_constants() {
    let facts = code_facts(
        "t = 1\nfor i in range(2):\n    s.wait(t)\n    t += 1\nxs = [1, 2]\nxs.append(3)\nfor x in xs:\n    s.play(f(x))\n",
    );
    assert_eq!((facts.times[0].exact, facts.times[0].repeats), (false, Some(2)));
    assert_eq!(facts.times[1].repeats, None);
}

#[test]
fn text_that_does_not_parse_has_tokens_only() {
    let facts = code_facts("class A(Scene:\n  x = 'é'");
    assert!(!facts.syntax.is_valid());
    assert_eq!((facts.lines, facts.chars, facts.tokens, facts.nodes), (2, 24, 8, 0));
}

#[test]
fn deep_trees_are_walked_on_small_stacks() {
    let worker = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        for code in [
            format!("x = a{}", ".b(c)".repeat(9_000)),
            format!("x = 1{}", " + 1".repeat(19_000)),
            format!("x = {}1", "not ".repeat(19_000)),
            format!("x = {}1", "lambda: ".repeat(19_000)),
            format!("x = {}1", "1 if a else ".repeat(9_000)),
            format!("if a: pass\n{}", "elif b: pass\n".repeat(19_000)),
        ] {
            assert!(code_facts(&code).has_tree());
        }
    });
    worker.expect("a thread starts").join().expect("no overflow");
}
