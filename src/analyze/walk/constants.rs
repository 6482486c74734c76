//! What a walk knows of values without running anything: numbers that fold, lengths of literal sequences, run times of
//! animations that were given a name.

use std::cell::OnceCell;

use ruff_python_ast::{Expr, ExprContext, Number, Operator, Stmt, UnaryOp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::timing;
use crate::analyze::parse::{Node, children};
use crate::similarity::lexer;

/// Deepest expression that is folded.
const MAX_FOLD_DEPTH: u32 = 32;

/// Longest range whose length counts as known: nobody waits for more turns.
const MAX_LENGTH: f64 = 1e6;

/// What is known of a name's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    /// A number.
    Number(f64),
    /// A sequence of this many elements.
    Length(u64),
    /// An animation of this many seconds, certain or not.
    Animation(f64, bool),
    /// Nothing.
    Nothing,
}

#[derive(Debug, Default)]
struct Scope<'a> {
    /// Name of the class whose body this is.
    class: Option<&'a str>,
    names: FxHashMap<&'a str, Known>,
}

/// The names in sight, innermost scope last.
#[derive(Debug)]
pub(super) struct Env<'a> {
    text: &'a str,
    scopes: Vec<Scope<'a>>,
    /// Names in the bodies of classes that were left.
    classes: FxHashMap<&'a str, FxHashMap<&'a str, Known>>,
    /// Names on which something is called that changes their length; read off the text when they are first asked for.
    mutated: OnceCell<FxHashSet<&'a str>>,
}

const MUTATORS: &[&str] = &["add", "append", "clear", "extend", "insert", "pop", "remove"];

impl<'a> Env<'a> {
    /// Knows nothing yet of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Env { text, scopes: vec![Scope::default()], classes: FxHashMap::default(), mutated: OnceCell::new() }
    }

    fn is_mutated(&self, name: &str) -> bool {
        let mutated = self.mutated.get_or_init(|| {
            let mut mutated = FxHashSet::default();
            let mut window = ["", "", ""];
            for token in lexer::tokens(self.text) {
                window = [window[1], window[2], token.text];
                if window[1] == "." && MUTATORS.contains(&window[2]) {
                    mutated.insert(window[0]);
                }
            }
            mutated
        });
        mutated.contains(name)
    }

    /// Enters a function, a lambda or a comprehension.
    pub(super) fn push(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Enters the body of a class, which has what its bases in the text have.
    pub(super) fn push_class(&mut self, class: &'a str, bases: &[String]) {
        let inherited = bases.iter().rev().filter_map(|base| self.classes.get(base.as_str())).flatten();
        let names = inherited.map(|(name, known)| (*name, *known)).collect();
        self.scopes.push(Scope { class: Some(class), names });
    }

    /// Leaves what was entered last.
    pub(super) fn pop(&mut self) {
        if self.scopes.len() > 1
            && let Some(scope) = self.scopes.pop()
            && let Some(class) = scope.class
        {
            self.classes.insert(class, scope.names);
        }
    }

    pub(super) fn set(&mut self, name: &'a str, known: Known) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name, known);
        }
    }

    /// Forgets `self.name`.
    pub(super) fn forget_own(&mut self, name: &'a str) {
        if let Some(scope) = self.scopes.iter_mut().rev().find(|scope| scope.class.is_some()) {
            scope.names.insert(name, Known::Nothing);
        }
    }

    fn get(&self, name: &str) -> Known {
        let top = self.scopes.len() - 1;
        self.scopes
            .iter()
            .enumerate()
            .rev()
            .filter(|(index, scope)| *index == top || scope.class.is_none())
            .find_map(|(_, scope)| scope.names.get(name).copied())
            .unwrap_or(Known::Nothing)
    }

    fn get_attribute(&self, root: &str, attribute: &str) -> Known {
        let own = matches!(root, "self" | "cls");
        self.scopes
            .iter()
            .rev()
            .find(|scope| scope.class.is_some_and(|class| own || class == root))
            .and_then(|scope| scope.names.get(attribute).copied())
            .unwrap_or(Known::Nothing)
    }

    /// What is known of an expression.
    pub(super) fn known(&self, expr: &Expr) -> Known {
        if let Some(number) = self.fold(expr) {
            return Known::Number(number);
        }
        if let Some(length) = self.length(expr) {
            return Known::Length(length);
        }
        if let Expr::Call(_) = expr
            && let (seconds, true) = timing::animation_seconds(self, expr)
        {
            return Known::Animation(seconds, true);
        }
        Known::Nothing
    }

    /// The value of a name as an animation.
    pub(super) fn animation(&self, name: &str) -> Option<(f64, bool)> {
        match self.get(name) {
            Known::Animation(seconds, exact) => Some((seconds, exact)),
            _ => None,
        }
    }

    /// Folds an expression to a number: literals, arithmetic, constants of the text and of mathematics.
    pub(super) fn fold(&self, expr: &Expr) -> Option<f64> {
        self.fold_within(expr, 0).filter(|value| value.is_finite())
    }

    fn fold_within(&self, expr: &Expr, depth: u32) -> Option<f64> {
        if depth > MAX_FOLD_DEPTH {
            return None;
        }
        match expr {
            Expr::NumberLiteral(e) => match &e.value {
                Number::Int(value) => value.as_i64().map(|value| value as f64),
                Number::Float(value) => Some(*value),
                Number::Complex { .. } => None,
            },
            Expr::UnaryOp(e) => match e.op {
                UnaryOp::USub => self.fold_within(&e.operand, depth + 1).map(|value| -value),
                UnaryOp::UAdd => self.fold_within(&e.operand, depth + 1),
                _ => None,
            },
            Expr::BinOp(e) => {
                let left = self.fold_within(&e.left, depth + 1)?;
                let right = self.fold_within(&e.right, depth + 1)?;
                arithmetic(e.op, left, right)
            }
            Expr::Name(e) => match self.get(&e.id) {
                Known::Number(value) => Some(value),
                _ => match e.id.as_str() {
                    "PI" => Some(std::f64::consts::PI),
                    "TAU" => Some(std::f64::consts::TAU),
                    "DEGREES" => Some(std::f64::consts::TAU / 360.0),
                    _ => None,
                },
            },
            Expr::Attribute(e) => match e.value.as_ref() {
                Expr::Name(root) => match (self.get_attribute(&root.id, &e.attr), root.id.as_str(), e.attr.as_str()) {
                    (Known::Number(value), _, _) => Some(value),
                    (_, "np" | "math" | "numpy", "pi") => Some(std::f64::consts::PI),
                    (_, "np" | "math" | "numpy", "e") => Some(std::f64::consts::E),
                    (_, "math", "tau") => Some(std::f64::consts::TAU),
                    _ => None,
                },
                _ => None,
            },
            Expr::Call(e) if e.arguments.keywords.is_empty() => {
                let Expr::Name(function) = e.func.as_ref() else { return None };
                match (function.id.as_str(), &*e.arguments.args) {
                    ("int", [one]) => self.fold_within(one, depth + 1).map(f64::trunc),
                    ("float", [one]) => self.fold_within(one, depth + 1),
                    ("abs", [one]) => self.fold_within(one, depth + 1).map(f64::abs),
                    ("len", [one]) => self.length_within(one, depth + 1).map(|length| length as f64),
                    ("min", [one, two]) => {
                        Some(self.fold_within(one, depth + 1)?.min(self.fold_within(two, depth + 1)?))
                    }
                    ("max", [one, two]) => {
                        Some(self.fold_within(one, depth + 1)?.max(self.fold_within(two, depth + 1)?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// How many elements iterating over an expression gives, where the text says so.
    pub(super) fn length(&self, expr: &Expr) -> Option<u64> {
        self.length_within(expr, 0)
    }

    fn length_within(&self, expr: &Expr, depth: u32) -> Option<u64> {
        if depth > MAX_FOLD_DEPTH {
            return None;
        }
        let plain = |elements: &[Expr]| {
            elements.iter().all(|element| !element.is_starred_expr()).then_some(elements.len() as u64)
        };
        match expr {
            Expr::List(e) => plain(&e.elts),
            Expr::Tuple(e) => plain(&e.elts),
            Expr::Dict(e) => e.items.iter().all(|item| item.key.is_some()).then_some(e.items.len() as u64),
            Expr::StringLiteral(e) => Some(e.value.chars().count() as u64),
            Expr::Name(e) => match self.get(&e.id) {
                Known::Length(length) if !self.is_mutated(&e.id) => Some(length),
                _ => None,
            },
            Expr::ListComp(e) => match e.generators.as_slice() {
                [one] if one.ifs.is_empty() => self.length_within(&one.iter, depth + 1),
                _ => None,
            },
            Expr::Call(e) => {
                let (name, receiver) = match e.func.as_ref() {
                    Expr::Name(name) => (name.id.as_str(), None),
                    Expr::Attribute(attribute) => (attribute.attr.as_str(), Some(attribute.value.as_ref())),
                    _ => return None,
                };
                match (name, receiver, &*e.arguments.args) {
                    ("range", None, args) => self.range_length(args, depth),
                    ("enumerate" | "reversed" | "sorted" | "list" | "tuple" | "iter", None, [one, ..]) => {
                        self.length_within(one, depth + 1)
                    }
                    ("zip", None, args) => args
                        .iter()
                        .map(|arg| self.length_within(arg, depth + 1))
                        .collect::<Option<Vec<_>>>()?
                        .into_iter()
                        .min(),
                    ("items" | "keys" | "values", Some(receiver), []) => self.length_within(receiver, depth + 1),
                    ("linspace", Some(_), [_, _]) if e.arguments.keywords.is_empty() => Some(50),
                    ("linspace", Some(_), [_, _, count]) => self.fold(count).map(|count| count.max(0.0) as u64),
                    ("VGroup" | "Group", _, [Expr::Starred(starred)]) => self.length_within(&starred.value, depth + 1),
                    ("VGroup" | "Group", _, args) if !args.is_empty() => plain(args),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn range_length(&self, args: &[Expr], depth: u32) -> Option<u64> {
        let number = |index: usize| args.get(index).map(|arg| self.fold_within(arg, depth + 1));
        let (start, stop, step) = match args.len() {
            1 => (0.0, number(0)??, 1.0),
            2 => (number(0)??, number(1)??, 1.0),
            3 => (number(0)??, number(1)??, number(2)??),
            _ => return None,
        };
        let count = ((stop - start) / step).ceil().max(0.0);
        (step != 0.0 && count <= MAX_LENGTH).then_some(count as u64)
    }
}

fn arithmetic(op: Operator, left: f64, right: f64) -> Option<f64> {
    match op {
        Operator::Add => Some(left + right),
        Operator::Sub => Some(left - right),
        Operator::Mult => Some(left * right),
        Operator::Div if right != 0.0 => Some(left / right),
        Operator::FloorDiv if right != 0.0 => Some((left / right).floor()),
        Operator::Mod if right != 0.0 => Some(left - right * (left / right).floor()),
        Operator::Pow => Some(left.powf(right)),
        _ => None,
    }
}

/// Names that statements bind, not looking into functions and classes.
pub(super) fn assigned_names(body: &[Stmt]) -> Vec<&str> {
    let mut names = Vec::new();
    let mut todo: Vec<Node<'_>> = body.iter().map(Node::Stmt).collect();
    while let Some(node) = todo.pop() {
        match node {
            Node::Stmt(Stmt::FunctionDef(s)) => names.push(s.name.as_str()),
            Node::Stmt(Stmt::ClassDef(s)) => names.push(s.name.as_str()),
            Node::Expr(Expr::Name(e)) if e.ctx == ExprContext::Store => names.push(e.id.as_str()),
            _ => children(node, &mut |child| todo.push(child)),
        }
    }
    names
}
