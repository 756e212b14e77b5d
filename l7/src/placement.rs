//! Where rules of layer 7 may stand: an item of `toPorts` as a whole, its ports and its lists beside each other.
//! Conditions and words of Cilium 1.20.0-dev (`pkg/policy/api/rule_validation.go`), and what flows doesn't
//! have (yet), which it refuses rather than ignores. What is inside the lists is their own modules'.

use std::fmt;

use crate::rules::Direction;

/// An item of `toPorts`, as far as layer 7 is concerned.
#[derive(Clone, Debug)]
pub struct PortRule<'a> {
    /// In which list of the rule it stands.
    pub direction: Direction,
    /// Whether the rule's subject is the host.
    pub is_host: bool,
    /// `ports`
    pub ports: &'a [Port],
    /// Entries of `rules.http`; `None` if there is no such list.
    pub http: Option<usize>,
    /// Entries of `rules.dns`.
    pub dns: Option<usize>,
    /// Entries of `rules.kafka`.
    pub kafka: Option<usize>,
    /// Keys of the entries of `rules.l7`.
    pub l7: Option<&'a [Vec<Box<str>>]>,
    /// `rules.l7proto`, if it isn't empty.
    pub l7proto: Option<&'a str>,
    /// `serverNames`
    pub server_names: &'a [Box<str>],
    /// Whether there is `terminatingTLS`.
    pub terminates_tls: bool,
    /// Whether there is `originatingTLS`.
    pub originates_tls: bool,
    /// Name of `listener`.
    pub listener: Option<&'a str>,
}

/// A port of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its number; `None` if it is a name.
    pub number: Option<u16>,
    /// `endPort`
    pub end: Option<u16>,
    /// `protocol`
    pub protocol: PortProtocol,
}

/// What a port is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortProtocol {
    /// `TCP`
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
    /// `ANY`, or nothing written.
    Any,
}

impl fmt::Display for PortProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Any => "ANY",
        })
    }
}

/// Why rules of layer 7 can't stand where they do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Entries of one kind beside another kind's list, be that empty.
    #[error("multiple L7 protocol rule types specified in single rule")]
    SeveralKinds,
    /// At the port with this index.
    #[error("L7 rules can only apply to TCP (not {protocol}) except for DNS rules")]
    Protocol {
        /// Index of the port.
        port: usize,
        /// What it is of.
        protocol: PortProtocol,
    },
    /// At the port with this index.
    #[error("L7 rules can not be used when a port is 0")]
    PortZero(usize),
    /// DNS rules need a port, not only the one that the words name.
    #[error("port 53 must be specified for DNS rules")]
    DnsWithoutPort,
    /// At the port with this index.
    #[error("DNS rules do not support port ranges")]
    DnsRange(usize),
    /// What a client asks for is its own policy's.
    #[error("DNS rules are not allowed on ingress")]
    DnsOnIngress,
    /// The host's own requests are not judged.
    #[error("L7 protocol {0} is not supported on host egress yet")]
    HostEgress(&'static str),
    /// Requests to the host are not judged.
    #[error("L7 policy is not supported on host ingress yet")]
    HostIngress,
    /// Entries for no parser.
    #[error("'l7' may only be specified when a 'l7proto' is also specified")]
    NoL7Proto,
    /// At the entry with this index.
    #[error("Empty key not allowed")]
    EmptyKey(usize),
    /// What is encrypted can't be judged.
    #[error("ServerNames are not allowed with L7 rules without TLS termination")]
    ServerNamesWithL7,
    /// A listener is the caller's.
    #[error("Listener is not allowed on ingress ({0})")]
    ListenerOnIngress(Box<str>),
    /// A listener judges for itself.
    #[error("Listener is not allowed with L7 rules ({0})")]
    ListenerWithL7(Box<str>),
    /// A field that Cilium has and flows hasn't: ignoring it would enforce less than is written.
    #[error("{0} is not supported by flows")]
    Unsupported(&'static str),
}

impl PortRule<'_> {
    /// Checks the item.
    ///
    /// # Errors
    /// With the first condition that it breaks.
    pub fn check(&self) -> Result<(), PlacementError> {
        self.check_l7()?;
        if let Some(listener) = self.listener {
            if self.direction == Direction::Ingress {
                return Err(PlacementError::ListenerOnIngress(listener.into()));
            }
            if self.entries() > 0 {
                return Err(PlacementError::ListenerWithL7(listener.into()));
            }
        }
        if !self.server_names.is_empty() && self.entries() > 0 && !self.terminates_tls {
            return Err(PlacementError::ServerNamesWithL7);
        }
        let unsupported = [
            (self.l7proto.is_some(), "l7proto"),
            (self.listener.is_some(), "listener"),
            (self.terminates_tls, "terminatingTLS"),
            (self.originates_tls, "originatingTLS"),
        ];
        match unsupported.into_iter().find(|(is, _)| *is) {
            Some((_, field)) => Err(PlacementError::Unsupported(field)),
            None => Ok(()),
        }
    }

    /// Entries of all lists: without any, nothing is of layer 7.
    pub fn entries(&self) -> usize {
        let l7 = self.l7.map(<[_]>::len);
        [self.http, self.dns, self.kafka, l7]
            .into_iter()
            .flatten()
            .sum()
    }

    fn check_l7(&self) -> Result<(), PlacementError> {
        if self.entries() == 0 {
            return Ok(());
        }
        let l7 = self.l7.map(<[_]>::len);
        let lists = [self.http, self.dns, self.kafka, l7].into_iter().flatten();
        if lists.count() > 1 {
            return Err(PlacementError::SeveralKinds);
        }
        let is_dns = self.dns.is_some();
        match (self.is_host, self.direction) {
            (true, Direction::Ingress) => return Err(PlacementError::HostIngress),
            (true, Direction::Egress) if self.http.is_some() => {
                return Err(PlacementError::HostEgress("HTTP"));
            }
            (true, Direction::Egress) if self.kafka.is_some() => {
                return Err(PlacementError::HostEgress("Kafka"));
            }
            (false, Direction::Ingress) if is_dns => return Err(PlacementError::DnsOnIngress),
            (true | false, Direction::Ingress | Direction::Egress) => {}
        }
        if let Some(entries) = self.l7 {
            if self.l7proto.is_none() {
                return Err(PlacementError::NoL7Proto);
            }
            let has_empty = |keys: &Vec<Box<str>>| keys.iter().any(|key| key.is_empty());
            if let Some(entry) = entries.iter().position(has_empty) {
                return Err(PlacementError::EmptyKey(entry));
            }
        }
        if is_dns && self.ports.is_empty() {
            return Err(PlacementError::DnsWithoutPort);
        }
        self.ports
            .iter()
            .enumerate()
            .try_for_each(|(index, port)| port.check(index, is_dns))
    }
}

impl Port {
    fn check(&self, port: usize, is_dns: bool) -> Result<(), PlacementError> {
        if self.number == Some(0) {
            return Err(PlacementError::PortZero(port));
        }
        let protocol = self.protocol;
        match protocol {
            PortProtocol::Tcp => {}
            PortProtocol::Udp | PortProtocol::Any if is_dns => {}
            PortProtocol::Udp | PortProtocol::Sctp | PortProtocol::Any => {
                return Err(PlacementError::Protocol { port, protocol });
            }
        }
        // The end of a named port is ignored, and one that isn't above the port means the port.
        match (self.number, self.end) {
            (Some(number), Some(end)) if is_dns && end > number => {
                Err(PlacementError::DnsRange(port))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}
