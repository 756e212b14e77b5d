//! The answer as JSON.

use explain::trace::EndpointVerdict;
use flow::time::{TimeFormat, Zone};
use proto::{flows::v1::Change, google::Timestamp};
use serde_json::{Value, json};

use super::Answer;

/// All that is said.
pub(super) fn of(answer: &Answer<'_>) -> Value {
    let time = |ns: i64| {
        let moment = Timestamp::from_unix_nanos(ns);
        TimeFormat::Rfc3339Nano.text(Some(&moment), &Zone::UTC)
    };
    let change = |change: &Change| {
        json!({
            "object": change.object,
            "summary": change.summary,
            "place": change.place,
            "time": change.time.map(|time| TimeFormat::Rfc3339Nano.text(Some(&time), &Zone::UTC)),
        })
    };
    let causes = answer
        .found
        .alone
        .iter()
        .filter_map(|at| answer.changes.get(*at));
    let suggestions = answer.now.suggestions.iter();
    let past = &answer.past;
    let mut told = json!({
        "source": answer.source,
        "destination": answer.destination,
        "at": answer.at.map(|at| time(at.unix_nanos())),
        "verdict": if answer.found.allowed { "ALLOWED" } else { "DENIED" },
        "last_allowed": past.worked.map(time),
        "denied_since": past.denied.map(|(first, _)| time(first)),
        "last_denied": past.denied.map(|(_, last)| time(last)),
        "drops": past.drops,
        "notes": answer.known_to_agents,
        "nearest_rules": answer.nearest.iter().flatten().collect::<Vec<_>>(),
        "dropped_otherwise": past.otherwise.as_ref().map(|(why, last, drops)| {
            json!({"why": why, "last": time(*last), "drops": drops})
        }),
        "causes": causes.map(change).collect::<Vec<_>>(),
        "together": answer.found.together,
        "changes_tried": answer.found.tried,
        "suggestions": suggestions
            .map(|one| json!({"text": one.text, "yaml": one.yaml}))
            .collect::<Vec<_>>(),
    });
    if let Some(request) = &answer.request {
        told["request"] = json!({
            "text": request.to_string(),
            "judged": answer.verdicts.iter().filter_map(judged).collect::<Vec<_>>(),
        });
    }
    if !past.requests.is_empty() {
        let requests = past.requests.iter().map(|of| {
            json!({
                "subject": of.subject,
                "reason": of.reason,
                "number": of.number,
                "last": time(of.last),
                "command": of.command,
            })
        });
        told["denied_requests"] = requests.collect();
    }
    told
}

/// What an end says of the request; `None` if no rule of layer 7 reads it there.
fn judged(verdict: &EndpointVerdict) -> Option<Value> {
    let request = verdict.request.as_ref()?;
    Some(json!({
        "direction": verdict.direction,
        "allowed": request.allowed,
        "text": request.to_string(),
    }))
}
