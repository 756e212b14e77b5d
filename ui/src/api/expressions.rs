//! Expressions: reading, checking, completing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use flow::Filter;
use flow::attribute::Attribute;
use flow::expr::{self, ExprError};
use serde::Serialize;

use super::Answer;
use crate::app_state::AppState;
use crate::params::Params;
use crate::problem::{ExpressionError, Problem};

/// The longest expression, bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// Completions of an answer.
const MOST: usize = 50;

/// Reads the expression that is the request's `index`th.
pub(super) fn read(text: &str, index: usize) -> Result<Filter, Problem> {
    if text.len() > LONGEST {
        return Err(Problem::parameter(
            "filter",
            format!("has more than {} bytes", LONGEST),
        ));
    }
    Filter::parse_expr(text).map_err(|error| {
        let mut problem = Problem::parameter("filter", &error);
        problem.expression = Some(Box::new(complaint(error, index)));
        problem
    })
}

fn complaint(error: ExprError, filter: usize) -> ExpressionError {
    ExpressionError {
        filter,
        column: error.column,
        length: error.length.max(1),
        suggestion: error
            .suggestion
            .map(|meant| format!("Did you mean {meant}?")),
        message: error.message,
    }
}

#[derive(Serialize)]
pub(super) struct Checked {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<ExpressionError>>,
}

pub(super) async fn check(RawQuery(query): RawQuery) -> Answer<Checked> {
    let params = Params::read(query.as_deref(), &["filter"], &[])?;
    let text = params.text("filter").unwrap_or_default();
    match read(text, 0) {
        Ok(_) => Ok(Json(Checked { error: None })),
        Err(Problem {
            expression: Some(error),
            ..
        }) => Ok(Json(Checked { error: Some(error) })),
        Err(problem) => Err(problem),
    }
}

#[derive(Serialize)]
pub(super) struct Completions {
    completions: Vec<Completion>,
}

#[derive(Serialize)]
struct Completion {
    start: usize,
    end: usize,
    insert: String,
    label: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

pub(super) async fn complete(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Completions> {
    let params = Params::read(query.as_deref(), &["filter", "cursor"], &[])?;
    let text = params.text("filter").unwrap_or_default().to_owned();
    if text.len() > LONGEST {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the expression is too long",
        ));
    }
    let cursor = params
        .value("cursor")?
        .unwrap_or(text.len())
        .min(text.len());
    let completions = super::compute(app, move |app| {
        let seen = super::values::StoreValues::new(app.store.snapshot());
        Ok(expr::complete(&text, cursor, &seen))
    })
    .await?;
    let completions = completions.into_iter().take(MOST).map(|found| Completion {
        start: found.range.start,
        end: found.range.end,
        kind: kind(found.text.trim()),
        label: found.text.trim().to_owned(),
        insert: found.text,
        detail: found.doc,
    });
    Ok(Json(Completions {
        completions: completions.collect(),
    }))
}

fn kind(text: &str) -> &'static str {
    match text {
        "and" | "or" | "not" | "true" | "false" => "keyword",
        text if text.starts_with(|c: char| !c.is_alphanumeric() && c != '"') => "operator",
        "in" => "operator",
        text if Attribute::field(text).is_some() => "field",
        _ => "value",
    }
}
