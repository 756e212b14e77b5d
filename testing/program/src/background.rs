//! A program that runs while a test does other things.

use std::process::{Child, Command};

/// The running program; killed when dropped, also when it is stopped.
#[derive(Debug)]
pub struct Background(Child);

impl Background {
    /// Starts it.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The process, to read what it prints or to wait for its end.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Kills it, and returns once it has ended. One that has ended already is no error.
    pub fn kill(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("{error}");
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}
