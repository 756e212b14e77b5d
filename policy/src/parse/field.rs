//! A value of a policy object together with its path, so that whatever is wrong can be named.

use cluster::spelling::closest;
use cluster::yaml::{Node, Position, Value};
use cluster::{Problem, manifest};

/// Why an object is refused: everything that is wrong with it as far as it could be read, at least one
/// thing.
pub(crate) type Refused = Vec<Problem>;

/// Goes on after a mistake, so that the author hears of all of them at once.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(Refused);

impl FieldErrors {
    /// The value, if there is nothing wrong with it.
    pub(super) fn record<T>(&mut self, result: Result<T, Refused>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(mut wrong) => {
                self.0.append(&mut wrong);
                None
            }
        }
    }

    /// What was made of it all, if nothing was wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Refused> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }

    /// All values, or all that is wrong with them.
    pub(super) fn all<T>(
        results: impl IntoIterator<Item = Result<T, Refused>>,
    ) -> Result<Vec<T>, Refused> {
        let mut errors = Self::default();
        let values: Vec<T> = results
            .into_iter()
            .filter_map(|result| errors.record(result))
            .collect();
        errors.finish(values)
    }
}

/// A value, where it stands and what leads to it.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    policy: &'a manifest::Policy,
    pub(super) node: &'a Node,
    pub(super) path: String,
}

/// Remedy of what only an agent without a proxy refuses.
pub(super) const NEEDS_PROXY: &str = "start the agent without --l7-proxy=off";

/// Fields of a mapping that exist in the language but aren't supported yet, or not without a proxy: name and
/// what to do.
pub(super) type Unsupported = &'static [(&'static str, &'static str)];

impl<'a> Field<'a> {
    /// The object itself.
    pub(super) fn of(policy: &'a manifest::Policy) -> Self {
        Self {
            policy,
            node: &policy.document,
            path: String::new(),
        }
    }

    /// The field at a path below this one; `None` if there is none.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        Some(Self {
            policy: self.policy,
            node: self.node.at_path(path)?,
            path: path.to_owned(),
        })
    }

    /// The node that a path below this field names, which may begin with an index.
    fn walk(&self, path: &str) -> Option<&'a Node> {
        let Some(indexed) = path.strip_prefix('[') else {
            return self.node.at_path(path);
        };
        let (index, rest) = indexed.split_once(']')?;
        let item = self
            .node
            .value
            .as_list()?
            .get(index.parse::<usize>().ok()?)?;
        item.at_path(rest)
    }

    /// What this field's path below it names. If that isn't there: what is there of the way to it, under that
    /// path.
    pub(super) fn below(&self, path: &str) -> Self {
        Self {
            policy: self.policy,
            node: std::iter::successors(Some(path), |path| Some(path.rsplit_once('.')?.0))
                .find_map(|path| self.walk(path))
                .unwrap_or(self.node),
            path: match path.starts_with('[') {
                true => format!("{}{path}", self.path),
                false => format!("{}.{path}", self.path),
            },
        }
    }

    /// The object that the field belongs to.
    pub(super) fn policy(&self) -> &'a manifest::Policy {
        self.policy
    }

    /// A refusal that names this field.
    pub(super) fn refuse(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Refused {
        self.refuse_at(self.node.at, self.path.clone(), problem, remedy)
    }

    fn refuse_at(
        &self,
        at: Position,
        path: String,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Refused {
        vec![Problem {
            origin: Some(self.policy.origin.at(at)),
            object: Some(self.policy.name.clone()),
            field: path,
            problem: problem.into(),
            remedy: remedy.into(),
        }]
    }

    fn wrong_type(&self, wanted: &str, remedy: &str) -> Refused {
        self.refuse(
            format!("is {}, should be {wanted}", self.node.value.kind()),
            remedy,
        )
    }

    /// The value under `key`; absent and `null` are the same.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        self.node.get(key).map(|node| Self {
            policy: self.policy,
            node,
            path: if self.path.is_empty() {
                key.to_owned()
            } else {
                format!("{}.{key}", self.path)
            },
        })
    }

    /// Checks that this is a mapping with no other keys than these.
    pub(super) fn only(&self, known: &[&str], unsupported: Unsupported) -> Result<(), Refused> {
        let Value::Map(fields) = &self.node.value else {
            return Err(self.wrong_type("a mapping", "write {} for an empty one"));
        };
        let mut errors = FieldErrors::default();
        for field in fields {
            if known.contains(&field.key.as_str()) {
                continue;
            }
            let path = if self.path.is_empty() {
                field.key.clone()
            } else {
                format!("{}.{}", self.path, field.key)
            };
            let refuse = |problem: &str, remedy: String| -> Result<(), Refused> {
                Err(self.refuse_at(field.at, path, problem, remedy))
            };
            if let Some((_, remedy)) = unsupported.iter().find(|(name, _)| *name == field.key) {
                if field.node.value != Value::Null {
                    let problem = if remedy.starts_with(NEEDS_PROXY) {
                        "needs a proxy, which is switched off"
                    } else {
                        "isn't supported yet"
                    };
                    errors.record(refuse(problem, (*remedy).to_owned()));
                }
                continue;
            }
            let remedy = match closest(&field.key, known.iter().copied()) {
                Some(name) => format!("did you mean {name}?"),
                None => format!("known here: {}", known.join(", ")),
            };
            errors.record(refuse("unknown field", remedy));
        }
        errors.finish(())
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Result<Vec<Self>, Refused> {
        let Value::List(items) = &self.node.value else {
            return Err(self.wrong_type("a list", "start each item with a dash"));
        };
        Ok(items
            .iter()
            .enumerate()
            .map(|(n, node)| Self {
                policy: self.policy,
                node,
                path: format!("{}[{n}]", self.path),
            })
            .collect())
    }

    /// The keys and values of a mapping.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>, Refused> {
        let Value::Map(fields) = &self.node.value else {
            return Err(self.wrong_type("a mapping", ""));
        };
        Ok(fields
            .iter()
            .map(|field| {
                let entry = Self {
                    policy: self.policy,
                    node: &field.node,
                    path: format!("{}.{}", self.path, field.key),
                };
                (field.key.as_str(), entry)
            })
            .collect())
    }

    /// Text.
    pub(super) fn text(&self) -> Result<&'a str, Refused> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                Err(self.wrong_type("text", "quote it"))
            }
            Value::Null | Value::List(_) | Value::Map(_) => Err(self.wrong_type("text", "")),
        }
    }

    /// `true` or `false`.
    pub(super) fn bool(&self) -> Result<bool, Refused> {
        if let Value::Bool(value) = self.node.value {
            Ok(value)
        } else {
            Err(self.wrong_type("true or false", ""))
        }
    }

    /// A whole number from 0 to `max`.
    pub(super) fn number(&self, max: u16) -> Result<u16, Refused> {
        let Some(value) = self.node.value.as_int() else {
            if matches!(self.node.value, Value::Float(_)) {
                return Err(self.refuse(
                    "is spelled so that it isn't read alike everywhere",
                    "write it in plain decimal digits",
                ));
            }
            return Err(self.wrong_type("a number", "write it without quotes"));
        };
        u16::try_from(value)
            .ok()
            .filter(|value| *value <= max)
            .ok_or_else(|| {
                self.refuse(
                    format!("{value} is out of range"),
                    format!("use 0 to {max}"),
                )
            })
    }
}
