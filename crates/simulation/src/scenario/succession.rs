//! One session over a long row of carriers.

use crate::{Check, Client, ENDLESS, Failure, Line, Offer, World};
use std::time::Duration;
use tokio::time::sleep;

/// From the end of one carrier to that of the next: new ones have to be earned.
const INTERVAL: Duration = Duration::from_secs(15);

/// Carriers after which everything has its size.
const WARM_UP: usize = 20;

/// Tasks that may come on top: a carrier more, at both ends, and its close.
const TASKS: usize = 6;

/// Ends of carriers that may be held at one time: two carriers, and as many on their way out.
const ENDS: usize = 8;

/// Bytes that may come on top: queues that are fuller at one time than at another.
const BYTES: usize = 512 * 1024;

/// What grew between the first carriers and the last.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Tasks.
    pub tasks: isize,
    /// Ends of carriers held at the end.
    pub ends: usize,
    /// Bytes of memory.
    pub bytes: isize,
    /// All dials, of which every fourth fails.
    pub dials: usize,
}

/// Uses up so many carriers, while every fourth dial fails.
///
/// `memory` says how many bytes are allocated.
///
/// # Errors
///
/// [`Check::Tasks`], [`Check::Carriers`] and [`Check::Memory`], if anything has grown.
pub async fn succession(
    world: &World,
    carriers: usize,
    memory: impl Fn() -> usize,
) -> Result<Growth, Failure> {
    let line = Line::mbit(0.3).round_trip(Duration::from_millis(60));
    let client = world.client(1, move |number, _| {
        let offer = Offer::new(line).takes(Duration::from_millis(100));
        if number % 4 == 3 { offer.fails() } else { offer }
    });
    let download = client.transfer(0, ENDLESS)?;
    let (mut tasks, mut bytes) = (0, 0);
    for number in 0..carriers {
        if number == WARM_UP {
            (tasks, bytes) = (world.tasks(), memory());
        }
        download.down.reset_gap();
        use_up(&client, number).await;
        world.expect(Check::Stall, download.down.gap() < INTERVAL, || {
            format!("nothing since carrier {number} ended, {} dials", client.volunteers().dials())
        })?;
    }
    let growth = Growth {
        tasks: world.tasks() as isize - tasks as isize,
        ends: client.volunteers().ends_held(),
        bytes: memory() as isize - bytes as isize,
        dials: client.volunteers().dials(),
    };
    world.expect(Check::Tasks, growth.tasks <= TASKS as isize, || format!("{growth:?}"))?;
    world.expect(Check::Carriers, growth.ends <= ENDS, || format!("{growth:?}"))?;
    world.expect(Check::Memory, growth.bytes <= BYTES as isize, || format!("{growth:?}"))?;
    Ok(growth)
}

/// Lets a carrier work for a while, and ends it in one of the ways in which carriers end.
async fn use_up(client: &Client, number: usize) {
    if let Some(link) = client.volunteers().links().pop() {
        match number % 3 {
            0 => link.kill(false),
            1 => link.kill(true),
            _ => link.silence(crate::Ways::Both),
        }
    }
    sleep(INTERVAL).await;
}
