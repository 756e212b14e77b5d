//! The JSON API: what `openapi.yaml` describes.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

const DESCRIPTION: &str = include_str!("../openapi.yaml");

/// The routes below `/api`.
pub(crate) fn routes() -> Router {
    Router::new().route("/openapi.yaml", get(description))
}

async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], DESCRIPTION)
}
