impl serde::Serialize for Cause {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "CAUSE_UNKNOWN",
            Self::New => "NEW",
            Self::Drop => "DROP",
            Self::Changed => "CHANGED",
            Self::Flags => "FLAGS",
            Self::End => "END",
            Self::Active => "ACTIVE",
            Self::Packet => "PACKET",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for Decision {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.verdict != 0 {
            len += 1;
        }
        if self.drop_reason != 0 {
            len += 1;
        }
        if self.match_type != 0 {
            len += 1;
        }
        if self.default_deny {
            len += 1;
        }
        if !self.rules.is_empty() {
            len += 1;
        }
        if !self.why.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Decision", len)?;
        if self.verdict != 0 {
            let v = super::super::flow::Verdict::try_from(self.verdict)
                .map_or_else(|_| crate::json::Variant::Number(self.verdict), crate::json::Variant::Name);
            struct_ser.serialize_field("verdict", &v)?;
        }
        if self.drop_reason != 0 {
            let v = super::super::flow::DropReason::try_from(self.drop_reason)
                .map_or_else(|_| crate::json::Variant::Number(self.drop_reason), crate::json::Variant::Name);
            struct_ser.serialize_field("drop_reason", &v)?;
        }
        if self.match_type != 0 {
            struct_ser.serialize_field("match_type", &self.match_type)?;
        }
        if self.default_deny {
            struct_ser.serialize_field("default_deny", &self.default_deny)?;
        }
        if !self.rules.is_empty() {
            struct_ser.serialize_field("rules", &self.rules)?;
        }
        if !self.why.is_empty() {
            struct_ser.serialize_field("why", &self.why)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EventCounts {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.attempted != 0 {
            len += 1;
        }
        if self.failed != 0 {
            len += 1;
        }
        if self.limited != 0 {
            len += 1;
        }
        if self.received != 0 {
            len += 1;
        }
        if self.left_unread != 0 {
            len += 1;
        }
        if self.queue_lost != 0 {
            len += 1;
        }
        if self.malformed != 0 {
            len += 1;
        }
        if self.stored != 0 {
            len += 1;
        }
        if self.evicted_unread != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.EventCounts", len)?;
        if self.attempted != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("attempted", ToString::to_string(&self.attempted).as_str())?;
        }
        if self.failed != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("failed", ToString::to_string(&self.failed).as_str())?;
        }
        if self.limited != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("limited", ToString::to_string(&self.limited).as_str())?;
        }
        if self.received != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("received", ToString::to_string(&self.received).as_str())?;
        }
        if self.left_unread != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("left_unread", ToString::to_string(&self.left_unread).as_str())?;
        }
        if self.queue_lost != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("queue_lost", ToString::to_string(&self.queue_lost).as_str())?;
        }
        if self.malformed != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("malformed", ToString::to_string(&self.malformed).as_str())?;
        }
        if self.stored != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("stored", ToString::to_string(&self.stored).as_str())?;
        }
        if self.evicted_unread != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("evicted_unread", ToString::to_string(&self.evicted_unread).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for FlowExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.egress.is_some() {
            len += 1;
        }
        if self.ingress.is_some() {
            len += 1;
        }
        if self.forward.is_some() {
            len += 1;
        }
        if self.reply.is_some() {
            len += 1;
        }
        if self.handshake_rtt_us != 0 {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if self.limited != 0 {
            len += 1;
        }
        if self.late {
            len += 1;
        }
        if self.cause != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.FlowExtension", len)?;
        if let Some(v) = self.egress.as_ref() {
            struct_ser.serialize_field("egress", v)?;
        }
        if let Some(v) = self.ingress.as_ref() {
            struct_ser.serialize_field("ingress", v)?;
        }
        if let Some(v) = self.forward.as_ref() {
            struct_ser.serialize_field("forward", v)?;
        }
        if let Some(v) = self.reply.as_ref() {
            struct_ser.serialize_field("reply", v)?;
        }
        if self.handshake_rtt_us != 0 {
            struct_ser.serialize_field("handshake_rtt_us", &self.handshake_rtt_us)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.limited != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("limited", ToString::to_string(&self.limited).as_str())?;
        }
        if self.late {
            struct_ser.serialize_field("late", &self.late)?;
        }
        if self.cause != 0 {
            let v = Cause::try_from(self.cause)
                .map_or_else(|_| crate::json::Variant::Number(self.cause), crate::json::Variant::Name);
            struct_ser.serialize_field("cause", &v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetStatusRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetStatusRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetStatusResponse {
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
        if self.revision != 0 {
            len += 1;
        }
        if self.generation != 0 {
            len += 1;
        }
        if !self.failure.is_empty() {
            len += 1;
        }
        if !self.problems.is_empty() {
            len += 1;
        }
        if self.policies != 0 {
            len += 1;
        }
        if self.endpoints != 0 {
            len += 1;
        }
        if self.events.is_some() {
            len += 1;
        }
        if !self.maps.is_empty() {
            len += 1;
        }
        if self.history_bytes != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetStatusResponse", len)?;
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.generation != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("generation", ToString::to_string(&self.generation).as_str())?;
        }
        if !self.failure.is_empty() {
            struct_ser.serialize_field("failure", &self.failure)?;
        }
        if !self.problems.is_empty() {
            struct_ser.serialize_field("problems", &self.problems)?;
        }
        if self.policies != 0 {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        if self.endpoints != 0 {
            struct_ser.serialize_field("endpoints", &self.endpoints)?;
        }
        if let Some(v) = self.events.as_ref() {
            struct_ser.serialize_field("events", v)?;
        }
        if !self.maps.is_empty() {
            struct_ser.serialize_field("maps", &self.maps)?;
        }
        if self.history_bytes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("history_bytes", ToString::to_string(&self.history_bytes).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ManifestProblem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.file.is_empty() {
            len += 1;
        }
        if self.line != 0 {
            len += 1;
        }
        if self.column != 0 {
            len += 1;
        }
        if !self.object.is_empty() {
            len += 1;
        }
        if !self.field.is_empty() {
            len += 1;
        }
        if !self.problem.is_empty() {
            len += 1;
        }
        if !self.remedy.is_empty() {
            len += 1;
        }
        if self.not_enforced {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ManifestProblem", len)?;
        if !self.file.is_empty() {
            struct_ser.serialize_field("file", &self.file)?;
        }
        if self.line != 0 {
            struct_ser.serialize_field("line", &self.line)?;
        }
        if self.column != 0 {
            struct_ser.serialize_field("column", &self.column)?;
        }
        if !self.object.is_empty() {
            struct_ser.serialize_field("object", &self.object)?;
        }
        if !self.field.is_empty() {
            struct_ser.serialize_field("field", &self.field)?;
        }
        if !self.problem.is_empty() {
            struct_ser.serialize_field("problem", &self.problem)?;
        }
        if !self.remedy.is_empty() {
            struct_ser.serialize_field("remedy", &self.remedy)?;
        }
        if self.not_enforced {
            struct_ser.serialize_field("not_enforced", &self.not_enforced)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for MapFill {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.map.is_empty() {
            len += 1;
        }
        if self.entries != 0 {
            len += 1;
        }
        if self.max != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.MapFill", len)?;
        if !self.map.is_empty() {
            struct_ser.serialize_field("map", &self.map)?;
        }
        if self.entries != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("entries", ToString::to_string(&self.entries).as_str())?;
        }
        if self.max != 0 {
            struct_ser.serialize_field("max", &self.max)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Rule {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.kind.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.index != 0 {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if !self.resource_version.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Rule", len)?;
        if !self.kind.is_empty() {
            struct_ser.serialize_field("kind", &self.kind)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.index != 0 {
            struct_ser.serialize_field("index", &self.index)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if !self.resource_version.is_empty() {
            struct_ser.serialize_field("resource_version", &self.resource_version)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Volume {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.packets != 0 {
            len += 1;
        }
        if self.bytes != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Volume", len)?;
        if self.packets != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("packets", ToString::to_string(&self.packets).as_str())?;
        }
        if self.bytes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("bytes", ToString::to_string(&self.bytes).as_str())?;
        }
        struct_ser.end()
    }
}
