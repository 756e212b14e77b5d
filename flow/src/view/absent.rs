//! What a form of flow has nothing of.

/// In an implementation of [`FlowView`](crate::FlowView): the attributes that this form of flow has
/// nothing of, by the names of their methods. Those that stand here nowhere must be written out.
#[macro_export]
macro_rules! absent {
    ($($name:ident)*) => { $($crate::absent! { @ $name })* };
    (@ time_ns) => { fn time_ns(&self) -> Option<i64> { None } };
    (@ drop_reason) => { fn drop_reason(&self) -> i32 { 0 } };
    (@ event_type) => { fn event_type(&self) -> Option<(i32, i32)> { None } };
    (@ direction) => {
        fn direction(&self) -> $crate::TrafficDirection { $crate::TrafficDirection::Unknown }
    };
    (@ match_type) => { fn match_type(&self) -> u32 { 0 } };
    (@ trace_reason) => {
        fn trace_reason(&self) -> $crate::view::TraceReason { $crate::view::TraceReason::Unknown }
    };
    (@ is_reply) => { fn is_reply(&self) -> Option<bool> { None } };
    (@ transport) => { fn transport(&self) -> Option<$crate::view::Transport> { None } };
    (@ port) => { fn port(&self, _side: $crate::Side) -> Option<u16> { None } };
    (@ tcp_flags) => { fn tcp_flags(&self) -> Option<u16> { None } };
    (@ icmp) => { fn icmp(&self) -> Option<(u32, u32)> { None } };
    (@ ip) => { fn ip(&self, _side: $crate::Side) -> Option<std::net::IpAddr> { None } };
    (@ source_xlated) => { fn source_xlated(&self) -> Option<std::net::IpAddr> { None } };
    (@ ip_version) => {
        fn ip_version(&self) -> $crate::view::IpVersion { $crate::view::IpVersion::IpNotUsed }
    };
    (@ encrypted) => { fn encrypted(&self) -> bool { false } };
    (@ identity) => { fn identity(&self, _side: $crate::Side) -> Option<$crate::Identity> { None } };
    (@ namespace) => { fn namespace(&self, _side: $crate::Side) -> &str { "" } };
    (@ pod) => { fn pod(&self, _side: $crate::Side) -> &str { "" } };
    (@ cluster) => { fn cluster(&self, _side: $crate::Side) -> &str { "" } };
    (@ any_label) => {
        fn any_label(&self, _: $crate::Side, _: &mut dyn FnMut(&str) -> bool) -> bool { false }
    };
    (@ any_workload) => {
        fn any_workload(&self, _: $crate::Side, _: &mut dyn FnMut(&str, &str) -> bool) -> bool {
            false
        }
    };
    (@ any_name) => {
        fn any_name(&self, _: $crate::Side, _: &mut dyn FnMut(&str) -> bool) -> bool { false }
    };
    (@ service) => { fn service(&self, _side: $crate::Side) -> Option<(&str, &str)> { None } };
    (@ node) => { fn node(&self) -> &str { "" } };
    (@ any_node_label) => {
        fn any_node_label(&self, _is: &mut dyn FnMut(&str) -> bool) -> bool { false }
    };
    (@ interface) => { fn interface(&self) -> Option<(u32, &str)> { None } };
    (@ l7) => { fn l7(&self) -> Option<&$crate::view::Layer7> { None } };
    (@ uuid) => {
        fn uuid(&self, _see: &mut dyn FnMut(&str)) {}
        fn uuid_is(&self, text: &str) -> bool { text.is_empty() }
    };
    (@ trace_id) => { fn trace_id(&self) -> &str { "" } };
    (@ ip_trace_id) => { fn ip_trace_id(&self) -> u64 { 0 } };
    (@ summary) => { fn summary(&self) -> &str { "" } };
    (@ any_policy) => {
        fn any_policy(&self, _is: &mut dyn FnMut($crate::view::PolicyName<'_>) -> bool) -> bool {
            false
        }
    };
    (@ any_policy_log) => {
        fn any_policy_log(&self, _is: &mut dyn FnMut(&str) -> bool) -> bool { false }
    };
    (@ connection) => {
        fn connection(&self) -> Option<$crate::view::ConnectionFacts> { None }
    };
    (@ message) => { fn message(&self, _see: &mut dyn FnMut(&$crate::view::Flow)) {} };
    (@ with_extension) => { fn with_extension(&self, _see: &mut dyn FnMut(&$crate::view::Extension<'_>)) {} };
}
