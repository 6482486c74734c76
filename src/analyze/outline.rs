//! What the top level of a module is made of, and which names tie its parts together: what scenes are cut out by.
//!
//! An [`Outline`] lists the statements of a module in order, each with its byte range, the names that it binds in the
//! module, and every place where it uses a name that is not its own. Scopes are Python's: parameters, locals,
//! comprehension variables and class attributes are no uses. A use is [`When::Now`] if it happens while the module is
//! executed and [`When::Later`] if it stands in the body of a function, so that it can be told which statements have
//! to run before which.

mod parts;
mod scope;
mod tree;

use std::collections::BTreeSet;
use std::ops::Range;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::analyze::facts::SyntaxError;
use crate::analyze::parse;

/// A module's top level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// The text that all ranges index: as read, without byte order mark, line ends `\n`, indentation in blanks if tabs were mixed in.
    pub text: String,
    /// The module's docstring.
    pub docstring: Option<String>,
    /// Its statements, in order; a docstring is one of them.
    pub items: Vec<Item>,
    /// The names in a literal `__all__`.
    pub all: Option<Vec<String>>,
    /// String literals in `sys.path.append(...)`, `sys.path.insert(...)`: where imports may come from.
    pub search_paths: Vec<String>,
}

/// What kind of statement an [`Item`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The module's docstring, or another bare constant.
    Docstring,
    /// An import.
    Import,
    /// A class.
    Class,
    /// A function.
    Function,
    /// An assignment that binds at least one name of the module.
    Assign,
    /// A statement that binds nothing: a call, an assignment to an attribute or an element, `del`, `assert`.
    Effect,
    /// `if`, `for`, `while`, `try`, `with`, `match`.
    Block,
    /// `if __name__ == "__main__":`, which importing does not run.
    Main,
}

/// When a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While the statement is executed.
    Now,
    /// When a function in it is called.
    Later,
}

/// What a [`Use`] does with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads it.
    Read,
    /// Binds it in the module.
    Bind,
    /// Names it in a `global` statement.
    Global,
}

/// A place where a name of the module's scope stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The name.
    pub name: String,
    /// Bytes of the name in the text.
    pub range: Range<usize>,
    /// When it is used.
    pub when: When,
    /// What is done with it.
    pub role: Role,
    /// Whether the same statement has bound the name before, so that nothing else is asked for.
    pub own: bool,
    /// The attributes that follow, outermost last, each with the end of its name in the text: `m.sub.f` has `sub`, `f`.
    pub path: Vec<(String, usize)>,
    /// Whether the last attribute is assigned to or deleted.
    pub stores: bool,
    /// Which of [`Item::inner_imports`] binds it, where one does.
    pub inner: Option<usize>,
}

/// What an import imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// `import a.b`, `import a.b as c`.
    Module {
        /// The name after `as`.
        alias: Option<String>,
    },
    /// `from m import *`.
    Star,
    /// `from m import a, b as c`: name and name after `as`.
    Names(Vec<(String, Option<String>)>),
}

/// An import; `import a, b` makes two with the same range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Leading dots.
    pub level: u32,
    /// The dotted module, without leading dots; may be empty where relative.
    pub module: String,
    /// What is taken from it.
    pub what: Imported,
    /// Bytes of the statement.
    pub range: Range<usize>,
    /// Line, from 1.
    pub line: u32,
}

impl Import {
    /// The names that it binds; none for a star import.
    pub fn bound(&self) -> Vec<String> {
        match &self.what {
            Imported::Star => Vec::new(),
            Imported::Module { alias: Some(alias) } => vec![alias.clone()],
            Imported::Module { alias: None } => vec![self.module.split('.').next().unwrap_or_default().to_owned()],
            Imported::Names(names) => {
                names.iter().map(|(name, alias)| alias.as_ref().unwrap_or(name).clone()).collect()
            }
        }
    }
}

/// A class of the top level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassOutline {
    /// Its name.
    pub name: String,
    /// Its bases as dotted names; an expression that is none is left out.
    pub bases: Vec<String>,
    /// Whether `construct` is defined in its body.
    pub has_construct: bool,
    /// Its docstring.
    pub docstring: Option<String>,
    /// The docstring of its `construct`.
    pub construct_docstring: Option<String>,
}

/// A class that does not stand at the top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerClass {
    /// Its name.
    pub name: String,
    /// Its bases as dotted names.
    pub bases: Vec<String>,
    /// Line of its name, from 1.
    pub line: u32,
}

/// A statement of the top level.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its kind.
    pub kind: ItemKind,
    /// Its bytes: whole lines where it has them to itself, with decorators and with the comment lines right above.
    pub range: Range<usize>,
    /// Where the statement itself begins, decorators included, comments not.
    pub start: usize,
    /// Line of [`Self::start`], from 1.
    pub line: u32,
    /// Names that it binds in the module when it is executed.
    pub binds: BTreeSet<String>,
    /// Whether it binds them in any case: not inside a block.
    pub complete: bool,
    /// Every use of a name of the module's scope, in order of the walk.
    pub uses: Vec<Use>,
    /// Names bound in scopes inside it (parameters, locals, class attributes).
    pub locals: BTreeSet<String>,
    /// Names whose objects it changes when it is executed: `x` of `x.a = 1`, `x[0] = 1`, `x.append(1)`.
    pub changes: BTreeSet<String>,
    /// The dotted name that is called, where the statement is a call: `config.update`.
    pub callee: Option<String>,
    /// Imports that bind names of the module, also inside blocks.
    pub imports: Vec<Import>,
    /// Imports inside functions and classes.
    pub inner_imports: Vec<Import>,
    /// Names that it binds where no [`Use`] has their place (imports in blocks, exception names).
    pub fixed: BTreeSet<String>,
    /// The class, where it is one.
    pub class: Option<ClassOutline>,
    /// Classes that stand inside it: in a block, a function or another class.
    pub inner_classes: Vec<InnerClass>,
    /// Text of the comment lines right above, `#` removed.
    pub comment: Option<String>,
    /// Files that it opens, as far as they are written as literals, with their lines.
    pub assets: Vec<(String, u32)>,
}

/// A string that stands as a statement: a docstring, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocString {
    /// Its value.
    pub text: String,
    /// Line of its opening quotes, from 1.
    pub line: u32,
}

/// Makes the outline of a module.
///
/// # Errors
///
/// The parser's verdict where there is no tree: a text that is not Python.
pub fn outline(code: &str) -> Result<Outline, SyntaxError> {
    let code = unify_lines(code);
    parse::with_tree(&code, |tree| tree.map(|tree| build(&tree.body, &tree.text)))
}

/// Lists all docstrings of a module: of itself, its classes and functions, and of attributes.
///
/// # Errors
///
/// As [`outline`].
pub fn doc_strings(code: &str) -> Result<Vec<DocString>, SyntaxError> {
    let code = unify_lines(code);
    parse::with_tree(&code, |tree| {
        tree.map(|tree| {
            let lines = parse::LineTable::new(&tree.text);
            let mut found = Vec::new();
            gather_docs(&tree.body, &lines, &mut found);
            found
        })
    })
}

/// Line ends as Python's own reader makes them.
fn unify_lines(code: &str) -> String {
    if code.contains('\r') { code.replace("\r\n", "\n").replace('\r', "\n") } else { code.to_owned() }
}

fn gather_docs(body: &[Stmt], lines: &parse::LineTable, found: &mut Vec<DocString>) {
    for stmt in body {
        match stmt {
            Stmt::Expr(expr) => {
                if let Some(text) = string_of(&expr.value) {
                    found.push(DocString { text: text.to_owned(), line: lines.line(usize::from(expr.range.start())) });
                }
            }
            Stmt::FunctionDef(def) => gather_docs(&def.body, lines, found),
            Stmt::ClassDef(def) => gather_docs(&def.body, lines, found),
            Stmt::If(block) => {
                gather_docs(&block.body, lines, found);
                block.elif_else_clauses.iter().for_each(|clause| gather_docs(&clause.body, lines, found));
            }
            _ => {}
        }
    }
}

fn string_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}

fn docstring_of(body: &[Stmt]) -> Option<String> {
    match body.first() {
        Some(Stmt::Expr(expr)) => string_of(&expr.value).map(str::to_owned),
        _ => None,
    }
}

fn build(body: &[Stmt], text: &str) -> Outline {
    let lines = parse::LineTable::new(text);
    let mut out = Outline { text: text.to_owned(), docstring: docstring_of(body), ..Outline::default() };
    let mut previous = 0;
    for stmt in body {
        let (item, paths) = scope::item(stmt, text, &lines, previous);
        previous = item.range.end;
        out.search_paths.extend(paths);
        if let Some(all) = literal_all(stmt) {
            out.all.get_or_insert_with(Vec::new).extend(all);
        }
        out.items.push(item);
    }
    out
}

/// The names of `__all__ = [...]` or `__all__ += [...]`.
fn literal_all(stmt: &Stmt) -> Option<Vec<String>> {
    let is_all = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id.as_str() == "__all__");
    let value = match stmt {
        Stmt::Assign(assign) if assign.targets.iter().any(is_all) => &assign.value,
        Stmt::AugAssign(assign) if is_all(&assign.target) => &assign.value,
        Stmt::AnnAssign(assign) if is_all(&assign.target) => assign.value.as_ref()?,
        _ => return None,
    };
    let elements = match value.as_ref() {
        Expr::List(list) => &list.elts,
        Expr::Tuple(tuple) => &tuple.elts,
        _ => return None,
    };
    Some(elements.iter().filter_map(string_of).map(str::to_owned).collect())
}

/// The range of an item's lines and its comment: see [`Item::range`].
fn extent(stmt: &Stmt, text: &str, previous: usize) -> (Range<usize>, usize, Option<String>) {
    let start = usize::from(stmt.start());
    let mut end = usize::from(stmt.end()).max(start);
    // Trailing blanks and a comment belong to the statement, another statement after `;` does not.
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let rest = text[end..line_end].trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        end = line_end;
    } else if let Some(after) = rest.strip_prefix(';') {
        let after = after.trim_start();
        if after.is_empty() || after.starts_with('#') {
            end = line_end;
        }
    }
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let mut from = start;
    let mut comment: Vec<&str> = Vec::new();
    if line_start >= previous && text[line_start..start].trim().is_empty() {
        from = line_start;
        let mut at = line_start;
        while at > previous {
            let above = text[..at - 1].rfind('\n').map_or(0, |found| found + 1);
            let line = text[above..at - 1].trim();
            let special = above == 0 && line.starts_with("#!") || line.contains("-*-");
            if above < previous || !line.starts_with('#') || special {
                break;
            }
            comment.push(line.trim_start_matches('#').trim());
            from = above;
            at = above;
        }
    }
    comment.reverse();
    let comment = (!comment.is_empty()).then(|| comment.join("\n"));
    (from..end, start, comment)
}

#[cfg(test)]
mod tests;
