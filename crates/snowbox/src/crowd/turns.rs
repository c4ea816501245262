//! Many tasks, some at a time.

use tokio::task::JoinSet;

/// Runs every future as a task, at most `at_once` at a time, and returns what they gave in the order in which they ended.
/// Dropping it ends them.
pub(crate) async fn in_turns<F>(
    at_once: usize,
    futures: impl IntoIterator<Item = F>,
) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for future in futures {
        if running.len() >= at_once.max(1) {
            done.extend(running.join_next().await.and_then(Result::ok));
        }
        running.spawn(future);
    }
    while let Some(ended) = running.join_next().await {
        done.extend(ended.ok());
    }
    done
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        time::Duration,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_at_once_than_allowed_and_all_in_the_end() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let task = |number: u64| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
                tokio::time::sleep(Duration::from_millis(number % 7 + 1)).await;
                running.fetch_sub(1, Relaxed);
                number
            }
        };
        let mut done = in_turns(4, (0..50).map(task)).await;
        done.sort_unstable();
        assert_eq!(done, (0..50).collect::<Vec<_>>());
        assert_eq!(most.load(Relaxed), 4);
    }
}
