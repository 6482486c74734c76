use super::*;

fn item(code: &str) -> Item {
    outline(code).unwrap().items.pop().unwrap()
}

/// Names of the module's scope that the last statement reads, without those it has bound itself; `*` marks later ones.
fn reads(code: &str) -> Vec<String> {
    let item = item(code);
    let read = item.uses.iter().filter(|used| used.role == Role::Read && !used.own && used.inner.is_none());
    let mut names: Vec<String> =
        read.map(|used| format!("{}{}", used.name, if used.when == When::Later { "*" } else { "" })).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn scopes_are_those_of_python() {
    let cases: &[(&str, &[&str])] = &[
        ("def f(a, b=c, *d, e: t = 1, **g) -> r:\n    x = a\n    return x + y + d + g\n", &["c", "r", "t", "y*"]),
        ("def f():\n    global n\n    n = m\n", &["m*"]),
        ("def f():\n    def g():\n        nonlocal x\n        x = y\n    x = 1\n", &["y*"]),
        ("[a for a in b if c for d in a]\n", &["b", "c"]),
        ("x = lambda a, b=c: a + d\n", &["c", "d*"]),
        (
            "class A(B, k=C):\n    x = y\n    z = x\n    def f(self):\n        return x, D\n",
            &["B", "C", "D*", "x*", "y"],
        ),
        ("class A:\n    v = [w for w in range(n)]\n    u = [v for _ in v]\n", &["n", "range", "v"]),
        ("f'{a!r:>{b}} {c.d()}'\n", &["a", "b", "c"]),
        ("with a as b, c(b) as (d, e):\n    f(b, d)\n", &["a", "c", "f"]),
        ("try:\n    a()\nexcept E as e:\n    print(e)\n", &["E", "a", "print"]),
        ("for i in r:\n    s = i\nelse:\n    t(s)\n", &["r", "t"]),
        ("if (n := f()) > 1:\n    g(n)\n", &["f", "g"]),
        ("def f(xs):\n    return [y for x in xs if (y := x)]\n", &[]),
        ("x += y\n", &["x", "y"]),
        ("match p:\n    case K(a=1, b=z) if z:\n        q(z)\n    case [h, *t]:\n        q(h, t)\n", &["K", "p", "q"]),
        ("@deco(arg)\ndef f():\n    pass\n", &["arg", "deco"]),
        ("def f():\n    import m\n    return m.x, n\n", &["n*"]),
        ("async def f():\n    async for a in b:\n        await c(a)\n", &["b*", "c*"]),
    ];
    for (code, expected) in cases {
        assert_eq!(reads(code), *expected, "{code}");
    }
}

#[test]
fn every_use_points_at_its_name() {
    let code = "\
@a
class B(c.D):
    '''é'''
    x = f'{e.f.g}'
    def h(self):
        global k, kk
        k = kk


y: B = B()
";
    let outline = outline(code).unwrap();
    let uses: Vec<&Use> = outline.items.iter().flat_map(|item| &item.uses).collect();
    for used in &uses {
        assert_eq!(outline.text[used.range.clone()], used.name, "{used:?}");
        for (attribute, end) in &used.path {
            assert!(outline.text[..*end].ends_with(attribute.as_str()), "{used:?}");
        }
    }
    assert_eq!(uses.len(), 11, "{uses:?}");
    assert_eq!(outline.items[1].binds, BTreeSet::from(["y".to_owned()]));
}

#[test]
fn statements_take_their_decorators_comments_and_line_ends_along() {
    let code = "\
#!/usr/bin/env python
# Says what f does.
# In two lines.
@deco
def f():
    pass  # end

# apart

a = 1; b = 2  # both
";
    let outline = outline(code).unwrap();
    let texts: Vec<&str> = outline.items.iter().map(|item| &outline.text[item.range.clone()]).collect();
    let first = "# Says what f does.\n# In two lines.\n@deco\ndef f():\n    pass  # end";
    assert_eq!(texts, [first, "a = 1", "b = 2  # both"]);
    assert_eq!(outline.items[0].comment.as_deref(), Some("Says what f does.\nIn two lines."));
    assert_eq!((outline.items[0].line, outline.items[1].line), (4, 10));
}

#[test]
fn kinds_and_what_a_module_says_of_itself() {
    let code = "\
'''Doc.'''
from __future__ import annotations
import sys
sys.path.insert(0, '../common')
__all__ = ['a', 'b']
__all__ += ['c']
x.y = 1
x[0].z.append(2)
if __name__ == '__main__':
    main()
";
    let outline = outline(code).unwrap();
    let kinds: Vec<ItemKind> = outline.items.iter().map(|item| item.kind).collect();
    use ItemKind::*;
    assert_eq!(kinds, [Docstring, Import, Import, Effect, Assign, Assign, Effect, Effect, Main]);
    assert_eq!(outline.docstring.as_deref(), Some("Doc."));
    assert_eq!(outline.all.unwrap(), ["a", "b", "c"]);
    assert_eq!(outline.search_paths, ["../common"]);
    assert_eq!(outline.items[6].changes, BTreeSet::from(["x".to_owned()]));
    assert_eq!(outline.items[7].changes, BTreeSet::from(["x".to_owned()]));
    assert_eq!(outline.items[3].callee.as_deref(), Some("sys.path.insert"));
}

#[test]
fn imports_say_what_they_bind() {
    let item = item("from ..a.b import c, d as e\n");
    let import = &item.imports[0];
    assert_eq!((import.level, import.module.as_str()), (2, "a.b"));
    assert_eq!(import.bound(), ["c", "e"]);
    assert_eq!(outline("import a.b, c as d\n").unwrap().items[0].imports[1].bound(), ["d"]);
    assert_eq!(outline("import a.b\n").unwrap().items[0].imports[0].bound(), ["a"]);
}

#[test]
fn docstrings_are_found_wherever_they_are() {
    let found = doc_strings("'a'\nclass A:\n    'b'\n    x = 1\n    r'\\c'\n    def f(self):\n        'd'\n").unwrap();
    let found: Vec<(&str, u32)> = found.iter().map(|string| (string.text.as_str(), string.line)).collect();
    assert_eq!(found, [("a", 1), ("b", 3), ("\\c", 5), ("d", 7)]);
}

#[test]
fn what_is_no_python_has_the_verdict() {
    assert!(matches!(outline("def (:"), Err(SyntaxError { line: 1, .. })));
    assert_eq!(outline("x = f'{d['a']}'\ntype T = int").unwrap().items.len(), 2);
    assert_eq!(outline("a = 1\r\nb = 2\rc = 3").unwrap().items.len(), 3);
}
