//! Who waits for a change to be in force.

use std::time::Duration;

use proto::flows::v1::WaitRevisionRequest;
use tokio::time::Instant;
use tonic::{Request, Status};

use crate::node::Progress;

/// How long a client waits for an answer in words; `None`: for ever.
pub(super) fn patience(request: &Request<WaitRevisionRequest>) -> Option<Duration> {
    match request.get_ref().patience_ms {
        0 => proto::deadline(request.metadata().get("grpc-timeout")?.to_str().ok()?)
            // The words need time to get there.
            .map(|left| left - (left / 5).min(Duration::from_secs(1))),
        patience => Some(Duration::from_millis(patience.into())),
    }
}

/// Ends at the deadline, if there is one.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What the kernel does not have yet of what is waited for; `None`: it has it all.
///
/// # Errors
/// It never will.
pub(super) fn missing(
    now: &Progress,
    wanted: &WaitRevisionRequest,
) -> Result<Option<String>, Status> {
    if wanted.revision > 0 && now.revision < wanted.revision {
        return Ok(Some(format!("revision {} is waited for", wanted.revision)));
    }
    let version_of = |policy: &str| {
        let mut known = now.policies.iter();
        known
            .find(|(name, _)| name.to_string() == policy)
            .map(|(_, version)| &**version)
    };
    for (policy, version) in &wanted.versions {
        let mut refused = now.refused.iter();
        let refused = refused
            .find(|(name, (present, _))| name.to_string() == *policy && **present == **version);
        if let Some((_, (version, why))) = refused {
            let what = match &**version {
                "" => "stays enforced",
                _ => "is refused",
            };
            return Err(Status::failed_precondition(format!(
                "{policy} {what}: {why}"
            )));
        }
        // No version: the policy shall be gone.
        let present = version_of(policy).unwrap_or_default();
        if present != version {
            return Ok(Some(match (present, version.as_str()) {
                (_, "") => format!("{policy} is still in force"),
                ("", _) => format!("{policy} is not in force yet"),
                (present, version) => {
                    format!("{policy} is at version {present}, and {version} is waited for")
                }
            }));
        }
        if version.is_empty() && now.refused.keys().any(|name| name.to_string() == *policy) {
            return Ok(Some(format!("{policy} is still there")));
        }
    }
    // Of policies that are named it doesn't matter whether something else is not in force.
    let is_known = now.is_known && !wanted.versions.is_empty();
    if wanted.revision > 0 {
        return Ok(None);
    }
    Ok(match &now.failure {
        Some(failure) if !is_known => Some(format!(
            "the kernel is not in step with the manifests: {failure}"
        )),
        _ if now.generation == 0 => Some("nothing is in force yet".to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cluster::{Kind, ObjectName};

    use super::*;

    #[test]
    fn who_waits_is_told_when_it_is_in_force_or_never_will_be() {
        let name = |name: &str| ObjectName {
            kind: Kind::CiliumNetworkPolicy,
            namespace: Some("shop".into()),
            name: name.into(),
        };
        let now = Progress {
            revision: 7,
            generation: 3,
            failure: None,
            is_known: true,
            policies: BTreeMap::from([(name("web"), "2".into())]),
            refused: BTreeMap::from([
                (name("bad"), ("5".into(), "no such entity".to_owned())),
                (name("stuck"), ("".into(), "no room".to_owned())),
            ]),
        };
        let wait = |revision: u32, policy: &str, version: &str| {
            let versions = match policy {
                "" => BTreeMap::new(),
                _ => BTreeMap::from([(format!("cnp shop/{policy}"), version.to_owned())]),
            };
            let wanted = WaitRevisionRequest {
                revision,
                versions,
                ..WaitRevisionRequest::default()
            };
            missing(&now, &wanted).map_err(|status| status.message().to_owned())
        };
        let missing_is = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(wait(7, "", ""), Ok(None));
        assert_eq!(wait(8, "", ""), missing_is("revision 8 is waited for"));
        assert_eq!(wait(0, "web", "2"), Ok(None));
        assert_eq!(
            wait(0, "web", "3"),
            missing_is("cnp shop/web is at version 2, and 3 is waited for")
        );
        assert_eq!(wait(0, "gone", ""), Ok(None));
        assert_eq!(
            wait(0, "web", ""),
            missing_is("cnp shop/web is still in force")
        );
        assert_eq!(
            wait(0, "bad", "4"),
            missing_is("cnp shop/bad is not in force yet")
        );
        let refused = wait(0, "bad", "5").expect_err("it never will be");
        assert_eq!(refused, "cnp shop/bad is refused: no such entity");
        let stays = wait(0, "stuck", "").expect_err("there is no room without it");
        assert_eq!(stays, "cnp shop/stuck stays enforced: no room");
        let wanted = WaitRevisionRequest::default();
        let out_of_step = Progress {
            failure: Some("maps are full".to_owned()),
            ..now.clone()
        };
        let why = missing(&out_of_step, &wanted).ok().flatten();
        assert_eq!(
            why.as_deref(),
            Some("the kernel is not in step with the manifests: maps are full")
        );
        assert_eq!(missing(&now, &wanted).ok(), Some(None));
        let nothing = missing(&Progress::default(), &wanted).ok().flatten();
        assert_eq!(nothing.as_deref(), Some("nothing is in force yet"));
        let version = |policy: &str, version: &str| {
            let versions = BTreeMap::from([(format!("cnp shop/{policy}"), version.to_owned())]);
            let wanted = WaitRevisionRequest {
                versions,
                ..WaitRevisionRequest::default()
            };
            missing(&out_of_step, &wanted).ok()
        };
        assert_eq!(version("web", "2"), Some(None));
        assert_eq!(version("gone", ""), Some(None));
        for policy in ["web", "bad"] {
            assert!(version(policy, "").flatten().is_some(), "{policy}");
        }
    }

    #[test]
    fn words_come_before_the_call_ends() {
        let mut request = Request::new(WaitRevisionRequest::default());
        assert_eq!(patience(&request), None);
        request.set_timeout(Duration::from_secs(20));
        assert_eq!(patience(&request), Some(Duration::from_secs(19)));
        request.set_timeout(Duration::from_millis(100));
        assert_eq!(patience(&request), Some(Duration::from_millis(80)));
        request.get_mut().patience_ms = 7;
        assert_eq!(patience(&request), Some(Duration::from_millis(7)));
    }
}
