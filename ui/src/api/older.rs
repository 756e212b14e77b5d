//! Older flows, out of the servers' history.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::flow_query::Times;
use super::{Answer, milliseconds};
use crate::app_state::{self, AppState, Older};
use crate::params::Params;
use crate::problem::Problem;

#[derive(Serialize)]
pub(super) struct Fetched {
    added: usize,
    first: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<f64>,
    older: Older,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Fetched> {
    let params = Params::read(query.as_deref(), &["before", "since"], &[])?;
    let before = params.value("before")?;
    let times = Times::read(&params)?;
    let since = Some(times.bounds().0).filter(|since| *since > i64::MIN);
    let added = match app.is_file {
        true => 0,
        false => app.fetch_older(before, since).await.map_err(|why| {
            let why = format!("older flows can't be fetched: {why}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })?,
    };
    Ok(Json(Fetched {
        added,
        first: app.store.snapshot().range().start,
        oldest: app_state::oldest(&app.store).map(milliseconds),
        older: app.older(),
    }))
}
