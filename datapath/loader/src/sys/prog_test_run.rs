//! `BPF_PROG_TEST_RUN`.

use std::io;
use std::os::fd::BorrowedFd;

use super::attr::{Command, TestRun};
use super::{address, bpf, number};

/// What to run a program on.
pub(crate) struct Run<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) context: &'a [u8],
    pub(crate) repeat: u32,
}

/// What came of it.
pub(crate) struct RunOutput {
    pub(crate) result: u32,
    /// Bytes written to the output packet.
    pub(crate) length: usize,
    /// Mean of the runs, ns.
    pub(crate) duration: u32,
}

/// Runs a program; the packet as the program left it is written to `out` (empty: not wanted).
pub(crate) fn test_run(
    program: BorrowedFd<'_>,
    run: &Run<'_>,
    out: &mut [u8],
) -> io::Result<RunOutput> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    let attr = TestRun {
        program: number(program),
        result: 0,
        data_size_in: length(run.packet)?,
        data_size_out: length(out)?,
        data_in: address(run.packet.as_ptr()),
        data_out: if out.is_empty() {
            0
        } else {
            address(out.as_mut_ptr())
        },
        repeat: run.repeat,
        duration: 0,
        ctx_size_in: length(run.context)?,
        ctx_size_out: 0,
        ctx_in: if run.context.is_empty() {
            0
        } else {
            address(run.context.as_ptr())
        },
        ctx_out: 0,
        flags: 0,
        cpu: 0,
        batch_size: 0,
        padding: 0,
    };
    loop {
        let mut attr = attr;
        match bpf(Command::TestRun, &mut attr) {
            Ok(_) => {
                let length = usize::try_from(attr.data_size_out).map_err(io::Error::other)?;
                return Ok(RunOutput {
                    result: attr.result,
                    length,
                    duration: attr.duration,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
