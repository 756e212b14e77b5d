//! `--cel-expression`: the Common Expression Language over the message, with Hubble's variable `_flow`.
//!
//! The crate `cel` parses and evaluates. Before that, an expression is checked and rewritten, so that
//! whoever sends one can neither stop a server nor keep it busy: it is short, has few nodes, one loop
//! inside no other, and regular expressions that were compiled once. Fields of the flow become
//! variables, which are read when they are asked for; as in protobuf, what is absent has its default.

mod check;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, Value};
use proto::fields::{Fields, Path, Plain};
use proto::flow::Flow;
use regex::Regex;

use check::{Check, DEPTH, NODES, brackets};

/// Longest expression, bytes.
const LONGEST: usize = 1024;
/// How deep brackets may, before the parser sees them.
const BRACKETS: usize = 64;

static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A checked expression.
#[derive(Clone)]
pub struct Cel(Arc<Checked>);

struct Checked {
    text: String,
    expression: IdedExpr,
    /// Fields of the flow, by variable.
    variables: BTreeMap<String, Variable>,
    /// Shared, as a copy would have to find out anew what the first one knows by now.
    regexes: Vec<Arc<Regex>>,
}

enum Variable {
    Value(Path),
    /// `has(...)`
    IsSet(Path),
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CelError {
    /// It can't be read, or says what there is not.
    #[error("error compiling CEL expression: {0}")]
    Compile(String),
    /// It is no question.
    #[error("got \"{0}\", wanted \"bool\" result type")]
    NotABool(String),
}

impl fmt::Debug for Cel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cel").field(&self.0.text).finish()
    }
}

impl PartialEq for Cel {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Cel {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is too large, can't be read, names what there is not, or is no question.
    pub fn new(text: &str) -> Result<Self, CelError> {
        let error = |why: &str| Err(CelError::Compile(why.to_owned()));
        if text.len() > LONGEST {
            return error(&format!("longer than {LONGEST} bytes"));
        }
        if brackets(text) > BRACKETS {
            return error(&format!("brackets more than {BRACKETS} deep"));
        }
        // Nothing in the parser is known to panic; it is not ours, and the text is anybody's.
        let parsed = catch_unwind(|| {
            PrattParser::new()
                .max_recursion_depth(DEPTH)
                .max_expression_node_count(NODES)
                .error_reporting_limit(1)
                .parse(text)
        });
        let mut expression = match parsed {
            Ok(Ok(expression)) => expression,
            Ok(Err(why)) => return error(why.to_string().trim_end()),
            Err(_panic) => return error("it can't be read"),
        };
        let mut check = Check::default();
        check.rewrite(&mut expression)?;
        let cel = Self(Arc::new(Checked {
            text: text.to_owned(),
            expression,
            variables: check.variables,
            regexes: check.regexes,
        }));
        match cel.evaluate(&Flow::default()) {
            Some(Ok(Value::Bool(_))) => Ok(cel),
            Some(Ok(value)) => Err(CelError::NotABool(value.type_of().to_string())),
            Some(Err(why)) if depends_on_flow(&why) => Ok(cel),
            Some(Err(why)) => error(&why.to_string()),
            None => error("it can't be evaluated"),
        }
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Whether it holds for a flow. Where it can't be said, it doesn't.
    pub fn matches(&self, flow: &Flow) -> bool {
        matches!(self.evaluate(flow), Some(Ok(Value::Bool(true))))
    }

    /// `None` if the evaluation panicked.
    fn evaluate(&self, flow: &Flow) -> Option<Result<Value, ExecutionError>> {
        let resolver = Resolver {
            variables: &self.0.variables,
            fields: Fields::new(flow),
        };
        let mut context = Context::with_env(Arc::clone(&LIBRARY));
        context.set_variable_resolver(&resolver);
        for (at, regex) in self.0.regexes.iter().enumerate() {
            let regex = Arc::clone(regex);
            let is_match = move |This(text): This<Arc<String>>| regex.is_match(&text);
            if context.add_function(&regex_name(at), is_match).is_err() {
                return None;
            }
        }
        let evaluate = || Value::resolve(&self.0.expression, &context);
        catch_unwind(AssertUnwindSafe(evaluate)).ok()
    }
}

fn regex_name(at: usize) -> String {
    format!("@matches{at}")
}

struct Resolver<'a> {
    variables: &'a BTreeMap<String, Variable>,
    fields: Fields,
}

impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = match self.variables.get(variable)? {
            Variable::Value(path) => value(path.get(&self.fields)),
            Variable::IsSet(path) => Value::Bool(path.is_set(&self.fields)),
        };
        value.try_into().ok().map(CowVal::Owned)
    }
}

fn value(plain: Plain) -> Value {
    match plain {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(value),
        Plain::Int(number) => Value::Int(number),
        Plain::Uint(number) => Value::UInt(number),
        Plain::Float(number) => Value::Float(number),
        Plain::Text(text) => Value::String(Arc::new(text)),
        Plain::Bytes(bytes) => Value::Bytes(Arc::new(bytes)),
        Plain::List(values) => Value::List(Arc::new(values.into_iter().map(value).collect())),
        Plain::Message(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, field)| (Key::String(Arc::new(name)), value(field)));
            Value::Map(Map {
                map: Arc::new(fields.collect()),
            })
        }
    }
}

/// Whether an error may be one for this flow and none for another: a list is too short, a text is no
/// number.
fn depends_on_flow(why: &ExecutionError) -> bool {
    matches!(
        why,
        ExecutionError::IndexOutOfBounds(_)
            | ExecutionError::NoSuchKey(_)
            | ExecutionError::DivisionByZero(_)
            | ExecutionError::RemainderByZero(_)
            | ExecutionError::Overflow(..)
            | ExecutionError::FunctionError { .. }
    )
}

#[cfg(test)]
mod tests {
    use proto::flow::{Endpoint, Layer4, Tcp, Verdict, layer4};

    use super::*;

    fn flow() -> Flow {
        Flow {
            verdict: Verdict::Dropped.into(),
            l4: Some(Layer4 {
                protocol: Some(layer4::Protocol::Tcp(Tcp {
                    source_port: 43_000,
                    destination_port: 5432,
                    flags: None,
                })),
            }),
            source: Some(Endpoint {
                namespace: "shop".to_owned(),
                pod_name: "web-1".to_owned(),
                labels: vec!["k8s:app=web".to_owned(), "k8s:tier=front".to_owned()],
                ..Endpoint::default()
            }),
            is_reply: Some(false.into()),
            ..Flow::default()
        }
    }

    #[test]
    fn expressions_hold_or_not() {
        for (text, holds) in [
            ("true", true),
            ("_flow.verdict == Verdict.DROPPED", true),
            ("_flow.verdict == flow.Verdict.FORWARDED", false),
            ("_flow.l4.TCP.destination_port == uint(5432)", true),
            (
                "_flow.l4.TCP.destination_port == 5432u && !_flow.is_reply",
                true,
            ),
            ("_flow.l4.TCP.destination_port > uint(6000)", false),
            // As in protobuf, what is absent has its default.
            ("_flow.l4.UDP.destination_port == 0u", true),
            ("has(_flow.l4.UDP)", false),
            ("has(_flow.l4.TCP) && has(_flow.source.pod_name)", true),
            ("_flow.source.pod_name.startsWith('web-')", true),
            ("_flow.source.pod_name.matches('^web-[0-9]$')", true),
            ("matches(_flow.source.pod_name, 'db')", false),
            ("_flow.source.labels.exists(l, l == 'k8s:app=web')", true),
            ("_flow.source.labels.all(l, l.matches('^k8s:'))", true),
            ("size(_flow.destination.labels) == 0", true),
            ("_flow.source.labels[7] == ''", false),
            ("'k8s:app=web' in _flow.source.labels", true),
            ("_flow.source.namespace in ['shop', 'data']", true),
            ("_flow.source_service.name == '' ? true : false", true),
            (
                "_flow.trace_reason == TraceReason.NEW || _flow.node_name == ''",
                true,
            ),
        ] {
            let cel = Cel::new(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(cel.matches(&flow()), holds, "{text}");
        }
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for (text, why) in [
            ("1", "got \"int\", wanted \"bool\""),
            ("_flow.source.pod_name", "got \"string\""),
            ("_flow.nope == 1", "undefined field 'nope'"),
            ("_flow.source.nope == 1", "undefined field 'nope'"),
            (
                "flow.verdict == 1",
                "undeclared reference to 'flow.verdict'",
            ),
            ("nope(1)", "undeclared reference to 'nope'"),
            ("false && nope == 1", "undeclared reference to 'nope'"),
            ("_flow.verdict ==", "error compiling CEL expression: ERROR"),
            ("'a' + 1 == 'a'", "error compiling CEL expression"),
            ("_flow.time == _flow.time", "--since"),
            ("_flow.node_name.matches(_flow.uuid)", "as a literal"),
            ("'a'.matches('(')", "regex parse error"),
            ("'a'.matches('(a{1000}){1000}')", "size limit"),
            ("[1].all(a, [1].all(b, a == b))", "none inside another"),
            (
                "_flow.source.labels.map(l, l + l).map(l, l + l) == []",
                "none inside another",
            ),
        ] {
            let refused = Cel::new(text).expect_err(text).to_string();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn nobody_is_kept_busy() {
        let deep = format!("{}true{}", "(".repeat(900), ")".repeat(900));
        let wide = vec!["true"; 400].join("||");
        let minus = format!("{}1 == 1", "-".repeat(2000));
        for text in [
            deep,
            wide,
            minus,
            "a".repeat(3000),
            "[".repeat(1000),
            "'".repeat(99),
        ] {
            assert!(Cel::new(&text).is_err(), "{}", &text[..20]);
        }
        // Read or refused, but without harm.
        for text in [
            "!", "-", "a.", "1?", "[0]", "1+", "\u{1b}", "a&&", "{", "b'",
        ] {
            let many = text.repeat(1000 / text.len());
            let _refused = Cel::new(&many);
            let _read = Cel::new(&format!("{many}true"));
        }
    }
}
