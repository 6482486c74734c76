//! Relevance: `sort -score` puts those rows first whose texts fit the words of the filter best. It is for looking: the
//! numbers change with every sample that is read, so it stands right after the filter and in no export.

use super::ast::{Check, Expr, Node, Resolved, Span, Stated, StatedKind, Word};
use super::error::QueryError;
use super::plan::{Filter, Plan, SortKey, Step, Test};
use super::resolve::Resolver;

/// The field's name.
pub(super) const SCORE: &str = "score";

/// Whether a stage asks for relevance.
pub(super) fn asked(stage: &Stated) -> bool {
    matches!(&stage.kind, StatedKind::Sort(keys) if keys.iter().any(|(_, word)| word.text == SCORE))
}

impl Plan {
    /// Whether rows are put in the order of relevance anywhere in it. Such an order is for looking: nothing that is to be
    /// the same again may stand on it.
    pub fn orders_by_score(&self) -> bool {
        fn within(filter: &Filter) -> bool {
            match filter {
                Filter::All | Filter::Test(_) | Filter::Pin(_) => false,
                Filter::And(members) | Filter::Or(members) => members.iter().any(within),
                Filter::Not(inner) => within(inner),
                Filter::Rows(plan) => plan.orders_by_score(),
            }
        }
        self.steps.iter().any(|step| matches!(step, Step::Relevance { .. })) || within(&self.filter)
    }

    /// The texts by which rows are ordered, where they are.
    pub fn scored_texts(&self) -> Option<&[Test]> {
        self.steps.iter().find_map(|step| match step {
            Step::Relevance { texts, .. } => Some(texts.as_slice()),
            _ => None,
        })
    }
}

impl Step {
    /// Whether it only puts rows in an order.
    pub fn only_orders(&self) -> bool {
        matches!(self, Step::Sort(_) | Step::Relevance { .. })
    }
}

impl Resolver<'_> {
    /// `sort -score [-]field …`, right after a filter.
    pub(super) fn by_score(
        &mut self,
        text: &str,
        stage: &Stated,
        filter: &Expr<Resolved>,
        before: usize,
    ) -> Result<Step, QueryError> {
        let StatedKind::Sort(keys) = &stage.kind else { return self.step(text, stage) };
        let error = |span: Span, message: &str| QueryError::new("stage", span, message);
        let without = || {
            let bar = text[..stage.span.from].rfind('|').unwrap_or(stage.span.from);
            Span::new(bar, stage.span.to)
        };
        if !self.open.is_empty() && !self.order_survives {
            let message = "relevance orders rows to look at, and a saved query inside an expression is only a set";
            return Err(error(stage.span, message).suggest(text, without(), ""));
        }
        if self.at.is_some() {
            let message = "relevance is that of the store as it is: nothing counts how common words were then";
            return Err(error(stage.span, message).suggest(text, without(), ""));
        }
        if before > 0 || has_stages(filter) {
            let moved = without().replaced(text, "");
            let first = moved.find('|').unwrap_or(moved.len());
            let typed = stage.span.of(text);
            let moved = format!("{} | {typed} {}", moved[..first].trim_end(), &moved[first..]);
            return Err(error(stage.span, "`sort -score` stands right after the filter, before every other stage")
                .suggest(&moved, Span::default(), "")
                .suggest(text, without(), ""));
        }
        let mut rest = Vec::with_capacity(keys.len());
        for (at, (descending, word)) in keys.iter().enumerate() {
            if word.text != SCORE {
                rest.push((*descending, word.clone()));
                continue;
            }
            if at > 0 && keys[0].1.text == SCORE {
                return Err(error(word.span, "`score` stands twice among what is sorted by"));
            }
            if at > 0 || !descending {
                let others = keys.iter().filter(|(_, word)| word.text != SCORE);
                let others: String = others.map(|(down, word)| format!(", {}{}", sign(*down), word.text)).collect();
                let message = if at > 0 {
                    "`-score` is the first of what is sorted by: two rows are hardly ever equally relevant"
                } else {
                    "the least relevant first shows nothing: relevance is sorted downwards"
                };
                return Err(error(stage.span, message).suggest(text, stage.span, &format!("sort -score{others}")));
            }
        }
        let mut texts = Vec::new();
        collect(filter, true, &mut texts);
        if texts.is_empty() {
            return Err(error(stage.span, "relevance needs words: this filter asks for no word, phrase or beginning of a word")
                .help("rows are ordered by how well their instruction and code fit the words that the filter asks for; what is negated, a field or a regular expression is none")
                .suggest(text, without(), ""));
        }
        let then = match rest.is_empty() {
            true => Vec::new(),
            false => {
                let stage = Stated { kind: StatedKind::Sort(rest), span: stage.span };
                match self.step(text, &stage)? {
                    Step::Sort(keys) => keys,
                    _ => Vec::new(),
                }
            }
        };
        Ok(Step::Relevance { texts, then })
    }
}

fn sign(descending: bool) -> &'static str {
    if descending { "-" } else { "" }
}

/// The error for `score` anywhere but in `sort -score`.
pub(super) fn misplaced(text: &str, name: &Word, whole: Span) -> QueryError {
    let error = QueryError::new(
        "stage",
        name.span,
        "`score` is no property of a sample: it is how well a row fits the words of a query",
    )
    .help("`circle | sort -score` puts the most relevant rows first; there is nothing to test, group or count by");
    let without = whole.replaced(text, "");
    if whole == name.span || without.contains('|') {
        return error;
    }
    error.suggest(&format!("{} | sort -score", without.trim()), Span::default(), "")
}

/// Whether a filter is a saved query that brings stages which choose or order.
fn has_stages(filter: &Expr<Resolved>) -> bool {
    match &filter.node {
        Node::Atom(Check::Saved { query, .. }) => !query.steps.is_empty() || has_stages(&query.filter),
        _ => false,
    }
}

/// The words and phrases that an expression asks for, each once, in order: `-(a -b)` asks for `b`, as `-a or b` does.
fn collect(expr: &Expr<Resolved>, asked: bool, out: &mut Vec<Test>) {
    match &expr.node {
        Node::All => {}
        Node::And(members) | Node::Or(members) => members.iter().for_each(|member| collect(member, asked, out)),
        Node::Not(inner) => collect(inner, !asked, out),
        Node::Atom(Check::Phrase { within, terms, prefix }) => {
            let test = Test::Phrase { within: *within, terms: terms.clone(), prefix: *prefix };
            if asked && !out.contains(&test) {
                out.push(test);
            }
        }
        Node::Atom(Check::Saved { query, .. }) if query.steps.iter().all(Step::only_orders) => {
            collect(&query.filter, asked, out);
        }
        Node::Atom(_) => {}
    }
}

/// What is written of the further keys of an order.
pub(super) fn shown(then: &[SortKey]) -> String {
    then.iter().map(|key| format!(" {}{}", sign(key.descending), key.field.name)).collect()
}
