use super::*;
use crate::dedup::contamination::Thresholds;
use crate::similarity::lexer;
use crate::similarity::renamed::Renamed;

const CODE: &str = "from manim import *  # all of it\nimport numpy as np\n\n\nclass Wave(Scene):\n    speed = 2\n\n    def curve(self, axes, height=1.5):\n        return axes.plot(lambda x: height * np.sin(x), color=BLUE)\n\n    def construct(self):\n        # what is seen\n        axes = Axes(x_range=[0, 10], y_range=[-2, 2])\n        self.label = Text(f'height {1}', font_size=24)\n        first, second = self.curve(axes), self.curve(axes, height=2)\n        for each in [first, second]:\n            self.play(Create(each), run_time=self.speed)\n        dots = [Dot(axes.c2p(at, 0)) for at in range(10)]\n        self.play(LaggedStart(*[FadeIn(dot) for dot in dots]), Write(self.label))\n        total = len(dots) + \\\n            1\n        self.play(first.animate.shift(UP * total), FadeOut(second))\n        self.wait()\n";

fn texts(code: &str) -> Vec<&str> {
    lexer::tokens(code).map(|token| token.text).collect()
}

#[test]
fn what_is_only_set_otherwise_has_the_same_tokens() {
    let odd = [
        "x = 'abc\ny = 1  # z",
        "\u{feff}x = 1\n",
        "a = '''b\n\n  c",
        "$ ? \\",
        "x\\\n = 1",
        "é = '\\",
        "1if x else.5\r\r\n",
    ];
    for code in odd.into_iter().chain([CODE]) {
        for change in [code::reformatted, code::without_comments, code::with_comments] {
            if let Some(variant) = change(code) {
                assert_eq!(texts(&variant), texts(code), "{code:?}\n{variant:?}");
            }
        }
    }
    let changed = code::reformatted(CODE).expect("it has tokens");
    assert!(
        changed.contains("\r\n") && changed.contains("        speed = 2") && changed.contains("Axes(x_range = "),
        "{changed}"
    );
    let bare = code::without_comments(CODE).expect("it has comments");
    assert!(!bare.contains('#') && !bare.contains("what is seen"), "{bare}");
    assert_eq!(code::without_comments("x = '# no'"), None);
    assert!(code::with_comments(CODE).expect("it has tokens").matches("# remark").count() > 15);
}

#[test]
fn what_is_renamed_is_renamed_throughout() {
    let variant = code::renamed(CODE).expect("it binds names");
    for name in
        ["Wave", "axes", "label", "curve", "first", "second", "each", "dots", "dot", "total", " np", "24", "1.5"]
    {
        assert!(!variant.contains(name), "{name}\n{variant}");
    }
    // Names of arguments stay, and with them the parameter; a class body's name that is an attribute too.
    for name in ["height=", "speed", "construct", "x_range=", "run_time=", "f'text", "numpy", "Axes", ".plot"] {
        assert!(variant.contains(name), "{name}\n{variant}");
    }
    let (one, two) = (Renamed::of(CODE), Renamed::of(&variant));
    assert!(one.tokens().eq(two.tokens()), "{variant}");
    assert_eq!(code::renamed("self.play(Create(Circle()))"), None);
}

#[test]
fn instructions_are_reworded_as_far_as_their_length_allows() {
    assert_eq!(prompts::reworded("...", 0), None);
    let words = |text: &str| -> Vec<String> { crate::similarity::words::words(text).collect() };
    let short = "Draw a circle, then a square.";
    for seed in 0..12 {
        let variant = prompts::reworded(short, seed).expect("it has words");
        assert_ne!(variant, short);
        assert_eq!(words(&variant), words(short), "a short one keeps its words");
    }
    let long = "Draw a wide green circle at the left of the screen, then move it slowly to the right while it turns red and a label that names its radius fades in above it; afterwards everything but one small dot goes away again.";
    for seed in 0..12 {
        let variant = prompts::reworded(long, seed).expect("it has words");
        assert_ne!(words(&variant), words(long));
        assert_eq!(words(&variant).len(), words(long).len());
    }
}

#[test]
fn every_class_is_found_and_a_blind_search_fails() {
    let instruction = "Draw two waves of different height in one system of axes, put dots on the horizontal axis, and move the first wave up while the second fades.";
    let items = vec![
        Item { place: "a:1".into(), instruction: Some(instruction.into()), code: CODE.into() },
        Item { place: "a:2".into(), instruction: None, code: "x = 1\n".into() },
    ];
    let reference = Reference::new(items, Thresholds::default());
    let counted = |outcomes: &[Outcome]| outcomes.iter().map(|each| (each.planted, each.found)).collect::<Vec<_>>();
    let outcomes = run(&reference, &|code, instruction| reference.look(code, instruction));
    assert_eq!(counted(&outcomes), [(2, 2), (2, 2), (1, 1), (2, 2), (1, 1), (1, 1)]);
    assert!(outcomes[4].unsuited.as_deref().is_some_and(|why| why.contains("1 below the floor")));
    assert_eq!(run(&reference, &|code, instruction| reference.look(code, instruction)), outcomes);
    let blind = run(&reference, &|code, _| reference.look(code, None));
    assert_eq!(counted(&blind), [(2, 2), (2, 2), (1, 1), (2, 2), (1, 1), (1, 0)]);
    assert_eq!(blind[5].missed[0].item, 0);
    let none = run(&reference, &|_, _| Looked::default());
    assert!(none.iter().all(|each| each.found == 0 && each.missed.len() as u64 == each.planted));
}
