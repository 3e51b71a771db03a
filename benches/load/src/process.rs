//! CPU time and memory of processes, from `/proc`.

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

fn cpu_seconds(pid: &u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    ticks(&stat).map(|ticks| ticks as f64 / 100.0)
}

/// utime + stime: fields 14 and 15, counted after the parenthesised name.
/// The unit, USER_HZ, is 100 on every Linux this runs on.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
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
    fn stat_fields_survive_odd_names() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14";
        assert_eq!(ticks(stat), Some(11 + 12));
    }

    #[test]
    fn reads_itself() {
        let me = usage(&[std::process::id()]);
        assert!(me.peak_rss_kib > 0);
        assert!(alive(std::process::id()));
    }
}
