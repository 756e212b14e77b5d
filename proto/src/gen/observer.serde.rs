impl serde::Serialize for ExportEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        if self.response_types.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.ExportEvent", len)?;
        if let Some(v) = self.response_types.as_ref() {
            match v {
                export_event::ResponseTypes::Flow(v) => {
                    struct_ser.serialize_field("flow", v)?;
                }
                export_event::ResponseTypes::NodeStatus(v) => {
                    struct_ser.serialize_field("node_status", v)?;
                }
                export_event::ResponseTypes::LostEvents(v) => {
                    struct_ser.serialize_field("lost_events", v)?;
                }
                export_event::ResponseTypes::AgentEvent(v) => {
                    struct_ser.serialize_field("agent_event", v)?;
                }
                export_event::ResponseTypes::DebugEvent(v) => {
                    struct_ser.serialize_field("debug_event", v)?;
                }
            }
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetAgentEventsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.number != 0 {
            len += 1;
        }
        if self.first {
            len += 1;
        }
        if self.follow {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        if self.until.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetAgentEventsRequest", len)?;
        if self.number != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("number", ToString::to_string(&self.number).as_str())?;
        }
        if self.first {
            struct_ser.serialize_field("first", &self.first)?;
        }
        if self.follow {
            struct_ser.serialize_field("follow", &self.follow)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if let Some(v) = self.until.as_ref() {
            struct_ser.serialize_field("until", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetAgentEventsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.agent_event.is_some() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetAgentEventsResponse", len)?;
        if let Some(v) = self.agent_event.as_ref() {
            struct_ser.serialize_field("agent_event", v)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetDebugEventsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.number != 0 {
            len += 1;
        }
        if self.first {
            len += 1;
        }
        if self.follow {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        if self.until.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetDebugEventsRequest", len)?;
        if self.number != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("number", ToString::to_string(&self.number).as_str())?;
        }
        if self.first {
            struct_ser.serialize_field("first", &self.first)?;
        }
        if self.follow {
            struct_ser.serialize_field("follow", &self.follow)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if let Some(v) = self.until.as_ref() {
            struct_ser.serialize_field("until", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetDebugEventsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.debug_event.is_some() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetDebugEventsResponse", len)?;
        if let Some(v) = self.debug_event.as_ref() {
            struct_ser.serialize_field("debug_event", v)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetFlowsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.number != 0 {
            len += 1;
        }
        if self.first {
            len += 1;
        }
        if self.follow {
            len += 1;
        }
        if !self.blacklist.is_empty() {
            len += 1;
        }
        if !self.whitelist.is_empty() {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        if self.until.is_some() {
            len += 1;
        }
        if self.field_mask.is_some() {
            len += 1;
        }
        if self.experimental.is_some() {
            len += 1;
        }
        if self.extensions.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetFlowsRequest", len)?;
        if self.number != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("number", ToString::to_string(&self.number).as_str())?;
        }
        if self.first {
            struct_ser.serialize_field("first", &self.first)?;
        }
        if self.follow {
            struct_ser.serialize_field("follow", &self.follow)?;
        }
        if !self.blacklist.is_empty() {
            struct_ser.serialize_field("blacklist", &self.blacklist)?;
        }
        if !self.whitelist.is_empty() {
            struct_ser.serialize_field("whitelist", &self.whitelist)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if let Some(v) = self.until.as_ref() {
            struct_ser.serialize_field("until", v)?;
        }
        if let Some(v) = self.field_mask.as_ref() {
            struct_ser.serialize_field("field_mask", v)?;
        }
        if let Some(v) = self.experimental.as_ref() {
            struct_ser.serialize_field("experimental", v)?;
        }
        if let Some(v) = self.extensions.as_ref() {
            struct_ser.serialize_field("extensions", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for get_flows_request::Experimental {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("observer.GetFlowsRequest.Experimental", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetFlowsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        if self.response_types.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetFlowsResponse", len)?;
        if let Some(v) = self.response_types.as_ref() {
            match v {
                get_flows_response::ResponseTypes::Flow(v) => {
                    struct_ser.serialize_field("flow", v)?;
                }
                get_flows_response::ResponseTypes::NodeStatus(v) => {
                    struct_ser.serialize_field("node_status", v)?;
                }
                get_flows_response::ResponseTypes::LostEvents(v) => {
                    struct_ser.serialize_field("lost_events", v)?;
                }
            }
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetFlowsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "node_name",
            "nodeName",
            "time",
            "flow",
            "node_status",
            "nodeStatus",
            "lost_events",
            "lostEvents",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            NodeName,
            Time,
            Flow,
            NodeStatus,
            LostEvents,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "nodeName" | "node_name" => Ok(GeneratedField::NodeName),
                            "time" => Ok(GeneratedField::Time),
                            "flow" => Ok(GeneratedField::Flow),
                            "nodeStatus" | "node_status" => Ok(GeneratedField::NodeStatus),
                            "lostEvents" | "lost_events" => Ok(GeneratedField::LostEvents),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetFlowsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct observer.GetFlowsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetFlowsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut node_name__ = None;
                let mut time__ = None;
                let mut response_types__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::NodeName => {
                            if node_name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nodeName"));
                            }
                            node_name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Time => {
                            if time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("time"));
                            }
                            time__ = map_.next_value()?;
                        }
                        GeneratedField::Flow => {
                            if response_types__.is_some() {
                                return Err(serde::de::Error::duplicate_field("flow"));
                            }
                            response_types__ = map_.next_value::<::std::option::Option<_>>()?.map(get_flows_response::ResponseTypes::Flow)
;
                        }
                        GeneratedField::NodeStatus => {
                            if response_types__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nodeStatus"));
                            }
                            response_types__ = map_.next_value::<::std::option::Option<_>>()?.map(get_flows_response::ResponseTypes::NodeStatus)
;
                        }
                        GeneratedField::LostEvents => {
                            if response_types__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lostEvents"));
                            }
                            response_types__ = map_.next_value::<::std::option::Option<_>>()?.map(get_flows_response::ResponseTypes::LostEvents)
;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GetFlowsResponse {
                    node_name: node_name__.unwrap_or_default(),
                    time: time__,
                    response_types: response_types__,
                })
            }
        }
        deserializer.deserialize_struct("observer.GetFlowsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetNamespacesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("observer.GetNamespacesRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetNamespacesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.namespaces.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetNamespacesResponse", len)?;
        if !self.namespaces.is_empty() {
            struct_ser.serialize_field("namespaces", &self.namespaces)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetNodesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("observer.GetNodesRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetNodesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.nodes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.GetNodesResponse", len)?;
        if !self.nodes.is_empty() {
            struct_ser.serialize_field("nodes", &self.nodes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Namespace {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cluster.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.Namespace", len)?;
        if !self.cluster.is_empty() {
            struct_ser.serialize_field("cluster", &self.cluster)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Node {
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
        if !self.address.is_empty() {
            len += 1;
        }
        if self.state != 0 {
            len += 1;
        }
        if self.tls.is_some() {
            len += 1;
        }
        if self.uptime_ns != 0 {
            len += 1;
        }
        if self.num_flows != 0 {
            len += 1;
        }
        if self.max_flows != 0 {
            len += 1;
        }
        if self.seen_flows != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.Node", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if !self.address.is_empty() {
            struct_ser.serialize_field("address", &self.address)?;
        }
        if self.state != 0 {
            let v = super::relay::NodeState::try_from(self.state)
                .map_or_else(|_| crate::json::Variant::Number(self.state), crate::json::Variant::Name);
            struct_ser.serialize_field("state", &v)?;
        }
        if let Some(v) = self.tls.as_ref() {
            struct_ser.serialize_field("tls", v)?;
        }
        if self.uptime_ns != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("uptime_ns", ToString::to_string(&self.uptime_ns).as_str())?;
        }
        if self.num_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("num_flows", ToString::to_string(&self.num_flows).as_str())?;
        }
        if self.max_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("max_flows", ToString::to_string(&self.max_flows).as_str())?;
        }
        if self.seen_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("seen_flows", ToString::to_string(&self.seen_flows).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ServerStatusRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("observer.ServerStatusRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for ServerStatusResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.num_flows != 0 {
            len += 1;
        }
        if self.max_flows != 0 {
            len += 1;
        }
        if self.seen_flows != 0 {
            len += 1;
        }
        if self.uptime_ns != 0 {
            len += 1;
        }
        if self.num_connected_nodes.is_some() {
            len += 1;
        }
        if self.num_unavailable_nodes.is_some() {
            len += 1;
        }
        if !self.unavailable_nodes.is_empty() {
            len += 1;
        }
        if !self.version.is_empty() {
            len += 1;
        }
        if self.flows_rate != 0. {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.ServerStatusResponse", len)?;
        if self.num_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("num_flows", ToString::to_string(&self.num_flows).as_str())?;
        }
        if self.max_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("max_flows", ToString::to_string(&self.max_flows).as_str())?;
        }
        if self.seen_flows != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("seen_flows", ToString::to_string(&self.seen_flows).as_str())?;
        }
        if self.uptime_ns != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("uptime_ns", ToString::to_string(&self.uptime_ns).as_str())?;
        }
        if let Some(v) = self.num_connected_nodes.as_ref() {
            struct_ser.serialize_field("num_connected_nodes", v)?;
        }
        if let Some(v) = self.num_unavailable_nodes.as_ref() {
            struct_ser.serialize_field("num_unavailable_nodes", v)?;
        }
        if !self.unavailable_nodes.is_empty() {
            struct_ser.serialize_field("unavailable_nodes", &self.unavailable_nodes)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if self.flows_rate != 0. {
            struct_ser.serialize_field("flows_rate", &self.flows_rate)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Tls {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.enabled {
            len += 1;
        }
        if !self.server_name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("observer.TLS", len)?;
        if self.enabled {
            struct_ser.serialize_field("enabled", &self.enabled)?;
        }
        if !self.server_name.is_empty() {
            struct_ser.serialize_field("server_name", &self.server_name)?;
        }
        struct_ser.end()
    }
}
