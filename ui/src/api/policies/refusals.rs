//! What the servers refuse, beside the policies that it concerns.

use proto::flows::v1::ManifestProblem;

use super::{Entry, Refusal};

/// Puts refusals beside the policies that they concern; a policy of which nothing is in force becomes an entry
/// of its own. Gives those that are about nothing that is a policy.
pub(super) fn add(entries: &mut Vec<Entry>, problems: &[ManifestProblem]) -> Vec<Refusal> {
    let mut others = Vec::new();
    for problem in problems {
        let refusal = Refusal::new(problem);
        let mut known = entries.iter_mut();
        if let Some(entry) = known.find(|entry| entry.policy == problem.object) {
            if entry.state == "enforced" && problem.stale {
                entry.state = "stale";
            }
            entry.refusal.get_or_insert(refusal);
            continue;
        }
        match problem.not_enforced && !problem.object.is_empty() {
            true => entries.push(Entry {
                state: "refused",
                refusal: Some(refusal),
                ..Entry::named(&problem.object)
            }),
            false => others.push(refusal),
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(object: &str, not_enforced: bool, stale: bool) -> ManifestProblem {
        ManifestProblem {
            file: "shop.yaml".to_owned(),
            line: 7,
            column: 3,
            object: object.to_owned(),
            problem: "unknown field".to_owned(),
            not_enforced,
            stale,
            ..ManifestProblem::default()
        }
    }

    #[test]
    fn refusals_stand_beside_their_policies() {
        let mut entries = vec![Entry {
            policy: "cnp shop/db".to_owned(),
            state: "enforced",
            ..Entry::default()
        }];
        let problems = [
            problem("cnp shop/db", false, true),
            problem("cnp shop/web", true, false),
            problem("", false, false),
        ];
        let others = add(&mut entries, &problems);
        let stands: Vec<_> = entries.iter().map(|e| (&*e.policy, e.state)).collect();
        assert_eq!(
            stands,
            [("cnp shop/db", "stale"), ("cnp shop/web", "refused")]
        );
        let place = |entry: &Entry| entry.refusal.as_ref().map(|refusal| refusal.place.clone());
        assert_eq!(place(&entries[0]).as_deref(), Some("shop.yaml:7:3"));
        assert_eq!(others.len(), 1);
    }
}
