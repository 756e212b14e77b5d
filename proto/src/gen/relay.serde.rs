impl serde::Serialize for NodeState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::UnknownNodeState => "UNKNOWN_NODE_STATE",
            Self::NodeConnected => "NODE_CONNECTED",
            Self::NodeUnavailable => "NODE_UNAVAILABLE",
            Self::NodeGone => "NODE_GONE",
            Self::NodeError => "NODE_ERROR",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for NodeStatusEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.state_change != 0 {
            len += 1;
        }
        if !self.node_names.is_empty() {
            len += 1;
        }
        if !self.message.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("relay.NodeStatusEvent", len)?;
        if self.state_change != 0 {
            let v = NodeState::try_from(self.state_change)
                .map_or_else(|_| crate::json::Variant::Number(self.state_change), crate::json::Variant::Name);
            struct_ser.serialize_field("state_change", &v)?;
        }
        if !self.node_names.is_empty() {
            struct_ser.serialize_field("node_names", &self.node_names)?;
        }
        if !self.message.is_empty() {
            struct_ser.serialize_field("message", &self.message)?;
        }
        struct_ser.end()
    }
}
