use super::super::shingles::Shingles;
use super::*;

/// The renamed tokens with `%` for U+0001, the kinds of literals by their first letter.
fn shown(code: &str) -> String {
    let tokens: Vec<String> = Renamed::of(code)
        .tokens()
        .map(|token| match token {
            NUMBER => "%N".into(),
            STRING => "%S".into(),
            FORMATTED => "%F".into(),
            BYTES => "%B".into(),
            _ => token.replace('\u{1}', "%"),
        })
        .collect();
    tokens.join(" ")
}

fn check(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        assert_eq!(shown(code), *expected, "{code}");
    }
}

#[test]
fn literals_are_their_kind() {
    check(&[
        ("f(1, 0x1f, 1.5e3j, .5)", "f ( %N , %N , %N , %N )"),
        ("f('a', r\"b\", u'''c''', f'{x}', Rf'{x}', b'd', Rb'e')", "f ( %S , %S , %S , %F , %F , %B , %B )"),
        ("f(True, None)", "f ( True , None )"),
    ]);
}

#[test]
fn targets_of_assignments_are_bound() {
    check(&[
        ("b = a\na = b", "%n1 = %n2 %n2 = %n1"),
        ("x = y = z", "%n1 = %n2 = z"),
        ("a, (b, *c), [d] = e", "%n1 , ( %n2 , * %n3 ) , [ %n4 ] = e"),
        ("a: int = b\nc: List[b]", "%n1 : int = b %n2 : List [ b ]"),
        ("a.b = c; d[e, f] = g; (h[i].j, k) = l", "a . b = c ; d [ e , f ] = g ; ( h [ i ] . j , %n1 ) = l"),
        ("f(a)[b].c = d; g(h).i[j] = k", "f ( a ) [ b ] . c = d ; g ( h ) . i [ j ] = k"),
        ("a += b; c **= d; e == f", "a += b ; c **= d ; e == f"),
        ("if (n := f(m)) > n: pass", "if ( %n1 := f ( m ) ) > %n1 : pass"),
        ("x = (\n  y\n)\nz = \\\n  w\n= v", "%n1 = ( y ) %n2 = w = v"),
        ("f(\n  a = b,\n)", "f ( a = b , )"),
        ("if a: b = c\nelse: d = e", "if a : %n1 = c else : %n2 = e"),
        ("x = a if b else c", "%n1 = a if b else c"),
        (
            "d = {a: b}; e = c[a:b]; g = lambda: a; h = 1",
            "%n1 = { a : b } ; %n2 = c [ a : b ] ; %n3 = lambda : a ; %n4 = %N",
        ),
    ]);
}

#[test]
fn functions_classes_and_parameters_are_bound() {
    check(&[
        (
            "def f(a, b: A = B, /, *c, d=a*g, **e) -> C: return a, b, c, d, e, g",
            "def %n1 ( %n2 , %n3 : A = B , / , * %n4 , %n5 = %n2 * g , ** %n6 ) -> C : \
             return %n2 , %n3 , %n4 , %n5 , %n6 , g",
        ),
        (
            "m.add_updater(lambda x, y=z, *w: x + y(w, k))",
            "m . add_updater ( lambda %n1 , %n2 = z , * %n3 : %n1 + %n2 ( %n3 , k ) )",
        ),
        ("f = lambda a: lambda b: (a, b)", "%n1 = lambda %n2 : lambda %n3 : ( %n2 , %n3 )"),
        (
            "class A(Scene):\n  def construct(self): self.play(A())",
            "class %n1 ( Scene ) : def construct ( self ) : self . play ( %n1 ( ) )",
        ),
        (
            "def __init__(self, a): pass\ndef setup(self): pass",
            "def __init__ ( self , %n1 ) : pass def setup ( self ) : pass",
        ),
        ("async def f(a):\n  async with a as b: await b", "async def %n1 ( %n2 ) : async with %n2 as %n3 : await %n3"),
    ]);
}

#[test]
fn loops_aliases_and_patterns_bind() {
    check(&[
        ("for i, (j, k) in a: i(j, k)", "for %n1 , ( %n2 , %n3 ) in a : %n1 ( %n2 , %n3 )"),
        ("[x + a for x in b for y in x if c]", "[ %n1 + a for %n1 in b for %n2 in %n1 if c ]"),
        ("import numpy as np, math\nnp.pi, math.pi", "import numpy as %n1 , math %n1 . pi , math . pi"),
        ("from a.b import (c as d, e)\nf(c, d, e)", "from a . b import ( c as %n1 , e ) f ( c , %n1 , e )"),
        ("with f(a) as b, g() as (c, d): pass", "with f ( a ) as %n1 , g ( ) as ( %n2 , %n3 ) : pass"),
        ("with f() as a.b: pass", "with f ( ) as a . b : pass"),
        ("try: pass\nexcept E as e: raise F(e) from e", "try : pass except E as %n1 : raise F ( %n1 ) from %n1"),
        (
            "match a:\n  case A(b, c=d) | e if f: g(b, c, d)\n  case B.c: pass",
            "match a : case A ( %n1 , c = %n2 ) | %n3 if f : g ( %n1 , c , %n2 ) case B . c : pass",
        ),
        ("match = case(1)\nmatch(case)", "%n1 = case ( %N ) %n1 ( case )"),
    ]);
}

#[test]
fn attributes_are_counted_apart_and_renamed_only_where_bound() {
    check(&[
        ("self.a = a\nself.b.c = self.a", "self . %a1 = a self . b . c = self . %a1"),
        (
            "a = 1\nself.a, b.a = a, a\nself.play(x.a)",
            "%n1 = %N self . %a1 , b . %a1 = %n1 , %n1 self . play ( x . %a1 )",
        ),
        ("play = 1\nself.play(play)", "%n1 = %N self . play ( %n1 )"),
        ("def go(self): self.go(); x.go", "def %n1 ( self ) : self . %a1 ( ) ; x . %a1"),
        (
            "class A:\n  u = 1\n  def f(self):\n    v = self.u\n    self.v",
            "class %n1 : %n2 = %N def %n3 ( self ) : %n4 = self . %a1 self . v",
        ),
    ]);
}

#[test]
fn names_of_arguments_are_renamed_only_for_what_the_text_defines() {
    check(&[
        (
            "def f(r): pass\nr = 1\nf(r=r), Circle(r=r)",
            "def %n1 ( %n2 ) : pass %n2 = %N %n1 ( %n2 = %n2 ) , Circle ( r = %n2 )",
        ),
        ("x.f(r=1)\ndef f(r): pass", "x . %a1 ( %n1 = %N ) def %n2 ( %n1 ) : pass"),
        (
            "class A(Circle):\n  def __init__(self, r, **k): super().__init__(r=r, **k)\n\
             \x20 def g(self, s): pass\nA(r=1, s=2)",
            "class %n1 ( Circle ) : \
             def __init__ ( self , %n2 , ** %n3 ) : super ( ) . __init__ ( r = %n2 , ** %n3 ) \
             def %n4 ( self , %n5 ) : pass %n1 ( %n2 = %N , s = %N )",
        ),
        ("class A:\n  x: int = 1\nA(x=2, y=3)", "class %n1 : %n2 : int = %N %n1 ( %n2 = %N , y = %N )"),
    ]);
}

#[test]
fn broken_code_is_renamed_as_far_as_it_can_be_read() {
    check(&[
        ("", ""),
        (
            "from manim import * class A(Scene): def construct(self): c = Circle(r=1) d = c self.add(c) \
             for i in c: j = i",
            "from manim import * class %n1 ( Scene ) : def construct ( self ) : %n2 = Circle ( r = %N ) %n3 = %n2 \
             self . add ( %n2 ) for %n4 in %n2 : %n5 = %n4",
        ),
        ("import numpy as np from manim import * x = np", "import numpy as %n1 from manim import * %n2 = %n1"),
        ("a = f((b, c\ndef g(d): e = d", "%n1 = f ( ( b , c def %n2 ( %n3 ) : %n4 = %n3"),
        (")]} a = 1", ") ] } %n1 = %N"),
        ("def\nclass\nlambda\nfor\nas", "def class lambda for as"),
        ("x = 'a\ny = x", "%n1 = %S %n2 = %n1"),
        ("= : := as . self . = for lambda", "= : := as . self . = for lambda"),
    ]);
}

const SCENE: &str = "import numpy as np\nclass Dots(Scene):\n    def construct(self):\n        \
    self.all = [self.made(at=i, color=RED) for i in range(3)]\n        first, *others = self.all\n        \
    self.play(*[Create(dot) for dot in others], run_time=2)\n    def made(self, at, color=BLUE):\n        \
    return Dot(at * np.array([1, 0, 0]), color=color).set(name=f'{at} a')\n";

#[test]
fn a_renamed_copy_has_the_same_tokens() {
    let copy = "import numpy as nn\nclass Row(Scene):\n  def construct(self):\n    self.points = \
        [self.point(place=k, paint=RED) for k in range(44)]\n    head, *tail = self.points\n    \
        self.play(*[Create(p) for p in tail], run_time=.5)  # all\n  def point(self, place, paint=BLUE):\n    \
        return Dot(place * nn.array([7, 8, 9]), color=paint).set(name=f'{place} b c')\n";
    assert_eq!(shown(SCENE), shown(copy));
    let other = copy.replace("Create", "Write");
    assert_ne!(shown(SCENE), shown(&other));
}

#[test]
fn kept_words_are_counted_once() {
    let renamed = Renamed::of(SCENE);
    assert_eq!((renamed.len(), renamed.is_empty()), (lexer::tokens(SCENE).count(), false));
    // Scene, RED, range, play, Create, run_time, BLUE, Dot, array, color, set, name.
    assert_eq!(renamed.kept_words(), 12);
    assert!(!renamed.takes_part() && shingles(SCENE).is_empty());
    let longer = format!("{}f({})", SCENE.repeat(2), "a, b, c, d, e, ");
    assert!(Renamed::of(&longer).takes_part() && !shingles(&longer).is_empty());
    assert_eq!(Renamed::of("Circle(); x = Circle; import Square").kept_words(), 1);
}

#[test]
fn many_names_have_unlike_numbers() {
    let code: String = (0..1_234).map(|at| format!("name{at} = 0\n")).collect();
    let renamed = Renamed::of(&code);
    let names: Vec<&str> = renamed.tokens().filter(|token| token.starts_with("\u{1}n") && *token != NUMBER).collect();
    assert_eq!(names.len(), 1_234);
    assert_eq!((names[8], names[9], names[1_233]), ("\u{1}n9", "\u{1}n10", "\u{1}n1234"));
}

#[test]
fn any_text_is_taken() {
    let parts = [
        "def ",
        "class ",
        "lambda ",
        "for ",
        " in ",
        " as ",
        "import ",
        "from ",
        "match ",
        "case ",
        "async ",
        "if ",
        "else",
        "self",
        ".",
        "=",
        ":",
        ":=",
        ";",
        ",",
        "*",
        "**",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "\n    ",
        " ",
        "\\\n",
        "a",
        "b ",
        "1",
        "'",
        "\"\"\"",
        "#",
        "\u{e9}",
        "\0",
        "\u{1}",
        "\u{1F600}",
        "\r\n",
    ];
    let mut state = 5u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(parts[(state >> 33) as usize % parts.len()]);
        }
        let renamed = Renamed::of(&text);
        assert_eq!(renamed.tokens().count(), lexer::tokens(&text).count(), "{text:?}");
        let _ = Shingles::of_tokens(renamed.tokens());
    }
}

#[test]
fn time_is_linear_in_the_length() {
    let parts = [
        "(",
        "[",
        ")",
        "((a",
        "for ",
        "for a, ",
        "for (",
        "as ",
        "as (",
        "as a.",
        "as . ",
        "lambda ",
        "lambda a, ",
        "a = ",
        "a, ",
        "a: ",
        "a: b = ",
        "self.a = ",
        "a[",
        "a(b)[c] = ",
        "def ",
        "def f(",
        "class A: ",
        "case ",
        "match a: case b: ",
        "\n",
        "\n a",
        "if a: ",
        "a.",
        "\\\n",
        "import a as ",
        "(lambda: ",
        "; ",
        "{",
        "async ",
        "else: ",
    ];
    for part in parts {
        // A quadratic pass over this many tokens takes minutes, a linear one milliseconds.
        let size_bytes = if part.len() < 3 { 1 << 20 } else { 1 << 18 };
        let text = part.repeat(size_bytes / part.len());
        let start = std::time::Instant::now();
        assert!(!Renamed::of(&text).pieces.is_empty() || part.trim().is_empty() || part == "\\\n");
        assert!(start.elapsed().as_secs() < 20, "{part:?} took {:?}", start.elapsed());
    }
    let deeper: String = (0..100_000).map(|at| format!("{:at$}if a:\n", "", at = at % 1_000)).collect();
    assert!(!Renamed::of(&deeper[..1 << 20]).is_empty());
}
