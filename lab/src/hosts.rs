//! Names inside a pod: its /etc/hosts holds every pod, service, node and the outside host of the
//! lab. Others are asked for of the pods behind the service `kube-dns` of the namespace `kube-system`, as in a
//! cluster, if there are any.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;

use crate::error::{Context, Result};
use crate::network::{OUTSIDE_IPV4, OUTSIDE_IPV6};
use crate::plan::Plan;

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

/// The service that resolves names: namespace and name, as everywhere.
const RESOLVER: (&str, &str) = ("kube-system", "kube-dns");
/// How many servers a resolv.conf may have (resolv.conf(5)).
const SERVERS: usize = 3;

/// Text of the resolv.conf of a namespace's pods, as a kubelet writes it: most names are tried with the cluster's
/// suffixes first.
pub fn resolv(plan: &Plan, namespace: &str) -> String {
    let services = plan.services.iter();
    let resolvers = services.filter(|service| (&*service.namespace, &*service.name) == RESOLVER);
    let mut text = String::from("# Kept by flows-lab. Names of the cluster stand in /etc/hosts.\n");
    let pods = resolvers.flat_map(|service| plan.pods.iter().filter(|pod| service.selects(pod)));
    for pod in pods.take(SERVERS) {
        // Writing to a String can't fail.
        let _written = writeln!(text, "nameserver {}", pod.ipv4);
    }
    let _written = writeln!(
        text,
        "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\n\
         options ndots:5 timeout:1 attempts:1"
    );
    text
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
    fn names_are_resolved_by_the_clusters_service() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: dns, namespace: kube-system, labels: {app: dns}}\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n---\n\
                    apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system}\n\
                    spec: {selector: {app: dns}}\n";
        let mut plan = Plan::new(0);
        assert!(!resolv(&plan, "shop").contains("nameserver"));
        plan.add(&manifest::split(Path::new("f"), text).unwrap(), 1)
            .unwrap();
        let text = resolv(&plan, "shop");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "nameserver 10.100.0.10");
        assert!(lines[2].starts_with("search shop.svc.cluster.local "));
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
