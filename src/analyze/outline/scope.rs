//! The walk that finds out which names of a statement belong to the module's scope.
//!
//! One file because a walk is one match over every kind of statement and expression.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use ruff_python_ast::{Decorator, ExceptHandler, Expr, ExprContext, Keyword, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::tree::{Locals, dotted, each_child, parameter_names, root, strings_in, type_param_names};
use super::{ClassOutline, Import, Imported, InnerClass, Item, ItemKind, Role, Use, When, docstring_of, extent};
use crate::analyze::parse::LineTable;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Class,
    Function,
    Comprehension,
}

pub(super) struct Scope {
    kind: ScopeKind,
    pub names: HashSet<String>,
    globals: HashSet<String>,
    imported: HashMap<String, usize>,
}

impl Scope {
    pub(super) fn new(kind: ScopeKind) -> Self {
        Scope { kind, names: HashSet::new(), globals: HashSet::new(), imported: HashMap::new() }
    }
}

pub(super) struct Walker<'a> {
    pub text: &'a str,
    pub lines: &'a LineTable,
    pub scopes: Vec<Scope>,
    pub item: Item,
    bound_here: HashSet<String>,
    paths: Vec<String>,
}

/// Makes the item of a top-level statement; also gives the strings of `sys.path` calls in it.
pub(super) fn item(stmt: &Stmt, text: &str, lines: &LineTable, previous: usize) -> (Item, Vec<String>) {
    let kind = match stmt {
        Stmt::Import(_) | Stmt::ImportFrom(_) => ItemKind::Import,
        Stmt::ClassDef(_) => ItemKind::Class,
        Stmt::FunctionDef(_) => ItemKind::Function,
        Stmt::Assign(_) | Stmt::AnnAssign(_) | Stmt::AugAssign(_) | Stmt::TypeAlias(_) => ItemKind::Assign,
        Stmt::If(block) if mentions_main(&block.test) => ItemKind::Main,
        Stmt::If(_) | Stmt::For(_) | Stmt::While(_) | Stmt::With(_) | Stmt::Try(_) | Stmt::Match(_) => ItemKind::Block,
        Stmt::Expr(expr) if expr.value.is_literal_expr() => ItemKind::Docstring,
        _ => ItemKind::Effect,
    };
    let (range, start, comment) = extent(stmt, text, previous);
    let mut walker = Walker {
        text,
        lines,
        scopes: Vec::new(),
        item: Item {
            kind,
            range,
            start,
            line: lines.line(start),
            binds: BTreeSet::new(),
            complete: false,
            uses: Vec::new(),
            locals: BTreeSet::new(),
            changes: BTreeSet::new(),
            callee: None,
            imports: Vec::new(),
            inner_imports: Vec::new(),
            fixed: BTreeSet::new(),
            class: None,
            inner_classes: Vec::new(),
            comment,
            assets: Vec::new(),
        },
        bound_here: HashSet::new(),
        paths: Vec::new(),
    };
    if let Stmt::Expr(expr) = stmt
        && let Expr::Call(call) = expr.value.as_ref()
    {
        walker.item.callee = dotted(&call.func);
    }
    if let Stmt::ClassDef(def) = stmt {
        let construct = def.body.iter().find_map(|inner| match inner {
            Stmt::FunctionDef(method) if method.name.as_str() == "construct" => Some(method),
            _ => None,
        });
        walker.item.class = Some(ClassOutline {
            name: def.name.to_string(),
            bases: def.bases().iter().filter_map(dotted).collect(),
            has_construct: construct.is_some(),
            docstring: docstring_of(&def.body),
            construct_docstring: construct.and_then(|method| docstring_of(&method.body)),
        });
    }
    walker.stmt(stmt);
    let mut item = walker.item;
    if item.kind == ItemKind::Assign && item.binds.is_empty() {
        item.kind = ItemKind::Effect;
    }
    item.complete = !matches!(item.kind, ItemKind::Block | ItemKind::Main);
    (item, walker.paths)
}

fn mentions_main(test: &Expr) -> bool {
    match test {
        Expr::Compare(compare) => {
            let is_name = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id.as_str() == "__name__");
            is_name(&compare.left) || compare.comparators.iter().any(is_name)
        }
        _ => false,
    }
}

pub(super) fn span(node: &impl Ranged) -> Range<usize> {
    usize::from(node.start())..usize::from(node.end())
}

impl Walker<'_> {
    fn when(&self) -> When {
        if self.scopes.iter().any(|scope| scope.kind == ScopeKind::Function) { When::Later } else { When::Now }
    }

    /// Where a name is found: in a scope inside the item, by an import inside it, or in the module.
    fn lookup(&self, name: &str) -> Found {
        let top = self.scopes.len();
        for (index, scope) in self.scopes.iter().enumerate().rev() {
            if scope.kind == ScopeKind::Class && index + 1 != top {
                continue;
            }
            if scope.globals.contains(name) {
                return Found::Module;
            }
            if scope.names.contains(name) {
                return Found::Inside;
            }
            if let Some(import) = scope.imported.get(name) {
                return Found::Import(*import);
            }
        }
        Found::Module
    }

    fn read(&mut self, name: &str, range: Range<usize>, path: Vec<(String, usize)>, stores: bool) {
        let inner = match self.lookup(name) {
            Found::Inside => return,
            Found::Import(index) => Some(index),
            Found::Module => None,
        };
        let when = self.when();
        let own = inner.is_none() && self.bound_here.contains(name);
        self.item.uses.push(Use { name: name.to_owned(), range, when, role: Role::Read, own, path, stores, inner });
    }

    /// Binds a name in the innermost scope; `range` where its place is known.
    pub(super) fn bind(&mut self, name: &str, range: Option<Range<usize>>) {
        let scope = self.scopes.iter_mut().rev().find(|scope| scope.kind != ScopeKind::Comprehension);
        match scope {
            Some(scope) if !scope.globals.contains(name) => {
                scope.names.insert(name.to_owned());
                scope.imported.remove(name);
                self.item.locals.insert(name.to_owned());
            }
            other => {
                let in_function = other.is_some();
                let when = self.when();
                let own = self.bound_here.contains(name);
                if !in_function {
                    self.item.binds.insert(name.to_owned());
                    self.bound_here.insert(name.to_owned());
                }
                match range {
                    Some(range) => self.item.uses.push(Use {
                        name: name.to_owned(),
                        range,
                        when,
                        role: Role::Bind,
                        own,
                        path: Vec::new(),
                        stores: false,
                        inner: None,
                    }),
                    None => {
                        self.item.fixed.insert(name.to_owned());
                    }
                }
            }
        }
    }

    fn change(&mut self, target: &Expr) {
        if self.when() == When::Now
            && let Some(name) = root(target)
            && matches!(self.lookup(name), Found::Module)
        {
            self.item.changes.insert(name.to_owned());
        }
    }

    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(def) => {
                if self.item.kind != ItemKind::Class || !self.scopes.is_empty() {
                    self.item.inner_classes.push(InnerClass {
                        name: def.name.to_string(),
                        bases: def.bases().iter().filter_map(dotted).collect(),
                        line: self.lines.line(usize::from(def.name.start())),
                    });
                }
                self.decorators(&def.decorator_list);
                let mut scope = Scope::new(ScopeKind::Class);
                self.exprs(def.bases());
                self.keywords(def.keywords());
                type_param_names(def.type_params.as_deref(), &mut scope.names);
                self.scopes.push(scope);
                self.body(&def.body);
                self.scopes.pop();
                self.bind(&def.name, Some(span(&def.name)));
            }
            Stmt::Return(ret) => self.optional(ret.value.as_deref()),
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    if !matches!(target, Expr::Name(_)) {
                        self.change(target);
                    }
                }
                self.exprs(&delete.targets);
            }
            Stmt::Assign(assign) => {
                self.expr(&assign.value);
                for target in &assign.targets {
                    self.target(target);
                }
            }
            Stmt::TypeAlias(alias) => {
                self.expr(&alias.value);
                self.target(&alias.name);
            }
            Stmt::AugAssign(assign) => {
                self.expr(&assign.value);
                if let Expr::Name(name) = assign.target.as_ref()
                    && matches!(self.lookup(&name.id), Found::Module)
                {
                    self.read(&name.id, span(name), Vec::new(), false);
                }
                self.target(&assign.target);
            }
            Stmt::AnnAssign(assign) => {
                self.expr(&assign.annotation);
                if let Some(value) = &assign.value {
                    self.expr(value);
                }
                self.target(&assign.target);
            }
            Stmt::For(each) => {
                self.expr(&each.iter);
                self.target(&each.target);
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
                    self.optional(clause.test.as_ref());
                    self.body(&clause.body);
                }
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.expr(&item.context_expr);
                    if let Some(vars) = &item.optional_vars {
                        self.target(vars);
                    }
                }
                self.body(&with.body);
            }
            Stmt::Match(choice) => {
                self.expr(&choice.subject);
                for case in &choice.cases {
                    self.pattern(&case.pattern);
                    self.optional(case.guard.as_deref());
                    self.body(&case.body);
                }
            }
            Stmt::Raise(raise) => {
                self.optional(raise.exc.as_deref());
                self.optional(raise.cause.as_deref());
            }
            Stmt::Try(attempt) => {
                self.body(&attempt.body);
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    self.optional(handler.type_.as_deref());
                    if let Some(name) = &handler.name {
                        self.bind(name, None);
                    }
                    self.body(&handler.body);
                }
                self.body(&attempt.orelse);
                self.body(&attempt.finalbody);
            }
            Stmt::Assert(assert) => {
                self.expr(&assert.test);
                self.optional(assert.msg.as_deref());
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let what = Imported::Module { alias: alias.asname.as_ref().map(ToString::to_string) };
                    self.import(0, alias.name.to_string(), what, span(stmt));
                }
            }
            Stmt::ImportFrom(import) => {
                let level = import.level;
                let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
                let what = if import.names.iter().any(|alias| alias.name.as_str() == "*") {
                    Imported::Star
                } else {
                    let pair = |alias: &ruff_python_ast::Alias| {
                        (alias.name.to_string(), alias.asname.as_ref().map(ToString::to_string))
                    };
                    Imported::Names(import.names.iter().map(pair).collect())
                };
                self.import(level, module, what, span(stmt));
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    let when = self.when();
                    self.item.uses.push(Use {
                        name: name.to_string(),
                        range: span(name),
                        when,
                        role: Role::Global,
                        own: false,
                        path: Vec::new(),
                        stores: false,
                        inner: None,
                    });
                }
            }
            Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) | Stmt::IpyEscapeCommand(_) => {}
            Stmt::Expr(expr) => {
                if let Expr::Call(call) = expr.value.as_ref() {
                    if matches!(call.func.as_ref(), Expr::Attribute(_)) {
                        self.change(&call.func);
                    } else if matches!(dotted(&call.func).as_deref(), Some("setattr" | "delattr"))
                        && let Some(first) = call.arguments.args.first()
                    {
                        self.change(first);
                    }
                    if matches!(
                        dotted(&call.func).as_deref(),
                        Some("sys.path.append" | "sys.path.insert" | "path.append" | "path.insert")
                    ) {
                        for arg in &call.arguments.args {
                            strings_in(arg, &mut self.paths);
                        }
                    }
                }
                self.expr(&expr.value);
            }
        }
    }

    fn import(&mut self, level: u32, module: String, what: Imported, range: Range<usize>) {
        let import = Import { level, module, what, line: self.lines.line(range.start), range };
        match self.scopes.last_mut() {
            Some(scope) => {
                let index = self.item.inner_imports.len();
                for name in import.bound() {
                    scope.names.remove(&name);
                    scope.imported.insert(name, index);
                }
                self.item.inner_imports.push(import);
            }
            None => {
                for name in import.bound() {
                    self.item.binds.insert(name.clone());
                    self.item.fixed.insert(name.clone());
                    self.bound_here.insert(name);
                }
                self.item.imports.push(import);
            }
        }
    }

    fn function(&mut self, def: &StmtFunctionDef) {
        self.decorators(&def.decorator_list);
        self.defaults(&def.parameters);
        self.optional(def.returns.as_deref());
        self.bind(&def.name, Some(span(&def.name)));
        let mut scope = Scope::new(ScopeKind::Function);
        type_param_names(def.type_params.as_deref(), &mut scope.names);
        parameter_names(&def.parameters, &mut scope.names);
        let mut locals = Locals::default();
        locals.body(&def.body);
        scope.globals = locals.globals;
        scope.names.extend(locals.names.into_iter().filter(|name| !scope.globals.contains(name)));
        self.item.locals.extend(scope.names.iter().cloned());
        self.scopes.push(scope);
        self.body(&def.body);
        self.scopes.pop();
    }

    fn decorators(&mut self, decorators: &[Decorator]) {
        decorators.iter().for_each(|decorator| self.expr(&decorator.expression));
    }

    fn defaults(&mut self, params: &Parameters) {
        for param in params.iter() {
            self.optional(param.annotation());
            self.optional(param.default());
        }
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    pub(super) fn exprs(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn keywords(&mut self, keywords: &[Keyword]) {
        for keyword in keywords {
            self.expr(&keyword.value);
        }
    }

    fn target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.bind(&name.id, Some(span(name))),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| self.target(element)),
            Expr::List(list) => list.elts.iter().for_each(|element| self.target(element)),
            Expr::Starred(starred) => self.target(&starred.value),
            other => {
                self.change(other);
                self.expr(other);
            }
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Name(name) => self.read(&name.id, span(name), Vec::new(), false),
            Expr::Attribute(_) => {
                // `a.b.c` is one use of `a` with the path `b`, `c`.
                let mut path = Vec::new();
                let mut inner = expr;
                let mut stores = false;
                while let Expr::Attribute(attribute) = inner {
                    if path.is_empty() {
                        stores = !matches!(attribute.ctx, ExprContext::Load);
                    }
                    path.push((attribute.attr.to_string(), usize::from(attribute.range.end())));
                    inner = &attribute.value;
                }
                path.reverse();
                match inner {
                    Expr::Name(name) => self.read(&name.id, span(name), path, stores),
                    other => self.expr(other),
                }
            }
            Expr::Lambda(lambda) => {
                let mut scope = Scope::new(ScopeKind::Function);
                if let Some(params) = &lambda.parameters {
                    self.defaults(params);
                    parameter_names(params, &mut scope.names);
                }
                self.item.locals.extend(scope.names.iter().cloned());
                self.scopes.push(scope);
                self.expr(&lambda.body);
                self.scopes.pop();
            }
            Expr::ListComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::Generator(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::DictComp(comp) => match &comp.key {
                Some(key) => self.comprehension(&comp.generators, &[key, &comp.value]),
                None => self.comprehension(&comp.generators, &[&comp.value]),
            },
            Expr::Named(named) => {
                self.expr(&named.value);
                self.target(&named.target);
            }
            Expr::Call(call) => {
                self.assets(call);
                self.expr(&call.func);
                self.exprs(&call.arguments.args);
                self.keywords(&call.arguments.keywords);
            }
            other => each_child(other, &mut |child| self.expr(child)),
        }
    }
}

enum Found {
    Inside,
    Import(usize),
    Module,
}
