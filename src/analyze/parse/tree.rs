//! The nodes of a tree, and what stands directly below each.

use rustpython_parser::ast::{self, Expr, Pattern, Stmt};

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

/// Lists the nodes directly below a node, in the order of the text as far as the tree knows it (decorators first).
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

fn arguments<'a>(args: &'a ast::Arguments, f: Visit<'a, '_>) {
    for arg in args.posonlyargs.iter().chain(&args.args).chain(&args.kwonlyargs) {
        exprs(arg.def.annotation.as_deref(), f);
        exprs(arg.default.as_deref(), f);
    }
    for arg in args.vararg.iter().chain(&args.kwarg) {
        exprs(arg.annotation.as_deref(), f);
    }
}

fn type_params<'a>(params: &'a [ast::TypeParam], f: Visit<'a, '_>) {
    for param in params {
        if let ast::TypeParam::TypeVar(var) = param {
            exprs(var.bound.as_deref(), f);
        }
    }
}

fn handlers<'a>(list: &'a [ast::ExceptHandler], f: Visit<'a, '_>) {
    for ast::ExceptHandler::ExceptHandler(handler) in list {
        exprs(handler.type_.as_deref(), f);
        stmts(&handler.body, f);
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
            exprs(&s.decorator_list, f);
            type_params(&s.type_params, f);
            arguments(&s.args, f);
            exprs(s.returns.as_deref(), f);
            stmts(&s.body, f);
        }
        Stmt::AsyncFunctionDef(s) => {
            exprs(&s.decorator_list, f);
            type_params(&s.type_params, f);
            arguments(&s.args, f);
            exprs(s.returns.as_deref(), f);
            stmts(&s.body, f);
        }
        Stmt::ClassDef(s) => {
            exprs(&s.decorator_list, f);
            type_params(&s.type_params, f);
            exprs(&s.bases, f);
            exprs(s.keywords.iter().map(|keyword| &keyword.value), f);
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
            type_params(&s.type_params, f);
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
        Stmt::AsyncFor(s) => {
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
            stmts(&s.orelse, f);
        }
        Stmt::With(s) => {
            with_items(&s.items, f);
            stmts(&s.body, f);
        }
        Stmt::AsyncWith(s) => {
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
        Stmt::TryStar(s) => {
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
        | Stmt::Continue(_) => {}
    }
}

fn comprehensions<'a>(generators: &'a [ast::Comprehension], f: Visit<'a, '_>) {
    for generator in generators {
        f(Node::Expr(&generator.target));
        f(Node::Expr(&generator.iter));
        exprs(&generator.ifs, f);
    }
}

fn expression_children<'a>(expr: &'a Expr, f: Visit<'a, '_>) {
    match expr {
        Expr::BoolOp(e) => exprs(&e.values, f),
        Expr::NamedExpr(e) => {
            f(Node::Expr(&e.target));
            f(Node::Expr(&e.value));
        }
        Expr::BinOp(e) => {
            f(Node::Expr(&e.left));
            f(Node::Expr(&e.right));
        }
        Expr::UnaryOp(e) => f(Node::Expr(&e.operand)),
        Expr::Lambda(e) => {
            arguments(&e.args, f);
            f(Node::Expr(&e.body));
        }
        Expr::IfExp(e) => {
            f(Node::Expr(&e.body));
            f(Node::Expr(&e.test));
            f(Node::Expr(&e.orelse));
        }
        Expr::Dict(e) => {
            for (key, value) in e.keys.iter().zip(&e.values) {
                exprs(key.as_ref(), f);
                f(Node::Expr(value));
            }
        }
        Expr::Set(e) => exprs(&e.elts, f),
        Expr::ListComp(e) => {
            f(Node::Expr(&e.elt));
            comprehensions(&e.generators, f);
        }
        Expr::SetComp(e) => {
            f(Node::Expr(&e.elt));
            comprehensions(&e.generators, f);
        }
        Expr::DictComp(e) => {
            f(Node::Expr(&e.key));
            f(Node::Expr(&e.value));
            comprehensions(&e.generators, f);
        }
        Expr::GeneratorExp(e) => {
            f(Node::Expr(&e.elt));
            comprehensions(&e.generators, f);
        }
        Expr::Await(e) => f(Node::Expr(&e.value)),
        Expr::Yield(e) => exprs(e.value.as_deref(), f),
        Expr::YieldFrom(e) => f(Node::Expr(&e.value)),
        Expr::Compare(e) => {
            f(Node::Expr(&e.left));
            exprs(&e.comparators, f);
        }
        Expr::Call(e) => {
            f(Node::Expr(&e.func));
            exprs(&e.args, f);
            exprs(e.keywords.iter().map(|keyword| &keyword.value), f);
        }
        Expr::FormattedValue(e) => {
            f(Node::Expr(&e.value));
            exprs(e.format_spec.as_deref(), f);
        }
        Expr::JoinedStr(e) => exprs(&e.values, f),
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
        Expr::Constant(_) | Expr::Name(_) => {}
    }
}

fn pattern_children<'a>(pattern: &'a Pattern, f: Visit<'a, '_>) {
    let mut patterns = |list: &'a [Pattern]| list.iter().for_each(|pattern| f(Node::Pattern(pattern)));
    match pattern {
        Pattern::MatchValue(p) => f(Node::Expr(&p.value)),
        Pattern::MatchSequence(p) => patterns(&p.patterns),
        Pattern::MatchMapping(p) => {
            patterns(&p.patterns);
            exprs(&p.keys, f);
        }
        Pattern::MatchClass(p) => {
            patterns(&p.patterns);
            patterns(&p.kwd_patterns);
            f(Node::Expr(&p.cls));
        }
        Pattern::MatchAs(p) => {
            if let Some(pattern) = &p.pattern {
                f(Node::Pattern(pattern));
            }
        }
        Pattern::MatchOr(p) => patterns(&p.patterns),
        Pattern::MatchSingleton(_) | Pattern::MatchStar(_) => {}
    }
}
