//! Pairs put together: as few rows of "any of these to any of those" as grouping one side gives.

use std::collections::{BTreeMap, BTreeSet};

/// All pairs of some sources and some destinations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Product {
    pub(crate) sources: BTreeSet<usize>,
    pub(crate) destinations: BTreeSet<usize>,
}

/// Pairs of source and destination as products. Of those that `is_idle` the pair with themselves may be
/// added: nobody connects so.
pub(crate) fn products(
    pairs: &BTreeSet<(usize, usize)>,
    is_idle: impl Fn(usize) -> bool,
) -> Vec<Product> {
    let by_destination = grouped(pairs.iter().map(|(from, to)| (*to, *from)), &is_idle);
    let by_source = grouped(pairs.iter().copied(), &is_idle);
    if by_source.len() < by_destination.len() {
        let by_source = by_source.into_iter();
        return by_source
            .map(|(destinations, sources)| Product {
                sources,
                destinations,
            })
            .collect();
    }
    let by_destination = by_destination.into_iter();
    by_destination
        .map(|(sources, destinations)| Product {
            sources,
            destinations,
        })
        .collect()
}

/// Who has which others: those with the same ones together.
fn grouped(
    pairs: impl Iterator<Item = (usize, usize)>,
    is_idle: impl Fn(usize) -> bool,
) -> BTreeMap<BTreeSet<usize>, BTreeSet<usize>> {
    let mut others: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (one, other) in pairs {
        others.entry(one).or_default().insert(other);
    }
    let with_itself = |one: usize, others: &BTreeSet<usize>| {
        let mut others = others.clone();
        others.extend(Some(one).filter(|one| is_idle(*one)));
        others
    };
    let mut alike: BTreeMap<BTreeSet<usize>, usize> = BTreeMap::new();
    for (one, others) in &others {
        *alike.entry(with_itself(*one, others)).or_default() += 1;
    }
    let mut groups: BTreeMap<BTreeSet<usize>, BTreeSet<usize>> = BTreeMap::new();
    for (one, others) in others {
        let wide = with_itself(one, &others);
        // Only where it helps to say less.
        let key = if alike[&wide] > 1 { wide } else { others };
        groups.entry(key).or_default().insert(one);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(of: &[usize]) -> BTreeSet<usize> {
        of.iter().copied().collect()
    }

    fn shown(pairs: &[(usize, usize)], idle: &[usize]) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
        let pairs = pairs.iter().copied().collect();
        let products = products(&pairs, |one| idle.contains(&one));
        let products = products.into_iter();
        products
            .map(|product| (product.sources, product.destinations))
            .collect()
    }

    #[test]
    fn the_side_that_gives_fewer_rows_is_grouped() {
        assert_eq!(
            shown(&[(1, 7), (2, 7), (1, 8), (2, 8)], &[]),
            [(set(&[1, 2]), set(&[7, 8]))]
        );
        let rows = shown(&[(1, 7), (1, 8), (2, 8), (2, 9)], &[]);
        assert_eq!(rows, [(set(&[1]), set(&[7, 8])), (set(&[2]), set(&[8, 9]))]);
    }

    #[test]
    fn a_pod_and_itself_break_no_row() {
        let pairs = [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)];
        assert_eq!(
            shown(&pairs, &[1, 2, 3]),
            [(set(&[1, 2, 3]), set(&[1, 2, 3]))]
        );
        // Replicas do connect with each other: nothing may be added there.
        assert_eq!(shown(&pairs, &[]).len(), 3);
        assert_eq!(
            shown(&[(1, 2), (3, 2)], &[1, 2, 3]),
            [(set(&[1, 3]), set(&[2]))]
        );
    }
}
