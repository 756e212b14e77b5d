//! Which incidents somebody knows of, as the server keeps it, and the line in which it is said or taken
//! back.

use std::collections::BTreeMap;

use client::RequestError;
use flow::time::Zone;
use proto::{
    flows::v1::{AcknowledgeResponse, Acknowledgement, GetAcknowledgementsResponse},
    google::Timestamp,
};

use super::edit::Line;
use crate::{
    error::Error,
    incidents::acknowledge::{self, DEFAULT, holds, until},
};

/// What a stock Hubble, or a file, has to say of it.
const UNSUPPORTED: &str = "this server keeps no acknowledgements";

/// See the module. A server keeps a thousand at most.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// By incident.
    kept: BTreeMap<String, Acknowledgement>,
    /// What was answered here: a list that was on its way meanwhile doesn't have it.
    answered: BTreeMap<String, Acknowledgement>,
    unsupported: bool,
    /// Those incidents are not shown.
    pub(crate) hidden: bool,
    version: u64,
}

/// What decides how incidents are shown: it is another one once another one is known, or one is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(u64, usize, bool);

impl Acknowledged {
    /// Takes what the server keeps. One that fails for once leaves what is known.
    pub(crate) fn take(&mut self, answer: Result<GetAcknowledgementsResponse, RequestError>) {
        match answer {
            Ok(answer) => {
                let all = answer.acknowledgements.into_iter();
                let mut kept: BTreeMap<_, _> = all.map(|one| (one.incident.clone(), one)).collect();
                // What is known there too is no longer ours to remember.
                self.answered
                    .retain(|id, said| kept.get(id).is_none_or(|known| known.time < said.time));
                kept.extend(self.answered.clone());
                self.put(kept);
            }
            Err(error) => self.unsupported |= error.is_unsupported(),
        }
    }

    /// Takes what the server answered to what was said here.
    pub(crate) fn answered(&mut self, id: &str, answer: &AcknowledgeResponse) {
        let mut kept = self.kept.clone();
        match &answer.acknowledgement {
            Some(said) => {
                self.answered.insert(id.to_owned(), said.clone());
                kept.insert(id.to_owned(), said.clone());
            }
            None => drop(kept.remove(id)),
        }
        self.put(kept);
    }

    fn put(&mut self, kept: BTreeMap<String, Acknowledgement>) {
        if self.kept != kept {
            self.kept = kept;
            self.version += 1;
        }
    }

    /// What holds of an incident; `now`: Unix ns.
    pub(crate) fn of(&self, id: &str, now: i64) -> Option<&Acknowledgement> {
        self.kept.get(id).filter(|said| holds(said, now))
    }

    /// See [`Version`].
    pub(crate) fn version(&self, now: i64) -> Version {
        let held = self.kept.values().filter(|said| holds(said, now)).count();
        Version(self.version, held, self.hidden)
    }

    /// Whether it is worth asking.
    pub(crate) fn is_asked(&self) -> bool {
        !self.unsupported
    }

    /// Another server, or another connection: nothing is known.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            hidden: self.hidden,
            version: self.version + 1,
            ..Self::default()
        };
    }

    /// Why nothing can be said here.
    pub(crate) fn missing(&self, is_file: bool) -> Option<&'static str> {
        match self.unsupported {
            _ if is_file => Some("these flows are from a file: servers keep acknowledgements"),
            true => Some(UNSUPPORTED),
            false => None,
        }
    }
}

/// What is said of an incident, as it is being written.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    /// The incident.
    pub(crate) id: String,
    /// Until when and, after a comma, why; `None`: it is taken back.
    pub(crate) line: Option<Line>,
    /// What holds now, in words.
    pub(crate) known: Option<String>,
    /// What is wrong with it.
    pub(crate) refused: Option<String>,
}

impl Prompt {
    /// To acknowledge an incident, or to change what is said of it.
    pub(crate) fn acknowledge(id: &str, known: Option<&Acknowledgement>, zone: &Zone) -> Self {
        let text = match known.map(|known| &*known.reason) {
            None | Some("") => DEFAULT.to_owned(),
            Some(reason) => format!("{DEFAULT}, {reason}"),
        };
        Self {
            line: Some(Line::new(text)),
            ..Self::withdraw(id, known, zone)
        }
    }

    /// To take it back.
    pub(crate) fn withdraw(id: &str, known: Option<&Acknowledgement>, zone: &Zone) -> Self {
        Self {
            id: id.to_owned(),
            line: None,
            known: known.map(|known| acknowledge::words(known, zone)),
            refused: None,
        }
    }

    /// What is to be told to the server; `now`: Unix ns.
    ///
    /// # Errors
    /// The time can't be read.
    pub(crate) fn said(&self, now: i64, zone: &Zone) -> Result<Acknowledgement, Error> {
        let nothing = acknowledge::withdrawal(&self.id);
        let Some(line) = &self.line else {
            return Ok(nothing);
        };
        let (time, reason) = line.text().split_once(',').unwrap_or((line.text(), ""));
        let time = match time.trim() {
            "" => DEFAULT,
            time => time,
        };
        Ok(Acknowledgement {
            until: Some(until(time, Timestamp::from_unix_nanos(now), zone)?),
            reason: reason.trim().to_owned(),
            ..nothing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600_000_000_000;
    const HOUR: i64 = 3_600_000_000_000;

    fn said(id: &str, time: i64, until: Option<i64>) -> Acknowledgement {
        Acknowledgement {
            incident: id.to_owned(),
            time: Some(Timestamp::from_unix_nanos(time)),
            until: until.map(Timestamp::from_unix_nanos),
            ..Acknowledgement::default()
        }
    }

    fn list(all: &[Acknowledgement]) -> GetAcknowledgementsResponse {
        GetAcknowledgementsResponse {
            acknowledgements: all.to_vec(),
            ..GetAcknowledgementsResponse::default()
        }
    }

    #[test]
    fn a_list_of_before_takes_nothing_back_and_a_later_word_does() {
        let mut known = Acknowledged::default();
        let ours = said("0123abcd", NOW, Some(NOW + HOUR));
        known.answered(
            "0123abcd",
            &AcknowledgeResponse {
                acknowledgement: Some(ours.clone()),
                ..AcknowledgeResponse::default()
            },
        );
        known.take(Ok(list(&[])));
        assert_eq!(known.of("0123abcd", NOW), Some(&ours));
        known.take(Ok(list(&[said("0123abcd", NOW - 1, None)])));
        assert_eq!(known.of("0123abcd", NOW), Some(&ours), "it is older");
        let before = known.version(NOW);
        assert_ne!(before, known.version(NOW + HOUR), "it is over then");
        known.take(Ok(list(&[said("0123abcd", NOW + 1, None)])));
        assert_eq!(known.of("0123abcd", NOW), None, "somebody took it back");
        assert_ne!(before, known.version(NOW));
    }

    #[test]
    fn the_line_has_a_time_and_a_reason() {
        let mut prompt = Prompt::acknowledge("0123abcd", None, &Zone::UTC);
        for (text, hours, reason) in [
            ("8h", 8, ""),
            (
                "8 hours, moves on Monday, or Tuesday",
                8,
                "moves on Monday, or Tuesday",
            ),
            (" , why", 24, "why"),
            ("", 24, ""),
            ("2026-01-02", 24, ""),
        ] {
            prompt.line = Some(Line::new(text));
            let said = prompt.said(NOW, &Zone::UTC).unwrap();
            let until = said.until.unwrap().unix_nanos();
            assert_eq!((until - NOW) / HOUR, hours, "{text}");
            assert_eq!(said.reason, reason, "{text}");
        }
        prompt.line = Some(Line::new("moves on Monday"));
        prompt.said(NOW, &Zone::UTC).unwrap_err();
        let back = Prompt::withdraw("0123abcd", None, &Zone::UTC);
        assert_eq!(back.said(NOW, &Zone::UTC).unwrap().until, None);
    }
}
