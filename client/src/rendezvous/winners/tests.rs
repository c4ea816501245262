use super::super::tests::way;
use super::*;
use std::os::unix::fs::PermissionsExt;

/// A directory that is not there yet and goes with this.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("snowflake-winners-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name).join("state"))
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn order<'m>(winners: &Winners, ways: &'m [Way]) -> Vec<&'m str> {
    winners.first(ways).iter().map(|way| way.broker()).collect()
}

fn three() -> [Way; 3] {
    ["a", "b", "c"].map(|broker| way("test", broker))
}

#[test]
fn who_won_lately_is_first_also_next_time() {
    let (place, ways) = (Place::new("next-time"), three());
    let winners = Winners::kept_in(&place.0);
    assert_eq!(order(&winners, &ways), ["a", "b", "c"]);
    assert!(!place.0.exists(), "there is nothing to keep yet");
    for (winner, expected) in [(2, ["c", "a", "b"]), (1, ["b", "c", "a"]), (1, ["b", "c", "a"])] {
        winners.won(&ways[winner], &ways);
        assert_eq!(order(&winners, &ways), expected);
        assert_eq!(order(&winners.clone(), &ways), expected);
        assert_eq!(order(&Winners::kept_in(&place.0), &ways), expected);
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.0), mode(&place.file())), (0o700, 0o600));
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 1, "nothing is left behind");
    let text = std::fs::read_to_string(place.file()).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn one_way_alone_leaves_no_trace() {
    let (place, ways) = (Place::new("alone"), three());
    let winners = Winners::kept_in(&place.0);
    assert_eq!(order(&winners, &ways[..1]), ["a"]);
    winners.won(&ways[0], &ways[..1]);
    assert!(!place.0.exists());
}

#[test]
fn what_is_known_is_not_written_again() {
    let (place, ways) = (Place::new("known"), three());
    let winners = Winners::kept_in(&place.0);
    winners.won(&ways[1], &ways);
    std::fs::remove_file(place.file()).unwrap();
    winners.won(&ways[1], &ways);
    assert!(!place.file().exists());
}

#[test]
fn a_bad_file_is_as_good_as_none() {
    let (place, ways) = (Place::new("bad"), three());
    std::fs::create_dir_all(&place.0).unwrap();
    let good = Mark([1; MARK]);
    for bad in [
        String::new(),
        "\n".to_owned(),
        format!("{good}\n"),
        format!("{TITLE}\n{good}"),
        format!("{TITLE}\n{good}\nx\n"),
        format!("{TITLE}\n+101010101010101\n"),
        format!("{TITLE}\n{}", format!("{good}\n").repeat(MAX_WINNERS + 1)),
        "x".repeat(10_000_000),
    ] {
        std::fs::write(place.file(), &bad).unwrap();
        assert_eq!(
            read(&place.file()).unwrap_err().kind(),
            io::ErrorKind::InvalidData,
            "{bad:.90}"
        );
        let winners = Winners::kept_in(&place.0);
        assert_eq!(order(&winners, &ways), ["a", "b", "c"]);
        winners.won(&ways[1], &ways);
        assert_eq!(order(&Winners::kept_in(&place.0), &ways), ["b", "a", "c"]);
    }
    std::fs::write(place.file(), [0xff; 10]).unwrap();
    assert!(read(&place.file()).is_err());
    let full = format!("{TITLE}\n{}", format!("{good}\n").repeat(MAX_WINNERS));
    std::fs::write(place.file(), full).unwrap();
    assert_eq!(read(&place.file()).unwrap().len(), MAX_WINNERS);
}

#[test]
fn a_place_that_cannot_be_written_costs_the_memory_of_the_next_run_only() {
    let ways = three();
    let winners = Winners::kept_in(Path::new("/dev/null/state"));
    winners.won(&ways[2], &ways);
    assert_eq!(order(&winners, &ways), ["c", "a", "b"]);
}

#[test]
fn the_last_are_forgotten() {
    let winners = Winners::default();
    let ways: Vec<_> = (0..=MAX_WINNERS).map(|number| way("test", &number.to_string())).collect();
    for winner in &ways {
        winners.won(winner, &ways);
    }
    assert_eq!(winners.lately().marks.len(), MAX_WINNERS);
    assert_eq!(order(&winners, &ways)[0], MAX_WINNERS.to_string());
    assert_eq!(*order(&winners, &ways).last().unwrap(), "0");
}
