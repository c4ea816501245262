//! What Linux tells of this process, under the names and with the help of Go's collector.

use std::{fmt::Write, fs, time::Duration};

use snowflake_metrics::GoNumber;

/// Clock ticks in a second, as Linux tells them to programs on every machine that Rust runs on.
const TICKS: u64 = 100;

/// The figures in Prometheus' format, in the order of their names; those that the system does not tell are left out.
pub(super) fn figures() -> String {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, value: Option<String>| {
        if let Some(value) = value {
            let name = format!("process_{name}");
            // A String takes everything.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
    };
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let (stat, status, limits) =
        (read("/proc/self/stat"), read("/proc/self/status"), read("/proc/self/limits"));
    let number = |value: f64| GoNumber(value).to_string();
    let whole = |value: Option<u64>| value.map(|value| number(value as f64));
    add(
        "cpu_seconds_total",
        "counter",
        "Total user and system CPU time spent in seconds.",
        cpu(&stat).map(|time| number(time.as_secs_f64())),
    );
    let max_fds = limit(&limits, "Max open files");
    add("max_fds", "gauge", "Maximum number of open file descriptors.", whole(max_fds));
    let open_fds = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
    add("open_fds", "gauge", "Number of open file descriptors.", whole(open_fds));
    let resident = kibibytes(&status, "VmRSS:");
    add("resident_memory_bytes", "gauge", "Resident memory size in bytes.", whole(resident));
    add(
        "start_time_seconds",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
        begun(&stat, &read("/proc/stat")).map(|time| number(time.as_secs_f64())),
    );
    let size = kibibytes(&status, "VmSize:");
    add("virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", whole(size));
    let most = limit(&limits, "Max address space");
    let help = "Maximum amount of virtual memory available in bytes.";
    add("virtual_memory_max_bytes", "gauge", help, whole(most));
    text
}

/// Number `index` of `/proc/PID/stat`, counted from 1 as in proc_pid_stat(5); not the name, which may hold anything.
fn field(stat: &str, index: usize) -> Option<u64> {
    // The third field is the first one behind the name.
    stat.rsplit_once(')')?.1.split_whitespace().nth(index - 3)?.parse().ok()
}

fn ticks(number: u64) -> Duration {
    Duration::from_millis(number * (1000 / TICKS))
}

fn cpu(stat: &str) -> Option<Duration> {
    Some(ticks(field(stat, 14)? + field(stat, 15)?))
}

/// Since 1970.
fn begun(stat: &str, system: &str) -> Option<Duration> {
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Duration::from_secs(boot) + ticks(field(stat, 22)?))
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What the process itself may not exceed.
fn limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_files_are_read() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 4242 99 98 97";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        let boot = "cpu 1 2\nbtime 1700000000\nprocesses 3\n";
        assert_eq!(begun(stat, boot), Some(Duration::from_millis(1_700_000_042_420)));
        assert_eq!((cpu("7 (a) S 1"), begun(stat, "")), (None, None));
        let status = "VmPeak:\t  9 kB\nVmSize:\t    8 kB\nVmRSS:\t 3 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(3072));
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 4096                 files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max open files"), Some(1024));
        assert_eq!(limit(limits, "Max address space"), Some(u64::MAX));
        assert_eq!(limit(limits, "Max file size"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_of_them() {
        let text = figures();
        let names: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE process_")).collect();
        assert_eq!(
            names,
            [
                "cpu_seconds_total counter",
                "max_fds gauge",
                "open_fds gauge",
                "resident_memory_bytes gauge",
                "start_time_seconds gauge",
                "virtual_memory_bytes gauge",
                "virtual_memory_max_bytes gauge"
            ]
        );
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value: f64 = line.split_once(' ').unwrap().1.parse().unwrap();
            assert!(value >= 0.0, "{line}");
            let is_large = line.starts_with("process_start") || line.starts_with("process_virtual");
            assert_eq!(line.contains("e+"), is_large || value >= 1e6, "as Go writes it: {line}");
        }
    }
}
