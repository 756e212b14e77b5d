//! Links, addresses and routes of one network namespace, by netlink.

use std::fs;
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::path::Path;

use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressHeaderFlags, AddressScope};
use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::packet_route::route::RouteScope;
use rtnetlink::{
    Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};

use crate::error::{Context, Error, Result};

/// Netlink in a namespace, for a thread that is inside.
#[derive(Debug)]
pub struct Links {
    handle: Handle,
    namespace: String,
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Interface name.
    pub name: &'a str,
    /// Ethernet address.
    pub mac: [u8; 6],
}

/// Where a route leads.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// Destination.
    pub to: IpNet,
    /// Next hop; none if the destination is on the link.
    pub via: Option<IpAddr>,
    /// Interface.
    pub dev: &'a str,
    /// Source address of what this host itself sends there.
    pub source: Option<IpAddr>,
}

impl Links {
    pub(crate) fn new(handle: Handle, namespace: String) -> Self {
        Self { handle, namespace }
    }

    fn error(&self, action: String) -> impl FnOnce(rtnetlink::Error) -> Error {
        let namespace = self.namespace.clone();
        move |source| Error::Netlink {
            action,
            namespace,
            source,
        }
    }

    /// Interface index.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such interface.
    pub fn index(&self, name: &str) -> Result<u32> {
        nix::net::if_::if_nametoindex(name).context("find interface", Path::new(name))
    }

    /// Makes a veth pair: `near` here, `far` in the namespace mounted on `far_namespace`; both down.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn veth(&self, near: End<'_>, far: End<'_>, far_namespace: &Path) -> Result<()> {
        let namespace = File::open(far_namespace).context("open", far_namespace)?;
        let peer = LinkMessageBuilder::<LinkUnspec>::default()
            .name(far.name)
            .address(far.mac.to_vec())
            .setns_by_fd(namespace.as_raw_fd())
            .build();
        let message = LinkVeth::new(near.name, far.name)
            .address(near.mac.to_vec())
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        self.handle
            .link()
            .add(message)
            .execute()
            .await
            .map_err(self.error(format!("make veth pair {} - {}", near.name, far.name)))
    }

    /// Makes a bridge, up.
    ///
    /// # Errors
    /// [`Error::Netlink`].
    pub async fn bridge(&self, name: &str) -> Result<()> {
        self.handle
            .link()
            .add(LinkBridge::new(name).build())
            .execute()
            .await
            .map_err(self.error(format!("make bridge {name}")))
    }

    /// Makes an interface a port of a bridge.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn join(&self, name: &str, bridge: &str) -> Result<()> {
        let message = LinkUnspec::new_with_index(self.index(name)?)
            .controller(self.index(bridge)?)
            .up()
            .build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(self.error(format!("join {name} to {bridge}")))
    }

    /// Brings an interface up.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn up(&self, name: &str) -> Result<()> {
        let message = LinkUnspec::new_with_index(self.index(name)?).up().build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(self.error(format!("bring up {name}")))
    }

    /// Deletes an interface.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.handle
            .link()
            .del(self.index(name)?)
            .execute()
            .await
            .map_err(self.error(format!("delete {name}")))
    }

    /// Gives an interface an address of its own, without a subnet; one in 169.254/16 is never chosen
    /// as a source.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn address(&self, name: &str, address: IpAddr) -> Result<()> {
        let length = if address.is_ipv4() { 32 } else { 128 };
        let request = self
            .handle
            .address()
            .add(self.index(name)?, address, length);
        // Whoever is inside may have given it already.
        let mut request = request.replace();
        if matches!(address, IpAddr::V4(ip) if ip.is_link_local()) {
            request.message_mut().header.scope = AddressScope::Link;
        }
        // Usable at once: as a route's source, for one.
        request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        request
            .execute()
            .await
            .map_err(self.error(format!("add address {address} to {name}")))
    }

    /// Adds a route, or replaces the one to the same destination.
    ///
    /// # Errors
    /// [`Error::Netlink`], [`Error::Io`].
    pub async fn route(&self, route: Route<'_>) -> Result<()> {
        let action = format!("route {} by {}", route.to, route.dev);
        let index = self.index(route.dev)?;
        let message = match (route.to, route.via, route.source) {
            (IpNet::V4(to), via, source) => {
                let mut builder = RouteMessageBuilder::<std::net::Ipv4Addr>::new()
                    .destination_prefix(to.addr(), to.prefix_len())
                    .output_interface(index);
                match via {
                    Some(IpAddr::V4(via)) => builder = builder.gateway(via),
                    _ => builder = builder.scope(RouteScope::Link),
                }
                if let Some(IpAddr::V4(source)) = source {
                    builder = builder.pref_source(source);
                }
                builder.build()
            }
            (IpNet::V6(to), via, source) => {
                let mut builder = RouteMessageBuilder::<std::net::Ipv6Addr>::new()
                    .destination_prefix(to.addr(), to.prefix_len())
                    .output_interface(index);
                if let Some(IpAddr::V6(via)) = via {
                    builder = builder.gateway(via);
                }
                if let Some(IpAddr::V6(source)) = source {
                    builder = builder.pref_source(source);
                }
                builder.build()
            }
        };
        self.handle
            .route()
            .add(message)
            .replace()
            .execute()
            .await
            .map_err(self.error(action))
    }
}

/// Writes kernel settings of the calling thread's network namespace: name with slashes, value.
///
/// # Errors
/// [`Error::Io`].
pub fn settings(values: &[(&str, &str)]) -> Result<()> {
    for (name, value) in values {
        let path = Path::new("/proc/sys/net").join(name);
        fs::write(&path, value).context("set", &path)?;
    }
    Ok(())
}
