//! Giving up what a server needs no longer once its sockets are bound.
//!
//! Capabilities belong to threads: these functions are called before others are started, which then
//! begin with what is left.

use std::io;

use caps::{CapSet, CapsHashSet, errors::CapsError};
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, Uid, User, setgroups, setresgid, setresuid};

pub use caps::Capability;

/// Who a server is once it isn't root any more. Its group stays root's: that is whose the agents'
/// sockets are.
const NOBODY: &str = "nobody";
/// Its number where no file lists users, as in an image that holds nothing but a program: the kernel's
/// own for whom it can't name.
const NOBODYS: Uid = Uid::from_raw(65534);

/// Privileges could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// The system refuses.
    #[error("giving up {what}: {source}")]
    System {
        /// Root, or capabilities.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is no such user.
    #[error("giving up root: there is no user {0:?}; name one that exists with --user")]
    NoUser(String),
    /// It is root still.
    #[error("giving up root: --user {0:?} is root")]
    IsRoot(String),
}

fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> PrivilegeError {
    move |source| PrivilegeError::System {
        what,
        source: source.into(),
    }
}

fn capabilities(error: CapsError) -> PrivilegeError {
    system("capabilities")(io::Error::other(error))
}

/// Gives up root, supplementary groups and all capabilities, for good. Without `user`, root becomes
/// `nobody`, by its usual number if there is none of that name, and keeps its group; with it, its user
/// and group. Who isn't root stays who he is. The calling thread must be the only one.
///
/// # Errors
/// See [`PrivilegeError`]; the process should end then.
pub fn drop_all(user: Option<&str>) -> Result<(), PrivilegeError> {
    let to = match user {
        Some(name) => Some(identity(name, find(name)?)?),
        None if Uid::effective().is_root() => Some((nobody(find(NOBODY)?)?, Gid::current())),
        None => None,
    };
    bound(&CapsHashSet::new())?;
    if let Some((uid, gid)) = to {
        setgroups(&[]).map_err(system("groups"))?;
        setresgid(gid, gid, gid).map_err(system("the group"))?;
        setresuid(uid, uid, uid).map_err(system("root"))?;
    }
    set(&CapsHashSet::new()).map_err(capabilities)
}

/// Keeps these capabilities at most, for this process and what it starts. The calling thread must be
/// the only one.
///
/// # Errors
/// See [`PrivilegeError`].
pub fn keep_only(kept: &[Capability]) -> Result<(), PrivilegeError> {
    let kept = kept.iter().copied().collect();
    bound(&kept)?;
    let has = caps::read(None, CapSet::Permitted).map_err(capabilities)?;
    set(&(&has & &kept)).map_err(capabilities)
}

fn find(name: &str) -> Result<Option<User>, PrivilegeError> {
    User::from_name(name).map_err(system("root"))
}

/// Who was named, and nobody in his place.
fn identity(name: &str, user: Option<User>) -> Result<(Uid, Gid), PrivilegeError> {
    let user = user.ok_or_else(|| PrivilegeError::NoUser(name.to_owned()))?;
    if user.uid.is_root() {
        return Err(PrivilegeError::IsRoot(name.to_owned()));
    }
    Ok((user.uid, user.gid))
}

/// The user that nobody has to name.
fn nobody(user: Option<User>) -> Result<Uid, PrivilegeError> {
    let uid = user.map_or(NOBODYS, |user| user.uid);
    if uid.is_root() {
        return Err(PrivilegeError::IsRoot(NOBODY.to_owned()));
    }
    Ok(uid)
}

/// What is not in the bounding set can't be had by starting a program either.
fn bound(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    set_no_new_privs().map_err(system("new privileges"))?;
    caps::clear(None, CapSet::Ambient).map_err(capabilities)?;
    let can = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP);
    if !can.map_err(capabilities)? {
        // The set can't be changed, and without privileges it grants nothing.
        return Ok(());
    }
    // All that the kernel has, whether or not it says that this process has them: to give up one that isn't
    // there is no error, and to be told of none would leave all.
    let known = caps::runtime::procfs_all_supported(None)
        .unwrap_or_else(|_no_proc| caps::runtime::thread_all_supported());
    known
        .difference(kept)
        .try_for_each(|given_up| caps::drop(None, CapSet::Bounding, *given_up))
        .map_err(capabilities)
}

/// Effective ones are permitted ones: they go first.
fn set(kept: &CapsHashSet) -> Result<(), CapsError> {
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_a_server_becomes() {
        let root = || User::from_name("root").unwrap();
        assert_eq!(root().unwrap().uid.as_raw(), 0);
        // An image without a list of users.
        assert_eq!(nobody(None).unwrap().as_raw(), 65534);
        assert!(matches!(nobody(root()), Err(PrivilegeError::IsRoot(_))));
        // Who was named has to be there.
        let error = identity("flows", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "giving up root: there is no user \"flows\"; name one that exists with --user"
        );
        let error = identity("root", root()).unwrap_err();
        assert!(matches!(error, PrivilegeError::IsRoot(_)));
    }
}
