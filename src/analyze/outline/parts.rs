//! Parts of the walk: patterns, comprehensions, and the files that calls open.

use std::collections::HashSet;

use ruff_python_ast::{Comprehension, Expr, ExprCall, Pattern};
use ruff_text_size::Ranged;

use super::scope::{Scope, ScopeKind, Walker, span};
use super::string_of;
use super::tree::target_names;

/// Calls whose first argument, where it is a string, names a file.
const OPENERS: &[&str] = &[
    "ImageMobject",
    "SVGMobject",
    "OpenGLImageMobject",
    "OpenGLSVGMobject",
    "add_sound",
    "open",
    "imread",
    "read_csv",
    "loadtxt",
    "genfromtxt",
    "read_json",
    "read_excel",
    "imageio",
    "VideoMobject",
    "read_text",
    "ThreeDModel",
    "OBJModel",
    "Code",
    "from_file",
    "read_file",
    "register_font",
    "ImageClip",
    "AudioSegment",
];

/// Keyword arguments that name a file.
const FILE_KEYWORDS: &[&str] = &["file_name", "filename", "code_file", "filename_or_array", "sound_file", "image_file"];

impl Walker<'_> {
    pub(super) fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(value) => self.expr(&value.value),
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::MatchMapping(mapping) => {
                self.exprs(&mapping.keys);
                mapping.patterns.iter().for_each(|inner| self.pattern(inner));
                if let Some(rest) = &mapping.rest {
                    self.bind(rest, None);
                }
            }
            Pattern::MatchClass(class) => {
                self.expr(&class.cls);
                class.arguments.patterns.iter().for_each(|inner| self.pattern(inner));
                class.arguments.keywords.iter().for_each(|keyword| self.pattern(&keyword.pattern));
            }
            Pattern::MatchStar(star) => {
                if let Some(name) = &star.name {
                    self.bind(name, None);
                }
            }
            Pattern::MatchAs(capture) => {
                if let Some(inner) = &capture.pattern {
                    self.pattern(inner);
                }
                if let Some(name) = &capture.name {
                    self.bind(name, None);
                }
            }
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.pattern(inner)),
        }
    }

    pub(super) fn comprehension(&mut self, generators: &[Comprehension], elements: &[&Expr]) {
        // The first iterable belongs to the scope outside.
        if let Some(first) = generators.first() {
            self.expr(&first.iter);
        }
        let mut names = HashSet::new();
        for generator in generators {
            target_names(&generator.target, &mut names);
        }
        self.item.locals.extend(names.iter().cloned());
        let mut scope = Scope::new(ScopeKind::Comprehension);
        scope.names = names;
        self.scopes.push(scope);
        for (index, generator) in generators.iter().enumerate() {
            if index > 0 {
                self.expr(&generator.iter);
            }
            if !matches!(generator.target, Expr::Name(_) | Expr::Tuple(_) | Expr::List(_)) {
                self.expr(&generator.target);
            }
            self.exprs(&generator.ifs);
        }
        for element in elements {
            self.expr(element);
        }
        self.scopes.pop();
    }

    pub(super) fn assets(&mut self, call: &ExprCall) {
        let name = match call.func.as_ref() {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return,
        };
        let is_image_open = name == "open";
        let mut found: Vec<&Expr> = Vec::new();
        if OPENERS.contains(&name) {
            let writes =
                |expr: &Expr| string_of(expr).is_some_and(|mode| mode.starts_with(['w', 'a', 'x']) && mode.len() <= 3);
            let mode_keyword = call.arguments.keywords.iter().any(|keyword| {
                keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "mode") && writes(&keyword.value)
            });
            if !(is_image_open && (call.arguments.args.get(1).is_some_and(writes) || mode_keyword)) && name != "Code" {
                found.extend(call.arguments.args.first());
            }
        }
        let by_keyword = call
            .arguments
            .keywords
            .iter()
            .filter(|keyword| keyword.arg.as_ref().is_some_and(|arg| FILE_KEYWORDS.contains(&arg.as_str())));
        found.extend(by_keyword.map(|keyword| &keyword.value));
        for expr in found {
            let text = match expr {
                Expr::FString(_) => self.text.get(span(expr)).map(str::to_owned),
                other => string_of(other).map(str::to_owned),
            };
            // A whole document in a string (`SVGMobject("<svg ...")`) is no file.
            if let Some(text) = text.filter(|text| !text.is_empty() && text.len() <= 200 && !text.contains(['\n', '<']))
            {
                let line = self.lines.line(usize::from(call.start()));
                self.item.assets.push((text, line));
            }
        }
    }
}
