//! What of a filter a server of Hubble's can evaluate: lists of [`FlowFilter`]s that let every flow
//! through which matches, and as few others as they can.
//!
//! The lists are an OR of ANDs (the whitelist) and a NOT of another (the blacklist). So the filter is
//! cut into conditions that must all hold; a positive one becomes alternatives of the whitelist, and
//! several are multiplied out; a negated one goes to the blacklist. What has no such form, or would
//! need too many filters, stays in `rest`.

mod leaf;
mod merge;

use proto::flow::FlowFilter;

use super::Filter;

/// Most filters in a list.
const MOST: usize = 64;

/// A filter, cut in two.
#[derive(Debug, Clone, Default)]
pub struct PushdownPlan {
    /// For the server: a flow must match one of these, if there are any.
    pub whitelist: Vec<FlowFilter>,
    /// For the server: it must match none of these.
    pub blacklist: Vec<FlowFilter>,
    /// What of the filter the lists do not say; a flow that passes them matches the whole filter if
    /// it matches this. `None` if the lists say all of it.
    pub rest: Option<Filter>,
}

/// Alternatives; exact if they match just what they stand for.
#[derive(Debug)]
struct Alternatives {
    filters: Vec<FlowFilter>,
    exact: bool,
}

impl Filter {
    /// Cuts the filter in two.
    pub fn push_down(&self) -> PushdownPlan {
        let mut conditions = Vec::new();
        flatten(self, false, &mut conditions);
        let mut blacklist: Vec<FlowFilter> = Vec::new();
        let mut white = vec![FlowFilter::default()];
        let mut constrained = false;
        let mut rest = Vec::new();
        for condition in conditions {
            if let Self::Not(not) = &condition {
                let pushed = within(not);
                let fits = blacklist.len() + pushed.filters.len() <= MOST;
                if fits {
                    blacklist.extend(pushed.filters);
                }
                if !(fits && pushed.exact) {
                    rest.push(condition);
                }
                continue;
            }
            let exact = around(&condition).is_some_and(|pushed| {
                constrained = true;
                match merge::product(&white, &pushed.filters, MOST) {
                    Some((product, exact)) => {
                        white = product;
                        exact && pushed.exact
                    }
                    None => false,
                }
            });
            if !exact {
                rest.push(condition);
            }
        }
        if white.is_empty() {
            // No flow at all: an empty whitelist would be every flow, an empty filter in the
            // blacklist is none.
            return PushdownPlan {
                blacklist: vec![FlowFilter::default()],
                ..PushdownPlan::default()
            };
        }
        PushdownPlan {
            // An empty filter asks for nothing.
            whitelist: if constrained && !white.contains(&FlowFilter::default()) {
                white
            } else {
                Vec::new()
            },
            blacklist,
            rest: match rest.len() {
                0 => None,
                1 => rest.pop(),
                _ => Some(Self::All(rest)),
            },
        }
    }
}

/// The conditions that must all hold.
fn flatten(filter: &Filter, negated: bool, into: &mut Vec<Filter>) {
    match (filter, negated) {
        (Filter::All(all), false) => all.iter().for_each(|of| flatten(of, false, into)),
        (Filter::Any(any), true) => any.iter().for_each(|of| flatten(of, true, into)),
        (Filter::Any(any), false) if any.len() == 1 => flatten(&any[0], false, into),
        (Filter::All(all), true) if all.len() == 1 => flatten(&all[0], true, into),
        (Filter::Not(not), negated) => flatten(not, !negated, into),
        (other, false) => into.push(other.clone()),
        (other, true) => into.push(Filter::Not(Box::new(other.clone()))),
    }
}

/// Alternatives of which a flow that matches fits one; `None` if that would be all flows.
fn around(filter: &Filter) -> Option<Alternatives> {
    match filter {
        Filter::Leaf(leaf) => leaf::around(leaf),
        Filter::Any(any) => {
            let mut of = Alternatives {
                filters: Vec::new(),
                exact: true,
            };
            for filter in any {
                let more = around(filter)?;
                of.filters.extend(more.filters);
                of.exact &= more.exact;
                if of.filters.len() > MOST {
                    return None;
                }
            }
            Some(of)
        }
        Filter::All(all) => {
            let mut of: Option<Alternatives> = None;
            let mut exact = true;
            for filter in all {
                let Some(more) = around(filter) else {
                    exact = false;
                    continue;
                };
                exact &= more.exact;
                of = Some(match of {
                    None => more,
                    Some(of) => match merge::product(&of.filters, &more.filters, MOST) {
                        Some((filters, merged)) => {
                            exact &= merged;
                            Alternatives { filters, exact }
                        }
                        None => {
                            exact = false;
                            of
                        }
                    },
                });
            }
            match of {
                Some(of) => Some(Alternatives { exact, ..of }),
                // Nothing is asked for.
                None if exact => Some(Alternatives {
                    filters: vec![FlowFilter::default()],
                    exact,
                }),
                None => None,
            }
        }
        Filter::Not(not) => match not.as_ref() {
            Filter::Not(filter) => around(filter),
            Filter::Any(any) => around(&Filter::All(negate(any))),
            Filter::All(all) => around(&Filter::Any(negate(all))),
            Filter::Leaf(_) => None,
        },
    }
}

/// Alternatives of which each fits matching flows only.
fn within(filter: &Filter) -> Alternatives {
    let nothing = |exact| Alternatives {
        filters: Vec::new(),
        exact,
    };
    match filter {
        Filter::Leaf(leaf) => match leaf::around(leaf) {
            Some(exact) if exact.exact => exact,
            Some(_) | None => nothing(false),
        },
        Filter::Any(any) => {
            let mut of = nothing(true);
            for filter in any {
                let more = within(filter);
                of.filters.extend(more.filters);
                of.exact &= more.exact;
            }
            of
        }
        Filter::All(all) => {
            let mut of = Alternatives {
                filters: vec![FlowFilter::default()],
                exact: true,
            };
            for filter in all {
                let more = within(filter);
                of = match merge::product(&of.filters, &more.filters, MOST) {
                    // Leaving something out would let more flows match.
                    Some((filters, true)) => Alternatives {
                        filters,
                        exact: of.exact && more.exact,
                    },
                    Some((_, false)) | None => return nothing(false),
                };
            }
            of
        }
        Filter::Not(not) => match not.as_ref() {
            Filter::Not(filter) => within(filter),
            Filter::Any(any) => within(&Filter::All(negate(any))),
            Filter::All(all) => within(&Filter::Any(negate(all))),
            Filter::Leaf(_) => nothing(false),
        },
    }
}

fn negate(of: &[Filter]) -> Vec<Filter> {
    let of = of.iter().cloned();
    of.map(|filter| Filter::Not(Box::new(filter))).collect()
}
