//! CPU time and memory of processes.

use std::fs;

/// Added up over the processes of one provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub peak_rss_kib: u64,
}

/// CPU seconds (user and system, all threads) used so far, and peak resident
/// memory since the last [`reset_peak`].
pub fn usage(pids: &[u32]) -> Usage {
    let mut sum = Usage::default();
    for pid in pids {
        sum.cpu_seconds += cpu_seconds(pid).unwrap_or(0.0);
        sum.peak_rss_kib += peak_rss_kib(pid).unwrap_or(0);
    }
    sum
}

/// Starts a new peak, where the kernel lets us (same user or root).
pub fn reset_peak(pids: &[u32]) {
    for pid in pids {
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
    }
}

pub fn alive(pid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).is_ok()
}

/// This process's own CPU seconds: a generator near one whole core is the
/// limit being measured, not the server.
pub fn own_cpu_seconds() -> f64 {
    cpu_seconds(&std::process::id()).unwrap_or(0.0)
}

/// User and system time of all threads, those that have ended too. In nanoseconds, where
/// `/proc/PID/stat` counts hundredths of a second: too coarse for a round of a few thousand requests.
fn cpu_seconds(pid: &u32) -> Option<f64> {
    let mut clock = 0;
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls only write to the place that they are given, which lives until they return.
    let failed = unsafe {
        libc::clock_getcpuclockid(libc::pid_t::try_from(*pid).ok()?, &mut clock) != 0
            || libc::clock_gettime(clock, &mut used) != 0
    };
    (!failed).then(|| used.tv_sec as f64 + used.tv_nsec as f64 / 1e9)
}

fn peak_rss_kib(pid: &u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_a_thread_that_has_ended_counts() {
        let before = own_cpu_seconds();
        let spin = || (0..20_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        std::thread::spawn(spin).join().unwrap();
        assert!(own_cpu_seconds() > before);
    }

    #[test]
    fn nobody_uses_nothing() {
        assert_eq!(cpu_seconds(&u32::MAX), None);
    }

    #[test]
    fn reads_itself() {
        let me = usage(&[std::process::id()]);
        assert!(me.peak_rss_kib > 0);
        assert!(alive(std::process::id()));
    }
}
