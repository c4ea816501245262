//! A sleep that costs one wake-up.
//!
//! tokio's timer goes to a time that is more than 64 ms away in two steps, and to one that is seconds away often in three;
//! each wakes the process. That is as much as all else that an idle connection does.

use std::time::Duration;

/// Sleeps for `duration`. Without a descriptor for it, and where the kernel has none, this is tokio's sleep.
pub(crate) async fn sleep(duration: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if timerfd::sleep(duration).await.is_ok() {
        return;
    }
    tokio::time::sleep(duration).await;
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod timerfd {
    use std::{io, os::fd::OwnedFd, time::Duration};

    use nix::sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    };
    use tokio::io::{Interest, unix::AsyncFd};

    /// The alarm lives as long as the sleep, so that one that was cancelled wakes nobody.
    pub(super) async fn sleep(duration: Duration) -> io::Result<()> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        // Zero would switch it off.
        let once = Expiration::OneShot(TimeSpec::from(duration.max(Duration::from_nanos(1))));
        timer.set(once, TimerSetTimeFlags::empty())?;
        // It is readable from then on, and not before.
        watch(timer.into())?.readable().await?.retain_ready();
        Ok(())
    }

    #[expect(
        deprecated,
        reason = "its successor is unsafe, for types that do not own a descriptor; this owns it"
    )]
    fn watch(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
        AsyncFd::with_interest(timer, Interest::READABLE)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn it_ends_when_it_is_time_and_not_before() {
        for milliseconds in [0, 1, 150] {
            let (begin, duration) = (Instant::now(), Duration::from_millis(milliseconds));
            sleep(duration).await;
            assert!(begin.elapsed() >= duration, "{:?}", begin.elapsed());
        }
    }

    #[tokio::test]
    async fn one_that_is_cancelled_leaves_nothing_behind() {
        let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let before = descriptors();
        for _ in 0..100 {
            let long = sleep(Duration::from_secs(3600));
            assert!(tokio::time::timeout(Duration::from_micros(1), long).await.is_err());
        }
        assert!(descriptors() < before + 50, "{} and then {}", before, descriptors());
    }
}
