//! Runs of the loaded programs on packets of the caller's making (`BPF_PROG_TEST_RUN`): for tests and
//! benchmarks. Maps, events and counters are the real ones; the packet goes nowhere.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

pub use crate::programs::Program;
use crate::sys::{self, Run};
use crate::{Datapath, Error, IfIndex};

/// What to run a program on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The frame, from the Ethernet header on; at least 14 bytes.
    pub packet: &'a [u8],
    /// `ctx->ifindex`: must exist in the calling thread's network namespace.
    pub interface: IfIndex,
    /// How often, at least 1. Each run gets the packet as the one before left it.
    pub repeat: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What the program returned (`TC_ACT_*`), at the last run.
    pub action: i32,
    /// The packet as the program left it.
    pub packet: Vec<u8>,
    /// Mean of the runs; whole ns, the loop's about 20 included.
    pub duration: Duration,
}

/// `TC_ACT_OK`: the packet goes on.
pub const OK: i32 = 0;
/// `TC_ACT_SHOT`: dropped.
pub const SHOT: i32 = 2;
/// `TC_ACT_REDIRECT`: handed to another interface.
pub const REDIRECT: i32 = 7;

/// `struct __sk_buff` up to `ifindex`; what may be set besides is left alone.
const CONTEXT: usize = 192;
const INGRESS_IFINDEX: usize = 36;
const IFINDEX: usize = 40;

/// A packet from a pod came by its interface; one to a pod is as the node itself sends it.
fn context(program: Program, interface: IfIndex) -> [u8; CONTEXT] {
    let mut context = [0; CONTEXT];
    let mut set = |at: usize| {
        context[at..at + 4].copy_from_slice(&interface.0.to_ne_bytes());
    };
    set(IFINDEX);
    if program == Program::FromPod {
        set(INGRESS_IFINDEX);
    }
    context
}

fn failed(interface: IfIndex) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Interface {
        action: "running a program for",
        ifindex: interface.0,
        source,
    }
}

/// A program ready to be run again and again on packets of one interface. It outlives the datapath it
/// is of.
#[derive(Debug)]
pub struct Runner {
    program: OwnedFd,
    interface: IfIndex,
    context: [u8; CONTEXT],
}

impl Runner {
    fn new(
        program: BorrowedFd<'_>,
        context: [u8; CONTEXT],
        interface: IfIndex,
    ) -> Result<Self, Error> {
        let program = program.try_clone_to_owned().map_err(failed(interface))?;
        Ok(Self {
            program,
            interface,
            context,
        })
    }

    /// Runs the program and tells what it returned and the mean duration in ns. Allocates nothing.
    ///
    /// # Errors
    /// The kernel refuses the packet or the interface.
    pub fn run(&self, packet: &[u8], repeat: u32) -> Result<(i32, u32), Error> {
        let run = Run {
            packet,
            context: &self.context,
            repeat,
        };
        let output =
            sys::test_run(self.program.as_fd(), &run, &mut []).map_err(failed(self.interface))?;
        Ok((output.result.cast_signed(), output.duration))
    }
}

/// A program that does nothing: what its run takes is what a run of any program takes.
#[derive(Debug)]
pub struct Empty(OwnedFd);

impl Empty {
    /// Loads it.
    ///
    /// # Errors
    /// No right to load programs.
    pub fn load() -> Result<Self, Error> {
        let source = |source| Error::Program {
            program: "empty",
            source: Box::new(source),
        };
        sys::load_empty().map(Self).map_err(source)
    }

    /// The program, to be run many times.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn runner(&self, interface: IfIndex) -> Result<Runner, Error> {
        Runner::new(
            self.0.as_fd(),
            context(Program::FromPod, interface),
            interface,
        )
    }
}

impl Datapath {
    /// Runs a program on a packet.
    ///
    /// # Errors
    /// The kernel refuses the packet (shorter than an Ethernet header) or the interface (`ENODEV`).
    pub fn test_run(&self, program: Program, input: &Input<'_>) -> Result<Output, Error> {
        let context = context(program, input.interface);
        let run = Run {
            packet: input.packet,
            context: &context,
            repeat: input.repeat,
        };
        let mut packet = vec![0; input.packet.len() + 256];
        let output = sys::test_run(self.program(program), &run, &mut packet)
            .map_err(failed(input.interface))?;
        packet.truncate(output.length);
        Ok(Output {
            action: output.result.cast_signed(),
            packet,
            duration: Duration::from_nanos(output.duration.into()),
        })
    }

    /// A program to be run many times.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn runner(&self, program: Program, interface: IfIndex) -> Result<Runner, Error> {
        Runner::new(
            self.program(program),
            context(program, interface),
            interface,
        )
    }
}

/// What somebody else may do to a pinned link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// Take it off its interface (`bpftool link detach`).
    Detach,
    /// Put a program that passes everything in the place of ours.
    Replace,
}

/// Does that to the link pinned at a path.
///
/// # Errors
/// No such pin, or no right to do it.
pub fn tamper(pin: &Path, how: Tamper) -> Result<(), Error> {
    let result = sys::open_pin(pin).and_then(|link| match how {
        Tamper::Detach => sys::link_detach(link.as_fd()),
        Tamper::Replace => sys::link_update(link.as_fd(), sys::load_empty()?.as_fd()),
    });
    result.map_err(|source| Error::Path {
        action: "tampering with",
        path: pin.to_owned(),
        source,
    })
}
