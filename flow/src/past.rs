//! Until when connections of one kind worked, and since when they are denied.

use crate::rows::Judged;

/// One of them, or one request. Times are Unix ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// First event.
    pub start: i64,
    /// Last event.
    pub last: i64,
    /// Whether it was denied; else it was allowed.
    pub denied: bool,
    /// Whether the other end answered: what was answered and is denied worked until it was cut.
    pub answered: bool,
}

/// What several say together. Times are Unix ns, and `began` <= `worked` <= the first denial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// When the last one that worked began: it was allowed then.
    pub began: Option<i64>,
    /// Until when it worked; what is still open after others are denied says no more.
    pub worked: Option<i64>,
    /// The first and the last denial since `began`; `None` if there was none.
    pub denied: Option<(i64, i64)>,
}

impl Attempt {
    /// Of what was judged so, from its first to its last event, with so many drops; `None` of what policy neither
    /// allowed nor denied.
    pub fn new(
        judged: Judged,
        (start, last): (i64, i64),
        drops: u64,
        answered: bool,
    ) -> Option<Self> {
        let denied = match judged {
            Judged::Allowed => false,
            Judged::Denied => true,
            Judged::Dropped | Judged::Audited | Judged::Error | Judged::Unknown => return None,
        };
        Some(Self {
            // What was dropped before it was let through is allowed since then.
            start: if !denied && drops > 0 { last } else { start },
            last,
            denied,
            answered,
        })
    }

    /// Whether it was allowed when it began.
    fn worked(&self) -> bool {
        !self.denied || self.answered
    }

    /// When it was denied first, as far as that is known: what was answered, when it was cut.
    fn denied_at(&self) -> Option<i64> {
        let at = if self.answered { self.last } else { self.start };
        self.denied.then_some(at)
    }
}

impl Past {
    /// Of attempts between the same ends at the same thing, in any order.
    pub fn of<'a>(attempts: impl IntoIterator<Item = &'a Attempt> + Clone) -> Self {
        let all = || attempts.clone().into_iter();
        let worked = || all().filter(|one| one.worked());
        let began = worked().map(|one| one.start).max();
        // Of one that is tried again and again the packets before `began` were another denial's.
        let denied = all().filter(|one| began.is_none_or(|began| one.last > began));
        let denied = denied.filter_map(|one| Some((one.denied_at()?, one.last)));
        let denied = denied.fold(None, |span: Option<(i64, i64)>, (first, last)| {
            let (from, to) = span.unwrap_or((first, last));
            Some((from.min(first), to.max(last)))
        });
        let denied = denied.map(|(first, last)| (first.max(began.unwrap_or(first)), last));
        let until = worked().map(|one| one.last).max();
        let until = until.map(|until| denied.map_or(until, |(first, _)| until.min(first)));
        Self {
            began,
            worked: until,
            denied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(start: i64, last: i64) -> Attempt {
        Attempt {
            start,
            last,
            denied: false,
            answered: true,
        }
    }

    fn denied(start: i64, last: i64) -> Attempt {
        Attempt {
            denied: true,
            answered: false,
            ..allowed(start, last)
        }
    }

    fn cut(start: i64, last: i64) -> Attempt {
        Attempt {
            denied: true,
            ..allowed(start, last)
        }
    }

    #[test]
    fn what_policy_did_not_judge_says_nothing() {
        let new = |judged, drops| Attempt::new(judged, (1, 9), drops, true);
        assert_eq!(new(Judged::Allowed, 0), Some(allowed(1, 9)));
        assert_eq!(new(Judged::Allowed, 2), Some(allowed(9, 9)));
        assert_eq!(new(Judged::Denied, 2), Some(cut(1, 9)));
        assert_eq!(new(Judged::Dropped, 2), None);
        assert_eq!(new(Judged::Audited, 0), None);
    }

    #[test]
    fn it_worked_until_it_was_denied() {
        type Told = (Option<i64>, Option<i64>, Option<(i64, i64)>);
        let rows: [(&str, &[Attempt], Told); 8] = [
            ("nothing", &[], (None, None, None)),
            ("one that works", &[allowed(1, 5)], (Some(1), Some(5), None)),
            (
                "never worked",
                &[denied(3, 4), denied(1, 9)],
                (None, None, Some((1, 9))),
            ),
            (
                "one after the other",
                &[allowed(1, 5), denied(7, 8)],
                (Some(1), Some(5), Some((7, 8))),
            ),
            (
                "its end is told after others were denied",
                &[allowed(1, 20), denied(7, 8)],
                (Some(1), Some(7), Some((7, 8))),
            ),
            (
                "it was cut, and others are denied since",
                &[cut(1, 6), denied(8, 9)],
                (Some(1), Some(6), Some((6, 9))),
            ),
            (
                "it works again",
                &[denied(1, 4), allowed(5, 6)],
                (Some(5), Some(6), None),
            ),
            (
                "tried all the time",
                &[denied(1, 9), allowed(5, 6)],
                (Some(5), Some(5), Some((5, 9))),
            ),
        ];
        for (name, attempts, told) in rows {
            let past = Past::of(attempts);
            assert_eq!((past.began, past.worked, past.denied), told, "{name}");
        }
    }
}
