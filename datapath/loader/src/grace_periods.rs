//! Grace periods of the kernel's RCU, made short while many programs are attached.
//!
//! Each program that is attached to an interface makes the kernel wait for a grace period, under its lock over
//! network devices: 10 to 25 ms, four times for a pod that nobody closed before. On a node that runs 100 pods
//! when the agent comes, that would be several seconds in which pods are closed already and not yet known.
//! `/sys/kernel/rcu_expedited` makes these waits about a tenth as long, at the cost of interrupts to busy CPUs
//! (Documentation/admin-guide/kernel-parameters.txt, `rcupdate.rcu_expedited`); a kernel that is to have no such
//! interrupts (`rcu_normal`, PREEMPT_RT) ignores it. It is the whole machine's: it is set for this time only, and
//! a file says so, by which the next agent cleans up after one that was killed meanwhile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::{debug, warn};

/// The kernel's switch.
const SWITCH: &str = "/sys/kernel/rcu_expedited";

/// The file, in the agent's run directory, that says that the switch was set by an agent, and since which boot of
/// the machine.
const MARK: &str = "rcu-expedited";

/// Another one after each boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// So many new interfaces are worth it.
const MANY: usize = 4;

/// The switch, set until this is dropped.
#[derive(Debug)]
pub struct Expedited {
    switch: PathBuf,
    mark: PathBuf,
}

impl Expedited {
    /// Sets the switch if there are many new interfaces. `None` if there aren't, if it is set already, or can't be:
    /// then it takes longer, no more.
    #[must_use]
    pub fn for_new(interfaces: usize, run_dir: &Path) -> Option<Self> {
        Self::set(Path::new(SWITCH), interfaces, run_dir)
    }

    /// Puts back what an agent left that was killed, by the mark in its run directory. To be called while no other
    /// one can run.
    pub fn recover(run_dir: &Path) {
        Self::put_back_if_marked(Path::new(SWITCH), run_dir);
    }

    fn set(switch: &Path, interfaces: usize, run_dir: &Path) -> Option<Self> {
        if interfaces < MANY || fs::read(switch).ok()?.trim_ascii() != b"0" {
            return None;
        }
        let mark = run_dir.join(MARK);
        // The mark first: an agent killed in between leaves one too many, not one too few.
        let boot = fs::read(BOOT).unwrap_or_default();
        let set = fs::write(&mark, boot).and_then(|()| fs::write(switch, "1"));
        if let Err(error) = &set {
            debug!("programs are attached at the kernel's usual pace: {switch:?}: {error}");
            drop(remove(&mark));
            return None;
        }
        let switch = switch.to_owned();
        Some(Self { switch, mark })
    }

    fn put_back_if_marked(switch: &Path, run_dir: &Path) {
        let mark = run_dir.join(MARK);
        let Ok(boot) = fs::read(&mark) else {
            return;
        };
        // Since a boot the switch is as the machine's owner wants it.
        if boot == fs::read(BOOT).unwrap_or_default() {
            let switch = switch.to_owned();
            drop(Self { switch, mark });
        } else if let Err(error) = remove(&mark) {
            warn!("{}: {error}", mark.display());
        }
    }

    fn put_back(&self) -> io::Result<()> {
        fs::write(&self.switch, "0")?;
        remove(&self.mark)
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            let switch = self.switch.display();
            warn!("{switch} could not be put back: {error}; write 0 into it");
        }
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_set_for_a_time_and_for_many() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let (switch, mark) = (directory.path().join("switch"), directory.path().join(MARK));
        let set = |interfaces| Expedited::set(&switch, interfaces, directory.path());
        assert!(set(MANY).is_none(), "a kernel without the switch");
        fs::write(&switch, "0\n")?;
        assert!(set(MANY - 1).is_none());
        let expedited = set(MANY);
        assert!(expedited.is_some() && mark.exists());
        assert_eq!(fs::read(&switch)?, b"1");
        assert!(set(MANY).is_none(), "another's");
        drop(expedited);
        assert_eq!(fs::read(&switch)?, b"0");
        assert!(!mark.exists());
        Ok(())
    }

    #[test]
    fn what_a_killed_agent_left_is_put_back() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let switch = directory.path().join("switch");
        fs::write(&switch, "1")?;
        Expedited::put_back_if_marked(&switch, directory.path());
        assert_eq!(fs::read(&switch)?, b"1", "not an agent's");
        fs::write(directory.path().join(MARK), "another boot")?;
        Expedited::put_back_if_marked(&switch, directory.path());
        assert_eq!(fs::read(&switch)?, b"1", "before the machine started");
        assert!(!directory.path().join(MARK).exists());
        fs::write(directory.path().join(MARK), fs::read(BOOT)?)?;
        Expedited::put_back_if_marked(&switch, directory.path());
        assert_eq!(fs::read(&switch)?, b"0");
        assert!(!directory.path().join(MARK).exists());
        Ok(())
    }
}
