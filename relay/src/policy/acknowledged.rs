//! What nodes keep of incidents, as one: of two that differ the later one holds.

use std::collections::BTreeMap;

use proto::flows::v1::Acknowledgement;

/// What holds, by incident, and the nodes that answered.
pub(super) fn merged<A: IntoIterator<Item = Acknowledgement>>(
    answers: impl Iterator<Item = (A, Vec<String>)>,
) -> (Vec<Acknowledgement>, Vec<String>) {
    let mut merged: BTreeMap<String, Acknowledgement> = BTreeMap::new();
    let mut node_names = Vec::new();
    for (acknowledgements, names) in answers {
        node_names.extend(names);
        for one in acknowledgements {
            match merged.get(&one.incident) {
                Some(known) if known.time >= one.time => {}
                Some(_) | None => drop(merged.insert(one.incident.clone(), one)),
            }
        }
    }
    node_names.sort();
    (merged.into_values().collect(), node_names)
}

#[cfg(test)]
mod tests {
    use proto::google::Timestamp;

    use super::*;

    #[test]
    fn the_later_one_holds() {
        let said = |incident: &str, time: i64, by: &str| Acknowledgement {
            incident: incident.to_owned(),
            time: Some(Timestamp::from_unix_nanos(time)),
            by: by.to_owned(),
            ..Acknowledgement::default()
        };
        let nodes = [
            (
                vec![said("a", 1, "old"), said("b", 1, "one")],
                vec!["n2".to_owned()],
            ),
            (vec![said("a", 2, "new")], vec!["n1".to_owned()]),
        ];
        let (merged, names) = merged(nodes.clone().into_iter());
        assert_eq!(merged, [said("a", 2, "new"), said("b", 1, "one")]);
        assert_eq!(names, ["n1", "n2"]);
        let (turned, _) = super::merged(nodes.into_iter().rev());
        assert_eq!(turned, merged);
    }
}
