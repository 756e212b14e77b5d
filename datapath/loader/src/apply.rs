//! From one state of the maps to another, so that no packet sees half of it ([`abi::staged`]).

use std::collections::HashMap;
use std::time::Duration;

use tracing::{debug, error, warn};

use abi::staged::NEVER;
use datapath_host::{Changes, Desired, Settings};

use crate::staged::{Counts, Stageable};
use crate::sys;
use crate::{Datapath, Error};

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The node's revision now. It grows by one per change of anything but the settings.
    pub revision: u32,
    /// Entries that are new or have another value.
    pub written: usize,
    /// Entries removed.
    pub removed: usize,
    /// Entries that were as they shall be.
    pub unchanged: usize,
    /// From the call until the change was true for packets.
    pub true_after: Duration,
    /// The whole call, clean-up included.
    pub took: Duration,
}

impl Datapath {
    /// Makes the maps hold exactly `desired`. Only entries that differ are written, and they become
    /// true all at once.
    ///
    /// # Errors
    /// The change doesn't fit, or is malformed: nothing was written. A write failed: what was staged
    /// is taken back. In either case the old state is in force as a whole.
    pub fn apply(&mut self, desired: &Desired) -> Result<Applied, Error> {
        let began = sys::monotonic_ns();
        self.recover_if_needed()?;
        let planned = self.maps.plan(desired);
        if !self.has_base {
            self.name_all_interfaces(desired)?;
        }
        let applied = self.commit(planned, Some(desired.settings), began)?;
        self.has_base = true;
        Ok(applied)
    }

    /// Whether [`Self::apply`] would find room. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Malformed`], [`Error::OutOfRange`], or the maps can't be read.
    pub fn check(&mut self, desired: &Desired) -> Result<(), Error> {
        self.recover_if_needed()?;
        let planned = self.maps.plan(desired);
        self.check_planned(planned)
    }

    /// Whether [`Self::apply_changes`] would find room. Writes nothing.
    ///
    /// # Errors
    /// As [`Self::check`], and [`Error::NoBase`].
    pub fn check_changes(&mut self, changes: &Changes) -> Result<(), Error> {
        if !self.has_base {
            return Err(Error::NoBase);
        }
        self.recover_if_needed()?;
        let planned = self.maps.plan_changes(changes);
        self.check_planned(planned)
    }

    fn check_planned(&mut self, planned: Result<Counts, Error>) -> Result<(), Error> {
        let room = planned.and_then(|_counts| {
            let mut maps = self.maps.all();
            maps.try_for_each(Stageable::check_room)
        });
        self.maps.all_mut().for_each(Stageable::forget);
        room
    }

    /// Makes some entries as `changes` says and leaves the others alone, without a look at them.
    /// [`Applied::unchanged`] counts among the changes.
    ///
    /// # Errors
    /// As [`Self::apply`]; and [`Error::NoBase`] before the first `apply` since the opening, because
    /// what a predecessor left behind is only put right by that.
    pub fn apply_changes(&mut self, changes: &Changes) -> Result<Applied, Error> {
        let began = sys::monotonic_ns();
        if !self.has_base {
            return Err(Error::NoBase);
        }
        self.recover_if_needed()?;
        let planned = self.maps.plan_changes(changes);
        self.commit(planned, changes.settings, began)
    }

    fn recover_if_needed(&mut self) -> Result<(), Error> {
        if self.needs_recovery {
            self.recover()
        } else {
            Ok(())
        }
    }

    fn commit(
        &mut self,
        planned: Result<Counts, Error>,
        settings: Option<Settings>,
        began: u64,
    ) -> Result<Applied, Error> {
        let room = planned.and_then(|counts| {
            self.maps.all().try_for_each(Stageable::check_room)?;
            if self.maps.all().any(Stageable::is_planned) {
                self.removals.wait()?;
            }
            Ok(counts)
        });
        let counts = match room {
            Ok(counts) => counts,
            Err(error) => {
                self.maps.all_mut().for_each(Stageable::forget);
                return Err(error);
            }
        };
        let since = |began| Duration::from_nanos(sys::monotonic_ns().saturating_sub(began));
        let mut left = Vec::new();
        if self.maps.all().any(Stageable::is_planned) {
            left = self.name_interfaces()?;
            if let Err(error) = self.stage_all() {
                self.note_removals();
                self.rename_interfaces(&left)?;
                return Err(error);
            }
        }
        if let Some(settings) = settings {
            self.set_settings(settings);
        }
        let mut true_after = since(began);
        if self.maps.all().any(Stageable::is_planned) {
            let from = self.revision() + 1;
            self.flip(from);
            true_after = since(began);
            self.finish_all(from);
            self.rename_interfaces(&left)?;
        }
        let applied = Applied {
            revision: self.revision(),
            written: counts.written,
            removed: counts.removed,
            unchanged: counts.unchanged,
            true_after,
            took: since(began),
        };
        debug!(?applied, "applied");
        Ok(applied)
    }

    /// Says whose veth an interface is, before its endpoint counts. Gives the interfaces of endpoints
    /// that change, whose names may be to be taken back afterwards.
    fn name_interfaces(&self) -> Result<Vec<u32>, Error> {
        let mut left = Vec::new();
        for (index, old, new) in self.maps.endpoints.planned() {
            if let Some(new) = new {
                self.interfaces.put(&new.ifindex, &index)?;
            }
            left.extend(old.map(|old| old.ifindex));
        }
        Ok(left)
    }

    /// Takes back the names of interfaces that no endpoint has any more, and says again whose the
    /// others are: the change may have been taken back, or two endpoints may have changed places.
    fn rename_interfaces(&self, left: &[u32]) -> Result<(), Error> {
        if left.is_empty() {
            return Ok(());
        }
        let in_force = self.maps.endpoints.in_force().iter();
        let owners: HashMap<u32, u32> =
            in_force.map(|(index, pod)| (pod.ifindex, *index)).collect();
        for ifindex in left {
            match owners.get(ifindex) {
                Some(index) => self.interfaces.put(ifindex, index)?,
                None => drop(self.interfaces.delete(ifindex)?),
            }
        }
        Ok(())
    }

    /// Says whose veth every interface is: what a predecessor left may be incomplete.
    fn name_all_interfaces(&self, desired: &Desired) -> Result<(), Error> {
        let mut pods = desired.endpoints.iter();
        pods.try_for_each(|(index, pod)| self.interfaces.put(&pod.ifindex, index))
    }

    fn stage_all(&mut self) -> Result<(), Error> {
        let from = self.revision().saturating_add(1);
        if from == NEVER {
            self.maps.all_mut().for_each(Stageable::forget);
            return Err(Error::RevisionExhausted);
        }
        let result = self.maps.all_mut().try_for_each(|map| map.stage(from));
        if result.is_err() {
            let mut needs_recovery = false;
            for map in self.maps.all_mut() {
                if let Err(error) = map.unstage(from) {
                    error!(map = map.fill().map, %error, "staged entries can't be taken back now");
                    map.forget();
                    needs_recovery = true;
                }
            }
            self.needs_recovery = needs_recovery;
        }
        result
    }

    /// The change is true. A clean-up that fails takes nothing of that away: the next change reads
    /// the maps and does it again.
    fn finish_all(&mut self, from: u32) {
        let mut result = sys::grace_period().map_err(Error::GracePeriod);
        for map in self.maps.all_mut() {
            if result.is_ok() {
                result = map.finish(from);
            }
            map.accept();
        }
        self.note_removals();
        if let Err(error) = result {
            warn!(%error, "cleaning up after a change is put off to the next");
            self.needs_recovery = true;
        }
    }
}
