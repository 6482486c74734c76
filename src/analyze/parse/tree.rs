//! The nodes of a tree, and what stands directly below each.

use ruff_python_ast::{self as ast, Expr, Pattern, Stmt};

/// A node of the tree that has nodes below it.
#[derive(Clone, Copy, Debug)]
pub(in crate::analyze) enum Node<'a> {
    /// A statement.
    Stmt(&'a Stmt),
    /// An expression.
    Expr(&'a Expr),
    /// A pattern of a `case`.
    Pattern(&'a Pattern),
}

/// Lists the nodes directly below a node, in the order in which Python takes them as far as the tree knows it (decorators first).
pub(in crate::analyze) fn children<'a>(node: Node<'a>, f: &mut dyn FnMut(Node<'a>)) {
    match node {
        Node::Stmt(stmt) => statement_children(stmt, f),
        Node::Expr(expr) => expression_children(expr, f),
        Node::Pattern(pattern) => pattern_children(pattern, f),
    }
}

type Visit<'a, 'f> = &'f mut dyn FnMut(Node<'a>);

fn exprs<'a>(list: impl IntoIterator<Item = &'a Expr>, f: Visit<'a, '_>) {
    list.into_iter().for_each(|expr| f(Node::Expr(expr)));
}

fn stmts<'a>(list: &'a [Stmt], f: Visit<'a, '_>) {
    list.iter().for_each(|stmt| f(Node::Stmt(stmt)));
}

fn parameters<'a>(params: &'a ast::Parameters, f: Visit<'a, '_>) {
    for param in params.posonlyargs.iter().chain(&params.args).chain(&params.kwonlyargs) {
        exprs(param.parameter.annotation.as_deref(), f);
        exprs(param.default.as_deref(), f);
    }
    for param in params.vararg.iter().chain(&params.kwarg) {
        exprs(param.annotation.as_deref(), f);
    }
}

fn arguments<'a>(arguments: &'a ast::Arguments, f: Visit<'a, '_>) {
    exprs(&arguments.args, f);
    exprs(arguments.keywords.iter().map(|keyword| &keyword.value), f);
}

fn type_params<'a>(params: Option<&'a ast::TypeParams>, f: Visit<'a, '_>) {
    for param in params.into_iter().flat_map(|params| &params.type_params) {
        let (bound, default) = match param {
            ast::TypeParam::TypeVar(var) => (var.bound.as_deref(), var.default.as_deref()),
            ast::TypeParam::ParamSpec(spec) => (None, spec.default.as_deref()),
            ast::TypeParam::TypeVarTuple(tuple) => (None, tuple.default.as_deref()),
        };
        exprs(bound, f);
        exprs(default, f);
    }
}

fn decorators<'a>(list: &'a [ast::Decorator], f: Visit<'a, '_>) {
    exprs(list.iter().map(|decorator| &decorator.expression), f);
}

fn handlers<'a>(list: &'a [ast::ExceptHandler], f: Visit<'a, '_>) {
    for ast::ExceptHandler::ExceptHandler(handler) in list {
        exprs(handler.type_.as_deref(), f);
        stmts(&handler.body, f);
    }
}

/// The expressions inside the braces of an f-string, those of format specifications with them.
fn interpolations<'a>(
    elements: impl IntoIterator<Item = &'a ast::InterpolatedStringElement>,
    f: &mut dyn FnMut(&'a Expr),
) {
    for element in elements {
        if let ast::InterpolatedStringElement::Interpolation(part) = element {
            f(&part.expression);
            if let Some(spec) = &part.format_spec {
                interpolations(&spec.elements, f);
            }
        }
    }
}

fn with_items<'a>(items: &'a [ast::WithItem], f: Visit<'a, '_>) {
    for item in items {
        f(Node::Expr(&item.context_expr));
        exprs(item.optional_vars.as_deref(), f);
    }
}

fn statement_children<'a>(stmt: &'a Stmt, f: Visit<'a, '_>) {
    match stmt {
        Stmt::FunctionDef(s) => {
            decorators(&s.decorator_list, f);
            type_params(s.type_params.as_deref(), f);
            parameters(&s.parameters, f);
            exprs(s.returns.as_deref(), f);
            stmts(&s.body, f);
        }
        Stmt::ClassDef(s) => {
            decorators(&s.decorator_list, f);
            type_params(s.type_params.as_deref(), f);
            if let Some(list) = &s.arguments {
                arguments(list, f);
            }
            stmts(&s.body, f);
        }
        Stmt::Return(s) => exprs(s.value.as_deref(), f),
        Stmt::Delete(s) => exprs(&s.targets, f),
        Stmt::Assign(s) => {
            exprs(&s.targets, f);
            f(Node::Expr(&s.value));
        }
        Stmt::TypeAlias(s) => {
            f(Node::Expr(&s.name));
            type_params(s.type_params.as_deref(), f);
            f(Node::Expr(&s.value));
        }
        Stmt::AugAssign(s) => {
            f(Node::Expr(&s.target));
            f(Node::Expr(&s.value));
        }
        Stmt::AnnAssign(s) => {
            f(Node::Expr(&s.target));
            f(Node::Expr(&s.annotation));
            exprs(s.value.as_deref(), f);
        }
        Stmt::For(s) => {
            f(Node::Expr(&s.target));
            f(Node::Expr(&s.iter));
            stmts(&s.body, f);
            stmts(&s.orelse, f);
        }
        Stmt::While(s) => {
            f(Node::Expr(&s.test));
            stmts(&s.body, f);
            stmts(&s.orelse, f);
        }
        Stmt::If(s) => {
            f(Node::Expr(&s.test));
            stmts(&s.body, f);
            for clause in &s.elif_else_clauses {
                exprs(&clause.test, f);
                stmts(&clause.body, f);
            }
        }
        Stmt::With(s) => {
            with_items(&s.items, f);
            stmts(&s.body, f);
        }
        Stmt::Match(s) => {
            f(Node::Expr(&s.subject));
            for case in &s.cases {
                f(Node::Pattern(&case.pattern));
                exprs(case.guard.as_deref(), f);
                stmts(&case.body, f);
            }
        }
        Stmt::Raise(s) => {
            exprs(s.exc.as_deref(), f);
            exprs(s.cause.as_deref(), f);
        }
        Stmt::Try(s) => {
            stmts(&s.body, f);
            handlers(&s.handlers, f);
            stmts(&s.orelse, f);
            stmts(&s.finalbody, f);
        }
        Stmt::Assert(s) => {
            f(Node::Expr(&s.test));
            exprs(s.msg.as_deref(), f);
        }
        Stmt::Expr(s) => f(Node::Expr(&s.value)),
        Stmt::Import(_)
        | Stmt::ImportFrom(_)
        | Stmt::Global(_)
        | Stmt::Nonlocal(_)
        | Stmt::Pass(_)
        | Stmt::Break(_)
        | Stmt::Continue(_)
        | Stmt::IpyEscapeCommand(_) => {}
    }
}

fn comprehension<'a>(generators: &'a [ast::Comprehension], element: &'a Expr, f: Visit<'a, '_>) {
    for generator in generators {
        f(Node::Expr(&generator.target));
        f(Node::Expr(&generator.iter));
        exprs(&generator.ifs, f);
    }
    f(Node::Expr(element));
}

fn expression_children<'a>(expr: &'a Expr, f: Visit<'a, '_>) {
    match expr {
        Expr::BoolOp(e) => exprs(&e.values, f),
        Expr::Named(e) => {
            f(Node::Expr(&e.target));
            f(Node::Expr(&e.value));
        }
        Expr::BinOp(e) => {
            f(Node::Expr(&e.left));
            f(Node::Expr(&e.right));
        }
        Expr::UnaryOp(e) => f(Node::Expr(&e.operand)),
        Expr::Lambda(e) => {
            if let Some(params) = &e.parameters {
                parameters(params, f);
            }
            f(Node::Expr(&e.body));
        }
        Expr::If(e) => {
            f(Node::Expr(&e.test));
            f(Node::Expr(&e.body));
            f(Node::Expr(&e.orelse));
        }
        Expr::Dict(e) => {
            for item in &e.items {
                exprs(&item.key, f);
                f(Node::Expr(&item.value));
            }
        }
        Expr::Set(e) => exprs(&e.elts, f),
        Expr::ListComp(e) => comprehension(&e.generators, &e.elt, f),
        Expr::SetComp(e) => comprehension(&e.generators, &e.elt, f),
        Expr::Generator(e) => comprehension(&e.generators, &e.elt, f),
        Expr::DictComp(e) => {
            comprehension(&e.generators, &e.value, f);
            exprs(e.key.as_deref(), f);
        }
        Expr::Await(e) => f(Node::Expr(&e.value)),
        Expr::Yield(e) => exprs(e.value.as_deref(), f),
        Expr::YieldFrom(e) => f(Node::Expr(&e.value)),
        Expr::Compare(e) => {
            f(Node::Expr(&e.left));
            exprs(&*e.comparators, f);
        }
        Expr::Call(e) => {
            f(Node::Expr(&e.func));
            arguments(&e.arguments, f);
        }
        Expr::FString(e) => interpolations(e.value.elements(), &mut |expr| f(Node::Expr(expr))),
        Expr::TString(e) => interpolations(e.value.elements(), &mut |expr| f(Node::Expr(expr))),
        Expr::Attribute(e) => f(Node::Expr(&e.value)),
        Expr::Subscript(e) => {
            f(Node::Expr(&e.value));
            f(Node::Expr(&e.slice));
        }
        Expr::Starred(e) => f(Node::Expr(&e.value)),
        Expr::List(e) => exprs(&e.elts, f),
        Expr::Tuple(e) => exprs(&e.elts, f),
        Expr::Slice(e) => {
            exprs(e.lower.as_deref(), f);
            exprs(e.upper.as_deref(), f);
            exprs(e.step.as_deref(), f);
        }
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_)
        | Expr::Name(_)
        | Expr::IpyEscapeCommand(_) => {}
    }
}

fn patterns<'a>(list: &'a [Pattern], f: Visit<'a, '_>) {
    list.iter().for_each(|pattern| f(Node::Pattern(pattern)));
}

fn pattern_children<'a>(pattern: &'a Pattern, f: Visit<'a, '_>) {
    match pattern {
        Pattern::MatchValue(p) => f(Node::Expr(&p.value)),
        Pattern::MatchSequence(p) => patterns(&p.patterns, f),
        Pattern::MatchMapping(p) => {
            patterns(&p.patterns, f);
            exprs(&p.keys, f);
        }
        Pattern::MatchClass(p) => {
            patterns(&p.arguments.patterns, f);
            p.arguments.keywords.iter().for_each(|keyword| f(Node::Pattern(&keyword.pattern)));
            f(Node::Expr(&p.cls));
        }
        Pattern::MatchAs(p) => {
            if let Some(pattern) = &p.pattern {
                f(Node::Pattern(pattern));
            }
        }
        Pattern::MatchOr(p) => patterns(&p.patterns, f),
        Pattern::MatchSingleton(_) | Pattern::MatchStar(_) => {}
    }
}
