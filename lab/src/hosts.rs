//! Names inside a pod: its /etc/hosts holds every pod, service, node and the outside host of the
//! lab; its resolv.conf names no server, for there is none.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;

use crate::error::{Context, Result};
use crate::network::{OUTSIDE_IPV4, OUTSIDE_IPV6};
use crate::plan::{Plan, Pod};

/// Text of the hosts file as seen from a namespace of the cluster.
pub fn hosts(plan: &Plan, outside: bool, namespace: &str) -> String {
    let mut text = String::from(
        "# Kept by flows-lab.\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    );
    let mut line = |address: IpAddr, names: &[String]| {
        // Writing to a String can't fail.
        let _written = writeln!(text, "{address} {}", names.join(" "));
    };
    let short = |owner: &str, name: &str, mut names: Vec<String>| {
        if owner == namespace {
            names.insert(0, name.to_owned());
        }
        names
    };
    for service in &plan.services {
        let full = format!("{}.{}.svc", service.name, service.namespace);
        let names = short(
            &service.namespace,
            &service.name,
            vec![format!("{full}.cluster.local"), full],
        );
        for pod in plan.pods.iter().filter(|pod| service.selects(pod)) {
            line(pod.ipv4.into(), &names);
            line(pod.ipv6.into(), &names);
        }
    }
    for pod in &plan.pods {
        let mut names = vec![format!("{}.{}", pod.name, pod.namespace)];
        let taken = plan
            .services
            .iter()
            .any(|service| service.namespace == pod.namespace && service.name == pod.name);
        if !taken {
            names = short(&pod.namespace, &pod.name, names);
        }
        line(pod.ipv4.into(), &names);
        line(pod.ipv6.into(), &names);
    }
    for node in &plan.nodes {
        line(node.ipv4.into(), std::slice::from_ref(&node.name));
        line(node.ipv6.into(), std::slice::from_ref(&node.name));
    }
    if outside {
        line(OUTSIDE_IPV4.into(), &["outside".to_owned()]);
        line(OUTSIDE_IPV6.into(), &["outside".to_owned()]);
    }
    text
}

/// Text of a pod's resolv.conf.
pub fn resolv(pod: &Pod) -> String {
    let namespace = &pod.namespace;
    format!(
        "# No DNS server runs in a lab: names stand in /etc/hosts.\n\
         search {namespace}.svc.cluster.local svc.cluster.local cluster.local\n\
         options timeout:1 attempts:1\n"
    )
}

/// Writes a file in place: running containers see it through a bind mount, which a replaced file
/// would leave behind.
///
/// # Errors
/// [`crate::Error::Io`].
pub fn write_in_place(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .context("open", path)?;
    file.write_all(text.as_bytes()).context("write", path)?;
    let length = u64::try_from(text.len()).expect("a length in memory fits 64 bits");
    file.set_len(length).context("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    #[test]
    fn names_are_as_in_a_cluster() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: db-0, namespace: shop, labels: {app: db}}\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: front}\n---\n\
                    apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {selector: {app: db}}\n";
        let mut plan = Plan::new(0);
        plan.add(&manifest::split(Path::new("f"), text).unwrap(), 1)
            .unwrap();
        let lines: Vec<String> = hosts(&plan, true, "shop")
            .lines()
            .map(str::to_owned)
            .collect();
        for expected in [
            "10.100.0.10 db db.shop.svc.cluster.local db.shop.svc",
            "10.100.0.10 db-0 db-0.shop",
            "fd00:1ab:0:1::a db-0 db-0.shop",
            "10.100.0.11 web.front",
            "172.30.0.10 node-1",
            "203.0.113.10 outside",
        ] {
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected}: {lines:#?}"
            );
        }
    }

    #[test]
    fn a_shorter_text_leaves_no_rest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        write_in_place(&path, "longer text\n").unwrap();
        write_in_place(&path, "short\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short\n");
    }
}
