//! The figures at the end, as a table for people and as JSON for scripts.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{meter::Meter, usage::Usage};

const MIB: f64 = 1024.0 * 1024.0;

/// What one run measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The transfers, in the order in which they were made.
    pub transfers: Vec<Transfer>,
    /// The programs; all proxies together are one.
    pub programs: Vec<ProgramUse>,
    /// The client's address that the bridge was told, where the path has one that is not local.
    pub client_address_at_bridge: Option<String>,
}

/// One transfer, every byte of which was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Which way.
    pub direction: String,
    /// How much, in bytes.
    pub bytes: u64,
    /// MiB in each second from the first byte to the last, the stall taken out.
    pub mib_per_second: f64,
    /// From opening the SOCKS connection to the first byte at the receiver: rendezvous, ICE, DTLS and all.
    pub first_byte_ms: f64,
    /// The longest time without a byte at the receiver that ended after the kill; absent without a kill.
    pub stall_ms: Option<f64>,
    /// The proxy that was killed.
    pub killed: Option<String>,
}

/// What one program used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramUse {
    /// Which program.
    pub name: String,
    /// CPU time for each MiB, one value for each transfer, from just before the transfer to just after.
    pub cpu_ms_per_mib: Vec<f64>,
    /// Largest resident size of any process of this program, at the end.
    pub peak_mib: f64,
}

impl Transfer {
    /// The figures of a finished transfer.
    pub fn of(direction: &str, meter: &Meter, killed: Option<String>) -> Self {
        let reading = meter.reading();
        let moving = reading.moving.saturating_sub(reading.stall).as_secs_f64();
        Self {
            direction: direction.to_owned(),
            bytes: meter.size(),
            mib_per_second: round(mib(meter.size()) / moving.max(f64::EPSILON)),
            first_byte_ms: milliseconds(reading.first_byte),
            stall_ms: killed.is_some().then(|| milliseconds(reading.stall)),
            killed,
        }
    }
}

impl Report {
    /// Adds what the programs used for the transfer that was measured last.
    pub fn add_usage(&mut self, name: &str, cpu: Duration, peak: u64) {
        let moved = self.transfers.last().map_or(1, |transfer| transfer.bytes);
        let value = round(cpu.as_secs_f64() * 1000.0 / mib(moved));
        let known = self.programs.iter().position(|program| program.name == name);
        let at = known.unwrap_or_else(|| {
            self.programs.push(ProgramUse {
                name: name.to_owned(),
                cpu_ms_per_mib: Vec::new(),
                peak_mib: 0.0,
            });
            self.programs.len() - 1
        });
        let program = &mut self.programs[at];
        program.cpu_ms_per_mib.push(value);
        program.peak_mib = program.peak_mib.max(round(mib(peak)));
    }
}

/// Usage of several processes that are one program: CPU adds up, the largest peak counts.
pub(crate) fn together(a: Usage, b: Usage) -> Usage {
    Usage { cpu: a.cpu + b.cpu, peak_memory: a.peak_memory.max(b.peak_memory) }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10} {:>9} {:>10} {:>12} {:>14}  killed",
            "", "MiB", "MiB/s", "first byte", "stall at kill"
        )?;
        for transfer in &self.transfers {
            let stall =
                transfer.stall_ms.map_or_else(|| "-".into(), |stall| format!("{stall:.0} ms"));
            writeln!(
                f,
                "{:<10} {:>9.1} {:>10.1} {:>9.0} ms {:>14}  {}",
                transfer.direction,
                mib(transfer.bytes),
                transfer.mib_per_second,
                transfer.first_byte_ms,
                stall,
                transfer.killed.as_deref().unwrap_or("-")
            )?;
        }
        write!(f, "\n{:<12}", "CPU ms/MiB")?;
        for transfer in &self.transfers {
            write!(f, " {:>10}", transfer.direction)?;
        }
        writeln!(f, " {:>18}", "peak memory")?;
        for program in &self.programs {
            write!(f, "{:<12}", program.name)?;
            for cpu in &program.cpu_ms_per_mib {
                write!(f, " {cpu:>10.2}")?;
            }
            writeln!(f, " {:>14.1} MiB", program.peak_mib)?;
        }
        Ok(())
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

fn milliseconds(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1000.0)
}

/// Two digits behind the point are more than the measurements are good for.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Report {
        let transfer = Transfer {
            direction: "download".into(),
            bytes: 64 << 20,
            mib_per_second: 20.5,
            first_byte_ms: 300.0,
            stall_ms: Some(1500.0),
            killed: Some("proxy 2".into()),
        };
        Report { transfers: vec![transfer], ..Report::default() }
    }

    #[test]
    fn usage_of_one_program_stays_in_one_row() {
        let mut report = example();
        report.add_usage("client", Duration::from_millis(640), 5 << 20);
        report
            .transfers
            .push(Transfer { direction: "upload".into(), ..report.transfers[0].clone() });
        report.add_usage("client", Duration::from_millis(1280), 4 << 20);
        let row =
            ProgramUse { name: "client".into(), cpu_ms_per_mib: vec![10.0, 20.0], peak_mib: 5.0 };
        assert_eq!(report.programs, [row]);
    }

    #[test]
    fn json_gives_the_same_report_back() {
        let mut report = example();
        report.add_usage("proxies", Duration::from_millis(100), 1 << 20);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_leaves_the_stall_out() {
        let meter = Meter::start(30 << 20);
        meter.add(10 << 20);
        meter.mark_kill();
        tokio::time::advance(Duration::from_secs(5)).await;
        meter.add(10 << 20);
        tokio::time::advance(Duration::from_secs(2)).await;
        meter.add(10 << 20);
        let transfer = Transfer::of("download", &meter, Some("proxy 1".into()));
        assert_eq!((transfer.mib_per_second, transfer.stall_ms), (15.0, Some(5000.0)));
    }
}
