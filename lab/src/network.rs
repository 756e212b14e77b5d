//! The wires of a lab.
//!
//! ```text
//!   pod ns            node ns                       underlay ns          node ns
//!   eth0 ---- lxc..   (routes: pod/32 dev lxc..)
//!   eth0 ---- lxc..   eth0 ------------------------- n0 [br0] n1 ------- eth0 ...
//! ```
//! A pod knows one next hop, 169.254.1.1 or fe80::1, which its node answers for. A node routes each
//! of its pods by a host route to the pod's veth, which is how the agent finds them, and the other
//! nodes' ranges by those nodes' addresses. Nothing is made in the machine's own namespace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::Result;
use crate::link::{End, Route, settings};
use crate::netns;
use crate::plan::{Node, Plan, Pod, mac};
use crate::state::Paths;

/// Every pod's next hop.
const GATEWAY_IPV4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// Every pod's next hop.
const GATEWAY_IPV6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The outside host, of the ranges kept for documentation: never a real one.
pub const OUTSIDE_IPV4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// The outside host.
pub const OUTSIDE_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
const BRIDGE: &str = "br0";

/// For addresses to be usable at once, for nobody to listen to strangers' routers, and for pings to
/// need no privilege.
const QUIET: [(&str, &str); 5] = [
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv4/ping_group_range", "0 2147483647"),
];

/// A machine that passes packets on, and leaves judging their source to the policy programs.
const ROUTER: [(&str, &str); 6] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
];

fn host(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

const fn everything_ipv4() -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0))
}

const fn everything_ipv6() -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0))
}

/// Makes the bridge between nodes.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn make_underlay(paths: &Paths) -> Result<()> {
    let namespace = paths.underlay_namespace();
    netns::create(&namespace)?;
    netns::run(&namespace, async |links| {
        settings(&[("ipv6/conf/default/disable_ipv6", "1")])?;
        links.bridge(BRIDGE).await
    })
}

/// Makes a node: its namespace and its place on the underlay. Call [`connect`] afterwards.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn make_node(paths: &Paths, node: &Node) -> Result<()> {
    let namespace = paths.node_namespace(&node.name);
    netns::create(&namespace)?;
    netns::run(&namespace, async |links| {
        settings(&QUIET)?;
        settings(&ROUTER)?;
        links.up("lo").await?;
        links.address("lo", GATEWAY_IPV4.into()).await
    })?;
    let port = format!("n{}", node.number);
    plug(paths, &port, &namespace, node.mac())?;
    netns::run(&namespace, async |links| {
        links.address("eth0", node.ipv4.into()).await?;
        links.address("eth0", node.ipv6.into()).await?;
        links.up("eth0").await
    })
}

/// Makes the host outside of the cluster.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn make_outside(paths: &Paths) -> Result<()> {
    let namespace = paths.outside_namespace();
    netns::create(&namespace)?;
    netns::run(&namespace, async |links| {
        settings(&QUIET)?;
        settings(&ROUTER)?;
        links.up("lo").await
    })?;
    plug(paths, "outside", &namespace, mac(0x5b, OUTSIDE_IPV4))?;
    netns::run(&namespace, async |links| {
        links.address("eth0", OUTSIDE_IPV4.into()).await?;
        links.address("eth0", OUTSIDE_IPV6.into()).await?;
        links.up("eth0").await
    })
}

/// A cable from the bridge to eth0 of a namespace.
fn plug(paths: &Paths, port: &str, to: &std::path::Path, far_mac: [u8; 6]) -> Result<()> {
    let mut near_mac = far_mac;
    near_mac[1] |= 0x80;
    netns::run(&paths.underlay_namespace(), async |links| {
        let near = End {
            name: port,
            mac: near_mac,
        };
        let far = End {
            name: "eth0",
            mac: far_mac,
        };
        links.veth(near, far, to).await?;
        links.join(port, BRIDGE).await
    })
}

/// Routes between all nodes of the plan, and to and from the outside host. Safe to repeat.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn connect(paths: &Paths, plan: &Plan, outside: bool) -> Result<()> {
    for node in &plan.nodes {
        netns::run(&paths.node_namespace(&node.name), async |links| {
            for other in plan.nodes.iter().filter(|other| other.name != node.name) {
                to_node(links, plan, other, Some(node)).await?;
            }
            if outside {
                for (address, everything, source) in [
                    (OUTSIDE_IPV4.into(), everything_ipv4(), node.ipv4.into()),
                    (OUTSIDE_IPV6.into(), everything_ipv6(), node.ipv6.into()),
                ] {
                    hop(links, host(address), None, Some(source)).await?;
                    hop(links, everything, Some(address), Some(source)).await?;
                }
            }
            Ok(())
        })?;
    }
    if outside {
        netns::run(&paths.outside_namespace(), async |links| {
            for node in &plan.nodes {
                to_node(links, plan, node, None).await?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

async fn to_node(
    links: &crate::link::Links,
    plan: &Plan,
    node: &Node,
    from: Option<&Node>,
) -> Result<()> {
    let ipv4 = from.map(|from| IpAddr::from(from.ipv4));
    let ipv6 = from.map(|from| IpAddr::from(from.ipv6));
    hop(links, host(node.ipv4.into()), None, ipv4).await?;
    hop(links, host(node.ipv6.into()), None, ipv6).await?;
    let mut ranges4 = vec![node.pods_ipv4];
    let mut ranges6 = vec![node.pods_ipv6];
    // A pod may have been given an address that isn't of its node's range.
    for pod in plan.pods.iter().filter(|pod| pod.node == node.name) {
        if !node.pods_ipv4.contains(&pod.ipv4) {
            ranges4.push(pod.ipv4.into());
        }
        if !node.pods_ipv6.contains(&pod.ipv6) {
            ranges6.push(pod.ipv6.into());
        }
    }
    for range in ranges4 {
        hop(links, range.into(), Some(node.ipv4.into()), ipv4).await?;
    }
    for range in ranges6 {
        hop(links, range.into(), Some(node.ipv6.into()), ipv6).await?;
    }
    Ok(())
}

async fn hop(
    links: &crate::link::Links,
    to: IpNet,
    via: Option<IpAddr>,
    source: Option<IpAddr>,
) -> Result<()> {
    let dev = "eth0";
    links
        .route(Route {
            to,
            via,
            dev,
            source,
        })
        .await
}

/// Makes a pod's namespace and veth pair, with the pod's own end down until [`open_pod`]. With `closed`,
/// nothing passes before the node's agent has attached its programs, whatever the pod does with its end
/// and whether or not there is an agent.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`], [`crate::Error::Close`].
pub fn make_pod(paths: &Paths, node: &Node, pod: &Pod, closed: bool) -> Result<()> {
    let namespace = paths.pod_namespace(pod);
    netns::create(&namespace)?;
    netns::run(&namespace, async |links| {
        settings(&QUIET)?;
        settings(&[
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
        ])?;
        links.up("lo").await
    })?;
    netns::run(&paths.node_namespace(&node.name), async |links| {
        let name = pod.interface.as_str();
        let near = End {
            name,
            mac: pod.host_mac(),
        };
        let far = End {
            name: "eth0",
            mac: pod.mac(),
        };
        links.veth(near, far, &namespace).await?;
        if closed {
            // While it is down, which is how it is made.
            let interface = loader::IfIndex(links.index(name)?);
            loader::guard::close(interface).map_err(|source| crate::Error::Close {
                interface: name.to_owned(),
                source: Box::new(source),
            })?;
        }
        links.address(name, GATEWAY_IPV6.into()).await?;
        // Up, but without a carrier as long as the pod's end is down; a route needs it up.
        links.up(name).await?;
        for (address, source) in [
            (IpAddr::from(pod.ipv4), IpAddr::from(node.ipv4)),
            (IpAddr::from(pod.ipv6), IpAddr::from(node.ipv6)),
        ] {
            links
                .route(Route {
                    to: host(address),
                    via: None,
                    dev: name,
                    source: Some(source),
                })
                .await?;
        }
        Ok(())
    })
}

/// Brings the pod's own end up, with its addresses and routes.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn open_pod(paths: &Paths, pod: &Pod) -> Result<()> {
    netns::run(&paths.pod_namespace(pod), async |links| {
        links.address("eth0", pod.ipv4.into()).await?;
        links.address("eth0", pod.ipv6.into()).await?;
        links.up("eth0").await?;
        let dev = "eth0";
        for (to, via) in [
            (host(GATEWAY_IPV4.into()), None),
            (everything_ipv4(), Some(GATEWAY_IPV4.into())),
            (everything_ipv6(), Some(GATEWAY_IPV6.into())),
        ] {
            let source = None;
            links
                .route(Route {
                    to,
                    via,
                    dev,
                    source,
                })
                .await?;
        }
        Ok(())
    })
}

/// Takes a pod's veth and namespace away. What is missing already is no error.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Netlink`].
pub fn remove_pod(paths: &Paths, pod: &Pod) -> Result<()> {
    let node = paths.node_namespace(&pod.node);
    if netns::exists(&node) {
        netns::run(&node, async |links| match links.index(&pod.interface) {
            Ok(_) => links.delete(&pod.interface).await,
            Err(_gone) => Ok(()),
        })?;
    }
    netns::remove(&paths.pod_namespace(pod))
}
