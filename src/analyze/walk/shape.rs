//! Small questions about statements, expressions and texts.

use ruff_python_ast::{Expr, Stmt};

use crate::analyze::parse::{Node, children};

/// Lines of a text; a newline at the end starts no further line.
pub(super) fn count_lines(code: &str) -> u32 {
    let bytes = code.as_bytes();
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')))
        .count();
    let open = !bytes.is_empty() && !matches!(bytes.last(), Some(b'\n' | b'\r'));
    u32::try_from(ends + usize::from(open)).unwrap_or(u32::MAX)
}

/// Whether a loop may end before its last turn, or skip part of one.
pub(super) fn leaves_early(body: &[Stmt]) -> bool {
    let mut todo: Vec<&Stmt> = body.iter().collect();
    while let Some(stmt) = todo.pop() {
        match stmt {
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Return(_) => return true,
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => children(Node::Stmt(stmt), &mut |child| {
                if let Node::Stmt(stmt) = child {
                    todo.push(stmt);
                }
            }),
        }
    }
    false
}

/// Whether a statement does nothing: `pass`, `...`, a string.
pub(super) fn is_empty_statement(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Pass(_) => true,
        Stmt::Expr(s) => matches!(s.value.as_ref(), Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)),
        _ => false,
    }
}

/// The dotted name that an expression is, if it is one.
pub(super) fn dotted_name(expr: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Expr::Attribute(e) => {
                parts.push(e.attr.as_str());
                at = &e.value;
            }
            Expr::Name(e) => {
                parts.push(e.id.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            _ => return None,
        }
    }
}
