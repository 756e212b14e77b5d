//! What an expression may say and cost, and its fields as variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
};
use cel::common::types::CelInt;
use proto::fields::{Path, enum_number};
use regex::{Regex, RegexBuilder};

use super::{CelError, Variable, regex_name};

/// Most nodes of one, after macros.
pub(super) const NODES: usize = 300;
/// How deep it may nest.
pub(super) const DEPTH: u16 = 32;
/// Memory of a compiled regular expression, bytes.
const REGEX: usize = 1 << 18;
/// Most regular expressions in one.
const REGEXES: usize = 8;
/// Most loops in one.
const LOOPS: usize = 4;
/// Functions there are, besides operators. None takes longer than its arguments are long.
const FUNCTIONS: [&str; 9] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "uint",
    "double",
    "string",
    "matches",
];

/// Goes through an expression once.
#[derive(Default)]
pub(super) struct Check {
    nodes: usize,
    depth: u16,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) regexes: Vec<Arc<Regex>>,
    /// Names that loops have given.
    scope: Vec<String>,
    loops: usize,
    in_loop: bool,
}

impl Check {
    pub(super) fn rewrite(&mut self, node: &mut IdedExpr) -> Result<(), CelError> {
        self.nodes += 1;
        self.depth += 1;
        if self.nodes > NODES || self.depth > DEPTH {
            let why = format!("more than {NODES} parts, or more than {DEPTH} one in another");
            return Err(CelError::Compile(why));
        }
        self.part(node)?;
        self.depth -= 1;
        Ok(())
    }

    fn part(&mut self, node: &mut IdedExpr) -> Result<(), CelError> {
        let error = |why: String| Err(CelError::Compile(why));
        if let Some((names, test)) = chain(node)
            && !self.scope.iter().any(|name| name == names[0])
        {
            node.expr = self.named(&names, test)?;
            return Ok(());
        }
        match &mut node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(_) => Ok(()),
            Expr::Select(SelectExpr { operand, .. }) => self.rewrite(operand),
            Expr::List(list) => list
                .elements
                .iter_mut()
                .try_for_each(|node| self.rewrite(node)),
            Expr::Map(map) => map
                .entries
                .iter_mut()
                .try_for_each(|entry| match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        self.rewrite(&mut entry.key)?;
                        self.rewrite(&mut entry.value)
                    }
                    EntryExpr::StructField(_) => error("messages can't be made here".to_owned()),
                }),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) => error("messages can't be made here".to_owned()),
            Expr::Unspecified => error("it is not complete".to_owned()),
        }
    }

    /// A name from outside: a field of the flow, or an enum value.
    fn named(&mut self, names: &[&str], test: bool) -> Result<Expr, CelError> {
        let error = |why: String| Err(CelError::Compile(why));
        if names[0] != "_flow" {
            return match enum_number(names).filter(|_| !test) {
                Some(number) => {
                    let number = CelInt::from(i64::from(number));
                    Ok(Expr::Literal(LiteralValue::Int(number)))
                }
                None => error(format!("undeclared reference to '{}'", names.join("."))),
            };
        }
        let path = match Path::new(names[1..].iter().copied()) {
            Ok(path) => path,
            Err(why) => return error(why.to_string()),
        };
        if path.is_moment() && !test {
            return error("times are not compared here: use --since and --until".to_owned());
        }
        let kind = if test { "has" } else { "get" };
        let name = format!("@{kind}.{}", names[1..].join("."));
        let variable = match test {
            true => Variable::IsSet(path),
            false => Variable::Value(path),
        };
        self.variables.insert(name.clone(), variable);
        Ok(Expr::Ident(name))
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), CelError> {
        let error = |why: String| Err(CelError::Compile(why));
        let name = call.func_name.as_str();
        let operator = name.starts_with(|letter: char| !letter.is_ascii_alphabetic());
        if !operator && !FUNCTIONS.contains(&name) {
            return error(format!("undeclared reference to '{name}'"));
        }
        if name == "matches" {
            let Some(IdedExpr {
                expr: Expr::Literal(LiteralValue::String(pattern)),
                ..
            }) = call.args.pop()
            else {
                return error("matches() takes its pattern as a literal".to_owned());
            };
            if self.regexes.len() == REGEXES {
                return error(format!("more than {REGEXES} regular expressions"));
            }
            let regex = RegexBuilder::new(pattern.inner())
                .size_limit(REGEX)
                .dfa_size_limit(REGEX)
                .build();
            match regex {
                Ok(regex) => self.regexes.push(Arc::new(regex)),
                Err(why) => return error(why.to_string()),
            }
            call.func_name = regex_name(self.regexes.len() - 1);
            if let (None, Some(text)) = (&call.target, call.args.pop()) {
                call.target = Some(Box::new(text));
            }
            if call.target.is_none() || !call.args.is_empty() {
                return error("matches() takes a text and a pattern".to_owned());
            }
        }
        if let Some(target) = &mut call.target {
            self.rewrite(target)?;
        }
        call.args.iter_mut().try_for_each(|node| self.rewrite(node))
    }

    fn comprehension(&mut self, each: &mut ComprehensionExpr) -> Result<(), CelError> {
        self.loops += 1;
        if self.in_loop || self.loops > LOOPS {
            return Err(CelError::Compile(format!(
                "at most {LOOPS} of all(), exists(), map(), filter(), and none inside another"
            )));
        }
        self.in_loop = true;
        self.rewrite(&mut each.iter_range)?;
        let names = [&each.iter_var, &each.accu_var]
            .into_iter()
            .chain(&each.iter_var2);
        let names: Vec<String> = names.cloned().collect();
        let outer = self.scope.len();
        self.scope.extend(names);
        for node in [
            &mut each.accu_init,
            &mut each.loop_cond,
            &mut each.loop_step,
            &mut each.result,
        ] {
            self.rewrite(node)?;
        }
        self.scope.truncate(outer);
        self.in_loop = false;
        Ok(())
    }
}

/// How deep brackets nest, those in texts as well.
pub(super) fn brackets(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for letter in text.bytes() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "nothing else is a chain of names"
)]
/// The names of `a.b.c` or `has(a.b.c)`, and whether it is the latter.
fn chain(node: &IdedExpr) -> Option<(Vec<&str>, bool)> {
    let mut names = Vec::new();
    let mut expression = &node.expr;
    let mut test = false;
    loop {
        match expression {
            Expr::Ident(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some((names, test));
            }
            Expr::Select(select) if !select.test || names.is_empty() => {
                test |= select.test;
                names.push(&select.field);
                expression = &select.operand.expr;
            }
            _ => return None,
        }
    }
}
