//! Forms of flow that show another one.

/// All of [`FlowView`](super::FlowView) but `with_extension`, answered by the field `flow`; what is about a
/// side, by its `self.side(side)`.
macro_rules! forward {
    () => {
        forward! { plain
            labels_follow_identity() -> bool;
            is_flow() -> bool;
            time_ns() -> Option<i64>;
            verdict() -> Verdict;
            verdict_number() -> i32;
            drop_reason() -> i32;
            event_type() -> Option<(i32, i32)>;
            direction() -> TrafficDirection;
            match_type() -> u32;
            trace_reason() -> TraceReason;
            is_reply() -> Option<bool>;
            transport() -> Option<Transport>;
            tcp_flags() -> Option<u16>;
            icmp() -> Option<(u32, u32)>;
            source_xlated() -> Option<IpAddr>;
            ip_version() -> IpVersion;
            encrypted() -> bool;
            node() -> &str;
            any_node_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
            interface() -> Option<(u32, &str)>;
            l7() -> Option<&Layer7>;
            uuid_is(text: &str) -> bool;
            uuid(see: &mut dyn FnMut(&str)) -> ();
            trace_id() -> &str;
            ip_trace_id() -> u64;
            summary() -> &str;
            any_policy(is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool;
            any_policy_log(is: &mut dyn FnMut(&str) -> bool) -> bool;
            connection() -> Option<ConnectionFacts>;
            message(see: &mut dyn FnMut(&Flow)) -> ();
        }
        forward! { sided
            port() -> Option<u16>;
            ip() -> Option<IpAddr>;
            address() -> Address<'_>;
            identity() -> Option<Identity>;
            namespace() -> &str;
            pod() -> &str;
            cluster() -> &str;
            any_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
            any_workload(is: &mut dyn FnMut(&str, &str) -> bool) -> bool;
            any_name(is: &mut dyn FnMut(&str) -> bool) -> bool;
            service() -> Option<(&str, &str)>;
        }
    };
    (plain $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self $(, $argument: $type)*) -> $result {
            FlowView::$name(self.flow $(, $argument)*)
        })*
    };
    (sided $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, side: Side $(, $argument: $type)*) -> $result {
            FlowView::$name(self.flow, self.side(side) $(, $argument)*)
        })*
    };
}

pub(crate) use forward;
