//! CPU time and memory of a process, from `/proc` (proc(5)).

use std::{collections::BTreeMap, fs, time::Duration};

/// Clock ticks per second in `/proc/PID/stat`: `USER_HZ`, 100 on every Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all threads, those that ended included; to 10 ms.
    pub cpu: Duration,
    /// The largest resident size so far (`VmHWM`), in bytes.
    pub peak_memory: u64,
}

/// Usage of the process; `None` once it is gone.
pub fn of(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage { cpu: cpu_in_stat(&stat)?, peak_memory: size_in_status(&status, "VmHWM:")? })
}

/// CPU time of the threads that live, to the nanosecond: good for short differences.
pub fn fine_cpu(pid: u32) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let run = |task: fs::DirEntry| -> Option<u64> {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    Some(Duration::from_nanos(tasks.flatten().filter_map(run).sum()))
}

/// What a process has done since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// User and system time of all threads, those that ended included; to 10 ms.
    pub cpu: Duration,
    /// Context switches, asked for or not, of each thread that lives.
    pub(crate) switches: BTreeMap<u32, u64>,
}

impl Activity {
    /// CPU time and context switches since `before`. Threads that have ended meanwhile do not count among the latter.
    pub fn since(&self, before: &Self) -> (Duration, u64) {
        let before_of = |thread| before.switches.get(thread).copied().unwrap_or(0);
        let switches = self.switches.iter().map(|(thread, n)| n.saturating_sub(before_of(thread)));
        (self.cpu.saturating_sub(before.cpu), switches.sum())
    }
}

/// What the process has done; `None` once it is gone.
pub fn activity(pid: u32) -> Option<Activity> {
    let of_thread = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        Some((task.file_name().to_str()?.parse().ok()?, switches_in_status(&status)?))
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let switches = tasks.flatten().filter_map(of_thread).collect();
    Some(Activity { cpu: of(pid)?.cpu, switches })
}

/// What a process holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Resident size (`VmRSS`), in bytes.
    pub memory: u64,
    /// Open files and sockets.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

/// What the process holds; `None` once it is gone.
pub fn footprint(pid: u32) -> Option<Footprint> {
    let count = |of: &str| Some(fs::read_dir(format!("/proc/{pid}/{of}")).ok()?.count());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let memory = size_in_status(&status, "VmRSS:")?;
    Some(Footprint { memory, descriptors: count("fd")?, threads: count("task")? })
}

/// The running children of a process, with the names of their programs as the kernel cuts them (15 bytes).
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let child = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = split_stat(&stat)?;
        let ppid: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (ppid == parent).then(|| (pid, name.to_owned()))
    };
    entries.flatten().filter_map(child).collect()
}

/// The program's name and the fields behind it. The name is in parentheses and may hold anything, further ones too.
fn split_stat(stat: &str) -> Option<(&str, &str)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    Some((head.split_once('(')?.1, rest))
}

fn cpu_in_stat(stat: &str) -> Option<Duration> {
    // utime and stime are fields 14 and 15; the first behind the name is field 3.
    let mut fields = split_stat(stat)?.1.split_whitespace().skip(11);
    let utime: u64 = fields.next()?.parse().ok()?;
    let stime: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((utime + stime) * 1000 / TICKS_PER_SECOND))
}

fn switches_in_status(status: &str) -> Option<u64> {
    let count = |which| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(which))?.trim().parse().ok()
    };
    Some(count("voluntary_ctxt_switches:")? + count("nonvoluntary_ctxt_switches:")?)
}

fn size_in_status(status: &str, which: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(which))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stat_with_an_awkward_name() {
        let stat = "42 (a ) (b)) S 1 42 42 0 -1 4194560 100 0 0 0 250 17 0 0 20 0 8 0 1000 9999 55 18446744073709551615";
        assert_eq!(cpu_in_stat(stat), Some(Duration::from_millis(2670)));
        assert_eq!(split_stat(stat).unwrap().0, "a ) (b)");
    }

    #[test]
    fn reads_the_peak() {
        assert_eq!(
            size_in_status("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n", "VmHWM:"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(size_in_status("Name:\tx\n", "VmHWM:"), None);
    }

    #[test]
    fn context_switches_of_both_kinds_count() {
        let status = "Threads:\t1\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(switches_in_status(status), Some(157));
        assert_eq!(switches_in_status("Threads:\t1\n"), None);
    }

    #[test]
    fn a_thread_that_began_meanwhile_counts_and_one_that_ended_does_not() {
        let activity = |cpu, switches: &[(u32, u64)]| Activity {
            cpu: Duration::from_millis(cpu),
            switches: switches.iter().copied().collect(),
        };
        let before = activity(10, &[(1, 100), (2, 100)]);
        let after = activity(30, &[(1, 105), (3, 4)]);
        assert_eq!(after.since(&before), (Duration::from_millis(20), 9));
    }

    #[test]
    fn knows_this_process() {
        let pid = std::process::id();
        assert!(activity(pid).unwrap().since(&activity(pid).unwrap()).0 < Duration::from_secs(60));
        assert!(of(pid).unwrap().peak_memory > 100_000);
        assert!(fine_cpu(pid).unwrap() > Duration::ZERO);
    }
}
