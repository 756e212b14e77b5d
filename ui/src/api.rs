//! The JSON API: what `openapi.yaml` describes.

mod changes;
mod connection_details;
mod connections;
mod details;
mod events;
mod explain;
mod export;
mod expressions;
mod fields;
mod flow_query;
mod histogram;
mod incidents;
mod map;
mod older;
mod policies;
mod rows;
mod status;
mod values;
mod workload;

use std::sync::Arc;

use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};

use crate::app_state::AppState;
use crate::problem::Problem;

const DESCRIPTION: &str = include_str!("../openapi.yaml");

/// An answer in JSON, or why there is none.
type Answer<T> = Result<Json<T>, Problem>;

/// The routes below `/api`.
pub(crate) fn routes(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/openapi.yaml", get(description))
        .route("/status", get(status::get))
        .route("/columns", get(rows::columns))
        .route("/flows", get(rows::get))
        .route("/flows/{flow}", get(details::get))
        .route("/flows/{flow}/explain", get(explain::get))
        .route("/connections", get(connections::get))
        .route("/connections/{connection}", get(connection_details::get))
        .route("/incidents", get(incidents::get))
        .route("/changes", get(changes::get))
        .route("/policies", get(policies::get))
        .route("/policy", get(policies::details))
        .route("/workload", get(workload::get))
        .route("/reach", get(workload::reach))
        .route("/export", get(export::get))
        .route("/older", get(older::get))
        .route("/histogram", get(histogram::get))
        .route("/map", get(map::get))
        .route("/complete", get(expressions::complete))
        .route("/check", get(expressions::check))
        .route("/events", get(events::get))
        // A fallback would not be asked: the files of the page have any other path.
        .route("/{*path}", get(nothing))
        .with_state(app)
}

async fn nothing(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(80).collect();
    let detail = format!("there is no /api{path}: see /api/openapi.yaml");
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], DESCRIPTION)
}

/// Runs what may look through the whole store, off the threads that serve, a few at a time.
async fn compute<T: Send + 'static>(
    app: Arc<AppState>,
    work: impl FnOnce(&AppState) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let place = Arc::clone(&app.computing).acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    let done = tokio::task::spawn_blocking(move || {
        let result = work(&app);
        drop(place);
        result
    });
    done.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer failed");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer could not be computed",
        ))
    })
}

/// Milliseconds of Unix time.
#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds are exact until the year 2255"
)]
fn milliseconds(ns: i64) -> f64 {
    (ns / 1000) as f64 / 1000.0
}
