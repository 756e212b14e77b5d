//! What a process has used so far, from the kernel.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Processor time of all its threads, also of those that have ended.
///
/// # Panics
/// If there is no such process.
pub fn processor_time(process: u32) -> Duration {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.try_into().unwrap())).unwrap();
    clock_gettime(clock).unwrap().into()
}

/// Resident memory, MiB.
///
/// # Panics
/// If there is no such process.
pub fn memory_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("proc(5)") / 1024.0
}
