//! The form of origins in state files in which those of a default deny stood for all rules of their
//! policy: with the paths of them all (`spec, specs[1]`), and with their labels together.

use std::sync::Arc;

use cluster::ObjectName;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Origin;

#[derive(Deserialize)]
struct SerializedReason {
    policy: ObjectName,
    uid: Option<Arc<str>>,
    version: Arc<str>,
    rule: String,
    text: Arc<str>,
    #[serde(default)]
    labels: Vec<Arc<str>>,
    #[serde(default)]
    log: Option<Arc<str>>,
}

/// Reads origins in this form and in the present one: one for each rule, in the order of those that
/// are derived again. Which of the labels are whose can't be told any more.
pub(super) fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Origin>, D::Error> {
    let mut origins = Vec::new();
    for stored in Vec::<SerializedReason>::deserialize(from)? {
        for path in stored.rule.split(", ") {
            origins.push(Origin {
                policy: stored.policy.clone(),
                uid: stored.uid.clone(),
                version: Arc::clone(&stored.version),
                rule: path.parse().map_err(D::Error::custom)?,
                text: Arc::clone(&stored.text),
                labels: stored.labels.clone(),
                log: stored.log.clone(),
            });
        }
    }
    origins.sort();
    Ok(origins)
}
