//! The walk: one borrowing pass over a tree that keeps [`CodeFacts`].
//!
//! Recurses by depth of the tree, so it runs inside [`parse::with_tree`](super::parse::with_tree); chains of attributes
//! and of `elif` are loops.
//!
//! One file because a walk is one match over every kind of node; what can stand by itself is in `walk/`.

mod constants;
mod shape;
mod timing;
mod whole;

use std::borrow::Cow;
use std::sync::Arc;

use ruff_python_ast::{self as ast, Expr, Pattern, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;

use self::constants::{Env, Known, assigned_names};
use self::shape::{count_lines, dotted_name, is_empty_statement, leaves_early};
use super::facts::{CallFact, ClassFact, CodeFacts, ImportFact, Syntax, TimeFact};
use super::lexical::stems;
use super::manim_api::is_manim_module;
use super::parse::{LineTable, Node, Tree, children, with_tree};
use crate::similarity::lexer;

/// Longest string literal that is kept, in characters.
const MAX_STRING_CHARS: usize = 2000;

/// Calls that take time on the screen.
const TIMED: &[&str] = &["move_camera", "pause", "play", "wait", "wait_until"];

/// Parses a text and walks its tree once; safe on any thread, for any text.
///
/// Of a text that does not parse, lines, characters, tokens and words are known, no more.
pub fn code_facts(code: &str) -> CodeFacts {
    let mut facts = with_tree(code, |result| match result {
        Ok(tree) => walk(tree),
        Err(error) => CodeFacts::without_tree(Syntax::Invalid(error)),
    });
    facts.lines = count_lines(code);
    facts.chars = u32::try_from(code.chars().count()).unwrap_or(u32::MAX);
    if !facts.has_tree() {
        facts.tokens = u32::try_from(lexer::tokens(code).count()).unwrap_or(u32::MAX);
    }
    facts.words = stems(code);
    facts
}

fn walk(tree: &Tree) -> CodeFacts {
    let mut walk = Walk {
        lines: LineTable::new(&tree.text),
        facts: CodeFacts::without_tree(tree.verdict()),
        env: Env::new(&tree.text),
        text: &tree.text,
        reads: names(),
        bound: names(),
        attributes: names(),
        path: Vec::new(),
        class: Vec::new(),
        depth: 0,
        place: Place::TOP,
    };
    walk.facts.tokens = tree.tokens;
    walk.facts.cyclomatic = 1;
    walk.facts.leading_comment = whole::leading_comment(tree);
    walk.body(&tree.body);
    let mut facts = walk.facts;
    facts.reads = walk.reads.into_iter().map(|(name, count)| (name.into_owned(), count)).collect();
    facts.bound = walk.bound.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    facts.attributes = walk.attributes.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    facts.calls.sort_by_key(|call| call.line);
    whole::finish(&mut facts);
    facts
}

/// Room for the names of a text of common size.
fn names<K>() -> FxHashMap<K, u32> {
    FxHashMap::with_capacity_and_hasher(48, Default::default())
}

/// Where in the flow of control a node stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    loops: u32,
    repeats: Option<u64>,
    conditional: bool,
    alternative: bool,
}

impl Place {
    const TOP: Place = Place { loops: 0, repeats: Some(1), conditional: false, alternative: false };

    fn repeated(self, times: Option<u64>) -> Place {
        let repeats = match (self.repeats, times) {
            (Some(repeats), Some(times)) => Some(repeats.saturating_mul(times)),
            _ => None,
        };
        Place { loops: self.loops + 1, repeats, ..self }
    }
}

struct Walk<'a> {
    lines: LineTable,
    facts: CodeFacts,
    env: Env<'a>,
    text: &'a str,
    /// What `facts` will have as sorted maps.
    reads: FxHashMap<Cow<'a, str>, u32>,
    bound: FxHashMap<&'a str, u32>,
    attributes: FxHashMap<&'a str, u32>,
    /// The classes and functions around, dotted; outermost first.
    path: Vec<Arc<str>>,
    /// Indices of the classes whose bodies are around, `None` for functions.
    class: Vec<Option<usize>>,
    depth: u32,
    place: Place,
}

impl<'a> Walk<'a> {
    fn body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn deeper(&mut self) {
        self.facts.nodes += 1;
        self.depth += 1;
        self.facts.depth = self.facts.depth.max(self.depth);
    }

    fn line(&self, offset: impl Into<usize>) -> u32 {
        self.lines.line(offset.into())
    }

    fn bind(&mut self, name: &'a str) {
        *self.bound.entry(name).or_default() += 1;
    }

    /// Enters a class or function.
    fn enter(&mut self, name: &str) {
        let path = match self.path.last() {
            Some(around) => format!("{around}.{name}").into(),
            None => name.into(),
        };
        self.path.push(path);
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        self.deeper();
        match stmt {
            Stmt::FunctionDef(s) => self.function(s),
            Stmt::ClassDef(s) => self.class(s),
            Stmt::Assign(s) => self.assign(s),
            Stmt::AnnAssign(s) => {
                self.expr(&s.annotation);
                if let Some(value) = &s.value {
                    self.expr(value);
                    self.bind_value(&s.target, value);
                }
                self.target(&s.target);
            }
            Stmt::AugAssign(s) => {
                self.expr(&s.value);
                if let Expr::Name(e) = s.target.as_ref() {
                    self.read(Cow::Borrowed(e.id.as_str()));
                    self.env.set(&e.id, Known::Nothing);
                }
                self.target(&s.target);
            }
            Stmt::For(s) => self.for_loop(s),
            Stmt::While(s) => {
                self.facts.cyclomatic += 1;
                self.facts.loops += 1;
                self.expr(&s.test);
                self.repeated(None, &s.body);
                self.body(&s.orelse);
            }
            Stmt::If(s) => self.conditional(s),
            Stmt::With(s) => self.with(&s.items, &s.body),
            Stmt::Match(s) => self.match_cases(s),
            Stmt::Try(s) => self.try_block(s),
            Stmt::Import(s) => self.import(s),
            Stmt::ImportFrom(s) => self.import_from(s),
            Stmt::TypeAlias(s) => {
                self.type_params(s.type_params.as_deref());
                self.target(&s.name);
                self.expr(&s.value);
            }
            _ => children(Node::Stmt(stmt), &mut |child| {
                if let Node::Expr(expr) = child {
                    self.expr(expr);
                }
            }),
        }
        self.depth -= 1;
    }

    fn assign(&mut self, s: &'a ast::StmtAssign) {
        self.expr(&s.value);
        for target in &s.targets {
            self.target(target);
            self.bind_value(target, &s.value);
        }
    }

    /// Keeps what is known of the value that a target is bound to.
    fn bind_value(&mut self, target: &'a Expr, value: &'a Expr) {
        match (target, value) {
            (Expr::Name(e), _) => {
                let known = self.env.known(value);
                self.env.set(&e.id, known);
            }
            (Expr::Tuple(targets), Expr::Tuple(values)) if targets.elts.len() == values.elts.len() => {
                let known: Vec<Known> = values.elts.iter().map(|value| self.env.known(value)).collect();
                for (target, known) in targets.elts.iter().zip(known) {
                    if let Expr::Name(e) = target {
                        self.env.set(&e.id, known);
                    }
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, s: &'a ast::StmtFunctionDef) {
        let name = s.name.as_str();
        self.facts.functions += 1;
        self.bind(name);
        self.env.set(name, Known::Nothing);
        s.decorator_list.iter().for_each(|decorator| self.expr(&decorator.expression));
        if let Some(Some(index)) = self.class.last() {
            let class = &mut self.facts.classes[*index];
            class.methods.push(name.to_owned());
            if name == "construct" {
                class.has_construct = true;
                class.construct_statements = s.body.iter().filter(|stmt| !is_empty_statement(stmt)).count() as u32;
            }
        }
        self.type_params(s.type_params.as_deref());
        self.defaults(&s.parameters);
        s.returns.iter().for_each(|returns| self.expr(returns));
        let place = std::mem::replace(&mut self.place, Place::TOP);
        self.env.push();
        self.parameters(&s.parameters);
        self.enter(name);
        self.class.push(None);
        self.body(&s.body);
        self.class.pop();
        self.path.pop();
        self.env.pop();
        self.place = place;
    }

    fn defaults(&mut self, params: &'a ast::Parameters) {
        for param in params.iter() {
            param.annotation().into_iter().for_each(|annotation| self.expr(annotation));
            param.default().into_iter().for_each(|default| self.expr(default));
        }
    }

    fn parameters(&mut self, params: &'a ast::Parameters) {
        for param in params.iter() {
            self.facts.nodes += 1;
            self.bind(param.name());
            self.env.set(param.name(), Known::Nothing);
        }
    }

    fn type_params(&mut self, params: Option<&'a ast::TypeParams>) {
        for param in params.into_iter().flat_map(|params| &params.type_params) {
            self.bind(param.name());
            let (bound, default) = match param {
                ast::TypeParam::TypeVar(var) => (&var.bound, &var.default),
                ast::TypeParam::ParamSpec(spec) => (&None, &spec.default),
                ast::TypeParam::TypeVarTuple(tuple) => (&None, &tuple.default),
            };
            bound.iter().chain(default).for_each(|expr| self.expr(expr));
        }
    }

    fn class(&mut self, s: &'a ast::StmtClassDef) {
        self.bind(&s.name);
        s.decorator_list.iter().for_each(|decorator| self.expr(&decorator.expression));
        self.type_params(s.type_params.as_deref());
        s.bases().iter().for_each(|base| self.expr(base));
        s.keywords().iter().for_each(|keyword| self.expr(&keyword.value));
        let index = self.facts.classes.len();
        let bases: Vec<String> = s.bases().iter().filter_map(dotted_name).collect();
        let place = std::mem::replace(&mut self.place, Place::TOP);
        self.env.push_class(&s.name, &bases);
        self.facts.classes.push(ClassFact {
            name: s.name.to_string(),
            bases,
            line: self.line(s.name.start()),
            top_level: self.path.is_empty(),
            ..ClassFact::default()
        });
        self.enter(&s.name);
        self.class.push(Some(index));
        self.body(&s.body);
        self.class.pop();
        self.path.pop();
        self.env.pop();
        self.place = place;
    }

    fn for_loop(&mut self, s: &'a ast::StmtFor) {
        self.facts.cyclomatic += 1;
        self.facts.loops += 1;
        self.expr(&s.iter);
        let times = self.env.length(&s.iter).filter(|_| !leaves_early(&s.body));
        self.target(&s.target);
        self.repeated(times, &s.body);
        self.body(&s.orelse);
    }

    fn repeated(&mut self, times: Option<u64>, body: &'a [Stmt]) {
        let names = assigned_names(body);
        names.iter().for_each(|name| self.env.set(name, Known::Nothing));
        let place = self.place;
        self.place = place.repeated(times);
        self.body(body);
        self.place = place;
        names.iter().for_each(|name| self.env.set(name, Known::Nothing));
    }

    fn conditional(&mut self, s: &'a ast::StmtIf) {
        let place = self.place;
        self.facts.cyclomatic += 1;
        self.expr(&s.test);
        self.place.conditional = true;
        self.body(&s.body);
        self.place.alternative = true;
        for clause in &s.elif_else_clauses {
            if let Some(test) = &clause.test {
                self.facts.nodes += 1;
                self.facts.cyclomatic += 1;
                self.expr(test);
            }
            self.body(&clause.body);
        }
        self.place = place;
        // What a branch bound may hold or not.
        for body in std::iter::once(&s.body).chain(s.elif_else_clauses.iter().map(|clause| &clause.body)) {
            assigned_names(body).iter().for_each(|name| self.env.set(name, Known::Nothing));
        }
    }

    fn with(&mut self, items: &'a [ast::WithItem], body: &'a [Stmt]) {
        for item in items {
            self.facts.nodes += 1;
            self.expr(&item.context_expr);
            item.optional_vars.iter().for_each(|target| self.target(target));
        }
        self.body(body);
    }

    fn try_block(&mut self, s: &'a ast::StmtTry) {
        self.body(&s.body);
        let place = self.place;
        self.place = Place { conditional: true, alternative: true, ..place };
        for ast::ExceptHandler::ExceptHandler(handler) in &s.handlers {
            self.facts.cyclomatic += 1;
            self.facts.nodes += 1;
            handler.type_.iter().for_each(|class| self.expr(class));
            handler.name.iter().for_each(|name| self.bind(name));
            self.body(&handler.body);
        }
        self.place = place;
        self.body(&s.orelse);
        self.body(&s.finalbody);
        for part in [&s.body, &s.orelse, &s.finalbody] {
            assigned_names(part).iter().for_each(|name| self.env.set(name, Known::Nothing));
        }
    }

    fn match_cases(&mut self, s: &'a ast::StmtMatch) {
        self.expr(&s.subject);
        let place = self.place;
        self.place.conditional = true;
        for case in &s.cases {
            self.facts.cyclomatic += 1;
            self.pattern(&case.pattern);
            case.guard.iter().for_each(|guard| self.expr(guard));
            self.body(&case.body);
            self.place.alternative = true;
        }
        self.place = place;
        for case in &s.cases {
            assigned_names(&case.body).iter().for_each(|name| self.env.set(name, Known::Nothing));
        }
    }

    fn pattern(&mut self, pattern: &'a Pattern) {
        self.deeper();
        match pattern {
            Pattern::MatchMapping(p) => p.rest.iter().for_each(|name| self.bind(name)),
            Pattern::MatchStar(p) => p.name.iter().for_each(|name| self.bind(name)),
            Pattern::MatchAs(p) => p.name.iter().for_each(|name| self.bind(name)),
            _ => {}
        }
        children(Node::Pattern(pattern), &mut |child| match child {
            Node::Pattern(pattern) => self.pattern(pattern),
            Node::Expr(expr) => self.expr(expr),
            Node::Stmt(_) => {}
        });
        self.depth -= 1;
    }

    fn import(&mut self, s: &'a ast::StmtImport) {
        let line = self.line(s.range.start());
        for alias in &s.names {
            let module = alias.name.as_str();
            let root = module.split('.').next().unwrap_or_default();
            let bound = alias.asname.as_ref().map_or(root, |asname| asname.as_str());
            self.facts.nodes += 1;
            self.bind(bound);
            self.facts.imports.push(ImportFact {
                module: module.to_owned(),
                name: None,
                bound: bound.to_owned(),
                line,
            });
        }
    }

    fn import_from(&mut self, s: &'a ast::StmtImportFrom) {
        let line = self.line(s.range.start());
        let dots = ".".repeat(s.level as usize);
        let module = format!("{dots}{}", s.module.as_deref().unwrap_or_default());
        for alias in &s.names {
            let name = alias.name.as_str();
            let bound = match (&alias.asname, name) {
                (Some(asname), _) => asname.as_str(),
                (None, "*") => "",
                (None, name) => name,
            };
            self.facts.nodes += 1;
            if !bound.is_empty() {
                self.bind(bound);
            }
            self.facts.imports.push(ImportFact {
                module: module.clone(),
                name: Some(name.to_owned()),
                bound: bound.to_owned(),
                line,
            });
        }
    }

    /// A target: binds its names, reads what stands before attributes and subscripts.
    fn target(&mut self, target: &'a Expr) {
        self.deeper();
        match target {
            Expr::Name(e) => {
                self.bind(&e.id);
                self.env.set(&e.id, Known::Nothing);
                if let Some(Some(index)) = self.class.last() {
                    self.facts.classes[*index].attributes.push(e.id.to_string());
                }
            }
            Expr::Tuple(e) => e.elts.iter().for_each(|element| self.target(element)),
            Expr::List(e) => e.elts.iter().for_each(|element| self.target(element)),
            Expr::Starred(e) => self.target(&e.value),
            Expr::Attribute(e) => {
                if e.value.as_name_expr().is_some_and(|root| root.id.as_str() == "self") {
                    self.env.forget_own(&e.attr);
                    self.facts.own_attributes.insert(e.attr.to_string());
                }
                self.expr(&e.value);
            }
            Expr::Subscript(e) => {
                self.expr(&e.value);
                self.expr(&e.slice);
            }
            other => self.expr(other),
        }
        self.depth -= 1;
    }

    fn read(&mut self, dotted: Cow<'a, str>) {
        *self.reads.entry(dotted).or_default() += 1;
    }

    fn expr(&mut self, expr: &'a Expr) {
        self.deeper();
        match expr {
            Expr::Name(e) => self.read(Cow::Borrowed(e.id.as_str())),
            Expr::Attribute(_) => {
                self.attributes(expr);
            }
            Expr::Call(e) => self.call(e),
            Expr::StringLiteral(e) => self.string(e.value.to_str()),
            Expr::NumberLiteral(_) => self.facts.numbers += 1,
            Expr::FString(e) => self.f_string(&e.value),
            Expr::Named(e) => {
                self.expr(&e.value);
                self.target(&e.target);
            }
            Expr::Lambda(e) => {
                if let Some(params) = &e.parameters {
                    self.defaults(params);
                }
                self.env.push();
                if let Some(params) = &e.parameters {
                    self.parameters(params);
                }
                self.expr(&e.body);
                self.env.pop();
            }
            Expr::If(e) => {
                self.facts.cyclomatic += 1;
                self.expr(&e.body);
                self.expr(&e.test);
                self.expr(&e.orelse);
            }
            Expr::BoolOp(e) => {
                self.facts.cyclomatic += e.values.len().saturating_sub(1) as u32;
                e.values.iter().for_each(|value| self.expr(value));
            }
            Expr::ListComp(e) => self.comprehension(&e.generators, &[&e.elt]),
            Expr::SetComp(e) => self.comprehension(&e.generators, &[&e.elt]),
            Expr::Generator(e) => self.comprehension(&e.generators, &[&e.elt]),
            Expr::DictComp(e) => match &e.key {
                Some(key) => self.comprehension(&e.generators, &[key, &e.value]),
                None => self.comprehension(&e.generators, &[&e.value]),
            },
            Expr::BinOp(e) => {
                self.expr(&e.left);
                self.expr(&e.right);
            }
            Expr::UnaryOp(e) => self.expr(&e.operand),
            _ => self.below(expr),
        }
        self.depth -= 1;
    }

    fn below(&mut self, expr: &'a Expr) {
        children(Node::Expr(expr), &mut |child| {
            if let Node::Expr(expr) = child {
                self.expr(expr);
            }
        });
    }

    fn string(&mut self, text: &str) {
        let text = match text.char_indices().nth(MAX_STRING_CHARS) {
            Some((end, _)) => &text[..end],
            None => text,
        };
        self.facts.strings.push(text.to_owned());
    }

    fn f_string(&mut self, value: &'a ast::FStringValue) {
        for part in value {
            match part {
                ast::FStringPart::Literal(literal) => self.literal_part(&literal.value),
                ast::FStringPart::FString(part) => self.interpolated(&part.elements),
            }
        }
    }

    fn interpolated(&mut self, elements: &'a ast::InterpolatedStringElements) {
        for element in elements {
            match element {
                ast::InterpolatedStringElement::Literal(literal) => self.literal_part(&literal.value),
                ast::InterpolatedStringElement::Interpolation(part) => {
                    self.deeper();
                    self.expr(&part.expression);
                    if let Some(spec) = &part.format_spec {
                        self.deeper();
                        self.interpolated(&spec.elements);
                        self.depth -= 1;
                    }
                    self.depth -= 1;
                }
            }
        }
    }

    fn literal_part(&mut self, text: &str) {
        self.deeper();
        self.string(text);
        self.depth -= 1;
    }

    fn comprehension(&mut self, generators: &'a [ast::Comprehension], elements: &[&'a Expr]) {
        let place = self.place;
        self.env.push();
        for generator in generators {
            self.facts.nodes += 1;
            self.facts.loops += 1;
            self.facts.cyclomatic += 1 + generator.ifs.len() as u32;
            self.expr(&generator.iter);
            let times = self.env.length(&generator.iter).filter(|_| generator.ifs.is_empty());
            self.target(&generator.target);
            self.place = self.place.repeated(times);
            generator.ifs.iter().for_each(|condition| self.expr(condition));
        }
        elements.iter().for_each(|element| self.expr(element));
        self.env.pop();
        self.place = place;
    }

    /// Takes in a chain of attributes and gives its dotted name; walks what the chain starts from, if that is no name.
    fn attributes(&mut self, expr: &'a Expr) -> Option<Cow<'a, str>> {
        let mut at = expr;
        let (mut count, mut bytes) = (0, 0);
        while let Expr::Attribute(e) = at {
            *self.attributes.entry(e.attr.as_str()).or_default() += 1;
            count += 1;
            bytes += 1 + e.attr.len();
            at = &e.value;
        }
        self.facts.nodes += count;
        let Expr::Name(root) = at else {
            self.expr(at);
            return None;
        };
        // Most chains are written without blanks: then the text is the name.
        let written = self.text.get(usize::from(expr.start())..usize::from(expr.end())).unwrap_or_default();
        let dotted = if written.is_ascii() && written.len() == bytes + root.id.len() {
            Cow::Borrowed(written)
        } else {
            dotted_name(expr).map_or(Cow::Borrowed(root.id.as_str()), Cow::Owned)
        };
        self.read(dotted.clone());
        Some(dotted)
    }

    fn call(&mut self, e: &'a ast::ExprCall) {
        let name = match e.func.as_ref() {
            Expr::Name(name) => {
                self.facts.nodes += 1;
                self.read(Cow::Borrowed(name.id.as_str()));
                Some(name.id.to_string())
            }
            Expr::Attribute(attribute) => {
                let dotted = self.attributes(&e.func);
                Some(dotted.map_or_else(|| format!(".{}", attribute.attr), Cow::into_owned))
            }
            other => {
                self.expr(other);
                None
            }
        };
        if let Some(name) = name {
            self.record_call(e, name);
        }
        for arg in &e.arguments.args {
            self.expr(arg);
        }
        for keyword in &e.arguments.keywords {
            self.facts.nodes += 1;
            self.expr(&keyword.value);
        }
    }

    fn record_call(&mut self, e: &'a ast::ExprCall, name: String) {
        let line = self.line(usize::from(e.func.end()).saturating_sub(1));
        let within = self.path.last().cloned().unwrap_or_default();
        self.record_time(e, &name, &within, line);
        let keywords = e
            .arguments
            .keywords
            .iter()
            .filter_map(|keyword| keyword.arg.as_ref().map(|name| (name.to_string(), self.env.fold(&keyword.value))))
            .collect();
        let first_string = match e.arguments.args.first() {
            Some(Expr::StringLiteral(literal)) => Some(literal.value.to_str().to_owned()),
            _ => None,
        };
        let call = CallFact {
            name,
            positional: u32::try_from(e.arguments.args.len()).unwrap_or(u32::MAX),
            keywords,
            first_number: e.arguments.args.first().and_then(|first| self.env.fold(first)),
            first_string,
            line,
            loop_depth: self.place.loops,
            repeats: self.place.repeats,
            within,
            conditional: self.place.conditional,
            manim: None,
        };
        self.facts.calls.push(call);
    }

    fn record_time(&mut self, e: &'a ast::ExprCall, name: &str, within: &Arc<str>, line: u32) {
        let Some((root, what)) =
            name.rsplit_once('.').map(|(front, what)| (front.split('.').next().unwrap_or(front), what))
        else {
            return;
        };
        if root.is_empty() || !TIMED.contains(&what) {
            return;
        }
        if self.facts.imports.iter().any(|import| import.bound == root && !is_manim_module(&import.module)) {
            return;
        }
        let (seconds, exact) = match what {
            "play" => timing::play_seconds(&self.env, e),
            "wait" | "pause" => timing::wait_seconds(&self.env, e),
            "move_camera" => {
                let run_time = e.arguments.keywords.iter().find(|keyword| keyword.arg.as_deref() == Some("run_time"));
                run_time.map_or((1.0, true), |keyword| {
                    self.env.fold(&keyword.value).map_or((1.0, false), |seconds| (seconds, true))
                })
            }
            _ => (1.0, false),
        };
        self.facts.times.push(TimeFact {
            what: what.to_owned(),
            seconds,
            exact: exact && !self.place.conditional,
            alternative: self.place.alternative,
            repeats: self.place.repeats,
            within: Arc::clone(within),
            line,
        });
    }
}

#[cfg(test)]
mod tests;
