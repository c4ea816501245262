use super::*;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How one runs: ready after so many milliseconds, and so long after its turn done, with success or without; or never.
#[derive(Clone, Copy)]
struct Runner {
    ready: u64,
    done: u64,
    result: Result<(), ()>,
    patience: u64,
}

const NEVER: u64 = u64::MAX;
const PATIENCE: u64 = 6000;

fn wins(ready: u64, done: u64) -> Runner {
    Runner { ready, done, result: Ok(()), patience: PATIENCE }
}

fn fails(ready: u64, done: u64) -> Runner {
    Runner { ready, done, result: Err(()), patience: PATIENCE }
}

async fn wait(milliseconds: u64) {
    match milliseconds {
        NEVER => std::future::pending().await,
        _ => sleep(Duration::from_millis(milliseconds)).await,
    }
}

/// Whose result it was, when, and who began and who asked when.
async fn run(
    runners: &[Runner],
) -> (Option<(usize, Result<(), ()>)>, u64, Vec<(char, usize, u64)>) {
    let start = Instant::now();
    let now = || start.elapsed().as_millis() as u64;
    let log = Mutex::new(Vec::new());
    let note = |what, place| log.lock().unwrap().push((what, place, now()));
    let turns = Turns::default();
    let go = async |place: usize, Runner { ready, done, result, .. }: Runner, turn: Turn| {
        note('b', place);
        wait(ready).await;
        turn.clone().come().await;
        note('a', place);
        wait(done).await;
        result
    };
    let turn = |place, runner: &Runner| turns.of(place, Duration::from_millis(runner.patience));
    let runners = runners.iter().enumerate();
    let runners = runners.map(|(place, runner)| go(place, *runner, turn(place, runner)));
    let result = race(&turns, runners.collect()).await;
    let after = now();
    (result, after, log.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn nobody_wins_without_runners() {
    assert_eq!(run(&[]).await.0, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_ready_soon_runs_alone() {
    let (result, after, log) = run(&[wins(200, 5000), wins(0, 0)]).await;
    assert_eq!((result, after), (Some((0, Ok(()))), 5200));
    assert_eq!(log, [('b', 0, 0), ('a', 0, 200)], "the other did not even begin");
}

#[tokio::test(start_paused = true)]
async fn the_starts_are_staggered_by_gaps_that_double() {
    let (result, after, log) =
        run(&[wins(NEVER, 0), wins(NEVER, 0), wins(NEVER, 0), wins(9, 1)]).await;
    assert_eq!((result, after), (Some((3, Ok(()))), 1760));
    let begun: Vec<_> = log.iter().filter(|entry| entry.0 == 'b').map(|entry| entry.2).collect();
    assert_eq!(begun, [0, 250, 750, 1750]);
}

#[tokio::test(start_paused = true)]
async fn who_fails_lets_the_next_begin_at_once() {
    let (result, after, log) = run(&[fails(10, 0), fails(10, 5), wins(10, 1)]).await;
    assert_eq!((result, after), (Some((2, Ok(()))), 36));
    assert_eq!(log.iter().filter(|entry| entry.0 == 'b').map(|entry| entry.2).max(), Some(25));
}

#[tokio::test(start_paused = true)]
async fn two_that_are_ready_do_not_ask_at_once() {
    // The second is ready first and slow; the first waits until that has failed.
    let (result, after, log) = run(&[wins(400, 100), fails(50, 3000)]).await;
    assert_eq!((result, after), (Some((0, Ok(()))), 3400));
    assert_eq!(log, [('b', 0, 0), ('b', 1, 250), ('a', 1, 300), ('a', 0, 3300)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_silent_does_not_keep_its_turn_for_itself() {
    let (result, after, log) = run(&[wins(0, NEVER), wins(0, 1)]).await;
    assert_eq!((result, after), (Some((1, Ok(()))), PATIENCE + 1));
    let late = PATIENCE;
    assert_eq!(log, [('b', 0, 0), ('a', 0, 0), ('b', 1, late), ('a', 1, late)]);
    // One that is only slow still wins.
    let (result, after, _) = run(&[wins(0, PATIENCE + 500), wins(0, NEVER)]).await;
    assert_eq!((result, after), (Some((0, Ok(()))), PATIENCE + 500));
}

/// A queue takes longer than a broker that is asked directly.
#[tokio::test(start_paused = true)]
async fn each_has_a_patience_of_its_own() {
    let queue = Runner { patience: 15_000, ..wins(0, 14_999) };
    let (result, after, log) = run(&[queue, wins(0, 1)]).await;
    assert_eq!((result, after), (Some((0, Ok(()))), 14_999));
    assert_eq!(log, [('b', 0, 0), ('a', 0, 0)], "nobody else was asked with the same offer");
    let silent = Runner { patience: 15_000, ..wins(0, NEVER) };
    let (result, after, _) = run(&[silent, wins(0, 1)]).await;
    assert_eq!((result, after), (Some((1, Ok(()))), 15_001));
}

/// A broker that does not know the words of the first is asked again in others.
#[tokio::test(start_paused = true)]
async fn another_question_has_all_of_the_patience_again() {
    let (start, turns, asked) = (Instant::now(), Turns::default(), Mutex::new(Vec::new()));
    let go = async |place: usize, turn: Turn| {
        for answered in [PATIENCE - 1, PATIENCE - 1] {
            turn.clone().come().await;
            asked.lock().unwrap().push(place);
            wait(answered).await;
        }
        Ok::<_, ()>(())
    };
    let turn = |place| turns.of(place, Duration::from_millis(PATIENCE));
    let result = race(&turns, (0..2).map(|place| go(place, turn(place))).collect()).await;
    assert_eq!((result, start.elapsed().as_millis()), (Some((0, Ok(()))), 11_998));
    assert_eq!(asked.into_inner().unwrap(), [0, 0], "nobody else was asked");
}

/// The second has the turn that the first has lost; that the first fails then does not open it for the third.
#[tokio::test(start_paused = true)]
async fn who_has_lost_its_turn_has_none_to_give_on() {
    let (result, after, log) = run(&[fails(0, PATIENCE + 100), fails(0, 1000), wins(0, 1)]).await;
    assert_eq!((result, after), (Some((2, Ok(()))), PATIENCE + 1001));
    let asked: Vec<_> = log.into_iter().filter(|entry| entry.0 == 'a').collect();
    assert_eq!(asked, [('a', 0, 0), ('a', 1, PATIENCE), ('a', 2, PATIENCE + 1000)]);
}

#[tokio::test(start_paused = true)]
async fn when_all_have_failed_the_race_is_over() {
    let (result, after, _) = run(&[fails(100, 100), fails(0, 0)]).await;
    assert_eq!((result, after), (Some((1, Err(()))), 200));
}
