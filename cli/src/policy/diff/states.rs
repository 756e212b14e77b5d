//! The two states that are compared.

use std::io::Write as _;

use cluster::{Kind, ObjectName, State};
use explain::cancel::Cancel;
use explain::validate::{self, File, Severity};
use flow::print::escape;
use proto::flows::v1::{Diagnostic, diagnostic};

use super::Args;
use crate::{
    connect::ServerArgs,
    error::Error,
    policy::{
        clean,
        manifests::{self, Manifests},
        render,
    },
};

/// Before and after.
pub(super) struct States {
    pub(super) before: Manifests,
    pub(super) after: Manifests,
    /// What validating the change found.
    pub(super) checked: validate::Report,
}

/// Reads what is to be compared.
pub(super) async fn read(args: &Args, server: &ServerArgs) -> Result<States, Error> {
    let config = args.state.config()?;
    let deleted = deletions(&args.delete)?;
    let is_change = !args.files.is_empty() || !deleted.is_empty();
    let before = match (&args.from, &args.to, &args.state.state) {
        (Some(from), Some(_), None) if !is_change => manifests::read(from, config.clone())?,
        (Some(_), Some(_), _) => {
            return Err(Error::Usage(
                "--from and --to are all that is compared: leave out FILE, --delete and --state"
                    .to_owned(),
            ));
        }
        (None, None, _) if !is_change => {
            return Err(Error::Hinted(
                "there is nothing to compare".to_owned(),
                "name changed files, --delete KIND NAMESPACE/NAME, or --from DIR --to DIR"
                    .to_owned(),
            ));
        }
        (None, None, Some(directory)) => manifests::read(directory, config.clone())?,
        (None, None, None) => {
            args.state.check_running_cluster()?;
            manifests::of_server(server).await?
        }
        (Some(_), None, _) | (None, Some(_), _) => {
            return Err(Error::Usage("--from and --to go together".to_owned()));
        }
    };
    before.complain();
    let (files, present) = match &args.to {
        Some(to) => (
            manifests::files(std::slice::from_ref(to))?,
            State::default(),
        ),
        None => (
            manifests::files(&args.files)?,
            (*before.inputs.state).clone(),
        ),
    };
    let states = propose(before, &files, present, &deleted)?;
    if states.before.inputs.state.pods.is_empty() && states.after.inputs.state.pods.is_empty() {
        return Err(Error::Hinted(
            "neither state has pods: policies without pods decide nothing".to_owned(),
            "add the manifests of pods, or compare with a running cluster (--server, --lab)"
                .to_owned(),
        ));
    }
    Ok(states)
}

/// What there would be, beside what there is.
fn propose(
    before: Manifests,
    files: &[File],
    present: State,
    deleted: &[ObjectName],
) -> Result<States, Error> {
    let config = &before.inputs.config;
    let (report, mut state) = validate::propose(files, &present, config, &Cancel::default());
    if report.count(Severity::Error) > 0 {
        let mut refused = explain::proto::report(&report);
        refused.meanings.clear();
        let errors = |it: &Diagnostic| it.severity() == diagnostic::Severity::Error;
        refused.diagnostics.retain(errors);
        let (refused, files) = clean::report(refused, files.to_vec());
        let mut err = anstream::stderr().lock();
        write!(err, "{}", render::report(&refused, &files))?;
        return Err(Error::Answered(1));
    }
    for name in deleted {
        if !state.remove(name) {
            return Err(Error::Hinted(
                format!("--delete: there is no {}", escape(&name.to_string())),
                "flows policy get lists the policies that are enforced".to_owned(),
            ));
        }
    }
    state.rebuild_named_labels();
    let after = Manifests::of_state(state.into(), config.clone());
    Ok(States {
        before,
        after,
        checked: report,
    })
}

/// Kinds that can be named, as manifests and as kubectl write them.
const KINDS: [(Kind, &[&str]); 7] = [
    (Kind::CiliumNetworkPolicy, &["cnp", "ciliumnetworkpolicy"]),
    (
        Kind::CiliumClusterwideNetworkPolicy,
        &["ccnp", "ciliumclusterwidenetworkpolicy"],
    ),
    (
        Kind::NetworkPolicy,
        &["netpol", "np", "knp", "networkpolicy"],
    ),
    (Kind::CiliumCidrGroup, &["ccg", "ciliumcidrgroup"]),
    (Kind::Pod, &["pod", "po"]),
    (Kind::Namespace, &["ns", "namespace"]),
    (Kind::Node, &["node", "no"]),
];

/// Pairs of kind and name.
fn deletions(given: &[String]) -> Result<Vec<ObjectName>, Error> {
    let pairs = given.chunks_exact(2);
    pairs.map(|pair| object_name(&pair[0], &pair[1])).collect()
}

fn object_name(kind: &str, name: &str) -> Result<ObjectName, Error> {
    let lower = kind.to_ascii_lowercase();
    let known = KINDS
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()));
    let Some((kind, _)) = known else {
        return Err(Error::Hinted(
            format!("--delete: unknown kind {}", escape(kind)),
            "one of cnp, ccnp, netpol, ccg, pod, ns, node".to_owned(),
        ));
    };
    let (namespace, name) = match (kind.is_namespaced(), name.split_once('/')) {
        (true, Some((namespace, name))) => (Some(namespace), name),
        (false, None) => (None, name),
        (true, None) => {
            let text = format!(
                "--delete: {} {} lacks its namespace",
                kind.short(),
                escape(name)
            );
            return Err(Error::Hinted(text, "write NAMESPACE/NAME".to_owned()));
        }
        (false, Some(_)) => {
            let text = format!("--delete: a {} has no namespace", kind.short());
            return Err(Error::Hinted(text, "write its name alone".to_owned()));
        }
    };
    Ok(ObjectName {
        kind: *kind,
        namespace: namespace.map(Into::into),
        name: name.into(),
    })
}
