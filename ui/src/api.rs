//! The JSON API: what `openapi.yaml` describes.

mod acknowledgements;
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
mod policy_check;
mod requests;
mod rows;
mod status;
mod values;
mod workload;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::app_state::AppState;
use crate::problem::Problem;

const DESCRIPTION: &str = include_str!("../openapi.yaml");

const ACKNOWLEDGEMENTS: &str = "/acknowledgements";
const POLICY_CHECK: &str = "/policy/check";
/// The routes that take something: others only read.
pub(crate) const POSTS: [&str; 2] = [ACKNOWLEDGEMENTS, POLICY_CHECK];

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
        .route(
            ACKNOWLEDGEMENTS,
            get(acknowledgements::get).post(acknowledgements::post),
        )
        .route(POLICY_CHECK, post(policy_check::post).get(only_post))
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

async fn only_post() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "send the policies by POST");
    let allow = (header::ALLOW, HeaderValue::from_static("POST"));
    ([allow], problem).into_response()
}

/// What a request brings, as JSON of at most `most` bytes.
async fn sent<T: DeserializeOwned>(request: Request, most: usize) -> Result<T, Problem> {
    let too_large = || {
        let detail = format!("the request has more than {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let (head, body) = request.into_parts();
    let length = head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let bytes = axum::body::to_bytes(body, most).await.map_err(|error| {
        let limit = std::error::Error::source(&error);
        match limit.is_some_and(|source| source.is::<LengthLimitError>()) {
            true => too_large(),
            false => Problem::new(StatusCode::BAD_REQUEST, "the request broke off"),
        }
    })?;
    let read = Json::<T>::from_bytes(&bytes);
    read.map(|Json(read)| read)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))
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
