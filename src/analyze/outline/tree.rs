//! Questions about a piece of tree that need no scope.

use std::collections::HashSet;

use ruff_python_ast::{ExceptHandler, Expr, Parameters, Pattern, Stmt, TypeParams};

use super::string_of;
use crate::analyze::parse::{Node, children};

/// The dotted name that an expression is, if it is one.
pub(super) fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => Some(format!("{}.{}", dotted(&attribute.value)?, attribute.attr.as_str())),
        Expr::Subscript(subscript) => dotted(&subscript.value),
        _ => None,
    }
}

/// The name that `x.a`, `x[0]`, `x.a[1].b` starts from.
pub(super) fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        Expr::Call(call) => root(&call.func),
        Expr::Starred(starred) => root(&starred.value),
        _ => None,
    }
}

pub(super) fn strings_in(expr: &Expr, found: &mut Vec<String>) {
    match string_of(expr) {
        Some(text) => found.push(text.to_owned()),
        None => each_child(expr, &mut |child| strings_in(child, found)),
    }
}

pub(super) fn type_param_names(params: Option<&TypeParams>, names: &mut HashSet<String>) {
    names.extend(params.into_iter().flat_map(|params| &params.type_params).map(|param| param.name().to_string()));
}

pub(super) fn parameter_names(params: &Parameters, names: &mut HashSet<String>) {
    names.extend(params.iter().map(|param| param.name().to_string()));
}

pub(super) fn target_names(target: &Expr, names: &mut HashSet<String>) {
    match target {
        Expr::Name(name) => {
            names.insert(name.id.to_string());
        }
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| target_names(element, names)),
        Expr::List(list) => list.elts.iter().for_each(|element| target_names(element, names)),
        Expr::Starred(starred) => target_names(&starred.value, names),
        _ => {}
    }
}

/// What a function's body binds, found before the body is walked: a name bound anywhere in it is local everywhere in it.
/// Imports are left to the walk.
#[derive(Default)]
pub(super) struct Locals {
    /// Names bound.
    pub names: HashSet<String>,
    /// Names that a `global` statement gives to the module.
    pub globals: HashSet<String>,
}

impl Locals {
    /// Reads statements of the function.
    pub fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    /// Assignment expressions bind in the function, also from inside a comprehension.
    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Named(named) => {
                target_names(&named.target, &mut self.names);
                self.expr(&named.value);
            }
            Expr::Lambda(_) => {}
            other => each_child(other, &mut |child| self.expr(child)),
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => drop(self.names.insert(def.name.to_string())),
            Stmt::ClassDef(def) => drop(self.names.insert(def.name.to_string())),
            Stmt::Assign(assign) => {
                self.expr(&assign.value);
                assign.targets.iter().for_each(|target| target_names(target, &mut self.names));
            }
            Stmt::AugAssign(assign) => target_names(&assign.target, &mut self.names),
            Stmt::AnnAssign(assign) => target_names(&assign.target, &mut self.names),
            Stmt::TypeAlias(alias) => target_names(&alias.name, &mut self.names),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| target_names(target, &mut self.names)),
            Stmt::For(each) => {
                target_names(&each.target, &mut self.names);
                self.expr(&each.iter);
                self.body(&each.body);
                self.body(&each.orelse);
            }
            Stmt::While(repeat) => {
                self.expr(&repeat.test);
                self.body(&repeat.body);
                self.body(&repeat.orelse);
            }
            Stmt::If(block) => {
                self.expr(&block.test);
                self.body(&block.body);
                for clause in &block.elif_else_clauses {
                    clause.test.iter().for_each(|test| self.expr(test));
                    self.body(&clause.body);
                }
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.expr(&item.context_expr);
                    if let Some(vars) = &item.optional_vars {
                        target_names(vars, &mut self.names);
                    }
                }
                self.body(&with.body);
            }
            Stmt::Try(attempt) => {
                self.body(&attempt.body);
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    self.names.extend(handler.name.iter().map(ToString::to_string));
                    self.body(&handler.body);
                }
                self.body(&attempt.orelse);
                self.body(&attempt.finalbody);
            }
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    pattern_names(&case.pattern, &mut self.names);
                    self.body(&case.body);
                }
            }
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(ToString::to_string)),
            Stmt::Nonlocal(_) => {}
            Stmt::Expr(expr) => self.expr(&expr.value),
            Stmt::Return(ret) => {
                if let Some(value) = &ret.value {
                    self.expr(value);
                }
            }
            Stmt::Assert(assert) => self.expr(&assert.test),
            Stmt::Raise(_)
            | Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_)
            | Stmt::IpyEscapeCommand(_) => {}
        }
    }
}

fn pattern_names(pattern: &Pattern, names: &mut HashSet<String>) {
    match pattern {
        Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
        Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| pattern_names(inner, names)),
        Pattern::MatchMapping(mapping) => {
            mapping.patterns.iter().for_each(|inner| pattern_names(inner, names));
            names.extend(mapping.rest.iter().map(ToString::to_string));
        }
        Pattern::MatchClass(class) => {
            class.arguments.patterns.iter().for_each(|inner| pattern_names(inner, names));
            class.arguments.keywords.iter().for_each(|keyword| pattern_names(&keyword.pattern, names));
        }
        Pattern::MatchStar(star) => names.extend(star.name.iter().map(ToString::to_string)),
        Pattern::MatchAs(capture) => {
            if let Some(inner) = &capture.pattern {
                pattern_names(inner, names);
            }
            names.extend(capture.name.iter().map(ToString::to_string));
        }
        Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| pattern_names(inner, names)),
    }
}

/// Calls `f` with the expressions right inside one.
pub(super) fn each_child(expr: &Expr, f: &mut dyn FnMut(&Expr)) {
    children(Node::Expr(expr), &mut |child| {
        if let Node::Expr(expr) = child {
            f(expr);
        }
    });
}
