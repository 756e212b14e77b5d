impl serde::Serialize for AgentEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.notification.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.AgentEvent", len)?;
        if self.r#type != 0 {
            let v = AgentEventType::try_from(self.r#type)
                .map_or_else(|_| crate::json::Variant::Number(self.r#type), crate::json::Variant::Name);
            struct_ser.serialize_field("type", &v)?;
        }
        if let Some(v) = self.notification.as_ref() {
            match v {
                agent_event::Notification::Unknown(v) => {
                    struct_ser.serialize_field("unknown", v)?;
                }
                agent_event::Notification::AgentStart(v) => {
                    struct_ser.serialize_field("agent_start", v)?;
                }
                agent_event::Notification::PolicyUpdate(v) => {
                    struct_ser.serialize_field("policy_update", v)?;
                }
                agent_event::Notification::EndpointRegenerate(v) => {
                    struct_ser.serialize_field("endpoint_regenerate", v)?;
                }
                agent_event::Notification::EndpointUpdate(v) => {
                    struct_ser.serialize_field("endpoint_update", v)?;
                }
                agent_event::Notification::IpcacheUpdate(v) => {
                    struct_ser.serialize_field("ipcache_update", v)?;
                }
                agent_event::Notification::ServiceUpsert(v) => {
                    struct_ser.serialize_field("service_upsert", v)?;
                }
                agent_event::Notification::ServiceDelete(v) => {
                    struct_ser.serialize_field("service_delete", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for AgentEventType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::AgentEventUnknown => "AGENT_EVENT_UNKNOWN",
            Self::AgentStarted => "AGENT_STARTED",
            Self::PolicyUpdated => "POLICY_UPDATED",
            Self::PolicyDeleted => "POLICY_DELETED",
            Self::EndpointRegenerateSuccess => "ENDPOINT_REGENERATE_SUCCESS",
            Self::EndpointRegenerateFailure => "ENDPOINT_REGENERATE_FAILURE",
            Self::EndpointCreated => "ENDPOINT_CREATED",
            Self::EndpointDeleted => "ENDPOINT_DELETED",
            Self::IpcacheUpserted => "IPCACHE_UPSERTED",
            Self::IpcacheDeleted => "IPCACHE_DELETED",
            Self::ServiceUpserted => "SERVICE_UPSERTED",
            Self::ServiceDeleted => "SERVICE_DELETED",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for AgentEventUnknown {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.notification.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.AgentEventUnknown", len)?;
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if !self.notification.is_empty() {
            struct_ser.serialize_field("notification", &self.notification)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Aggregate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.ingress_flow_count != 0 {
            len += 1;
        }
        if self.egress_flow_count != 0 {
            len += 1;
        }
        if self.unknown_direction_flow_count != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Aggregate", len)?;
        if self.ingress_flow_count != 0 {
            struct_ser.serialize_field("ingress_flow_count", &self.ingress_flow_count)?;
        }
        if self.egress_flow_count != 0 {
            struct_ser.serialize_field("egress_flow_count", &self.egress_flow_count)?;
        }
        if self.unknown_direction_flow_count != 0 {
            struct_ser.serialize_field("unknown_direction_flow_count", &self.unknown_direction_flow_count)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for AuthType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Disabled => "DISABLED",
            Self::Spire => "SPIRE",
            Self::TestAlwaysFail => "TEST_ALWAYS_FAIL",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for CiliumEventType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.sub_type != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.CiliumEventType", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if self.sub_type != 0 {
            struct_ser.serialize_field("sub_type", &self.sub_type)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Dns {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.query.is_empty() {
            len += 1;
        }
        if !self.ips.is_empty() {
            len += 1;
        }
        if self.ttl != 0 {
            len += 1;
        }
        if !self.cnames.is_empty() {
            len += 1;
        }
        if !self.observation_source.is_empty() {
            len += 1;
        }
        if self.rcode != 0 {
            len += 1;
        }
        if !self.qtypes.is_empty() {
            len += 1;
        }
        if !self.rrtypes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.DNS", len)?;
        if !self.query.is_empty() {
            struct_ser.serialize_field("query", &self.query)?;
        }
        if !self.ips.is_empty() {
            struct_ser.serialize_field("ips", &self.ips)?;
        }
        if self.ttl != 0 {
            struct_ser.serialize_field("ttl", &self.ttl)?;
        }
        if !self.cnames.is_empty() {
            struct_ser.serialize_field("cnames", &self.cnames)?;
        }
        if !self.observation_source.is_empty() {
            struct_ser.serialize_field("observation_source", &self.observation_source)?;
        }
        if self.rcode != 0 {
            struct_ser.serialize_field("rcode", &self.rcode)?;
        }
        if !self.qtypes.is_empty() {
            struct_ser.serialize_field("qtypes", &self.qtypes)?;
        }
        if !self.rrtypes.is_empty() {
            struct_ser.serialize_field("rrtypes", &self.rrtypes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for DebugCapturePoint {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::DbgCapturePointUnknown => "DBG_CAPTURE_POINT_UNKNOWN",
            Self::DbgCaptureDelivery => "DBG_CAPTURE_DELIVERY",
            Self::DbgCaptureFromLb => "DBG_CAPTURE_FROM_LB",
            Self::DbgCaptureAfterV46 => "DBG_CAPTURE_AFTER_V46",
            Self::DbgCaptureAfterV64 => "DBG_CAPTURE_AFTER_V64",
            Self::DbgCaptureProxyPre => "DBG_CAPTURE_PROXY_PRE",
            Self::DbgCaptureProxyPost => "DBG_CAPTURE_PROXY_POST",
            Self::DbgCaptureSnatPre => "DBG_CAPTURE_SNAT_PRE",
            Self::DbgCaptureSnatPost => "DBG_CAPTURE_SNAT_POST",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for DebugEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.source.is_some() {
            len += 1;
        }
        if self.hash.is_some() {
            len += 1;
        }
        if self.arg1.is_some() {
            len += 1;
        }
        if self.arg2.is_some() {
            len += 1;
        }
        if self.arg3.is_some() {
            len += 1;
        }
        if !self.message.is_empty() {
            len += 1;
        }
        if self.cpu.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.DebugEvent", len)?;
        if self.r#type != 0 {
            let v = DebugEventType::try_from(self.r#type)
                .map_or_else(|_| crate::json::Variant::Number(self.r#type), crate::json::Variant::Name);
            struct_ser.serialize_field("type", &v)?;
        }
        if let Some(v) = self.source.as_ref() {
            struct_ser.serialize_field("source", v)?;
        }
        if let Some(v) = self.hash.as_ref() {
            struct_ser.serialize_field("hash", v)?;
        }
        if let Some(v) = self.arg1.as_ref() {
            struct_ser.serialize_field("arg1", v)?;
        }
        if let Some(v) = self.arg2.as_ref() {
            struct_ser.serialize_field("arg2", v)?;
        }
        if let Some(v) = self.arg3.as_ref() {
            struct_ser.serialize_field("arg3", v)?;
        }
        if !self.message.is_empty() {
            struct_ser.serialize_field("message", &self.message)?;
        }
        if let Some(v) = self.cpu.as_ref() {
            struct_ser.serialize_field("cpu", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for DebugEventType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::DbgEventUnknown => "DBG_EVENT_UNKNOWN",
            Self::DbgGeneric => "DBG_GENERIC",
            Self::DbgLocalDelivery => "DBG_LOCAL_DELIVERY",
            Self::DbgEncap => "DBG_ENCAP",
            Self::DbgLxcFound => "DBG_LXC_FOUND",
            Self::DbgPolicyDenied => "DBG_POLICY_DENIED",
            Self::DbgCtLookup => "DBG_CT_LOOKUP",
            Self::DbgCtLookupRev => "DBG_CT_LOOKUP_REV",
            Self::DbgCtMatch => "DBG_CT_MATCH",
            Self::DbgCtCreated => "DBG_CT_CREATED",
            Self::DbgCtCreated2 => "DBG_CT_CREATED2",
            Self::DbgIcmp6Handle => "DBG_ICMP6_HANDLE",
            Self::DbgIcmp6Request => "DBG_ICMP6_REQUEST",
            Self::DbgIcmp6Ns => "DBG_ICMP6_NS",
            Self::DbgIcmp6TimeExceeded => "DBG_ICMP6_TIME_EXCEEDED",
            Self::DbgCtVerdict => "DBG_CT_VERDICT",
            Self::DbgDecap => "DBG_DECAP",
            Self::DbgPortMap => "DBG_PORT_MAP",
            Self::DbgErrorRet => "DBG_ERROR_RET",
            Self::DbgToHost => "DBG_TO_HOST",
            Self::DbgToStack => "DBG_TO_STACK",
            Self::DbgPktHash => "DBG_PKT_HASH",
            Self::DbgLb6LookupFrontend => "DBG_LB6_LOOKUP_FRONTEND",
            Self::DbgLb6LookupFrontendFail => "DBG_LB6_LOOKUP_FRONTEND_FAIL",
            Self::DbgLb6LookupBackendSlot => "DBG_LB6_LOOKUP_BACKEND_SLOT",
            Self::DbgLb6LookupBackendSlotSuccess => "DBG_LB6_LOOKUP_BACKEND_SLOT_SUCCESS",
            Self::DbgLb6LookupBackendSlotV2Fail => "DBG_LB6_LOOKUP_BACKEND_SLOT_V2_FAIL",
            Self::DbgLb6LookupBackendFail => "DBG_LB6_LOOKUP_BACKEND_FAIL",
            Self::DbgLb6ReverseNatLookup => "DBG_LB6_REVERSE_NAT_LOOKUP",
            Self::DbgLb6ReverseNat => "DBG_LB6_REVERSE_NAT",
            Self::DbgLb4LookupFrontend => "DBG_LB4_LOOKUP_FRONTEND",
            Self::DbgLb4LookupFrontendFail => "DBG_LB4_LOOKUP_FRONTEND_FAIL",
            Self::DbgLb4LookupBackendSlot => "DBG_LB4_LOOKUP_BACKEND_SLOT",
            Self::DbgLb4LookupBackendSlotSuccess => "DBG_LB4_LOOKUP_BACKEND_SLOT_SUCCESS",
            Self::DbgLb4LookupBackendSlotV2Fail => "DBG_LB4_LOOKUP_BACKEND_SLOT_V2_FAIL",
            Self::DbgLb4LookupBackendFail => "DBG_LB4_LOOKUP_BACKEND_FAIL",
            Self::DbgLb4ReverseNatLookup => "DBG_LB4_REVERSE_NAT_LOOKUP",
            Self::DbgLb4ReverseNat => "DBG_LB4_REVERSE_NAT",
            Self::DbgLb4LoopbackSnat => "DBG_LB4_LOOPBACK_SNAT",
            Self::DbgLb4LoopbackSnatRev => "DBG_LB4_LOOPBACK_SNAT_REV",
            Self::DbgCtLookup4 => "DBG_CT_LOOKUP4",
            Self::DbgRrBackendSlotSel => "DBG_RR_BACKEND_SLOT_SEL",
            Self::DbgRevProxyLookup => "DBG_REV_PROXY_LOOKUP",
            Self::DbgRevProxyFound => "DBG_REV_PROXY_FOUND",
            Self::DbgRevProxyUpdate => "DBG_REV_PROXY_UPDATE",
            Self::DbgL4Policy => "DBG_L4_POLICY",
            Self::DbgNetdevInCluster => "DBG_NETDEV_IN_CLUSTER",
            Self::DbgNetdevEncap4 => "DBG_NETDEV_ENCAP4",
            Self::DbgCtLookup41 => "DBG_CT_LOOKUP4_1",
            Self::DbgCtLookup42 => "DBG_CT_LOOKUP4_2",
            Self::DbgCtCreated4 => "DBG_CT_CREATED4",
            Self::DbgCtLookup61 => "DBG_CT_LOOKUP6_1",
            Self::DbgCtLookup62 => "DBG_CT_LOOKUP6_2",
            Self::DbgCtCreated6 => "DBG_CT_CREATED6",
            Self::DbgSkipProxy => "DBG_SKIP_PROXY",
            Self::DbgL4Create => "DBG_L4_CREATE",
            Self::DbgIpIdMapFailed4 => "DBG_IP_ID_MAP_FAILED4",
            Self::DbgIpIdMapFailed6 => "DBG_IP_ID_MAP_FAILED6",
            Self::DbgIpIdMapSucceed4 => "DBG_IP_ID_MAP_SUCCEED4",
            Self::DbgIpIdMapSucceed6 => "DBG_IP_ID_MAP_SUCCEED6",
            Self::DbgLbStaleCt => "DBG_LB_STALE_CT",
            Self::DbgInheritIdentity => "DBG_INHERIT_IDENTITY",
            Self::DbgSkLookup4 => "DBG_SK_LOOKUP4",
            Self::DbgSkLookup6 => "DBG_SK_LOOKUP6",
            Self::DbgSkAssign => "DBG_SK_ASSIGN",
            Self::DbgL7Lb => "DBG_L7_LB",
            Self::DbgSkipPolicy => "DBG_SKIP_POLICY",
            Self::DbgLb6LoopbackSnat => "DBG_LB6_LOOPBACK_SNAT",
            Self::DbgLb6LoopbackSnatRev => "DBG_LB6_LOOPBACK_SNAT_REV",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for DropReason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "DROP_REASON_UNKNOWN",
            Self::InvalidSourceMac => "INVALID_SOURCE_MAC",
            Self::InvalidDestinationMac => "INVALID_DESTINATION_MAC",
            Self::InvalidSourceIp => "INVALID_SOURCE_IP",
            Self::PolicyDenied => "POLICY_DENIED",
            Self::InvalidPacketDropped => "INVALID_PACKET_DROPPED",
            Self::CtTruncatedOrInvalidHeader => "CT_TRUNCATED_OR_INVALID_HEADER",
            Self::CtMissingTcpAckFlag => "CT_MISSING_TCP_ACK_FLAG",
            Self::CtUnknownL4Protocol => "CT_UNKNOWN_L4_PROTOCOL",
            Self::CtCannotCreateEntryFromPacket => "CT_CANNOT_CREATE_ENTRY_FROM_PACKET",
            Self::UnsupportedL3Protocol => "UNSUPPORTED_L3_PROTOCOL",
            Self::MissedTailCall => "MISSED_TAIL_CALL",
            Self::ErrorWritingToPacket => "ERROR_WRITING_TO_PACKET",
            Self::UnknownL4Protocol => "UNKNOWN_L4_PROTOCOL",
            Self::UnknownIcmpv4Code => "UNKNOWN_ICMPV4_CODE",
            Self::UnknownIcmpv4Type => "UNKNOWN_ICMPV4_TYPE",
            Self::UnknownIcmpv6Code => "UNKNOWN_ICMPV6_CODE",
            Self::UnknownIcmpv6Type => "UNKNOWN_ICMPV6_TYPE",
            Self::ErrorRetrievingTunnelKey => "ERROR_RETRIEVING_TUNNEL_KEY",
            Self::ErrorRetrievingTunnelOptions => "ERROR_RETRIEVING_TUNNEL_OPTIONS",
            Self::InvalidGeneveOption => "INVALID_GENEVE_OPTION",
            Self::UnknownL3TargetAddress => "UNKNOWN_L3_TARGET_ADDRESS",
            Self::StaleOrUnroutableIp => "STALE_OR_UNROUTABLE_IP",
            Self::NoMatchingLocalContainerFound => "NO_MATCHING_LOCAL_CONTAINER_FOUND",
            Self::ErrorWhileCorrectingL3Checksum => "ERROR_WHILE_CORRECTING_L3_CHECKSUM",
            Self::ErrorWhileCorrectingL4Checksum => "ERROR_WHILE_CORRECTING_L4_CHECKSUM",
            Self::CtMapInsertionFailed => "CT_MAP_INSERTION_FAILED",
            Self::InvalidIpv6ExtensionHeader => "INVALID_IPV6_EXTENSION_HEADER",
            Self::IpFragmentationNotSupported => "IP_FRAGMENTATION_NOT_SUPPORTED",
            Self::ServiceBackendNotFound => "SERVICE_BACKEND_NOT_FOUND",
            Self::NoTunnelOrEncapsulationEndpoint => "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT",
            Self::FailedToInsertIntoProxymap => "FAILED_TO_INSERT_INTO_PROXYMAP",
            Self::ReachedEdtRateLimitingDropHorizon => "REACHED_EDT_RATE_LIMITING_DROP_HORIZON",
            Self::UnknownConnectionTrackingState => "UNKNOWN_CONNECTION_TRACKING_STATE",
            Self::LocalHostIsUnreachable => "LOCAL_HOST_IS_UNREACHABLE",
            Self::NoConfigurationAvailableToPerformPolicyDecision => "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION",
            Self::UnsupportedL2Protocol => "UNSUPPORTED_L2_PROTOCOL",
            Self::NoMappingForNatMasquerade => "NO_MAPPING_FOR_NAT_MASQUERADE",
            Self::UnsupportedProtocolForNatMasquerade => "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE",
            Self::FibLookupFailed => "FIB_LOOKUP_FAILED",
            Self::EncapsulationTrafficIsProhibited => "ENCAPSULATION_TRAFFIC_IS_PROHIBITED",
            Self::InvalidIdentity => "INVALID_IDENTITY",
            Self::UnknownSender => "UNKNOWN_SENDER",
            Self::NatNotNeeded => "NAT_NOT_NEEDED",
            Self::IsAClusterip => "IS_A_CLUSTERIP",
            Self::FirstLogicalDatagramFragmentNotFound => "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND",
            Self::ForbiddenIcmpv6Message => "FORBIDDEN_ICMPV6_MESSAGE",
            Self::DeniedByLbSrcRangeCheck => "DENIED_BY_LB_SRC_RANGE_CHECK",
            Self::SocketLookupFailed => "SOCKET_LOOKUP_FAILED",
            Self::SocketAssignFailed => "SOCKET_ASSIGN_FAILED",
            Self::ProxyRedirectionNotSupportedForProtocol => "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL",
            Self::PolicyDeny => "POLICY_DENY",
            Self::VlanFiltered => "VLAN_FILTERED",
            Self::InvalidVni => "INVALID_VNI",
            Self::InvalidTcBuffer => "INVALID_TC_BUFFER",
            Self::NoSid => "NO_SID",
            Self::MissingSrv6State => "MISSING_SRV6_STATE",
            Self::Nat46 => "NAT46",
            Self::Nat64 => "NAT64",
            Self::AuthRequired => "AUTH_REQUIRED",
            Self::CtNoMapFound => "CT_NO_MAP_FOUND",
            Self::SnatNoMapFound => "SNAT_NO_MAP_FOUND",
            Self::InvalidClusterId => "INVALID_CLUSTER_ID",
            Self::UnsupportedProtocolForDsrEncap => "UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP",
            Self::NoEgressGateway => "NO_EGRESS_GATEWAY",
            Self::UnencryptedTraffic => "UNENCRYPTED_TRAFFIC",
            Self::TtlExceeded => "TTL_EXCEEDED",
            Self::NoNodeId => "NO_NODE_ID",
            Self::DropRateLimited => "DROP_RATE_LIMITED",
            Self::IgmpHandled => "IGMP_HANDLED",
            Self::IgmpSubscribed => "IGMP_SUBSCRIBED",
            Self::MulticastHandled => "MULTICAST_HANDLED",
            Self::DropHostNotReady => "DROP_HOST_NOT_READY",
            Self::DropEpNotReady => "DROP_EP_NOT_READY",
            Self::DropNoEgressIp => "DROP_NO_EGRESS_IP",
            Self::DropPuntProxy => "DROP_PUNT_PROXY",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Emitter {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.version.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Emitter", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Endpoint {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.id != 0 {
            len += 1;
        }
        if self.identity != 0 {
            len += 1;
        }
        if !self.cluster_name.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.pod_name.is_empty() {
            len += 1;
        }
        if !self.workloads.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Endpoint", len)?;
        if self.id != 0 {
            struct_ser.serialize_field("ID", &self.id)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if !self.cluster_name.is_empty() {
            struct_ser.serialize_field("cluster_name", &self.cluster_name)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.pod_name.is_empty() {
            struct_ser.serialize_field("pod_name", &self.pod_name)?;
        }
        if !self.workloads.is_empty() {
            struct_ser.serialize_field("workloads", &self.workloads)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EndpointRegenNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.id != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.error.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.EndpointRegenNotification", len)?;
        if self.id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("id", ToString::to_string(&self.id).as_str())?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.error.is_empty() {
            struct_ser.serialize_field("error", &self.error)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EndpointUpdateNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.id != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.error.is_empty() {
            len += 1;
        }
        if !self.pod_name.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.EndpointUpdateNotification", len)?;
        if self.id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("id", ToString::to_string(&self.id).as_str())?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.error.is_empty() {
            struct_ser.serialize_field("error", &self.error)?;
        }
        if !self.pod_name.is_empty() {
            struct_ser.serialize_field("pod_name", &self.pod_name)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Ethernet {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.source.is_empty() {
            len += 1;
        }
        if !self.destination.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Ethernet", len)?;
        if !self.source.is_empty() {
            struct_ser.serialize_field("source", &self.source)?;
        }
        if !self.destination.is_empty() {
            struct_ser.serialize_field("destination", &self.destination)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EventType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "UNKNOWN",
            Self::EventSample => "EventSample",
            Self::RecordLost => "RecordLost",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for EventTypeFilter {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.match_sub_type {
            len += 1;
        }
        if self.sub_type != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.EventTypeFilter", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if self.match_sub_type {
            struct_ser.serialize_field("match_sub_type", &self.match_sub_type)?;
        }
        if self.sub_type != 0 {
            struct_ser.serialize_field("sub_type", &self.sub_type)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for FileInfo {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if self.line != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.FileInfo", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.line != 0 {
            struct_ser.serialize_field("line", &self.line)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Flow {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.time.is_some() {
            len += 1;
        }
        if !self.uuid.is_empty() {
            len += 1;
        }
        if self.emitter.is_some() {
            len += 1;
        }
        if self.verdict != 0 {
            len += 1;
        }
        if self.drop_reason != 0 {
            len += 1;
        }
        if self.auth_type != 0 {
            len += 1;
        }
        if self.ethernet.is_some() {
            len += 1;
        }
        if self.ip.is_some() {
            len += 1;
        }
        if self.l4.is_some() {
            len += 1;
        }
        if self.tunnel.is_some() {
            len += 1;
        }
        if self.source.is_some() {
            len += 1;
        }
        if self.destination.is_some() {
            len += 1;
        }
        if self.r#type != 0 {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.node_labels.is_empty() {
            len += 1;
        }
        if !self.source_names.is_empty() {
            len += 1;
        }
        if !self.destination_names.is_empty() {
            len += 1;
        }
        if self.l7.is_some() {
            len += 1;
        }
        if self.reply {
            len += 1;
        }
        if self.event_type.is_some() {
            len += 1;
        }
        if self.source_service.is_some() {
            len += 1;
        }
        if self.destination_service.is_some() {
            len += 1;
        }
        if self.traffic_direction != 0 {
            len += 1;
        }
        if self.policy_match_type != 0 {
            len += 1;
        }
        if self.trace_observation_point != 0 {
            len += 1;
        }
        if self.trace_reason != 0 {
            len += 1;
        }
        if self.file.is_some() {
            len += 1;
        }
        if self.ip_trace_id.is_some() {
            len += 1;
        }
        if self.drop_reason_desc != 0 {
            len += 1;
        }
        if self.is_reply.is_some() {
            len += 1;
        }
        if self.debug_capture_point != 0 {
            len += 1;
        }
        if self.interface.is_some() {
            len += 1;
        }
        if self.proxy_port != 0 {
            len += 1;
        }
        if self.trace_context.is_some() {
            len += 1;
        }
        if self.sock_xlate_point != 0 {
            len += 1;
        }
        if self.socket_cookie != 0 {
            len += 1;
        }
        if self.cgroup_id != 0 {
            len += 1;
        }
        if !self.summary.is_empty() {
            len += 1;
        }
        if self.extensions.is_some() {
            len += 1;
        }
        if !self.egress_allowed_by.is_empty() {
            len += 1;
        }
        if !self.ingress_allowed_by.is_empty() {
            len += 1;
        }
        if !self.egress_denied_by.is_empty() {
            len += 1;
        }
        if !self.ingress_denied_by.is_empty() {
            len += 1;
        }
        if !self.policy_log.is_empty() {
            len += 1;
        }
        if self.aggregate.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Flow", len)?;
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if !self.uuid.is_empty() {
            struct_ser.serialize_field("uuid", &self.uuid)?;
        }
        if let Some(v) = self.emitter.as_ref() {
            struct_ser.serialize_field("emitter", v)?;
        }
        if self.verdict != 0 {
            let v = Verdict::try_from(self.verdict)
                .map_or_else(|_| crate::json::Variant::Number(self.verdict), crate::json::Variant::Name);
            struct_ser.serialize_field("verdict", &v)?;
        }
        if self.drop_reason != 0 {
            struct_ser.serialize_field("drop_reason", &self.drop_reason)?;
        }
        if self.auth_type != 0 {
            let v = AuthType::try_from(self.auth_type)
                .map_or_else(|_| crate::json::Variant::Number(self.auth_type), crate::json::Variant::Name);
            struct_ser.serialize_field("auth_type", &v)?;
        }
        if let Some(v) = self.ethernet.as_ref() {
            struct_ser.serialize_field("ethernet", v)?;
        }
        if let Some(v) = self.ip.as_ref() {
            struct_ser.serialize_field("IP", v)?;
        }
        if let Some(v) = self.l4.as_ref() {
            struct_ser.serialize_field("l4", v)?;
        }
        if let Some(v) = self.tunnel.as_ref() {
            struct_ser.serialize_field("tunnel", v)?;
        }
        if let Some(v) = self.source.as_ref() {
            struct_ser.serialize_field("source", v)?;
        }
        if let Some(v) = self.destination.as_ref() {
            struct_ser.serialize_field("destination", v)?;
        }
        if self.r#type != 0 {
            let v = FlowType::try_from(self.r#type)
                .map_or_else(|_| crate::json::Variant::Number(self.r#type), crate::json::Variant::Name);
            struct_ser.serialize_field("Type", &v)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.node_labels.is_empty() {
            struct_ser.serialize_field("node_labels", &self.node_labels)?;
        }
        if !self.source_names.is_empty() {
            struct_ser.serialize_field("source_names", &self.source_names)?;
        }
        if !self.destination_names.is_empty() {
            struct_ser.serialize_field("destination_names", &self.destination_names)?;
        }
        if let Some(v) = self.l7.as_ref() {
            struct_ser.serialize_field("l7", v)?;
        }
        if self.reply {
            struct_ser.serialize_field("reply", &self.reply)?;
        }
        if let Some(v) = self.event_type.as_ref() {
            struct_ser.serialize_field("event_type", v)?;
        }
        if let Some(v) = self.source_service.as_ref() {
            struct_ser.serialize_field("source_service", v)?;
        }
        if let Some(v) = self.destination_service.as_ref() {
            struct_ser.serialize_field("destination_service", v)?;
        }
        if self.traffic_direction != 0 {
            let v = TrafficDirection::try_from(self.traffic_direction)
                .map_or_else(|_| crate::json::Variant::Number(self.traffic_direction), crate::json::Variant::Name);
            struct_ser.serialize_field("traffic_direction", &v)?;
        }
        if self.policy_match_type != 0 {
            struct_ser.serialize_field("policy_match_type", &self.policy_match_type)?;
        }
        if self.trace_observation_point != 0 {
            let v = TraceObservationPoint::try_from(self.trace_observation_point)
                .map_or_else(|_| crate::json::Variant::Number(self.trace_observation_point), crate::json::Variant::Name);
            struct_ser.serialize_field("trace_observation_point", &v)?;
        }
        if self.trace_reason != 0 {
            let v = TraceReason::try_from(self.trace_reason)
                .map_or_else(|_| crate::json::Variant::Number(self.trace_reason), crate::json::Variant::Name);
            struct_ser.serialize_field("trace_reason", &v)?;
        }
        if let Some(v) = self.file.as_ref() {
            struct_ser.serialize_field("file", v)?;
        }
        if let Some(v) = self.ip_trace_id.as_ref() {
            struct_ser.serialize_field("ip_trace_id", v)?;
        }
        if self.drop_reason_desc != 0 {
            let v = DropReason::try_from(self.drop_reason_desc)
                .map_or_else(|_| crate::json::Variant::Number(self.drop_reason_desc), crate::json::Variant::Name);
            struct_ser.serialize_field("drop_reason_desc", &v)?;
        }
        if let Some(v) = self.is_reply.as_ref() {
            struct_ser.serialize_field("is_reply", v)?;
        }
        if self.debug_capture_point != 0 {
            let v = DebugCapturePoint::try_from(self.debug_capture_point)
                .map_or_else(|_| crate::json::Variant::Number(self.debug_capture_point), crate::json::Variant::Name);
            struct_ser.serialize_field("debug_capture_point", &v)?;
        }
        if let Some(v) = self.interface.as_ref() {
            struct_ser.serialize_field("interface", v)?;
        }
        if self.proxy_port != 0 {
            struct_ser.serialize_field("proxy_port", &self.proxy_port)?;
        }
        if let Some(v) = self.trace_context.as_ref() {
            struct_ser.serialize_field("trace_context", v)?;
        }
        if self.sock_xlate_point != 0 {
            let v = SocketTranslationPoint::try_from(self.sock_xlate_point)
                .map_or_else(|_| crate::json::Variant::Number(self.sock_xlate_point), crate::json::Variant::Name);
            struct_ser.serialize_field("sock_xlate_point", &v)?;
        }
        if self.socket_cookie != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("socket_cookie", ToString::to_string(&self.socket_cookie).as_str())?;
        }
        if self.cgroup_id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("cgroup_id", ToString::to_string(&self.cgroup_id).as_str())?;
        }
        if !self.summary.is_empty() {
            struct_ser.serialize_field("Summary", &self.summary)?;
        }
        if let Some(v) = self.extensions.as_ref() {
            struct_ser.serialize_field("extensions", v)?;
        }
        if !self.egress_allowed_by.is_empty() {
            struct_ser.serialize_field("egress_allowed_by", &self.egress_allowed_by)?;
        }
        if !self.ingress_allowed_by.is_empty() {
            struct_ser.serialize_field("ingress_allowed_by", &self.ingress_allowed_by)?;
        }
        if !self.egress_denied_by.is_empty() {
            struct_ser.serialize_field("egress_denied_by", &self.egress_denied_by)?;
        }
        if !self.ingress_denied_by.is_empty() {
            struct_ser.serialize_field("ingress_denied_by", &self.ingress_denied_by)?;
        }
        if !self.policy_log.is_empty() {
            struct_ser.serialize_field("policy_log", &self.policy_log)?;
        }
        if let Some(v) = self.aggregate.as_ref() {
            struct_ser.serialize_field("aggregate", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for FlowFilter {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.uuid.is_empty() {
            len += 1;
        }
        if !self.source_ip.is_empty() {
            len += 1;
        }
        if !self.source_ip_xlated.is_empty() {
            len += 1;
        }
        if !self.source_pod.is_empty() {
            len += 1;
        }
        if !self.source_fqdn.is_empty() {
            len += 1;
        }
        if !self.source_label.is_empty() {
            len += 1;
        }
        if !self.source_service.is_empty() {
            len += 1;
        }
        if !self.source_workload.is_empty() {
            len += 1;
        }
        if !self.source_cluster_name.is_empty() {
            len += 1;
        }
        if !self.destination_ip.is_empty() {
            len += 1;
        }
        if !self.destination_pod.is_empty() {
            len += 1;
        }
        if !self.destination_fqdn.is_empty() {
            len += 1;
        }
        if !self.destination_label.is_empty() {
            len += 1;
        }
        if !self.destination_service.is_empty() {
            len += 1;
        }
        if !self.destination_workload.is_empty() {
            len += 1;
        }
        if !self.destination_cluster_name.is_empty() {
            len += 1;
        }
        if !self.traffic_direction.is_empty() {
            len += 1;
        }
        if !self.verdict.is_empty() {
            len += 1;
        }
        if !self.drop_reason_desc.is_empty() {
            len += 1;
        }
        if !self.interface.is_empty() {
            len += 1;
        }
        if !self.event_type.is_empty() {
            len += 1;
        }
        if !self.http_status_code.is_empty() {
            len += 1;
        }
        if !self.protocol.is_empty() {
            len += 1;
        }
        if !self.source_port.is_empty() {
            len += 1;
        }
        if !self.destination_port.is_empty() {
            len += 1;
        }
        if !self.reply.is_empty() {
            len += 1;
        }
        if !self.dns_query.is_empty() {
            len += 1;
        }
        if !self.source_identity.is_empty() {
            len += 1;
        }
        if !self.destination_identity.is_empty() {
            len += 1;
        }
        if !self.http_method.is_empty() {
            len += 1;
        }
        if !self.http_path.is_empty() {
            len += 1;
        }
        if !self.http_url.is_empty() {
            len += 1;
        }
        if !self.http_header.is_empty() {
            len += 1;
        }
        if !self.tcp_flags.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.node_labels.is_empty() {
            len += 1;
        }
        if !self.ip_version.is_empty() {
            len += 1;
        }
        if !self.trace_id.is_empty() {
            len += 1;
        }
        if !self.ip_trace_id.is_empty() {
            len += 1;
        }
        if !self.encrypted.is_empty() {
            len += 1;
        }
        if self.experimental.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.FlowFilter", len)?;
        if !self.uuid.is_empty() {
            struct_ser.serialize_field("uuid", &self.uuid)?;
        }
        if !self.source_ip.is_empty() {
            struct_ser.serialize_field("source_ip", &self.source_ip)?;
        }
        if !self.source_ip_xlated.is_empty() {
            struct_ser.serialize_field("source_ip_xlated", &self.source_ip_xlated)?;
        }
        if !self.source_pod.is_empty() {
            struct_ser.serialize_field("source_pod", &self.source_pod)?;
        }
        if !self.source_fqdn.is_empty() {
            struct_ser.serialize_field("source_fqdn", &self.source_fqdn)?;
        }
        if !self.source_label.is_empty() {
            struct_ser.serialize_field("source_label", &self.source_label)?;
        }
        if !self.source_service.is_empty() {
            struct_ser.serialize_field("source_service", &self.source_service)?;
        }
        if !self.source_workload.is_empty() {
            struct_ser.serialize_field("source_workload", &self.source_workload)?;
        }
        if !self.source_cluster_name.is_empty() {
            struct_ser.serialize_field("source_cluster_name", &self.source_cluster_name)?;
        }
        if !self.destination_ip.is_empty() {
            struct_ser.serialize_field("destination_ip", &self.destination_ip)?;
        }
        if !self.destination_pod.is_empty() {
            struct_ser.serialize_field("destination_pod", &self.destination_pod)?;
        }
        if !self.destination_fqdn.is_empty() {
            struct_ser.serialize_field("destination_fqdn", &self.destination_fqdn)?;
        }
        if !self.destination_label.is_empty() {
            struct_ser.serialize_field("destination_label", &self.destination_label)?;
        }
        if !self.destination_service.is_empty() {
            struct_ser.serialize_field("destination_service", &self.destination_service)?;
        }
        if !self.destination_workload.is_empty() {
            struct_ser.serialize_field("destination_workload", &self.destination_workload)?;
        }
        if !self.destination_cluster_name.is_empty() {
            struct_ser.serialize_field("destination_cluster_name", &self.destination_cluster_name)?;
        }
        if !self.traffic_direction.is_empty() {
            let v = self.traffic_direction.iter().cloned().map(|v| {
                TrafficDirection::try_from(v)
                    .map_or_else(|_| crate::json::Variant::Number(v), crate::json::Variant::Name)
                }).collect::<Vec<_>>();
            struct_ser.serialize_field("traffic_direction", &v)?;
        }
        if !self.verdict.is_empty() {
            let v = self.verdict.iter().cloned().map(|v| {
                Verdict::try_from(v)
                    .map_or_else(|_| crate::json::Variant::Number(v), crate::json::Variant::Name)
                }).collect::<Vec<_>>();
            struct_ser.serialize_field("verdict", &v)?;
        }
        if !self.drop_reason_desc.is_empty() {
            let v = self.drop_reason_desc.iter().cloned().map(|v| {
                DropReason::try_from(v)
                    .map_or_else(|_| crate::json::Variant::Number(v), crate::json::Variant::Name)
                }).collect::<Vec<_>>();
            struct_ser.serialize_field("drop_reason_desc", &v)?;
        }
        if !self.interface.is_empty() {
            struct_ser.serialize_field("interface", &self.interface)?;
        }
        if !self.event_type.is_empty() {
            struct_ser.serialize_field("event_type", &self.event_type)?;
        }
        if !self.http_status_code.is_empty() {
            struct_ser.serialize_field("http_status_code", &self.http_status_code)?;
        }
        if !self.protocol.is_empty() {
            struct_ser.serialize_field("protocol", &self.protocol)?;
        }
        if !self.source_port.is_empty() {
            struct_ser.serialize_field("source_port", &self.source_port)?;
        }
        if !self.destination_port.is_empty() {
            struct_ser.serialize_field("destination_port", &self.destination_port)?;
        }
        if !self.reply.is_empty() {
            struct_ser.serialize_field("reply", &self.reply)?;
        }
        if !self.dns_query.is_empty() {
            struct_ser.serialize_field("dns_query", &self.dns_query)?;
        }
        if !self.source_identity.is_empty() {
            struct_ser.serialize_field("source_identity", &self.source_identity)?;
        }
        if !self.destination_identity.is_empty() {
            struct_ser.serialize_field("destination_identity", &self.destination_identity)?;
        }
        if !self.http_method.is_empty() {
            struct_ser.serialize_field("http_method", &self.http_method)?;
        }
        if !self.http_path.is_empty() {
            struct_ser.serialize_field("http_path", &self.http_path)?;
        }
        if !self.http_url.is_empty() {
            struct_ser.serialize_field("http_url", &self.http_url)?;
        }
        if !self.http_header.is_empty() {
            struct_ser.serialize_field("http_header", &self.http_header)?;
        }
        if !self.tcp_flags.is_empty() {
            struct_ser.serialize_field("tcp_flags", &self.tcp_flags)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.node_labels.is_empty() {
            struct_ser.serialize_field("node_labels", &self.node_labels)?;
        }
        if !self.ip_version.is_empty() {
            let v = self.ip_version.iter().cloned().map(|v| {
                IpVersion::try_from(v)
                    .map_or_else(|_| crate::json::Variant::Number(v), crate::json::Variant::Name)
                }).collect::<Vec<_>>();
            struct_ser.serialize_field("ip_version", &v)?;
        }
        if !self.trace_id.is_empty() {
            struct_ser.serialize_field("trace_id", &self.trace_id)?;
        }
        if !self.ip_trace_id.is_empty() {
            struct_ser.serialize_field("ip_trace_id", &self.ip_trace_id.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        if !self.encrypted.is_empty() {
            struct_ser.serialize_field("encrypted", &self.encrypted)?;
        }
        if let Some(v) = self.experimental.as_ref() {
            struct_ser.serialize_field("experimental", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for flow_filter::Experimental {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cel_expression.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.FlowFilter.Experimental", len)?;
        if !self.cel_expression.is_empty() {
            struct_ser.serialize_field("cel_expression", &self.cel_expression)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for FlowType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::UnknownType => "UNKNOWN_TYPE",
            Self::L3L4 => "L3_L4",
            Self::L7 => "L7",
            Self::Sock => "SOCK",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Http {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.code != 0 {
            len += 1;
        }
        if !self.method.is_empty() {
            len += 1;
        }
        if !self.url.is_empty() {
            len += 1;
        }
        if !self.protocol.is_empty() {
            len += 1;
        }
        if !self.headers.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.HTTP", len)?;
        if self.code != 0 {
            struct_ser.serialize_field("code", &self.code)?;
        }
        if !self.method.is_empty() {
            struct_ser.serialize_field("method", &self.method)?;
        }
        if !self.url.is_empty() {
            struct_ser.serialize_field("url", &self.url)?;
        }
        if !self.protocol.is_empty() {
            struct_ser.serialize_field("protocol", &self.protocol)?;
        }
        if !self.headers.is_empty() {
            struct_ser.serialize_field("headers", &self.headers)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for HttpHeader {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.key.is_empty() {
            len += 1;
        }
        if !self.value.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.HTTPHeader", len)?;
        if !self.key.is_empty() {
            struct_ser.serialize_field("key", &self.key)?;
        }
        if !self.value.is_empty() {
            struct_ser.serialize_field("value", &self.value)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IcmPv4 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.code != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.ICMPv4", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if self.code != 0 {
            struct_ser.serialize_field("code", &self.code)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IcmPv6 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.code != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.ICMPv6", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if self.code != 0 {
            struct_ser.serialize_field("code", &self.code)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Igmp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if !self.group_address.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.IGMP", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if !self.group_address.is_empty() {
            struct_ser.serialize_field("group_address", &self.group_address)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Ip {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.source.is_empty() {
            len += 1;
        }
        if !self.source_xlated.is_empty() {
            len += 1;
        }
        if !self.destination.is_empty() {
            len += 1;
        }
        if self.ip_version != 0 {
            len += 1;
        }
        if self.encrypted {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.IP", len)?;
        if !self.source.is_empty() {
            struct_ser.serialize_field("source", &self.source)?;
        }
        if !self.source_xlated.is_empty() {
            struct_ser.serialize_field("source_xlated", &self.source_xlated)?;
        }
        if !self.destination.is_empty() {
            struct_ser.serialize_field("destination", &self.destination)?;
        }
        if self.ip_version != 0 {
            let v = IpVersion::try_from(self.ip_version)
                .map_or_else(|_| crate::json::Variant::Number(self.ip_version), crate::json::Variant::Name);
            struct_ser.serialize_field("ipVersion", &v)?;
        }
        if self.encrypted {
            struct_ser.serialize_field("encrypted", &self.encrypted)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IpCacheNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cidr.is_empty() {
            len += 1;
        }
        if self.identity != 0 {
            len += 1;
        }
        if self.old_identity.is_some() {
            len += 1;
        }
        if !self.host_ip.is_empty() {
            len += 1;
        }
        if !self.old_host_ip.is_empty() {
            len += 1;
        }
        if self.encrypt_key != 0 {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.pod_name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.IPCacheNotification", len)?;
        if !self.cidr.is_empty() {
            struct_ser.serialize_field("cidr", &self.cidr)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if let Some(v) = self.old_identity.as_ref() {
            struct_ser.serialize_field("old_identity", v)?;
        }
        if !self.host_ip.is_empty() {
            struct_ser.serialize_field("host_ip", &self.host_ip)?;
        }
        if !self.old_host_ip.is_empty() {
            struct_ser.serialize_field("old_host_ip", &self.old_host_ip)?;
        }
        if self.encrypt_key != 0 {
            struct_ser.serialize_field("encrypt_key", &self.encrypt_key)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.pod_name.is_empty() {
            struct_ser.serialize_field("pod_name", &self.pod_name)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IpTraceId {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.trace_id != 0 {
            len += 1;
        }
        if self.ip_option_type != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.IPTraceID", len)?;
        if self.trace_id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("trace_id", ToString::to_string(&self.trace_id).as_str())?;
        }
        if self.ip_option_type != 0 {
            struct_ser.serialize_field("ip_option_type", &self.ip_option_type)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IpVersion {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::IpNotUsed => "IP_NOT_USED",
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Kafka {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.error_code != 0 {
            len += 1;
        }
        if self.api_version != 0 {
            len += 1;
        }
        if !self.api_key.is_empty() {
            len += 1;
        }
        if self.correlation_id != 0 {
            len += 1;
        }
        if !self.topic.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Kafka", len)?;
        if self.error_code != 0 {
            struct_ser.serialize_field("error_code", &self.error_code)?;
        }
        if self.api_version != 0 {
            struct_ser.serialize_field("api_version", &self.api_version)?;
        }
        if !self.api_key.is_empty() {
            struct_ser.serialize_field("api_key", &self.api_key)?;
        }
        if self.correlation_id != 0 {
            struct_ser.serialize_field("correlation_id", &self.correlation_id)?;
        }
        if !self.topic.is_empty() {
            struct_ser.serialize_field("topic", &self.topic)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for L7FlowType {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::UnknownL7Type => "UNKNOWN_L7_TYPE",
            Self::Request => "REQUEST",
            Self::Response => "RESPONSE",
            Self::Sample => "SAMPLE",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Layer4 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.protocol.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Layer4", len)?;
        if let Some(v) = self.protocol.as_ref() {
            match v {
                layer4::Protocol::Tcp(v) => {
                    struct_ser.serialize_field("TCP", v)?;
                }
                layer4::Protocol::Udp(v) => {
                    struct_ser.serialize_field("UDP", v)?;
                }
                layer4::Protocol::IcmPv4(v) => {
                    struct_ser.serialize_field("ICMPv4", v)?;
                }
                layer4::Protocol::IcmPv6(v) => {
                    struct_ser.serialize_field("ICMPv6", v)?;
                }
                layer4::Protocol::Sctp(v) => {
                    struct_ser.serialize_field("SCTP", v)?;
                }
                layer4::Protocol::Vrrp(v) => {
                    struct_ser.serialize_field("VRRP", v)?;
                }
                layer4::Protocol::Igmp(v) => {
                    struct_ser.serialize_field("IGMP", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Layer7 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.latency_ns != 0 {
            len += 1;
        }
        if self.record.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Layer7", len)?;
        if self.r#type != 0 {
            let v = L7FlowType::try_from(self.r#type)
                .map_or_else(|_| crate::json::Variant::Number(self.r#type), crate::json::Variant::Name);
            struct_ser.serialize_field("type", &v)?;
        }
        if self.latency_ns != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("latency_ns", ToString::to_string(&self.latency_ns).as_str())?;
        }
        if let Some(v) = self.record.as_ref() {
            match v {
                layer7::Record::Dns(v) => {
                    struct_ser.serialize_field("dns", v)?;
                }
                layer7::Record::Http(v) => {
                    struct_ser.serialize_field("http", v)?;
                }
                layer7::Record::Kafka(v) => {
                    struct_ser.serialize_field("kafka", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for LostEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.source != 0 {
            len += 1;
        }
        if self.num_events_lost != 0 {
            len += 1;
        }
        if self.cpu.is_some() {
            len += 1;
        }
        if self.first.is_some() {
            len += 1;
        }
        if self.last.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.LostEvent", len)?;
        if self.source != 0 {
            let v = LostEventSource::try_from(self.source)
                .map_or_else(|_| crate::json::Variant::Number(self.source), crate::json::Variant::Name);
            struct_ser.serialize_field("source", &v)?;
        }
        if self.num_events_lost != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("num_events_lost", ToString::to_string(&self.num_events_lost).as_str())?;
        }
        if let Some(v) = self.cpu.as_ref() {
            struct_ser.serialize_field("cpu", v)?;
        }
        if let Some(v) = self.first.as_ref() {
            struct_ser.serialize_field("first", v)?;
        }
        if let Some(v) = self.last.as_ref() {
            struct_ser.serialize_field("last", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for LostEventSource {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::UnknownLostEventSource => "UNKNOWN_LOST_EVENT_SOURCE",
            Self::PerfEventRingBuffer => "PERF_EVENT_RING_BUFFER",
            Self::ObserverEventsQueue => "OBSERVER_EVENTS_QUEUE",
            Self::HubbleRingBuffer => "HUBBLE_RING_BUFFER",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for NetworkInterface {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.index != 0 {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.NetworkInterface", len)?;
        if self.index != 0 {
            struct_ser.serialize_field("index", &self.index)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Policy {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if !self.kind.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Policy", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if self.revision != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("revision", ToString::to_string(&self.revision).as_str())?;
        }
        if !self.kind.is_empty() {
            struct_ser.serialize_field("kind", &self.kind)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for PolicyUpdateNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.labels.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if self.rule_count != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.PolicyUpdateNotification", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if self.revision != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("revision", ToString::to_string(&self.revision).as_str())?;
        }
        if self.rule_count != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("rule_count", ToString::to_string(&self.rule_count).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Sctp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.source_port != 0 {
            len += 1;
        }
        if self.destination_port != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.SCTP", len)?;
        if self.source_port != 0 {
            struct_ser.serialize_field("source_port", &self.source_port)?;
        }
        if self.destination_port != 0 {
            struct_ser.serialize_field("destination_port", &self.destination_port)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Service {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Service", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ServiceDeleteNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.id != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.ServiceDeleteNotification", len)?;
        if self.id != 0 {
            struct_ser.serialize_field("id", &self.id)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ServiceUpsertNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.id != 0 {
            len += 1;
        }
        if self.frontend_address.is_some() {
            len += 1;
        }
        if !self.backend_addresses.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.traffic_policy.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.ext_traffic_policy.is_empty() {
            len += 1;
        }
        if !self.int_traffic_policy.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.ServiceUpsertNotification", len)?;
        if self.id != 0 {
            struct_ser.serialize_field("id", &self.id)?;
        }
        if let Some(v) = self.frontend_address.as_ref() {
            struct_ser.serialize_field("frontend_address", v)?;
        }
        if !self.backend_addresses.is_empty() {
            struct_ser.serialize_field("backend_addresses", &self.backend_addresses)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if !self.traffic_policy.is_empty() {
            struct_ser.serialize_field("traffic_policy", &self.traffic_policy)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.ext_traffic_policy.is_empty() {
            struct_ser.serialize_field("ext_traffic_policy", &self.ext_traffic_policy)?;
        }
        if !self.int_traffic_policy.is_empty() {
            struct_ser.serialize_field("int_traffic_policy", &self.int_traffic_policy)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ServiceUpsertNotificationAddr {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.ip.is_empty() {
            len += 1;
        }
        if self.port != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.ServiceUpsertNotificationAddr", len)?;
        if !self.ip.is_empty() {
            struct_ser.serialize_field("ip", &self.ip)?;
        }
        if self.port != 0 {
            struct_ser.serialize_field("port", &self.port)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for SocketTranslationPoint {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::SockXlatePointUnknown => "SOCK_XLATE_POINT_UNKNOWN",
            Self::SockXlatePointPreDirectionFwd => "SOCK_XLATE_POINT_PRE_DIRECTION_FWD",
            Self::SockXlatePointPostDirectionFwd => "SOCK_XLATE_POINT_POST_DIRECTION_FWD",
            Self::SockXlatePointPreDirectionRev => "SOCK_XLATE_POINT_PRE_DIRECTION_REV",
            Self::SockXlatePointPostDirectionRev => "SOCK_XLATE_POINT_POST_DIRECTION_REV",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Tcp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.source_port != 0 {
            len += 1;
        }
        if self.destination_port != 0 {
            len += 1;
        }
        if self.flags.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.TCP", len)?;
        if self.source_port != 0 {
            struct_ser.serialize_field("source_port", &self.source_port)?;
        }
        if self.destination_port != 0 {
            struct_ser.serialize_field("destination_port", &self.destination_port)?;
        }
        if let Some(v) = self.flags.as_ref() {
            struct_ser.serialize_field("flags", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TcpFlags {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.fin {
            len += 1;
        }
        if self.syn {
            len += 1;
        }
        if self.rst {
            len += 1;
        }
        if self.psh {
            len += 1;
        }
        if self.ack {
            len += 1;
        }
        if self.urg {
            len += 1;
        }
        if self.ece {
            len += 1;
        }
        if self.cwr {
            len += 1;
        }
        if self.ns {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.TCPFlags", len)?;
        if self.fin {
            struct_ser.serialize_field("FIN", &self.fin)?;
        }
        if self.syn {
            struct_ser.serialize_field("SYN", &self.syn)?;
        }
        if self.rst {
            struct_ser.serialize_field("RST", &self.rst)?;
        }
        if self.psh {
            struct_ser.serialize_field("PSH", &self.psh)?;
        }
        if self.ack {
            struct_ser.serialize_field("ACK", &self.ack)?;
        }
        if self.urg {
            struct_ser.serialize_field("URG", &self.urg)?;
        }
        if self.ece {
            struct_ser.serialize_field("ECE", &self.ece)?;
        }
        if self.cwr {
            struct_ser.serialize_field("CWR", &self.cwr)?;
        }
        if self.ns {
            struct_ser.serialize_field("NS", &self.ns)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TimeNotification {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.TimeNotification", len)?;
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TraceContext {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.parent.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.TraceContext", len)?;
        if let Some(v) = self.parent.as_ref() {
            struct_ser.serialize_field("parent", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TraceObservationPoint {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::UnknownPoint => "UNKNOWN_POINT",
            Self::ToProxy => "TO_PROXY",
            Self::ToHost => "TO_HOST",
            Self::ToStack => "TO_STACK",
            Self::ToOverlay => "TO_OVERLAY",
            Self::ToEndpoint => "TO_ENDPOINT",
            Self::FromEndpoint => "FROM_ENDPOINT",
            Self::FromProxy => "FROM_PROXY",
            Self::FromHost => "FROM_HOST",
            Self::FromStack => "FROM_STACK",
            Self::FromOverlay => "FROM_OVERLAY",
            Self::FromNetwork => "FROM_NETWORK",
            Self::ToNetwork => "TO_NETWORK",
            Self::FromCrypto => "FROM_CRYPTO",
            Self::ToCrypto => "TO_CRYPTO",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for TraceParent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.trace_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.TraceParent", len)?;
        if !self.trace_id.is_empty() {
            struct_ser.serialize_field("trace_id", &self.trace_id)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TraceReason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "TRACE_REASON_UNKNOWN",
            Self::New => "NEW",
            Self::Established => "ESTABLISHED",
            Self::Reply => "REPLY",
            Self::Related => "RELATED",
            Self::Reopened => "REOPENED",
            Self::Srv6Encap => "SRV6_ENCAP",
            Self::Srv6Decap => "SRV6_DECAP",
            Self::EncryptOverlay => "ENCRYPT_OVERLAY",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for TrafficDirection {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "TRAFFIC_DIRECTION_UNKNOWN",
            Self::Ingress => "INGRESS",
            Self::Egress => "EGRESS",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Tunnel {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.protocol != 0 {
            len += 1;
        }
        if self.ip.is_some() {
            len += 1;
        }
        if self.l4.is_some() {
            len += 1;
        }
        if self.vni != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Tunnel", len)?;
        if self.protocol != 0 {
            let v = tunnel::Protocol::try_from(self.protocol)
                .map_or_else(|_| crate::json::Variant::Number(self.protocol), crate::json::Variant::Name);
            struct_ser.serialize_field("protocol", &v)?;
        }
        if let Some(v) = self.ip.as_ref() {
            struct_ser.serialize_field("IP", v)?;
        }
        if let Some(v) = self.l4.as_ref() {
            struct_ser.serialize_field("l4", v)?;
        }
        if self.vni != 0 {
            struct_ser.serialize_field("vni", &self.vni)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for tunnel::Protocol {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "UNKNOWN",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "GENEVE",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Udp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.source_port != 0 {
            len += 1;
        }
        if self.destination_port != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.UDP", len)?;
        if self.source_port != 0 {
            struct_ser.serialize_field("source_port", &self.source_port)?;
        }
        if self.destination_port != 0 {
            struct_ser.serialize_field("destination_port", &self.destination_port)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Vrrp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.r#type != 0 {
            len += 1;
        }
        if self.vrid != 0 {
            len += 1;
        }
        if self.priority != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.VRRP", len)?;
        if self.r#type != 0 {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if self.vrid != 0 {
            struct_ser.serialize_field("vrid", &self.vrid)?;
        }
        if self.priority != 0 {
            struct_ser.serialize_field("priority", &self.priority)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Verdict {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "VERDICT_UNKNOWN",
            Self::Forwarded => "FORWARDED",
            Self::Dropped => "DROPPED",
            Self::Error => "ERROR",
            Self::Audit => "AUDIT",
            Self::Redirected => "REDIRECTED",
            Self::Traced => "TRACED",
            Self::Translated => "TRANSLATED",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Workload {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.kind.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flow.Workload", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.kind.is_empty() {
            struct_ser.serialize_field("kind", &self.kind)?;
        }
        struct_ser.end()
    }
}
