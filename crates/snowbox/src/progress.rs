//! Messages and progress bars on stderr; plain lines when that is no terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use tokio::time::{Instant, interval};

use crate::meter::Meter;

/// Cells of a bar.
const WIDTH: u64 = 32;
/// How often a bar is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
/// Lines for each transfer where there is no terminal.
const PLAIN_LINES: u64 = 4;

/// Says something to whoever started us. A closed stderr is no reason to stop.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// Shows the progress of one transfer for as long as the future is polled.
pub async fn show(label: &str, meter: &Meter) {
    if stderr().is_terminal() { draw(label, meter).await } else { print_lines(label, meter).await }
}

/// Shows where a transfer ended, however it ended.
pub fn finish(label: &str, meter: &Meter) {
    if !stderr().is_terminal() {
        say(format_args!("{label}: {:.1} of {:.1} MiB", mib(meter.total()), mib(meter.size())));
    } else {
        let _ = writeln!(
            stderr(),
            "\r{label:<10} [{}] {:>5.1} MiB     ",
            "#".repeat(cells(meter)),
            mib(meter.total())
        );
    }
}

async fn draw(label: &str, meter: &Meter) {
    let mut ticks = interval(REDRAW);
    let mut last = (Instant::now(), 0);
    let mut rate = 0.0;
    loop {
        let now = ticks.tick().await;
        let total = meter.total();
        let seconds = (now - last.0).as_secs_f64();
        if seconds > 0.0 {
            rate = 0.7 * rate + 0.3 * mib(total - last.1) / seconds;
        }
        last = (now, total);
        let bar = format!("{:.<width$}", "#".repeat(cells(meter)), width = WIDTH as usize);
        let _ =
            write!(stderr(), "\r{label:<10} [{bar}] {:>5.1} MiB {rate:>6.1} MiB/s  ", mib(total));
        let _ = stderr().flush();
    }
}

async fn print_lines(label: &str, meter: &Meter) {
    for part in 1..PLAIN_LINES {
        meter.reached(meter.size() / PLAIN_LINES * part).await;
        say(format_args!("{label}: {:.1} of {:.1} MiB", mib(meter.total()), mib(meter.size())));
    }
    std::future::pending().await
}

fn cells(meter: &Meter) -> usize {
    (meter.total() * WIDTH / meter.size().max(1)) as usize
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
