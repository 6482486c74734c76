//! What a node is made of, in one form for all kinds: a kind, words, and slots for what stands below it.

use ruff_python_ast::{
    self as ast, Alias, AnyParameterRef, Comprehension, DictItem, ElifElseClause, ExceptHandler, Expr, Keyword,
    MatchCase, Stmt, WithItem,
};

/// A piece of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Expr(&'a Expr),
    Stmt(&'a Stmt),
    Pattern(&'a ast::Pattern),
    Keyword(&'a Keyword),
    /// With its sort: positional, plain, `*`, keyword-only, `**`.
    Parameter(&'static str, AnyParameterRef<'a>),
    TypeParam(&'a ast::TypeParam),
    Handler(&'a ExceptHandler),
    Generator(&'a Comprehension),
    With(&'a WithItem),
    Clause(&'a ElifElseClause),
    Case(&'a MatchCase),
    CaseKeyword(&'a ast::PatternKeyword),
    Item(&'a DictItem),
    Alias(&'a Alias),
    Element(&'a ast::InterpolatedStringElement),
    Literal(&'a str),
}

/// What stands below a node.
pub(super) enum Slot<'a> {
    /// One part, or none.
    One(Option<Part<'a>>),
    /// A list, whose order counts.
    Many(Vec<Part<'a>>),
    /// Keyword arguments, whose order does not.
    Named(Vec<Part<'a>>),
}

/// A node taken apart.
pub(super) struct Anatomy<'a> {
    pub kind: &'static str,
    pub words: Vec<&'a str>,
    pub value: Value<'a>,
    pub slots: Vec<Slot<'a>>,
}

/// What a literal is, texts aside.
#[derive(PartialEq)]
pub(super) enum Value<'a> {
    None,
    Int(&'a ast::Int),
    /// Bits, so that a number equals itself.
    Float(u64),
    Complex(u64, u64),
    Bytes(Vec<u8>),
}

impl<'a> Anatomy<'a> {
    fn new(kind: &'static str, words: Vec<&'a str>, slots: Vec<Slot<'a>>) -> Option<Self> {
        Some(Anatomy { kind, words, value: Value::None, slots })
    }

    fn literal(kind: &'static str, value: Value<'a>) -> Option<Self> {
        Some(Anatomy { kind, words: Vec::new(), value, slots: Vec::new() })
    }
}

fn one<'a>(expr: &'a Expr) -> Slot<'a> {
    Slot::One(Some(Part::Expr(expr)))
}

fn maybe<'a>(expr: &'a Option<Box<Expr>>) -> Slot<'a> {
    Slot::One(expr.as_deref().map(Part::Expr))
}

fn exprs<'a>(list: impl IntoIterator<Item = &'a Expr>) -> Slot<'a> {
    Slot::Many(list.into_iter().map(Part::Expr).collect())
}

fn stmts<'a>(list: &'a [Stmt]) -> Slot<'a> {
    Slot::Many(list.iter().map(Part::Stmt).collect())
}

fn decorators<'a>(list: &'a [ast::Decorator]) -> Slot<'a> {
    exprs(list.iter().map(|decorator| &decorator.expression))
}

fn generators<'a>(list: &'a [Comprehension]) -> Slot<'a> {
    Slot::Many(list.iter().map(Part::Generator).collect())
}

fn arguments<'a>(list: Option<&'a ast::Arguments>) -> [Slot<'a>; 2] {
    let args = list.map_or(&[][..], |list| &list.args);
    let keywords = list.into_iter().flat_map(|list| &list.keywords);
    [exprs(args), Slot::Named(keywords.map(Part::Keyword).collect())]
}

fn parameters<'a>(list: Option<&'a ast::Parameters>) -> Slot<'a> {
    let Some(list) = list else { return Slot::Many(Vec::new()) };
    let plain = |sort, params: &'a [ast::ParameterWithDefault]| {
        params.iter().map(move |param| Part::Parameter(sort, AnyParameterRef::NonVariadic(param)))
    };
    let starred = |sort, param: &'a Option<Box<ast::Parameter>>| {
        param.as_deref().map(|param| Part::Parameter(sort, AnyParameterRef::Variadic(param)))
    };
    let mut parts: Vec<Part<'a>> = plain("/", &list.posonlyargs).collect();
    parts.extend(plain("", &list.args));
    parts.extend(starred("*", &list.vararg));
    parts.extend(plain("=", &list.kwonlyargs));
    parts.extend(starred("**", &list.kwarg));
    Slot::Many(parts)
}

fn type_params<'a>(list: Option<&'a ast::TypeParams>) -> Slot<'a> {
    Slot::Many(list.into_iter().flat_map(|list| &list.type_params).map(Part::TypeParam).collect())
}

fn elements<'a>(list: impl IntoIterator<Item = &'a ast::InterpolatedStringElement>) -> Vec<Part<'a>> {
    list.into_iter().map(Part::Element).collect()
}

/// The lists of parts right below a part.
pub(super) fn lists_of(part: Part<'_>) -> impl Iterator<Item = Vec<Part<'_>>> {
    anatomy(part).into_iter().flat_map(|anatomy| anatomy.slots).filter_map(|slot| match slot {
        Slot::Many(parts) => Some(parts),
        Slot::One(_) | Slot::Named(_) => None,
    })
}

/// Takes a part apart; none for what is compared in no way (an escape of IPython).
pub(super) fn anatomy(part: Part<'_>) -> Option<Anatomy<'_>> {
    let made = Anatomy::new;
    match part {
        Part::Expr(expr) => expression(expr),
        Part::Stmt(stmt) => statement(stmt),
        Part::Pattern(pattern) => case_pattern(pattern),
        Part::Keyword(k) => made("keyword", vec![k.arg.as_ref().map_or("**", |arg| arg.as_str())], vec![one(&k.value)]),
        Part::Parameter(sort, param) => made(
            "parameter",
            vec![sort, param.name().as_str()],
            vec![Slot::One(param.annotation().map(Part::Expr)), Slot::One(param.default().map(Part::Expr))],
        ),
        Part::TypeParam(param) => {
            let (sort, bound, default) = match param {
                ast::TypeParam::TypeVar(var) => ("", var.bound.as_deref(), var.default.as_deref()),
                ast::TypeParam::TypeVarTuple(tuple) => ("*", None, tuple.default.as_deref()),
                ast::TypeParam::ParamSpec(spec) => ("**", None, spec.default.as_deref()),
            };
            let slots = vec![Slot::One(bound.map(Part::Expr)), Slot::One(default.map(Part::Expr))];
            made("type parameter", vec![sort, param.name().as_str()], slots)
        }
        Part::Handler(ExceptHandler::ExceptHandler(h)) => made(
            "except",
            vec![h.name.as_ref().map_or("", |name| name.as_str())],
            vec![maybe(&h.type_), stmts(&h.body)],
        ),
        Part::Generator(g) => made(
            if g.is_async { "async for in" } else { "for in" },
            Vec::new(),
            vec![one(&g.target), one(&g.iter), exprs(&g.ifs)],
        ),
        Part::With(item) => made("item", Vec::new(), vec![one(&item.context_expr), maybe(&item.optional_vars)]),
        Part::Clause(c) => made("elif", Vec::new(), vec![Slot::One(c.test.as_ref().map(Part::Expr)), stmts(&c.body)]),
        Part::Case(c) => {
            made("case", Vec::new(), vec![Slot::One(Some(Part::Pattern(&c.pattern))), maybe(&c.guard), stmts(&c.body)])
        }
        Part::CaseKeyword(k) => {
            made("keyword", vec![k.attr.as_str()], vec![Slot::One(Some(Part::Pattern(&k.pattern)))])
        }
        Part::Item(item) => {
            made("item", Vec::new(), vec![Slot::One(item.key.as_ref().map(Part::Expr)), one(&item.value)])
        }
        Part::Alias(a) => {
            let alias = a.asname.as_ref().map_or("", |name| name.as_str());
            made("alias", vec![a.name.as_str(), alias], Vec::new())
        }
        Part::Element(ast::InterpolatedStringElement::Literal(text)) => made("text", vec![&text.value], Vec::new()),
        Part::Element(ast::InterpolatedStringElement::Interpolation(part)) => {
            let conversion = match part.conversion {
                ast::ConversionFlag::None => "",
                ast::ConversionFlag::Str => "s",
                ast::ConversionFlag::Ascii => "a",
                ast::ConversionFlag::Repr => "r",
            };
            let spec = part.format_spec.iter().flat_map(|spec| &spec.elements);
            let debug = if part.debug_text.is_some() { "=" } else { "" };
            made("{}", vec![conversion, debug], vec![one(&part.expression), Slot::Many(elements(spec))])
        }
        Part::Literal(text) => made("text", vec![text], Vec::new()),
    }
}

fn expression(expr: &Expr) -> Option<Anatomy<'_>> {
    let made = Anatomy::new;
    match expr {
        Expr::BoolOp(e) => made("and or", vec![e.op.as_str()], vec![exprs(&e.values)]),
        Expr::Named(e) => made(":=", Vec::new(), vec![one(&e.target), one(&e.value)]),
        Expr::BinOp(e) => made("binary", vec![e.op.as_str()], vec![one(&e.left), one(&e.right)]),
        Expr::UnaryOp(e) => made("unary", vec![e.op.as_str()], vec![one(&e.operand)]),
        Expr::Lambda(e) => made("lambda", Vec::new(), vec![parameters(e.parameters.as_deref()), one(&e.body)]),
        Expr::If(e) => made("if else", Vec::new(), vec![one(&e.test), one(&e.body), one(&e.orelse)]),
        Expr::Dict(e) => made("dict", Vec::new(), vec![Slot::Many(e.items.iter().map(Part::Item).collect())]),
        Expr::Set(e) => made("set", Vec::new(), vec![exprs(&e.elts)]),
        Expr::ListComp(e) => made("list for", Vec::new(), vec![one(&e.elt), generators(&e.generators)]),
        Expr::SetComp(e) => made("set for", Vec::new(), vec![one(&e.elt), generators(&e.generators)]),
        Expr::DictComp(e) => {
            made("dict for", Vec::new(), vec![maybe(&e.key), one(&e.value), generators(&e.generators)])
        }
        Expr::Generator(e) => made("for", Vec::new(), vec![one(&e.elt), generators(&e.generators)]),
        Expr::Await(e) => made("await", Vec::new(), vec![one(&e.value)]),
        Expr::Yield(e) => made("yield", Vec::new(), vec![maybe(&e.value)]),
        Expr::YieldFrom(e) => made("yield from", Vec::new(), vec![one(&e.value)]),
        Expr::Compare(e) => made(
            "compare",
            e.ops.iter().map(|op| op.as_str()).collect(),
            std::iter::once(one(&e.left)).chain(e.comparators.iter().map(one)).collect(),
        ),
        Expr::Call(e) => {
            let [args, keywords] = arguments(Some(&e.arguments));
            made("call", Vec::new(), vec![one(&e.func), args, keywords])
        }
        Expr::FString(e) => {
            let mut parts = Vec::new();
            for part in &e.value {
                match part {
                    ast::FStringPart::Literal(text) => parts.push(Part::Literal(&text.value)),
                    ast::FStringPart::FString(part) => parts.extend(elements(&part.elements)),
                }
            }
            made("f-string", Vec::new(), vec![Slot::Many(parts)])
        }
        Expr::TString(e) => made("t-string", Vec::new(), vec![Slot::Many(elements(e.value.elements()))]),
        Expr::StringLiteral(e) => made("string", vec![e.value.to_str()], Vec::new()),
        Expr::BytesLiteral(e) => {
            let bytes = e.value.iter().flat_map(|part| part.as_slice()).copied();
            Anatomy::literal("bytes", Value::Bytes(bytes.collect()))
        }
        Expr::NumberLiteral(e) => {
            let value = match &e.value {
                ast::Number::Int(value) => Value::Int(value),
                ast::Number::Float(value) => Value::Float(value.to_bits()),
                ast::Number::Complex { real, imag } => Value::Complex(real.to_bits(), imag.to_bits()),
            };
            Anatomy::literal("number", value)
        }
        Expr::BooleanLiteral(e) => made(if e.value { "True" } else { "False" }, Vec::new(), Vec::new()),
        Expr::NoneLiteral(_) => made("None", Vec::new(), Vec::new()),
        Expr::EllipsisLiteral(_) => made("...", Vec::new(), Vec::new()),
        Expr::Attribute(e) => made("attribute", vec![e.attr.as_str()], vec![one(&e.value)]),
        Expr::Subscript(e) => made("subscript", Vec::new(), vec![one(&e.value), one(&e.slice)]),
        Expr::Starred(e) => made("*", Vec::new(), vec![one(&e.value)]),
        Expr::Name(e) => made("name", vec![e.id.as_str()], Vec::new()),
        Expr::List(e) => made("list", Vec::new(), vec![exprs(&e.elts)]),
        Expr::Tuple(e) => made("tuple", Vec::new(), vec![exprs(&e.elts)]),
        Expr::Slice(e) => made("slice", Vec::new(), vec![maybe(&e.lower), maybe(&e.upper), maybe(&e.step)]),
        Expr::IpyEscapeCommand(_) => None,
    }
}

fn statement(stmt: &Stmt) -> Option<Anatomy<'_>> {
    let made = Anatomy::new;
    match stmt {
        Stmt::FunctionDef(s) => made(
            if s.is_async { "async def" } else { "def" },
            vec![s.name.as_str()],
            vec![
                decorators(&s.decorator_list),
                type_params(s.type_params.as_deref()),
                parameters(Some(&s.parameters)),
                maybe(&s.returns),
                stmts(&s.body),
            ],
        ),
        Stmt::ClassDef(s) => {
            let [args, keywords] = arguments(s.arguments.as_deref());
            let params = type_params(s.type_params.as_deref());
            let slots = vec![decorators(&s.decorator_list), params, args, keywords, stmts(&s.body)];
            made("class", vec![s.name.as_str()], slots)
        }
        Stmt::Return(s) => made("return", Vec::new(), vec![maybe(&s.value)]),
        Stmt::Delete(s) => made("del", Vec::new(), vec![exprs(&s.targets)]),
        Stmt::TypeAlias(s) => {
            made("type", Vec::new(), vec![one(&s.name), type_params(s.type_params.as_deref()), one(&s.value)])
        }
        Stmt::Assign(s) => made("=", Vec::new(), vec![exprs(&s.targets), one(&s.value)]),
        Stmt::AugAssign(s) => made("assign", vec![s.op.as_str()], vec![one(&s.target), one(&s.value)]),
        Stmt::AnnAssign(s) => made(": =", Vec::new(), vec![one(&s.target), one(&s.annotation), maybe(&s.value)]),
        Stmt::For(s) => made(
            if s.is_async { "async for" } else { "for" },
            Vec::new(),
            vec![one(&s.target), one(&s.iter), stmts(&s.body), stmts(&s.orelse)],
        ),
        Stmt::While(s) => made("while", Vec::new(), vec![one(&s.test), stmts(&s.body), stmts(&s.orelse)]),
        Stmt::If(s) => {
            let clauses = s.elif_else_clauses.iter().map(Part::Clause).collect();
            made("if", Vec::new(), vec![one(&s.test), stmts(&s.body), Slot::Many(clauses)])
        }
        Stmt::With(s) => made(
            if s.is_async { "async with" } else { "with" },
            Vec::new(),
            vec![Slot::Many(s.items.iter().map(Part::With).collect()), stmts(&s.body)],
        ),
        Stmt::Match(s) => {
            let cases = s.cases.iter().map(Part::Case).collect();
            made("match", Vec::new(), vec![one(&s.subject), Slot::Many(cases)])
        }
        Stmt::Raise(s) => made("raise", Vec::new(), vec![maybe(&s.exc), maybe(&s.cause)]),
        Stmt::Try(s) => made(
            if s.is_star { "try*" } else { "try" },
            Vec::new(),
            vec![
                stmts(&s.body),
                Slot::Many(s.handlers.iter().map(Part::Handler).collect()),
                stmts(&s.orelse),
                stmts(&s.finalbody),
            ],
        ),
        Stmt::Assert(s) => made("assert", Vec::new(), vec![one(&s.test), maybe(&s.msg)]),
        Stmt::Import(s) => made("import", Vec::new(), vec![Slot::Many(s.names.iter().map(Part::Alias).collect())]),
        Stmt::ImportFrom(s) => {
            let dots = DOTS.get(..s.level as usize).unwrap_or(DOTS);
            let module = s.module.as_ref().map_or("", |module| module.as_str());
            made("from import", vec![dots, module], vec![Slot::Many(s.names.iter().map(Part::Alias).collect())])
        }
        Stmt::Global(s) => made("global", s.names.iter().map(|name| name.as_str()).collect(), Vec::new()),
        Stmt::Nonlocal(s) => made("nonlocal", s.names.iter().map(|name| name.as_str()).collect(), Vec::new()),
        Stmt::Expr(s) => made("expression", Vec::new(), vec![one(&s.value)]),
        Stmt::Pass(_) => made("pass", Vec::new(), Vec::new()),
        Stmt::Break(_) => made("break", Vec::new(), Vec::new()),
        Stmt::Continue(_) => made("continue", Vec::new(), Vec::new()),
        Stmt::IpyEscapeCommand(_) => None,
    }
}

/// More than any relative import has.
const DOTS: &str = "................................................................";

fn patterns<'a>(list: &'a [ast::Pattern]) -> Slot<'a> {
    Slot::Many(list.iter().map(Part::Pattern).collect())
}

fn name(name: &Option<ast::Identifier>) -> &str {
    name.as_ref().map_or("", |name| name.as_str())
}

fn case_pattern(pattern: &ast::Pattern) -> Option<Anatomy<'_>> {
    use ast::Pattern;
    let made = Anatomy::new;
    match pattern {
        Pattern::MatchValue(p) => made("value", Vec::new(), vec![one(&p.value)]),
        Pattern::MatchSingleton(p) => {
            let word = match p.value {
                ast::Singleton::None => "None",
                ast::Singleton::True => "True",
                ast::Singleton::False => "False",
            };
            made("singleton", vec![word], Vec::new())
        }
        Pattern::MatchSequence(p) => made("[]", Vec::new(), vec![patterns(&p.patterns)]),
        Pattern::MatchMapping(p) => made("{}", vec![name(&p.rest)], vec![exprs(&p.keys), patterns(&p.patterns)]),
        Pattern::MatchClass(p) => {
            let keywords = p.arguments.keywords.iter().map(Part::CaseKeyword).collect();
            made("()", Vec::new(), vec![one(&p.cls), patterns(&p.arguments.patterns), Slot::Named(keywords)])
        }
        Pattern::MatchStar(p) => made("*", vec![name(&p.name)], Vec::new()),
        Pattern::MatchAs(p) => {
            made("as", vec![name(&p.name)], vec![Slot::One(p.pattern.as_deref().map(Part::Pattern))])
        }
        Pattern::MatchOr(p) => made("|", Vec::new(), vec![patterns(&p.patterns)]),
    }
}
