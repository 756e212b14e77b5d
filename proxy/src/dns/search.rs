//! Names that a search list made (resolv.conf(5)). A pod's resolver tries `api.example.com.NAMESPACE.svc.cluster.local`
//! and the like before `api.example.com` itself (Kubernetes, "DNS for Services and Pods"). Rules name the latter, and a
//! resolver that is refused one of the former looks no further: musl's never does, and glibc's neither.

use l7::wire::name::Name;

/// The cluster's domain, as nearly everywhere.
const DOMAIN: [&[u8]; 2] = [b"cluster", b"local"];
const SERVICES: &[u8] = b"svc";

/// What may have been meant by a name: without each suffix of a pod's search list that it has, the longest first.
pub(super) fn meant(name: &Name) -> impl Iterator<Item = Name> + use<> {
    let labels: Vec<&[u8]> = name.labels().collect();
    let before = labels.strip_suffix(&DOMAIN[..]).unwrap_or_default();
    let of_services = before.strip_suffix(&[SERVICES]).unwrap_or_default();
    let of_namespace = of_services.split_last().map_or(&[][..], |(_, rest)| rest);
    let names = [of_namespace, of_services, before];
    let names = names.map(|labels| {
        let mut name = Name::ROOT;
        let is_name = labels.iter().all(|label| name.push(label).is_ok());
        (is_name && !labels.is_empty()).then_some(name)
    });
    names.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_taken_off() {
        let rows: [(&str, &[&str]); 6] = [
            (
                "api.stripe.com.shop.svc.cluster.local",
                &[
                    "api.stripe.com.",
                    "api.stripe.com.shop.",
                    "api.stripe.com.shop.svc.",
                ],
            ),
            (
                "api.stripe.com.svc.cluster.local",
                &["api.stripe.", "api.stripe.com.", "api.stripe.com.svc."],
            ),
            ("api.stripe.com.cluster.local", &["api.stripe.com."]),
            ("api.stripe.com", &[]),
            ("cluster.local", &[]),
            ("svc.cluster.local", &["svc."]),
        ];
        for (name, expected) in rows {
            let found = meant(&Name::from_text(name).unwrap());
            let found: Vec<String> = found.map(|name| name.to_string()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
