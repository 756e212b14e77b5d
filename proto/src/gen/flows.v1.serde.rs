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
