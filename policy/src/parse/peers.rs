//! Who an element is about: endpoints, entities, prefixes and groups of prefixes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::field::{Field, FieldErrors, Refused};
use super::select::selector;
use crate::rule::{CidrRule, Peer};
use crate::selector::{Key, Requirement, Selector};

/// Peers and how to say them.
pub(super) type Said = (Vec<Peer>, String);

/// What a policy's selectors are confined to.
pub(super) struct Scope<'a> {
    /// Namespace of the policy; `None`: cluster-wide.
    pub(super) namespace: Option<&'a str>,
    /// The local cluster.
    pub(super) cluster: &'a str,
    /// The subject selects `reserved:init`, whose peers aren't confined to pods.
    pub(super) init: bool,
}

/// `fromEndpoints` or `toEndpoints`.
pub(super) fn endpoints(field: &Field<'_>, scope: &Scope<'_>) -> Result<Vec<Said>, Refused> {
    let items = field.list()?;
    FieldErrors::all(items.iter().map(|item| endpoint(item, scope)))
}

/// One item of them.
pub(super) fn endpoint(item: &Field<'_>, scope: &Scope<'_>) -> Result<Said, Refused> {
    let written = selector(item, Key::parse)?;
    let said = match (written.requirements.is_empty(), scope.namespace) {
        (false, _) => written.to_string(),
        (true, Some(namespace)) => format!("all pods of {namespace}"),
        (true, None) => "all pods".to_owned(),
    };
    let scoped = written.scoped(scope.namespace, scope.cluster, scope.init);
    Ok((vec![Peer::Labels(scoped)], said))
}

/// `fromEntities` or `toEntities`.
pub(super) fn entities(field: &Field<'_>, cluster: &str) -> Result<Vec<Said>, Refused> {
    const ENTITIES: [&str; 13] = [
        "all",
        "world",
        "world-ipv4",
        "world-ipv6",
        "cluster",
        "host",
        "remote-node",
        "kube-apiserver",
        "ingress",
        "init",
        "health",
        "unmanaged",
        "none",
    ];
    let items = field.list()?;
    FieldErrors::all(items.iter().map(|item| {
        let text = item.text()?;
        let Some(name) = ENTITIES.into_iter().find(|name| *name == text) else {
            return Err(item.refuse(
                format!("unsupported entity: {text}"),
                format!("use one of {}", ENTITIES.join(", ")),
            ));
        };
        let reserved = |names: &[&'static str]| names.iter().map(|n| Peer::Reserved(n)).collect();
        let peers = match name {
            "all" => vec![Peer::All],
            "world" => reserved(&["world", "world-ipv4", "world-ipv6"]),
            "cluster" => {
                let mut peers: Vec<Peer> = reserved(&[
                    "host",
                    "remote-node",
                    "init",
                    "ingress",
                    "health",
                    "unmanaged",
                    "kube-apiserver",
                ]);
                peers.push(Peer::Labels(Selector::new([Requirement::equals(
                    Key::k8s(cluster::labels::CLUSTER),
                    cluster,
                )])));
                peers
            }
            "none" => Vec::new(),
            name => vec![Peer::Reserved(name)],
        };
        let said = match name {
            "all" => "anyone",
            "none" => "nobody",
            name => name,
        };
        Ok((peers, said.to_owned()))
    }))
}

/// `fromCIDR` or `toCIDR`: an address or a prefix.
pub(super) fn cidrs(field: &Field<'_>) -> Result<Vec<Said>, Refused> {
    let items = field.list()?;
    FieldErrors::all(items.iter().map(|item| {
        let text = item.text()?;
        if text.is_empty() {
            return Err(item.refuse("IP must be specified", "write an address or a prefix"));
        }
        let cidr = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let Some(cidr) = cidr.map(|cidr| cidr.trunc()) else {
            return Err(item.refuse(
                format!("unable to parse CIDR: {text:?}"),
                "write it as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32",
            ));
        };
        let rule = CidrRule {
            cidr,
            except: Vec::new(),
        };
        Ok((vec![Peer::Cidr(rule)], text.to_owned()))
    }))
}

/// `fromCIDRSet` or `toCIDRSet`.
pub(super) fn cidr_set(field: &Field<'_>) -> Result<Vec<Said>, Refused> {
    FieldErrors::all(field.list()?.iter().map(cidr_rule))
}

pub(super) fn cidr_rule(item: &Field<'_>) -> Result<Said, Refused> {
    item.only(
        &["cidr", "cidrGroupRef", "cidrGroupSelector", "except"],
        &[],
    )?;
    let written = excepts(item)?;
    let except: Vec<IpNet> = BTreeSet::from_iter(written.iter().copied())
        .into_iter()
        .collect();
    let sources = ["cidr", "cidrGroupRef", "cidrGroupSelector"];
    let mut given = sources
        .iter()
        .filter_map(|name| item.get(name).map(|field| (*name, field)));
    let Some((name, field)) = given.next() else {
        return Err(item.refuse(
            "one of cidr, cidrGroupRef, or cidrGroupSelector is required",
            "add one of them",
        ));
    };
    if given.next().is_some() {
        return Err(item.refuse(
            "more than one of cidr, cidrGroupRef, or cidrGroupSelector may not be set",
            "write one item for each",
        ));
    }
    let (peer, said) = match name {
        "cidr" => {
            let cidr = prefix(&field)?;
            let outside = except.iter().find(|except| !cidr.contains(*except));
            if let Some(outside) = outside {
                return Err(item.refuse(
                    format!(
                        "allow CIDR prefix {cidr} does not contain exclude CIDR prefix {outside}"
                    ),
                    "except can only take parts out of cidr",
                ));
            }
            let said = cidr.to_string();
            (
                Peer::Cidr(CidrRule {
                    cidr,
                    except: except.clone(),
                }),
                said,
            )
        }
        "cidrGroupRef" => {
            let name = field.text()?;
            let peer = Peer::CidrGroup {
                name: name.into(),
                except: except.clone(),
            };
            (peer, format!("CIDR group {name}"))
        }
        _ => {
            let selector = selector(&field, Key::parse)?;
            let said = format!("CIDR groups {selector}");
            let peer = Peer::CidrGroups {
                selector,
                except: except.clone(),
            };
            (peer, said)
        }
    };
    let said = if written.is_empty() {
        said
    } else {
        let except: Vec<String> = written.iter().map(ToString::to_string).collect();
        format!("{said} except {}", except.join(", "))
    };
    Ok((vec![peer], said))
}

/// `ipBlock` of a NetworkPolicy.
pub(super) fn ip_block(item: &Field<'_>) -> Result<Said, Refused> {
    item.only(&["cidr", "except"], &[])?;
    if item.get("cidr").is_none() {
        return Err(item.refuse("has no cidr", "add cidr"));
    }
    let said = cidr_rule(item)?;
    // Stricter than for a CIDRSet: Kubernetes' API refuses what leaves nothing.
    for peer in &said.0 {
        if let Peer::Cidr(rule) = peer
            && rule.except.contains(&rule.cidr)
        {
            return Err(item.refuse(
                format!("except {} leaves nothing of cidr", rule.cidr),
                "take out a part of cidr, or remove the block",
            ));
        }
    }
    Ok(said)
}

fn excepts(item: &Field<'_>) -> Result<Vec<IpNet>, Refused> {
    match item.get("except") {
        None => Ok(Vec::new()),
        Some(except) => FieldErrors::all(except.list()?.iter().map(prefix)),
    }
}

fn prefix(field: &Field<'_>) -> Result<IpNet, Refused> {
    let text = field.text()?;
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .map_err(|_what_the_library_says| {
            let (problem, remedy) = match text.parse::<IpAddr>() {
                Ok(ip) => (
                    "has no length",
                    format!("add the length of the prefix: {}", IpNet::from(ip)),
                ),
                Err(_) => (
                    "is not a prefix",
                    "write it as 10.0.0.0/8 or 2001:db8::/32".to_owned(),
                ),
            };
            field.refuse(
                format!("unable to parse CIDRRule {text:?}: {problem}"),
                remedy,
            )
        })
}
