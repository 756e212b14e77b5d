//! What runs a pod, by the owner that the pod names.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LabelMap;

/// What runs a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Workload {
    /// Kind; a ReplicaSet made by a Deployment counts as the Deployment, a Job made by a CronJob as
    /// the CronJob.
    pub kind: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl Workload {
    /// The workload behind the controller of a pod with these labels. Pods name only their direct
    /// owner; whose it is follows from how controllers name what they make, as Hubble does it.
    pub fn from_owner(kind: &str, name: &str, labels: &LabelMap) -> Self {
        let label = |key: &str| labels.get(key).map(|value| &**value);
        let maker = match kind {
            // `<deployment>-<hash of the template>`.
            "ReplicaSet" => label("pod-template-hash")
                .and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'))
                .map(|deployment| ("Deployment", deployment)),
            // `<cron job>-<scheduled time in minutes or seconds>`.
            "Job" => name
                .rsplit_once('-')
                .filter(|(_, time)| {
                    (8..=10).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit())
                })
                .map(|(cron_job, _)| ("CronJob", cron_job)),
            // OpenShift's, which says so in a label.
            "ReplicationController" => {
                label("deploymentconfig").map(|config| ("DeploymentConfig", config))
            }
            _ => None,
        };
        let (kind, name) = maker
            .filter(|(_, name)| !name.is_empty())
            .unwrap_or((kind, name));
        Self {
            kind: kind.into(),
            name: name.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maker_of_the_owner_is_the_workload() {
        let hash = ("pod-template-hash", "7d9f8b6c5d");
        for (owner, label, want) in [
            ("ReplicaSet/web-7d9f8b6c5d", Some(hash), "Deployment/web"),
            (
                "ReplicaSet/web-7d9f8b6c5d",
                None,
                "ReplicaSet/web-7d9f8b6c5d",
            ),
            ("ReplicaSet/web", Some(hash), "ReplicaSet/web"),
            (
                "ReplicaSet/-7d9f8b6c5d",
                Some(hash),
                "ReplicaSet/-7d9f8b6c5d",
            ),
            ("StatefulSet/db", None, "StatefulSet/db"),
            ("DaemonSet/log", Some(hash), "DaemonSet/log"),
            ("Job/report-28412345", None, "CronJob/report"),
            ("Job/report-1704067200", None, "CronJob/report"),
            ("Job/report-2841", None, "Job/report-2841"),
            ("Job/report-1a2b3c4d", None, "Job/report-1a2b3c4d"),
            ("Job/28412345", None, "Job/28412345"),
            (
                "ReplicationController/web-3",
                Some(("deploymentconfig", "web")),
                "DeploymentConfig/web",
            ),
            (
                "ReplicationController/web",
                None,
                "ReplicationController/web",
            ),
        ] {
            let labels = label
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()));
            let (kind, name) = owner.split_once('/').expect("a kind and a name");
            let found = Workload::from_owner(kind, name, &labels.collect());
            assert_eq!(format!("{}/{}", found.kind, found.name), want, "{owner}");
        }
    }
}
