impl serde::Serialize for AcknowledgeRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.acknowledgement.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.AcknowledgeRequest", len)?;
        if let Some(v) = self.acknowledgement.as_ref() {
            struct_ser.serialize_field("acknowledgement", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for AcknowledgeResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.acknowledgement.is_some() {
            len += 1;
        }
        if !self.node_names.is_empty() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.AcknowledgeResponse", len)?;
        if let Some(v) = self.acknowledgement.as_ref() {
            struct_ser.serialize_field("acknowledgement", v)?;
        }
        if !self.node_names.is_empty() {
            struct_ser.serialize_field("node_names", &self.node_names)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Acknowledgement {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.incident.is_empty() {
            len += 1;
        }
        if self.until.is_some() {
            len += 1;
        }
        if !self.by.is_empty() {
            len += 1;
        }
        if !self.reason.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        if !self.about.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Acknowledgement", len)?;
        if !self.incident.is_empty() {
            struct_ser.serialize_field("incident", &self.incident)?;
        }
        if let Some(v) = self.until.as_ref() {
            struct_ser.serialize_field("until", v)?;
        }
        if !self.by.is_empty() {
            struct_ser.serialize_field("by", &self.by)?;
        }
        if !self.reason.is_empty() {
            struct_ser.serialize_field("reason", &self.reason)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if !self.about.is_empty() {
            struct_ser.serialize_field("about", &self.about)?;
        }
        struct_ser.end()
    }
}
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
impl<'de> serde::Deserialize<'de> for Cause {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "CAUSE_UNKNOWN",
            "NEW",
            "DROP",
            "CHANGED",
            "FLAGS",
            "END",
            "ACTIVE",
            "PACKET",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = Cause;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "CAUSE_UNKNOWN" => Ok(Cause::Unknown),
                    "NEW" => Ok(Cause::New),
                    "DROP" => Ok(Cause::Drop),
                    "CHANGED" => Ok(Cause::Changed),
                    "FLAGS" => Ok(Cause::Flags),
                    "END" => Ok(Cause::End),
                    "ACTIVE" => Ok(Cause::Active),
                    "PACKET" => Ok(Cause::Packet),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Change {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.action != 0 {
            len += 1;
        }
        if !self.object.is_empty() {
            len += 1;
        }
        if !self.kind.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        if self.last_time.is_some() {
            len += 1;
        }
        if !self.nodes.is_empty() {
            len += 1;
        }
        if !self.place.is_empty() {
            len += 1;
        }
        if !self.summary.is_empty() {
            len += 1;
        }
        if !self.rules.is_empty() {
            len += 1;
        }
        if !self.before_version.is_empty() {
            len += 1;
        }
        if !self.after_version.is_empty() {
            len += 1;
        }
        if self.before.is_some() {
            len += 1;
        }
        if self.after.is_some() {
            len += 1;
        }
        if self.first_state.is_some() {
            len += 1;
        }
        if !self.concerns.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Change", len)?;
        if self.action != 0 {
            let v = change::Action::try_from(self.action)
                .map_or_else(|_| crate::json::Variant::Number(self.action), crate::json::Variant::Name);
            struct_ser.serialize_field("action", &v)?;
        }
        if !self.object.is_empty() {
            struct_ser.serialize_field("object", &self.object)?;
        }
        if !self.kind.is_empty() {
            struct_ser.serialize_field("kind", &self.kind)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if let Some(v) = self.last_time.as_ref() {
            struct_ser.serialize_field("last_time", v)?;
        }
        if !self.nodes.is_empty() {
            struct_ser.serialize_field("nodes", &self.nodes)?;
        }
        if !self.place.is_empty() {
            struct_ser.serialize_field("place", &self.place)?;
        }
        if !self.summary.is_empty() {
            struct_ser.serialize_field("summary", &self.summary)?;
        }
        if !self.rules.is_empty() {
            struct_ser.serialize_field("rules", &self.rules)?;
        }
        if !self.before_version.is_empty() {
            struct_ser.serialize_field("before_version", &self.before_version)?;
        }
        if !self.after_version.is_empty() {
            struct_ser.serialize_field("after_version", &self.after_version)?;
        }
        if let Some(v) = self.before.as_ref() {
            struct_ser.serialize_field("before", v)?;
        }
        if let Some(v) = self.after.as_ref() {
            struct_ser.serialize_field("after", v)?;
        }
        if let Some(v) = self.first_state.as_ref() {
            struct_ser.serialize_field("first_state", v)?;
        }
        if !self.concerns.is_empty() {
            struct_ser.serialize_field("concerns", &self.concerns)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for change::Action {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "ACTION_UNSPECIFIED",
            Self::Added => "ADDED",
            Self::Changed => "CHANGED",
            Self::Removed => "REMOVED",
            Self::FirstState => "FIRST_STATE",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for ChangeOnNode {
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
        if self.time.is_some() {
            len += 1;
        }
        if self.found_at_start {
            len += 1;
        }
        if self.found_after.is_some() {
            len += 1;
        }
        if self.sequence != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ChangeOnNode", len)?;
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if self.found_at_start {
            struct_ser.serialize_field("found_at_start", &self.found_at_start)?;
        }
        if let Some(v) = self.found_after.as_ref() {
            struct_ser.serialize_field("found_after", v)?;
        }
        if self.sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("sequence", ToString::to_string(&self.sequence).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for CidrGroupObject {
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
        if !self.cidrs.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.CidrGroupObject", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.cidrs.is_empty() {
            struct_ser.serialize_field("cidrs", &self.cidrs)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for CrowdedPod {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pod.is_empty() {
            len += 1;
        }
        if self.connections_replaced != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.CrowdedPod", len)?;
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        if self.connections_replaced != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections_replaced", ToString::to_string(&self.connections_replaced).as_str())?;
        }
        struct_ser.end()
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
        if !self.log.is_empty() {
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
        if !self.log.is_empty() {
            struct_ser.serialize_field("log", &self.log)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Decision {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "verdict",
            "drop_reason",
            "dropReason",
            "match_type",
            "matchType",
            "default_deny",
            "defaultDeny",
            "rules",
            "why",
            "log",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Verdict,
            DropReason,
            MatchType,
            DefaultDeny,
            Rules,
            Why,
            Log,
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
                            "verdict" => Ok(GeneratedField::Verdict),
                            "dropReason" | "drop_reason" => Ok(GeneratedField::DropReason),
                            "matchType" | "match_type" => Ok(GeneratedField::MatchType),
                            "defaultDeny" | "default_deny" => Ok(GeneratedField::DefaultDeny),
                            "rules" => Ok(GeneratedField::Rules),
                            "why" => Ok(GeneratedField::Why),
                            "log" => Ok(GeneratedField::Log),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Decision;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct flows.v1.Decision")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Decision, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut verdict__ = None;
                let mut drop_reason__ = None;
                let mut match_type__ = None;
                let mut default_deny__ = None;
                let mut rules__ = None;
                let mut why__ = None;
                let mut log__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Verdict => {
                            if verdict__.is_some() {
                                return Err(serde::de::Error::duplicate_field("verdict"));
                            }
                            verdict__ = Some(map_.next_value::<super::super::flow::Verdict>()? as i32);
                        }
                        GeneratedField::DropReason => {
                            if drop_reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("dropReason"));
                            }
                            drop_reason__ = Some(map_.next_value::<super::super::flow::DropReason>()? as i32);
                        }
                        GeneratedField::MatchType => {
                            if match_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("matchType"));
                            }
                            match_type__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::DefaultDeny => {
                            if default_deny__.is_some() {
                                return Err(serde::de::Error::duplicate_field("defaultDeny"));
                            }
                            default_deny__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Rules => {
                            if rules__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rules"));
                            }
                            rules__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Why => {
                            if why__.is_some() {
                                return Err(serde::de::Error::duplicate_field("why"));
                            }
                            why__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Log => {
                            if log__.is_some() {
                                return Err(serde::de::Error::duplicate_field("log"));
                            }
                            log__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Decision {
                    verdict: verdict__.unwrap_or_default(),
                    drop_reason: drop_reason__.unwrap_or_default(),
                    match_type: match_type__.unwrap_or_default(),
                    default_deny: default_deny__.unwrap_or_default(),
                    rules: rules__.unwrap_or_default(),
                    why: why__.unwrap_or_default(),
                    log: log__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("flows.v1.Decision", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Diagnostic {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.severity != 0 {
            len += 1;
        }
        if !self.code.is_empty() {
            len += 1;
        }
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
        let mut struct_ser = serializer.serialize_struct("flows.v1.Diagnostic", len)?;
        if self.severity != 0 {
            let v = diagnostic::Severity::try_from(self.severity)
                .map_or_else(|_| crate::json::Variant::Number(self.severity), crate::json::Variant::Name);
            struct_ser.serialize_field("severity", &v)?;
        }
        if !self.code.is_empty() {
            struct_ser.serialize_field("code", &self.code)?;
        }
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
        struct_ser.end()
    }
}
impl serde::Serialize for diagnostic::Severity {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "SEVERITY_UNSPECIFIED",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Note => "NOTE",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for DnsQuery {
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
        let mut struct_ser = serializer.serialize_struct("flows.v1.DnsQuery", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for End {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.of.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.End", len)?;
        if let Some(v) = self.of.as_ref() {
            match v {
                end::Of::Pod(v) => {
                    struct_ser.serialize_field("pod", v)?;
                }
                end::Of::Labels(v) => {
                    struct_ser.serialize_field("labels", v)?;
                }
                end::Of::Ip(v) => {
                    struct_ser.serialize_field("ip", v)?;
                }
                end::Of::Entity(v) => {
                    struct_ser.serialize_field("entity", v)?;
                }
                end::Of::Fqdn(v) => {
                    struct_ser.serialize_field("fqdn", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EndpointSliceObject {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.service.is_empty() {
            len += 1;
        }
        if !self.addresses.is_empty() {
            len += 1;
        }
        if !self.ports.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.EndpointSliceObject", len)?;
        if !self.service.is_empty() {
            struct_ser.serialize_field("service", &self.service)?;
        }
        if !self.addresses.is_empty() {
            struct_ser.serialize_field("addresses", &self.addresses)?;
        }
        if !self.ports.is_empty() {
            struct_ser.serialize_field("ports", &self.ports)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for EndpointState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pod.is_empty() {
            len += 1;
        }
        if self.identity != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.ips.is_empty() {
            len += 1;
        }
        if self.table != 0 {
            len += 1;
        }
        if self.ingress_enforced {
            len += 1;
        }
        if self.egress_enforced {
            len += 1;
        }
        if !self.policies.is_empty() {
            len += 1;
        }
        if !self.entries.is_empty() {
            len += 1;
        }
        if !self.ingress_default.is_empty() {
            len += 1;
        }
        if !self.egress_default.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.EndpointState", len)?;
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.ips.is_empty() {
            struct_ser.serialize_field("ips", &self.ips)?;
        }
        if self.table != 0 {
            struct_ser.serialize_field("table", &self.table)?;
        }
        if self.ingress_enforced {
            struct_ser.serialize_field("ingress_enforced", &self.ingress_enforced)?;
        }
        if self.egress_enforced {
            struct_ser.serialize_field("egress_enforced", &self.egress_enforced)?;
        }
        if !self.policies.is_empty() {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        if !self.entries.is_empty() {
            struct_ser.serialize_field("entries", &self.entries)?;
        }
        if !self.ingress_default.is_empty() {
            struct_ser.serialize_field("ingress_default", &self.ingress_default)?;
        }
        if !self.egress_default.is_empty() {
            struct_ser.serialize_field("egress_default", &self.egress_default)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
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
impl serde::Serialize for ExplainRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.flow.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ExplainRequest", len)?;
        if let Some(v) = self.flow.as_ref() {
            struct_ser.serialize_field("flow", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ExplainResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.headline.is_empty() {
            len += 1;
        }
        if self.recorded.is_some() {
            len += 1;
        }
        if self.now.is_some() {
            len += 1;
        }
        if self.differs {
            len += 1;
        }
        if !self.changes.is_empty() {
            len += 1;
        }
        if !self.policies.is_empty() {
            len += 1;
        }
        if !self.command.is_empty() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if self.not_policy {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ExplainResponse", len)?;
        if !self.headline.is_empty() {
            struct_ser.serialize_field("headline", &self.headline)?;
        }
        if let Some(v) = self.recorded.as_ref() {
            struct_ser.serialize_field("recorded", v)?;
        }
        if let Some(v) = self.now.as_ref() {
            struct_ser.serialize_field("now", v)?;
        }
        if self.differs {
            struct_ser.serialize_field("differs", &self.differs)?;
        }
        if !self.changes.is_empty() {
            struct_ser.serialize_field("changes", &self.changes)?;
        }
        if !self.policies.is_empty() {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        if !self.command.is_empty() {
            struct_ser.serialize_field("command", &self.command)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.not_policy {
            struct_ser.serialize_field("not_policy", &self.not_policy)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for FirstState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.policies != 0 {
            len += 1;
        }
        if self.pods != 0 {
            len += 1;
        }
        if self.namespaces != 0 {
            len += 1;
        }
        if self.nodes != 0 {
            len += 1;
        }
        if self.cidr_groups != 0 {
            len += 1;
        }
        if self.services != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.FirstState", len)?;
        if self.policies != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("policies", ToString::to_string(&self.policies).as_str())?;
        }
        if self.pods != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("pods", ToString::to_string(&self.pods).as_str())?;
        }
        if self.namespaces != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("namespaces", ToString::to_string(&self.namespaces).as_str())?;
        }
        if self.nodes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("nodes", ToString::to_string(&self.nodes).as_str())?;
        }
        if self.cidr_groups != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("cidr_groups", ToString::to_string(&self.cidr_groups).as_str())?;
        }
        if self.services != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("services", ToString::to_string(&self.services).as_str())?;
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
impl<'de> serde::Deserialize<'de> for FlowExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "egress",
            "ingress",
            "forward",
            "reply",
            "handshake_rtt_us",
            "handshakeRttUs",
            "revision",
            "limited",
            "late",
            "cause",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Egress,
            Ingress,
            Forward,
            Reply,
            HandshakeRttUs,
            Revision,
            Limited,
            Late,
            Cause,
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
                            "egress" => Ok(GeneratedField::Egress),
                            "ingress" => Ok(GeneratedField::Ingress),
                            "forward" => Ok(GeneratedField::Forward),
                            "reply" => Ok(GeneratedField::Reply),
                            "handshakeRttUs" | "handshake_rtt_us" => Ok(GeneratedField::HandshakeRttUs),
                            "revision" => Ok(GeneratedField::Revision),
                            "limited" => Ok(GeneratedField::Limited),
                            "late" => Ok(GeneratedField::Late),
                            "cause" => Ok(GeneratedField::Cause),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FlowExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct flows.v1.FlowExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FlowExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut egress__ = None;
                let mut ingress__ = None;
                let mut forward__ = None;
                let mut reply__ = None;
                let mut handshake_rtt_us__ = None;
                let mut revision__ = None;
                let mut limited__ = None;
                let mut late__ = None;
                let mut cause__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Egress => {
                            if egress__.is_some() {
                                return Err(serde::de::Error::duplicate_field("egress"));
                            }
                            egress__ = map_.next_value()?;
                        }
                        GeneratedField::Ingress => {
                            if ingress__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ingress"));
                            }
                            ingress__ = map_.next_value()?;
                        }
                        GeneratedField::Forward => {
                            if forward__.is_some() {
                                return Err(serde::de::Error::duplicate_field("forward"));
                            }
                            forward__ = map_.next_value()?;
                        }
                        GeneratedField::Reply => {
                            if reply__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reply"));
                            }
                            reply__ = map_.next_value()?;
                        }
                        GeneratedField::HandshakeRttUs => {
                            if handshake_rtt_us__.is_some() {
                                return Err(serde::de::Error::duplicate_field("handshakeRttUs"));
                            }
                            handshake_rtt_us__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::Revision => {
                            if revision__.is_some() {
                                return Err(serde::de::Error::duplicate_field("revision"));
                            }
                            revision__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::Limited => {
                            if limited__.is_some() {
                                return Err(serde::de::Error::duplicate_field("limited"));
                            }
                            limited__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::Late => {
                            if late__.is_some() {
                                return Err(serde::de::Error::duplicate_field("late"));
                            }
                            late__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Cause => {
                            if cause__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cause"));
                            }
                            cause__ = Some(map_.next_value::<Cause>()? as i32);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FlowExtension {
                    egress: egress__,
                    ingress: ingress__,
                    forward: forward__,
                    reply: reply__,
                    handshake_rtt_us: handshake_rtt_us__.unwrap_or_default(),
                    revision: revision__.unwrap_or_default(),
                    limited: limited__.unwrap_or_default(),
                    late: late__.unwrap_or_default(),
                    cause: cause__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("flows.v1.FlowExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetAcknowledgementsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetAcknowledgementsRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetAcknowledgementsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.acknowledgements.is_empty() {
            len += 1;
        }
        if !self.node_names.is_empty() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetAcknowledgementsResponse", len)?;
        if !self.acknowledgements.is_empty() {
            struct_ser.serialize_field("acknowledgements", &self.acknowledgements)?;
        }
        if !self.node_names.is_empty() {
            struct_ser.serialize_field("node_names", &self.node_names)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetChangesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.since.is_some() {
            len += 1;
        }
        if self.until.is_some() {
            len += 1;
        }
        if !self.pod.is_empty() {
            len += 1;
        }
        if !self.kind.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.number != 0 {
            len += 1;
        }
        if self.without_objects {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetChangesRequest", len)?;
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if let Some(v) = self.until.as_ref() {
            struct_ser.serialize_field("until", v)?;
        }
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        if !self.kind.is_empty() {
            struct_ser.serialize_field("kind", &self.kind)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.number != 0 {
            struct_ser.serialize_field("number", &self.number)?;
        }
        if self.without_objects {
            struct_ser.serialize_field("without_objects", &self.without_objects)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetChangesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.changes.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.complete_since.is_some() {
            len += 1;
        }
        if self.left_out != 0 {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        if !self.node_names.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetChangesResponse", len)?;
        if !self.changes.is_empty() {
            struct_ser.serialize_field("changes", &self.changes)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if let Some(v) = self.complete_since.as_ref() {
            struct_ser.serialize_field("complete_since", v)?;
        }
        if self.left_out != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("left_out", ToString::to_string(&self.left_out).as_str())?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        if !self.node_names.is_empty() {
            struct_ser.serialize_field("node_names", &self.node_names)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetPoliciesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetPoliciesRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetPoliciesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policies.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetPoliciesResponse", len)?;
        if !self.policies.is_empty() {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetProxyRecordsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetProxyRecordsRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetProxyRecordsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.records.is_empty() {
            len += 1;
        }
        if self.lost != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetProxyRecordsResponse", len)?;
        if !self.records.is_empty() {
            struct_ser.serialize_field("records", &self.records)?;
        }
        if self.lost != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("lost", ToString::to_string(&self.lost).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetProxyStatusRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetProxyStatusRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetProxyStatusResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.revision != 0 {
            len += 1;
        }
        if self.tcp_port != 0 {
            len += 1;
        }
        if self.dns_port != 0 {
            len += 1;
        }
        if self.connections != 0 {
            len += 1;
        }
        if self.open_connections != 0 {
            len += 1;
        }
        if self.connections_refused != 0 {
            len += 1;
        }
        if self.connections_reset != 0 {
            len += 1;
        }
        if self.connects_failed != 0 {
            len += 1;
        }
        if self.queries != 0 {
            len += 1;
        }
        if self.open_queries != 0 {
            len += 1;
        }
        if self.queries_refused != 0 {
            len += 1;
        }
        if self.queries_timed_out != 0 {
            len += 1;
        }
        if self.answers_unexpected != 0 {
            len += 1;
        }
        if self.answers_unlearned != 0 {
            len += 1;
        }
        if self.replies_failed != 0 {
            len += 1;
        }
        if self.records != 0 {
            len += 1;
        }
        if self.records_delivered != 0 {
            len += 1;
        }
        if self.records_lost != 0 {
            len += 1;
        }
        if self.records_waiting != 0 {
            len += 1;
        }
        if self.has_agent {
            len += 1;
        }
        if self.held_bytes != 0 {
            len += 1;
        }
        if !self.crowded_clients.is_empty() {
            len += 1;
        }
        if self.connections_stopped != 0 {
            len += 1;
        }
        if self.connections_given_up != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetProxyStatusResponse", len)?;
        if self.revision != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("revision", ToString::to_string(&self.revision).as_str())?;
        }
        if self.tcp_port != 0 {
            struct_ser.serialize_field("tcp_port", &self.tcp_port)?;
        }
        if self.dns_port != 0 {
            struct_ser.serialize_field("dns_port", &self.dns_port)?;
        }
        if self.connections != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections", ToString::to_string(&self.connections).as_str())?;
        }
        if self.open_connections != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("open_connections", ToString::to_string(&self.open_connections).as_str())?;
        }
        if self.connections_refused != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections_refused", ToString::to_string(&self.connections_refused).as_str())?;
        }
        if self.connections_reset != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections_reset", ToString::to_string(&self.connections_reset).as_str())?;
        }
        if self.connects_failed != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connects_failed", ToString::to_string(&self.connects_failed).as_str())?;
        }
        if self.queries != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("queries", ToString::to_string(&self.queries).as_str())?;
        }
        if self.open_queries != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("open_queries", ToString::to_string(&self.open_queries).as_str())?;
        }
        if self.queries_refused != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("queries_refused", ToString::to_string(&self.queries_refused).as_str())?;
        }
        if self.queries_timed_out != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("queries_timed_out", ToString::to_string(&self.queries_timed_out).as_str())?;
        }
        if self.answers_unexpected != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("answers_unexpected", ToString::to_string(&self.answers_unexpected).as_str())?;
        }
        if self.answers_unlearned != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("answers_unlearned", ToString::to_string(&self.answers_unlearned).as_str())?;
        }
        if self.replies_failed != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("replies_failed", ToString::to_string(&self.replies_failed).as_str())?;
        }
        if self.records != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("records", ToString::to_string(&self.records).as_str())?;
        }
        if self.records_delivered != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("records_delivered", ToString::to_string(&self.records_delivered).as_str())?;
        }
        if self.records_lost != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("records_lost", ToString::to_string(&self.records_lost).as_str())?;
        }
        if self.records_waiting != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("records_waiting", ToString::to_string(&self.records_waiting).as_str())?;
        }
        if self.has_agent {
            struct_ser.serialize_field("has_agent", &self.has_agent)?;
        }
        if self.held_bytes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("held_bytes", ToString::to_string(&self.held_bytes).as_str())?;
        }
        if !self.crowded_clients.is_empty() {
            struct_ser.serialize_field("crowded_clients", &self.crowded_clients)?;
        }
        if self.connections_stopped != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections_stopped", ToString::to_string(&self.connections_stopped).as_str())?;
        }
        if self.connections_given_up != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections_given_up", ToString::to_string(&self.connections_given_up).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for GetStateRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("flows.v1.GetStateRequest", len)?;
        struct_ser.end()
    }
}
impl serde::Serialize for GetStateResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.objects.is_empty() {
            len += 1;
        }
        if self.mode != 0 {
            len += 1;
        }
        if !self.cluster_name.is_empty() {
            len += 1;
        }
        if self.allow_localhost {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        if self.l7_proxy.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.GetStateResponse", len)?;
        if !self.objects.is_empty() {
            struct_ser.serialize_field("objects", &self.objects)?;
        }
        if self.mode != 0 {
            let v = get_state_response::Mode::try_from(self.mode)
                .map_or_else(|_| crate::json::Variant::Number(self.mode), crate::json::Variant::Name);
            struct_ser.serialize_field("mode", &v)?;
        }
        if !self.cluster_name.is_empty() {
            struct_ser.serialize_field("cluster_name", &self.cluster_name)?;
        }
        if self.allow_localhost {
            struct_ser.serialize_field("allow_localhost", &self.allow_localhost)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        if let Some(v) = self.l7_proxy.as_ref() {
            struct_ser.serialize_field("l7_proxy", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for get_state_response::Mode {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "MODE_UNSPECIFIED",
            Self::Default => "DEFAULT",
            Self::Always => "ALWAYS",
            Self::Never => "NEVER",
        };
        serializer.serialize_str(variant)
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
        if !self.nodes.is_empty() {
            len += 1;
        }
        if self.repairs != 0 {
            len += 1;
        }
        if self.selected_endpoints != 0 {
            len += 1;
        }
        if !self.crowded_pods.is_empty() {
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
        if !self.nodes.is_empty() {
            struct_ser.serialize_field("nodes", &self.nodes)?;
        }
        if self.repairs != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("repairs", ToString::to_string(&self.repairs).as_str())?;
        }
        if self.selected_endpoints != 0 {
            struct_ser.serialize_field("selected_endpoints", &self.selected_endpoints)?;
        }
        if !self.crowded_pods.is_empty() {
            struct_ser.serialize_field("crowded_pods", &self.crowded_pods)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for HttpRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.method.is_empty() {
            len += 1;
        }
        if !self.path.is_empty() {
            len += 1;
        }
        if !self.host.is_empty() {
            len += 1;
        }
        if !self.headers.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.HttpRequest", len)?;
        if !self.method.is_empty() {
            struct_ser.serialize_field("method", &self.method)?;
        }
        if !self.path.is_empty() {
            struct_ser.serialize_field("path", &self.path)?;
        }
        if !self.host.is_empty() {
            struct_ser.serialize_field("host", &self.host)?;
        }
        if !self.headers.is_empty() {
            struct_ser.serialize_field("headers", &self.headers)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for IdentityState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.identity != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.pods.is_empty() {
            len += 1;
        }
        if !self.policies.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.IdentityState", len)?;
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.pods.is_empty() {
            struct_ser.serialize_field("pods", &self.pods)?;
        }
        if !self.policies.is_empty() {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for InvolvedPolicy {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policy.is_empty() {
            len += 1;
        }
        if self.kind != 0 {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.decided {
            len += 1;
        }
        if !self.version.is_empty() {
            len += 1;
        }
        if !self.present_version.is_empty() {
            len += 1;
        }
        if self.in_force {
            len += 1;
        }
        if self.stale {
            len += 1;
        }
        if !self.place.is_empty() {
            len += 1;
        }
        if !self.yaml.is_empty() {
            len += 1;
        }
        if !self.meaning.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.InvolvedPolicy", len)?;
        if !self.policy.is_empty() {
            struct_ser.serialize_field("policy", &self.policy)?;
        }
        if self.kind != 0 {
            let v = PolicyKind::try_from(self.kind)
                .map_or_else(|_| crate::json::Variant::Number(self.kind), crate::json::Variant::Name);
            struct_ser.serialize_field("kind", &v)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.decided {
            struct_ser.serialize_field("decided", &self.decided)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if !self.present_version.is_empty() {
            struct_ser.serialize_field("present_version", &self.present_version)?;
        }
        if self.in_force {
            struct_ser.serialize_field("in_force", &self.in_force)?;
        }
        if self.stale {
            struct_ser.serialize_field("stale", &self.stale)?;
        }
        if !self.place.is_empty() {
            struct_ser.serialize_field("place", &self.place)?;
        }
        if !self.yaml.is_empty() {
            struct_ser.serialize_field("yaml", &self.yaml)?;
        }
        if !self.meaning.is_empty() {
            struct_ser.serialize_field("meaning", &self.meaning)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Judgement {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.direction != 0 {
            len += 1;
        }
        if self.verdict != 0 {
            len += 1;
        }
        if self.drop_reason != 0 {
            len += 1;
        }
        if self.match_type != 0 {
            len += 1;
        }
        if self.reason != 0 {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if !self.decided_by.is_empty() {
            len += 1;
        }
        if !self.policies.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if !self.allowed_ports.is_empty() {
            len += 1;
        }
        if !self.denied_ports.is_empty() {
            len += 1;
        }
        if self.request.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Judgement", len)?;
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
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
        if self.reason != 0 {
            let v = judgement::Reason::try_from(self.reason)
                .map_or_else(|_| crate::json::Variant::Number(self.reason), crate::json::Variant::Name);
            struct_ser.serialize_field("reason", &v)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if !self.decided_by.is_empty() {
            struct_ser.serialize_field("decided_by", &self.decided_by)?;
        }
        if !self.policies.is_empty() {
            struct_ser.serialize_field("policies", &self.policies)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.allowed_ports.is_empty() {
            struct_ser.serialize_field("allowed_ports", &self.allowed_ports)?;
        }
        if !self.denied_ports.is_empty() {
            struct_ser.serialize_field("denied_ports", &self.denied_ports)?;
        }
        if let Some(v) = self.request.as_ref() {
            struct_ser.serialize_field("request", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for judgement::Reason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "REASON_UNSPECIFIED",
            Self::AllowAny => "ALLOW_ANY",
            Self::AllowLocalhost => "ALLOW_LOCALHOST",
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::DefaultDeny => "DEFAULT_DENY",
            Self::AlwaysEnforced => "ALWAYS_ENFORCED",
            Self::Init => "INIT",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for KafkaRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.api_key.is_empty() {
            len += 1;
        }
        if self.api_version != 0 {
            len += 1;
        }
        if self.client_id.is_some() {
            len += 1;
        }
        if !self.topics.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.KafkaRequest", len)?;
        if !self.api_key.is_empty() {
            struct_ser.serialize_field("api_key", &self.api_key)?;
        }
        if self.api_version != 0 {
            struct_ser.serialize_field("api_version", &self.api_version)?;
        }
        if let Some(v) = self.client_id.as_ref() {
            struct_ser.serialize_field("client_id", v)?;
        }
        if !self.topics.is_empty() {
            struct_ser.serialize_field("topics", &self.topics)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Layer7RuleState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.path.is_some() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if self.allowed != 0 {
            len += 1;
        }
        if self.denied != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Layer7RuleState", len)?;
        if let Some(v) = self.path.as_ref() {
            struct_ser.serialize_field("path", v)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if self.allowed != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("allowed", ToString::to_string(&self.allowed).as_str())?;
        }
        if self.denied != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("denied", ToString::to_string(&self.denied).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for LearnRequest {
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
        if !self.error.is_empty() {
            len += 1;
        }
        if self.holds_for_seconds != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.LearnRequest", len)?;
        if self.id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("id", ToString::to_string(&self.id).as_str())?;
        }
        if !self.error.is_empty() {
            struct_ser.serialize_field("error", &self.error)?;
        }
        if self.holds_for_seconds != 0 {
            struct_ser.serialize_field("holds_for_seconds", &self.holds_for_seconds)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for LearnResponse {
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
        if self.endpoint != 0 {
            len += 1;
        }
        if !self.names.is_empty() {
            len += 1;
        }
        if !self.addresses.is_empty() {
            len += 1;
        }
        if self.ttl_seconds != 0 {
            len += 1;
        }
        if !self.client.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.LearnResponse", len)?;
        if self.id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("id", ToString::to_string(&self.id).as_str())?;
        }
        if self.endpoint != 0 {
            struct_ser.serialize_field("endpoint", &self.endpoint)?;
        }
        if !self.names.is_empty() {
            struct_ser.serialize_field("names", &self.names)?;
        }
        if !self.addresses.is_empty() {
            struct_ser.serialize_field("addresses", &self.addresses)?;
        }
        if self.ttl_seconds != 0 {
            struct_ser.serialize_field("ttl_seconds", &self.ttl_seconds)?;
        }
        if !self.client.is_empty() {
            struct_ser.serialize_field("client", &self.client)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListEndpointsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pod.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListEndpointsRequest", len)?;
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListEndpointsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.endpoints.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListEndpointsResponse", len)?;
        if !self.endpoints.is_empty() {
            struct_ser.serialize_field("endpoints", &self.endpoints)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListIdentitiesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.identity != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListIdentitiesRequest", len)?;
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListIdentitiesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.identities.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListIdentitiesResponse", len)?;
        if !self.identities.is_empty() {
            struct_ser.serialize_field("identities", &self.identities)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListNamesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pod.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.number != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListNamesRequest", len)?;
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.number != 0 {
            struct_ser.serialize_field("number", &self.number)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ListNamesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.names.is_empty() {
            len += 1;
        }
        if self.left_out != 0 {
            len += 1;
        }
        if !self.node_names.is_empty() {
            len += 1;
        }
        if !self.without_proxy.is_empty() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ListNamesResponse", len)?;
        if !self.names.is_empty() {
            struct_ser.serialize_field("names", &self.names)?;
        }
        if self.left_out != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("left_out", ToString::to_string(&self.left_out).as_str())?;
        }
        if !self.node_names.is_empty() {
            struct_ser.serialize_field("node_names", &self.node_names)?;
        }
        if !self.without_proxy.is_empty() {
            struct_ser.serialize_field("without_proxy", &self.without_proxy)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ManifestFile {
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
        if !self.text.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ManifestFile", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
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
        if self.stale {
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
        if self.stale {
            struct_ser.serialize_field("stale", &self.stale)?;
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
impl serde::Serialize for Meaning {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policy.is_empty() {
            len += 1;
        }
        if !self.file.is_empty() {
            len += 1;
        }
        if self.line != 0 {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Meaning", len)?;
        if !self.policy.is_empty() {
            struct_ser.serialize_field("policy", &self.policy)?;
        }
        if !self.file.is_empty() {
            struct_ser.serialize_field("file", &self.file)?;
        }
        if self.line != 0 {
            struct_ser.serialize_field("line", &self.line)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for NameResolution {
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
        if self.allowed {
            len += 1;
        }
        if self.rule.is_some() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.NameResolution", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.allowed {
            struct_ser.serialize_field("allowed", &self.allowed)?;
        }
        if let Some(v) = self.rule.as_ref() {
            struct_ser.serialize_field("rule", v)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for NamespaceObject {
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
        let mut struct_ser = serializer.serialize_struct("flows.v1.NamespaceObject", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for NodeObject {
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
        if !self.pod_cidrs.is_empty() {
            len += 1;
        }
        if !self.addresses.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.NodeObject", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.pod_cidrs.is_empty() {
            struct_ser.serialize_field("pod_cidrs", &self.pod_cidrs)?;
        }
        if !self.addresses.is_empty() {
            struct_ser.serialize_field("addresses", &self.addresses)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ObjectState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.of.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ObjectState", len)?;
        if let Some(v) = self.of.as_ref() {
            match v {
                object_state::Of::Policy(v) => {
                    struct_ser.serialize_field("policy", v)?;
                }
                object_state::Of::Pod(v) => {
                    struct_ser.serialize_field("pod", v)?;
                }
                object_state::Of::Namespace(v) => {
                    struct_ser.serialize_field("namespace", v)?;
                }
                object_state::Of::CidrGroup(v) => {
                    struct_ser.serialize_field("cidr_group", v)?;
                }
                object_state::Of::Service(v) => {
                    struct_ser.serialize_field("service", v)?;
                }
                object_state::Of::EndpointSlice(v) => {
                    struct_ser.serialize_field("endpoint_slice", v)?;
                }
                object_state::Of::Node(v) => {
                    struct_ser.serialize_field("node", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Party {
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
        if self.identity != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if self.judged {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.pods.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Party", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if self.judged {
            struct_ser.serialize_field("judged", &self.judged)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.pods.is_empty() {
            struct_ser.serialize_field("pods", &self.pods)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for PodObject {
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
        if !self.ips.is_empty() {
            len += 1;
        }
        if !self.node.is_empty() {
            len += 1;
        }
        if !self.workload_kind.is_empty() {
            len += 1;
        }
        if !self.workload_name.is_empty() {
            len += 1;
        }
        if !self.service_account.is_empty() {
            len += 1;
        }
        if self.host_network {
            len += 1;
        }
        if !self.ports.is_empty() {
            len += 1;
        }
        if !self.uid.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.PodObject", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.ips.is_empty() {
            struct_ser.serialize_field("ips", &self.ips)?;
        }
        if !self.node.is_empty() {
            struct_ser.serialize_field("node", &self.node)?;
        }
        if !self.workload_kind.is_empty() {
            struct_ser.serialize_field("workload_kind", &self.workload_kind)?;
        }
        if !self.workload_name.is_empty() {
            struct_ser.serialize_field("workload_name", &self.workload_name)?;
        }
        if !self.service_account.is_empty() {
            struct_ser.serialize_field("service_account", &self.service_account)?;
        }
        if self.host_network {
            struct_ser.serialize_field("host_network", &self.host_network)?;
        }
        if !self.ports.is_empty() {
            struct_ser.serialize_field("ports", &self.ports)?;
        }
        if !self.uid.is_empty() {
            struct_ser.serialize_field("uid", &self.uid)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for PolicyFinding {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policy.is_empty() {
            len += 1;
        }
        if !self.version.is_empty() {
            len += 1;
        }
        if !self.place.is_empty() {
            len += 1;
        }
        if self.default_deny {
            len += 1;
        }
        if !self.rules.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.PolicyFinding", len)?;
        if !self.policy.is_empty() {
            struct_ser.serialize_field("policy", &self.policy)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if !self.place.is_empty() {
            struct_ser.serialize_field("place", &self.place)?;
        }
        if self.default_deny {
            struct_ser.serialize_field("default_deny", &self.default_deny)?;
        }
        if !self.rules.is_empty() {
            struct_ser.serialize_field("rules", &self.rules)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for PolicyKind {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unknown => "POLICY_KIND_UNKNOWN",
            Self::CiliumNetworkPolicy => "CiliumNetworkPolicy",
            Self::CiliumClusterwideNetworkPolicy => "CiliumClusterwideNetworkPolicy",
            Self::NetworkPolicy => "NetworkPolicy",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for PolicyKind {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "POLICY_KIND_UNKNOWN",
            "CiliumNetworkPolicy",
            "CiliumClusterwideNetworkPolicy",
            "NetworkPolicy",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = PolicyKind;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "POLICY_KIND_UNKNOWN" => Ok(PolicyKind::Unknown),
                    "CiliumNetworkPolicy" => Ok(PolicyKind::CiliumNetworkPolicy),
                    "CiliumClusterwideNetworkPolicy" => Ok(PolicyKind::CiliumClusterwideNetworkPolicy),
                    "NetworkPolicy" => Ok(PolicyKind::NetworkPolicy),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for PolicyObject {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.version.is_empty() {
            len += 1;
        }
        if !self.uid.is_empty() {
            len += 1;
        }
        if !self.yaml.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.PolicyObject", len)?;
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if !self.uid.is_empty() {
            struct_ser.serialize_field("uid", &self.uid)?;
        }
        if !self.yaml.is_empty() {
            struct_ser.serialize_field("yaml", &self.yaml)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for PolicyState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policy.is_empty() {
            len += 1;
        }
        if self.kind != 0 {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.version.is_empty() {
            len += 1;
        }
        if !self.place.is_empty() {
            len += 1;
        }
        if self.stale {
            len += 1;
        }
        if !self.meaning.is_empty() {
            len += 1;
        }
        if !self.selects.is_empty() {
            len += 1;
        }
        if !self.rules.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.PolicyState", len)?;
        if !self.policy.is_empty() {
            struct_ser.serialize_field("policy", &self.policy)?;
        }
        if self.kind != 0 {
            let v = PolicyKind::try_from(self.kind)
                .map_or_else(|_| crate::json::Variant::Number(self.kind), crate::json::Variant::Name);
            struct_ser.serialize_field("kind", &v)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.version.is_empty() {
            struct_ser.serialize_field("version", &self.version)?;
        }
        if !self.place.is_empty() {
            struct_ser.serialize_field("place", &self.place)?;
        }
        if self.stale {
            struct_ser.serialize_field("stale", &self.stale)?;
        }
        if !self.meaning.is_empty() {
            struct_ser.serialize_field("meaning", &self.meaning)?;
        }
        if !self.selects.is_empty() {
            struct_ser.serialize_field("selects", &self.selects)?;
        }
        if !self.rules.is_empty() {
            struct_ser.serialize_field("rules", &self.rules)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ProxyEnd {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.address.is_empty() {
            len += 1;
        }
        if self.port != 0 {
            len += 1;
        }
        if self.identity != 0 {
            len += 1;
        }
        if self.endpoint.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ProxyEnd", len)?;
        if !self.address.is_empty() {
            struct_ser.serialize_field("address", &self.address)?;
        }
        if self.port != 0 {
            struct_ser.serialize_field("port", &self.port)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if let Some(v) = self.endpoint.as_ref() {
            struct_ser.serialize_field("endpoint", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ProxyPorts {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.tcp != 0 {
            len += 1;
        }
        if self.dns != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ProxyPorts", len)?;
        if self.tcp != 0 {
            struct_ser.serialize_field("tcp", &self.tcp)?;
        }
        if self.dns != 0 {
            struct_ser.serialize_field("dns", &self.dns)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ProxyRecord {
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
        if self.client.is_some() {
            len += 1;
        }
        if self.server.is_some() {
            len += 1;
        }
        if self.protocol != 0 {
            len += 1;
        }
        if self.direction != 0 {
            len += 1;
        }
        if self.is_reply {
            len += 1;
        }
        if self.verdict != 0 {
            len += 1;
        }
        if self.rule_cookie.is_some() {
            len += 1;
        }
        if self.rule_item.is_some() {
            len += 1;
        }
        if !self.reason.is_empty() {
            len += 1;
        }
        if self.layer7.is_some() {
            len += 1;
        }
        if self.server_name.is_some() {
            len += 1;
        }
        if !self.kafka_client_id.is_empty() {
            len += 1;
        }
        if !self.kafka_more_topics.is_empty() {
            len += 1;
        }
        if self.kafka_has_more_topics {
            len += 1;
        }
        if !self.http_missing_headers.is_empty() {
            len += 1;
        }
        if !self.http_rejected_headers.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ProxyRecord", len)?;
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if let Some(v) = self.client.as_ref() {
            struct_ser.serialize_field("client", v)?;
        }
        if let Some(v) = self.server.as_ref() {
            struct_ser.serialize_field("server", v)?;
        }
        if self.protocol != 0 {
            struct_ser.serialize_field("protocol", &self.protocol)?;
        }
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        if self.is_reply {
            struct_ser.serialize_field("is_reply", &self.is_reply)?;
        }
        if self.verdict != 0 {
            let v = super::super::flow::Verdict::try_from(self.verdict)
                .map_or_else(|_| crate::json::Variant::Number(self.verdict), crate::json::Variant::Name);
            struct_ser.serialize_field("verdict", &v)?;
        }
        if let Some(v) = self.rule_cookie.as_ref() {
            struct_ser.serialize_field("rule_cookie", v)?;
        }
        if let Some(v) = self.rule_item.as_ref() {
            struct_ser.serialize_field("rule_item", v)?;
        }
        if !self.reason.is_empty() {
            struct_ser.serialize_field("reason", &self.reason)?;
        }
        if let Some(v) = self.layer7.as_ref() {
            struct_ser.serialize_field("layer7", v)?;
        }
        if let Some(v) = self.server_name.as_ref() {
            struct_ser.serialize_field("server_name", v)?;
        }
        if !self.kafka_client_id.is_empty() {
            struct_ser.serialize_field("kafka_client_id", &self.kafka_client_id)?;
        }
        if !self.kafka_more_topics.is_empty() {
            struct_ser.serialize_field("kafka_more_topics", &self.kafka_more_topics)?;
        }
        if self.kafka_has_more_topics {
            struct_ser.serialize_field("kafka_has_more_topics", &self.kafka_has_more_topics)?;
        }
        if !self.http_missing_headers.is_empty() {
            struct_ser.serialize_field("http_missing_headers", &self.http_missing_headers)?;
        }
        if !self.http_rejected_headers.is_empty() {
            struct_ser.serialize_field("http_rejected_headers", &self.http_rejected_headers)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for RecordedDecision {
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
        if self.direction != 0 {
            len += 1;
        }
        if !self.end.is_empty() {
            len += 1;
        }
        if self.match_type != 0 {
            len += 1;
        }
        if self.default_deny {
            len += 1;
        }
        if !self.decided_by.is_empty() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if self.time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RecordedDecision", len)?;
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
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        if !self.end.is_empty() {
            struct_ser.serialize_field("end", &self.end)?;
        }
        if self.match_type != 0 {
            struct_ser.serialize_field("match_type", &self.match_type)?;
        }
        if self.default_deny {
            struct_ser.serialize_field("default_deny", &self.default_deny)?;
        }
        if !self.decided_by.is_empty() {
            struct_ser.serialize_field("decided_by", &self.decided_by)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for RequestJudgement {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.allowed {
            len += 1;
        }
        if self.rule.is_some() {
            len += 1;
        }
        if !self.failed.is_empty() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RequestJudgement", len)?;
        if self.allowed {
            struct_ser.serialize_field("allowed", &self.allowed)?;
        }
        if let Some(v) = self.rule.as_ref() {
            struct_ser.serialize_field("rule", v)?;
        }
        if !self.failed.is_empty() {
            struct_ser.serialize_field("failed", &self.failed)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
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
        if self.kind != 0 {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.path.is_some() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if !self.resource_version.is_empty() {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Rule", len)?;
        if self.kind != 0 {
            let v = PolicyKind::try_from(self.kind)
                .map_or_else(|_| crate::json::Variant::Number(self.kind), crate::json::Variant::Name);
            struct_ser.serialize_field("kind", &v)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if let Some(v) = self.path.as_ref() {
            struct_ser.serialize_field("path", v)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if !self.resource_version.is_empty() {
            struct_ser.serialize_field("resource_version", &self.resource_version)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Rule {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "kind",
            "namespace",
            "name",
            "path",
            "text",
            "resource_version",
            "resourceVersion",
            "labels",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Kind,
            Namespace,
            Name,
            Path,
            Text,
            ResourceVersion,
            Labels,
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
                            "kind" => Ok(GeneratedField::Kind),
                            "namespace" => Ok(GeneratedField::Namespace),
                            "name" => Ok(GeneratedField::Name),
                            "path" => Ok(GeneratedField::Path),
                            "text" => Ok(GeneratedField::Text),
                            "resourceVersion" | "resource_version" => Ok(GeneratedField::ResourceVersion),
                            "labels" => Ok(GeneratedField::Labels),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Rule;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct flows.v1.Rule")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Rule, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut kind__ = None;
                let mut namespace__ = None;
                let mut name__ = None;
                let mut path__ = None;
                let mut text__ = None;
                let mut resource_version__ = None;
                let mut labels__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Kind => {
                            if kind__.is_some() {
                                return Err(serde::de::Error::duplicate_field("kind"));
                            }
                            kind__ = Some(map_.next_value::<PolicyKind>()? as i32);
                        }
                        GeneratedField::Namespace => {
                            if namespace__.is_some() {
                                return Err(serde::de::Error::duplicate_field("namespace"));
                            }
                            namespace__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Path => {
                            if path__.is_some() {
                                return Err(serde::de::Error::duplicate_field("path"));
                            }
                            path__ = map_.next_value()?;
                        }
                        GeneratedField::Text => {
                            if text__.is_some() {
                                return Err(serde::de::Error::duplicate_field("text"));
                            }
                            text__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ResourceVersion => {
                            if resource_version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("resourceVersion"));
                            }
                            resource_version__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Labels => {
                            if labels__.is_some() {
                                return Err(serde::de::Error::duplicate_field("labels"));
                            }
                            labels__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Rule {
                    kind: kind__.unwrap_or_default(),
                    namespace: namespace__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    path: path__,
                    text: text__.unwrap_or_default(),
                    resource_version: resource_version__.unwrap_or_default(),
                    labels: labels__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("flows.v1.Rule", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RuleChange {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.gained {
            len += 1;
        }
        if self.path.is_some() {
            len += 1;
        }
        if self.direction != 0 {
            len += 1;
        }
        if self.deny {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RuleChange", len)?;
        if self.gained {
            struct_ser.serialize_field("gained", &self.gained)?;
        }
        if let Some(v) = self.path.as_ref() {
            struct_ser.serialize_field("path", v)?;
        }
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        if self.deny {
            struct_ser.serialize_field("deny", &self.deny)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for RuleFinding {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.path.is_some() {
            len += 1;
        }
        if self.deny {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if self.matched {
            len += 1;
        }
        if !self.failed.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RuleFinding", len)?;
        if let Some(v) = self.path.as_ref() {
            struct_ser.serialize_field("path", v)?;
        }
        if self.deny {
            struct_ser.serialize_field("deny", &self.deny)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if self.matched {
            struct_ser.serialize_field("matched", &self.matched)?;
        }
        if !self.failed.is_empty() {
            struct_ser.serialize_field("failed", &self.failed)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for RulePath {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.spec_index.is_some() {
            len += 1;
        }
        if self.list != 0 {
            len += 1;
        }
        if self.index != 0 {
            len += 1;
        }
        if self.port_rule_index.is_some() {
            len += 1;
        }
        if self.layer7_list != 0 {
            len += 1;
        }
        if self.layer7_index != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RulePath", len)?;
        if let Some(v) = self.spec_index.as_ref() {
            struct_ser.serialize_field("spec_index", v)?;
        }
        if self.list != 0 {
            let v = rule_path::List::try_from(self.list)
                .map_or_else(|_| crate::json::Variant::Number(self.list), crate::json::Variant::Name);
            struct_ser.serialize_field("list", &v)?;
        }
        if self.index != 0 {
            struct_ser.serialize_field("index", &self.index)?;
        }
        if let Some(v) = self.port_rule_index.as_ref() {
            struct_ser.serialize_field("port_rule_index", v)?;
        }
        if self.layer7_list != 0 {
            let v = rule_path::Layer7List::try_from(self.layer7_list)
                .map_or_else(|_| crate::json::Variant::Number(self.layer7_list), crate::json::Variant::Name);
            struct_ser.serialize_field("layer7_list", &v)?;
        }
        if self.layer7_index != 0 {
            struct_ser.serialize_field("layer7_index", &self.layer7_index)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RulePath {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "spec_index",
            "specIndex",
            "list",
            "index",
            "port_rule_index",
            "portRuleIndex",
            "layer7_list",
            "layer7List",
            "layer7_index",
            "layer7Index",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SpecIndex,
            List,
            Index,
            PortRuleIndex,
            Layer7List,
            Layer7Index,
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
                            "specIndex" | "spec_index" => Ok(GeneratedField::SpecIndex),
                            "list" => Ok(GeneratedField::List),
                            "index" => Ok(GeneratedField::Index),
                            "portRuleIndex" | "port_rule_index" => Ok(GeneratedField::PortRuleIndex),
                            "layer7List" | "layer7_list" => Ok(GeneratedField::Layer7List),
                            "layer7Index" | "layer7_index" => Ok(GeneratedField::Layer7Index),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RulePath;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct flows.v1.RulePath")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RulePath, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut spec_index__ = None;
                let mut list__ = None;
                let mut index__ = None;
                let mut port_rule_index__ = None;
                let mut layer7_list__ = None;
                let mut layer7_index__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SpecIndex => {
                            if spec_index__.is_some() {
                                return Err(serde::de::Error::duplicate_field("specIndex"));
                            }
                            spec_index__ = 
                                map_.next_value::<::std::option::Option<crate::json::Number<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::List => {
                            if list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("list"));
                            }
                            list__ = Some(map_.next_value::<rule_path::List>()? as i32);
                        }
                        GeneratedField::Index => {
                            if index__.is_some() {
                                return Err(serde::de::Error::duplicate_field("index"));
                            }
                            index__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::PortRuleIndex => {
                            if port_rule_index__.is_some() {
                                return Err(serde::de::Error::duplicate_field("portRuleIndex"));
                            }
                            port_rule_index__ = 
                                map_.next_value::<::std::option::Option<crate::json::Number<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::Layer7List => {
                            if layer7_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("layer7List"));
                            }
                            layer7_list__ = Some(map_.next_value::<rule_path::Layer7List>()? as i32);
                        }
                        GeneratedField::Layer7Index => {
                            if layer7_index__.is_some() {
                                return Err(serde::de::Error::duplicate_field("layer7Index"));
                            }
                            layer7_index__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(RulePath {
                    spec_index: spec_index__,
                    list: list__.unwrap_or_default(),
                    index: index__.unwrap_or_default(),
                    port_rule_index: port_rule_index__,
                    layer7_list: layer7_list__.unwrap_or_default(),
                    layer7_index: layer7_index__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("flows.v1.RulePath", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for rule_path::Layer7List {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::None => "NONE",
            Self::Http => "HTTP",
            Self::Dns => "DNS",
            Self::Kafka => "KAFKA",
            Self::ServerNames => "SERVER_NAMES",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for rule_path::Layer7List {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "NONE",
            "HTTP",
            "DNS",
            "KAFKA",
            "SERVER_NAMES",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = rule_path::Layer7List;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "NONE" => Ok(rule_path::Layer7List::None),
                    "HTTP" => Ok(rule_path::Layer7List::Http),
                    "DNS" => Ok(rule_path::Layer7List::Dns),
                    "KAFKA" => Ok(rule_path::Layer7List::Kafka),
                    "SERVER_NAMES" => Ok(rule_path::Layer7List::ServerNames),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for rule_path::List {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Spec => "SPEC",
            Self::Ingress => "INGRESS",
            Self::IngressDeny => "INGRESS_DENY",
            Self::Egress => "EGRESS",
            Self::EgressDeny => "EGRESS_DENY",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for rule_path::List {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "SPEC",
            "INGRESS",
            "INGRESS_DENY",
            "EGRESS",
            "EGRESS_DENY",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = rule_path::List;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "SPEC" => Ok(rule_path::List::Spec),
                    "INGRESS" => Ok(rule_path::List::Ingress),
                    "INGRESS_DENY" => Ok(rule_path::List::IngressDeny),
                    "EGRESS" => Ok(rule_path::List::Egress),
                    "EGRESS_DENY" => Ok(rule_path::List::EgressDeny),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for RuleState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.path.is_some() {
            len += 1;
        }
        if self.direction != 0 {
            len += 1;
        }
        if self.deny {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if self.decisions != 0 {
            len += 1;
        }
        if self.connections != 0 {
            len += 1;
        }
        if self.bytes != 0 {
            len += 1;
        }
        if !self.layer7.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.RuleState", len)?;
        if let Some(v) = self.path.as_ref() {
            struct_ser.serialize_field("path", v)?;
        }
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        if self.deny {
            struct_ser.serialize_field("deny", &self.deny)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if self.decisions != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("decisions", ToString::to_string(&self.decisions).as_str())?;
        }
        if self.connections != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("connections", ToString::to_string(&self.connections).as_str())?;
        }
        if self.bytes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("bytes", ToString::to_string(&self.bytes).as_str())?;
        }
        if !self.layer7.is_empty() {
            struct_ser.serialize_field("layer7", &self.layer7)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ServiceObject {
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
        if !self.selector.is_empty() {
            len += 1;
        }
        if self.has_selector {
            len += 1;
        }
        if !self.cluster_ips.is_empty() {
            len += 1;
        }
        if !self.ports.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ServiceObject", len)?;
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.selector.is_empty() {
            struct_ser.serialize_field("selector", &self.selector)?;
        }
        if self.has_selector {
            struct_ser.serialize_field("has_selector", &self.has_selector)?;
        }
        if !self.cluster_ips.is_empty() {
            struct_ser.serialize_field("cluster_ips", &self.cluster_ips)?;
        }
        if !self.ports.is_empty() {
            struct_ser.serialize_field("ports", &self.ports)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for SetRulesRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.snapshot.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.SetRulesRequest", len)?;
        if !self.snapshot.is_empty() {
            struct_ser.serialize_field("snapshot", &self.snapshot)?;
        }
        if self.revision != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("revision", ToString::to_string(&self.revision).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for SetRulesResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.revision != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.SetRulesResponse", len)?;
        if self.revision != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("revision", ToString::to_string(&self.revision).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for StateObject {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.yaml.is_empty() {
            len += 1;
        }
        if !self.file.is_empty() {
            len += 1;
        }
        if self.line != 0 {
            len += 1;
        }
        if self.column != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.StateObject", len)?;
        if !self.yaml.is_empty() {
            struct_ser.serialize_field("yaml", &self.yaml)?;
        }
        if !self.file.is_empty() {
            struct_ser.serialize_field("file", &self.file)?;
        }
        if self.line != 0 {
            struct_ser.serialize_field("line", &self.line)?;
        }
        if self.column != 0 {
            struct_ser.serialize_field("column", &self.column)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for Suggestion {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.policy.is_empty() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if !self.yaml.is_empty() {
            len += 1;
        }
        if self.direction != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.Suggestion", len)?;
        if !self.policy.is_empty() {
            struct_ser.serialize_field("policy", &self.policy)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if !self.yaml.is_empty() {
            struct_ser.serialize_field("yaml", &self.yaml)?;
        }
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TableEntry {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.direction != 0 {
            len += 1;
        }
        if self.deny {
            len += 1;
        }
        if self.identity != 0 {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.port.is_empty() {
            len += 1;
        }
        if self.cookie != 0 {
            len += 1;
        }
        if !self.rules.is_empty() {
            len += 1;
        }
        if !self.text.is_empty() {
            len += 1;
        }
        if self.decisions != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.TableEntry", len)?;
        if self.direction != 0 {
            let v = super::super::flow::TrafficDirection::try_from(self.direction)
                .map_or_else(|_| crate::json::Variant::Number(self.direction), crate::json::Variant::Name);
            struct_ser.serialize_field("direction", &v)?;
        }
        if self.deny {
            struct_ser.serialize_field("deny", &self.deny)?;
        }
        if self.identity != 0 {
            struct_ser.serialize_field("identity", &self.identity)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.port.is_empty() {
            struct_ser.serialize_field("port", &self.port)?;
        }
        if self.cookie != 0 {
            struct_ser.serialize_field("cookie", &self.cookie)?;
        }
        if !self.rules.is_empty() {
            struct_ser.serialize_field("rules", &self.rules)?;
        }
        if !self.text.is_empty() {
            struct_ser.serialize_field("text", &self.text)?;
        }
        if self.decisions != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("decisions", ToString::to_string(&self.decisions).as_str())?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TlsHello {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.server_name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.TlsHello", len)?;
        if !self.server_name.is_empty() {
            struct_ser.serialize_field("server_name", &self.server_name)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ToldName {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pod.is_empty() {
            len += 1;
        }
        if !self.pod_ip.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.address.is_empty() {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        if self.expires.is_some() {
            len += 1;
        }
        if self.state != 0 {
            len += 1;
        }
        if !self.opened_by.is_empty() {
            len += 1;
        }
        if self.is_alias {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ToldName", len)?;
        if !self.pod.is_empty() {
            struct_ser.serialize_field("pod", &self.pod)?;
        }
        if !self.pod_ip.is_empty() {
            struct_ser.serialize_field("pod_ip", &self.pod_ip)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.address.is_empty() {
            struct_ser.serialize_field("address", &self.address)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if let Some(v) = self.expires.as_ref() {
            struct_ser.serialize_field("expires", v)?;
        }
        if self.state != 0 {
            let v = told_name::State::try_from(self.state)
                .map_or_else(|_| crate::json::Variant::Number(self.state), crate::json::Variant::Name);
            struct_ser.serialize_field("state", &v)?;
        }
        if !self.opened_by.is_empty() {
            struct_ser.serialize_field("opened_by", &self.opened_by)?;
        }
        if self.is_alias {
            struct_ser.serialize_field("is_alias", &self.is_alias)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for told_name::State {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "STATE_UNSPECIFIED",
            Self::Open => "OPEN",
            Self::Asked => "ASKED",
            Self::NotOpen => "NOT_OPEN",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for TraceRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.source.is_some() {
            len += 1;
        }
        if self.destination.is_some() {
            len += 1;
        }
        if !self.port.is_empty() {
            len += 1;
        }
        if self.request.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.TraceRequest", len)?;
        if let Some(v) = self.source.as_ref() {
            struct_ser.serialize_field("source", v)?;
        }
        if let Some(v) = self.destination.as_ref() {
            struct_ser.serialize_field("destination", v)?;
        }
        if !self.port.is_empty() {
            struct_ser.serialize_field("port", &self.port)?;
        }
        if let Some(v) = self.request.as_ref() {
            match v {
                trace_request::Request::Http(v) => {
                    struct_ser.serialize_field("http", v)?;
                }
                trace_request::Request::Dns(v) => {
                    struct_ser.serialize_field("dns", v)?;
                }
                trace_request::Request::Kafka(v) => {
                    struct_ser.serialize_field("kafka", v)?;
                }
                trace_request::Request::Tls(v) => {
                    struct_ser.serialize_field("tls", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl serde::Serialize for TraceResponse {
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
        if self.source.is_some() {
            len += 1;
        }
        if self.destination.is_some() {
            len += 1;
        }
        if !self.protocol.is_empty() {
            len += 1;
        }
        if self.port != 0 {
            len += 1;
        }
        if self.egress.is_some() {
            len += 1;
        }
        if self.ingress.is_some() {
            len += 1;
        }
        if !self.notes.is_empty() {
            len += 1;
        }
        if !self.suggestions.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.revision != 0 {
            len += 1;
        }
        if self.any_port {
            len += 1;
        }
        if !self.allowed_ports.is_empty() {
            len += 1;
        }
        if !self.denied_ports.is_empty() {
            len += 1;
        }
        if !self.cases.is_empty() {
            len += 1;
        }
        if !self.request.is_empty() {
            len += 1;
        }
        if self.resolution.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.TraceResponse", len)?;
        if self.verdict != 0 {
            let v = trace_response::Verdict::try_from(self.verdict)
                .map_or_else(|_| crate::json::Variant::Number(self.verdict), crate::json::Variant::Name);
            struct_ser.serialize_field("verdict", &v)?;
        }
        if let Some(v) = self.source.as_ref() {
            struct_ser.serialize_field("source", v)?;
        }
        if let Some(v) = self.destination.as_ref() {
            struct_ser.serialize_field("destination", v)?;
        }
        if !self.protocol.is_empty() {
            struct_ser.serialize_field("protocol", &self.protocol)?;
        }
        if self.port != 0 {
            struct_ser.serialize_field("port", &self.port)?;
        }
        if let Some(v) = self.egress.as_ref() {
            struct_ser.serialize_field("egress", v)?;
        }
        if let Some(v) = self.ingress.as_ref() {
            struct_ser.serialize_field("ingress", v)?;
        }
        if !self.notes.is_empty() {
            struct_ser.serialize_field("notes", &self.notes)?;
        }
        if !self.suggestions.is_empty() {
            struct_ser.serialize_field("suggestions", &self.suggestions)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.any_port {
            struct_ser.serialize_field("any_port", &self.any_port)?;
        }
        if !self.allowed_ports.is_empty() {
            struct_ser.serialize_field("allowed_ports", &self.allowed_ports)?;
        }
        if !self.denied_ports.is_empty() {
            struct_ser.serialize_field("denied_ports", &self.denied_ports)?;
        }
        if !self.cases.is_empty() {
            struct_ser.serialize_field("cases", &self.cases)?;
        }
        if !self.request.is_empty() {
            struct_ser.serialize_field("request", &self.request)?;
        }
        if let Some(v) = self.resolution.as_ref() {
            struct_ser.serialize_field("resolution", v)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for trace_response::Verdict {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "VERDICT_UNSPECIFIED",
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Unknown => "UNKNOWN",
        };
        serializer.serialize_str(variant)
    }
}
impl serde::Serialize for ValidateRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.files.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ValidateRequest", len)?;
        if !self.files.is_empty() {
            struct_ser.serialize_field("files", &self.files)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for ValidateResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.diagnostics.is_empty() {
            len += 1;
        }
        if !self.meanings.is_empty() {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if self.documents != 0 {
            len += 1;
        }
        if self.policies != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.ValidateResponse", len)?;
        if !self.diagnostics.is_empty() {
            struct_ser.serialize_field("diagnostics", &self.diagnostics)?;
        }
        if !self.meanings.is_empty() {
            struct_ser.serialize_field("meanings", &self.meanings)?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if self.documents != 0 {
            struct_ser.serialize_field("documents", &self.documents)?;
        }
        if self.policies != 0 {
            struct_ser.serialize_field("policies", &self.policies)?;
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
impl<'de> serde::Deserialize<'de> for Volume {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "packets",
            "bytes",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Packets,
            Bytes,
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
                            "packets" => Ok(GeneratedField::Packets),
                            "bytes" => Ok(GeneratedField::Bytes),
                            _ => crate::json::unknown_field(value, FIELDS).map(|()| GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Volume;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct flows.v1.Volume")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Volume, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut packets__ = None;
                let mut bytes__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Packets => {
                            if packets__.is_some() {
                                return Err(serde::de::Error::duplicate_field("packets"));
                            }
                            packets__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::Bytes => {
                            if bytes__.is_some() {
                                return Err(serde::de::Error::duplicate_field("bytes"));
                            }
                            bytes__ = 
                                Some(map_.next_value::<crate::json::Number<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Volume {
                    packets: packets__.unwrap_or_default(),
                    bytes: bytes__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("flows.v1.Volume", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WaitRevisionRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.revision != 0 {
            len += 1;
        }
        if !self.versions.is_empty() {
            len += 1;
        }
        if self.patience_ms != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.WaitRevisionRequest", len)?;
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.versions.is_empty() {
            struct_ser.serialize_field("versions", &self.versions)?;
        }
        if self.patience_ms != 0 {
            struct_ser.serialize_field("patience_ms", &self.patience_ms)?;
        }
        struct_ser.end()
    }
}
impl serde::Serialize for WaitRevisionResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.revision != 0 {
            len += 1;
        }
        if self.generation != 0 {
            len += 1;
        }
        if !self.node_name.is_empty() {
            len += 1;
        }
        if !self.nodes.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("flows.v1.WaitRevisionResponse", len)?;
        if self.revision != 0 {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.generation != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("generation", ToString::to_string(&self.generation).as_str())?;
        }
        if !self.node_name.is_empty() {
            struct_ser.serialize_field("node_name", &self.node_name)?;
        }
        if !self.nodes.is_empty() {
            struct_ser.serialize_field("nodes", &self.nodes)?;
        }
        struct_ser.end()
    }
}
