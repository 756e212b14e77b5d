//! Why a flow was judged as it was: the server's answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use proto::flows::v1::ExplainResponse;
use serde::Serialize;

use super::{Answer, compute, details};
use crate::app_state::AppState;
use crate::problem::Problem;

#[derive(Serialize)]
pub(super) struct Explanation {
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<ExplainResponse>,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
) -> Answer<Explanation> {
    let named = details::Named::read(&name)?;
    let server = app.server.clone();
    let flags = app.flags.clone();
    let flow = compute(app, move |app| {
        let snapshot = app.store.snapshot();
        let flow = snapshot.message(named.find(&snapshot)?);
        flow.ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the flow can't be read")
        })
    });
    let flow = flow.await?;
    let no = |why: String| Explanation {
        available: false,
        why: Some(why),
        answer: None,
    };
    let Some(server) = server else {
        let why = "These flows are from a file: there is no server to ask about policies.";
        return Ok(Json(no(why.to_owned())));
    };
    Ok(Json(match server.explain(flow).await {
        Ok(mut answer) => {
            answer.command = command(&answer.command, &flags);
            Explanation {
                available: true,
                why: None,
                answer: Some(answer),
            }
        }
        Err(error) => no(error.to_string()),
    }))
}

/// The server doesn't know how it is come to: with the flags that name it, the command asks it
/// wherever it is run.
pub(super) fn command(text: &str, flags: &str) -> String {
    match text.strip_prefix("flows ") {
        Some(rest) if !flags.is_empty() => format!("flows {flags} {rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_the_server() {
        for (text, flags, wanted) in [
            (
                "flows policy trace --x y",
                "--lab demo",
                "flows --lab demo policy trace --x y",
            ),
            ("flows policy trace", "", "flows policy trace"),
            ("", "--lab demo", ""),
        ] {
            assert_eq!(command(text, flags), wanted);
        }
    }
}
