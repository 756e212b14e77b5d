//! The parameters of a request, read strictly: one that isn't known, is given twice or can't be
//! read is an error that names it.

use std::str::FromStr;

use axum::http::StatusCode;

use crate::problem::Problem;

/// The longest query that is read, in bytes.
const LONGEST: usize = 56 * 1024;
/// The most parameters that a request may have.
const MOST: usize = 64;

/// A request's parameters, of those that it may have.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(&'static str, String)>,
}

impl Params {
    /// Reads a query. `known` are the names that may occur; those in `repeated` may do so often.
    pub(crate) fn read(
        query: Option<&str>,
        known: &[&'static str],
        repeated: &[&'static str],
    ) -> Result<Self, Problem> {
        let query = query.unwrap_or_default();
        if query.len() > LONGEST {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                format!(
                    "the query has {} bytes; the limit is {LONGEST}",
                    query.len()
                ),
            ));
        }
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(&found) = known.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(40).collect();
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!(
                        "unknown parameter {name:?}; expected one of: {}",
                        known.join(", ")
                    ),
                ));
            };
            if !repeated.contains(&found) && pairs.iter().any(|(name, _)| *name == found) {
                return Err(Problem::parameter(found, "is given twice"));
            }
            if value.contains('\0') {
                return Err(Problem::parameter(found, "has a NUL character"));
            }
            if pairs.len() == MOST {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("more than {MOST} parameters"),
                ));
            }
            pairs.push((found, value.into_owned()));
        }
        Ok(Self { pairs })
    }

    /// A parameter's text; an empty one counts as left out.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    /// All texts of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(found, value)| *found == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A number or a truth value.
    pub(crate) fn value<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T::Err: std::fmt::Display,
    {
        let value = self.text(name).map(str::parse).transpose();
        value.map_err(|error| Problem::parameter(name, error))
    }

    /// A number within bounds.
    pub(crate) fn number(
        &self,
        name: &'static str,
        default: usize,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, Problem> {
        let number = self.value(name)?.unwrap_or(default);
        if bounds.contains(&number) {
            return Ok(number);
        }
        Err(Problem::parameter(
            name,
            format!("must be {} to {}", bounds.start(), bounds.end()),
        ))
    }

    /// Words with commas between.
    pub(crate) fn words(&self, name: &'static str) -> Vec<&str> {
        let words = self.text(name).unwrap_or_default().split(',');
        words.filter(|word| !word.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Problem> {
        Params::read(Some(query), &["limit", "filter", "columns"], &["filter"])
    }

    #[test]
    fn good_ones() {
        let params = read("filter=a+%3D%3D+b&filter=c&limit=7&columns=x,y,,").unwrap();
        assert_eq!(params.all("filter").collect::<Vec<_>>(), ["a == b", "c"]);
        assert_eq!(params.number("limit", 1, 1..=10).unwrap(), 7);
        assert_eq!(params.words("columns"), ["x", "y"]);
        assert_eq!(read("").unwrap().number("limit", 3, 1..=10).unwrap(), 3);
    }

    #[test]
    fn bad_ones_are_named() {
        for (query, said) in [
            ("limit=1&limit=2", "limit: is given twice"),
            ("color=red", "unknown parameter \"color\""),
            ("filter=%00", "filter: has a NUL"),
            (&"filter=x&".repeat(65), "more than 64"),
            (
                &format!("filter={}", "x".repeat(LONGEST)),
                "the limit is 57344",
            ),
        ] {
            let problem = read(query).unwrap_err();
            assert!(problem.detail.contains(said), "{said}: {}", problem.detail);
        }
        for limit in ["0", "11", "-1", "x", "99999999999999999999999"] {
            let params = read(&format!("limit={limit}")).unwrap();
            let problem = params.number("limit", 1, 1..=10).unwrap_err();
            assert!(problem.detail.starts_with("limit: "), "{}", problem.detail);
        }
    }
}
