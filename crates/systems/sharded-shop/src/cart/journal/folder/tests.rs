//! The log on a real disk: what survives, what a torn line costs, who may write.

use uuid::Uuid;

use super::super::super::content::{Content, Deltas};
use super::*;
use standfast_tactics::cart::{Cart, ReplicaId};

const OPENING: Opening = Opening { node: 1, now_seconds: 7 };

/// A folder of a test's own, deleted at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("standfast-{name}-{}", Uuid::now_v7())))
    }

    fn open(&self) -> (Folder, Started) {
        Folder::open(&self.0, OPENING).unwrap()
    }

    /// The additions that are found.
    fn changes(&self) -> Vec<Line> {
        let mut lines = self.open().1.lines;
        lines.retain(|line| matches!(line, Line::Changed { .. }));
        lines
    }

    fn newest(&self) -> PathBuf {
        log_path(&self.0, *numbers(&self.0, LOG).unwrap().last().unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn addition(number: u64) -> Line {
    let mut cart = Cart::default();
    let by = ReplicaId { node: 1, incarnation: 1 };
    let delta = cart.add(by, &format!("sku-{number}"), 1).unwrap();
    let carts = Deltas::from([("a".to_owned(), Content::of_lines(delta))]);
    Line::Changed { carts, answered: None }
}

#[test]
fn what_was_appended_is_there_in_every_later_life() {
    let place = Place::new("cart-restart");
    let (mut folder, started) = place.open();
    assert_eq!((started.incarnation, started.lines.len()), (7, 0));
    folder.append(&(addition(1).encode() + &addition(2).encode())).unwrap();
    drop(folder);
    for life in 8..11 {
        let (_folder, started) = place.open();
        assert_eq!(started.incarnation, life, "no two lives have one number");
        assert!(started.lines.ends_with(&[]) && started.lines.contains(&addition(2)));
    }
    assert_eq!(place.changes(), [addition(1), addition(2)]);
}

#[test]
fn a_life_after_the_folder_was_emptied_is_a_later_one() {
    let place = Place::new("cart-wiped");
    drop(place.open());
    fs::remove_dir_all(&place.0).unwrap();
    let opening = Opening { now_seconds: 9, ..OPENING };
    assert_eq!(Folder::open(&place.0, opening).unwrap().1.incarnation, 9);
}

#[test]
fn a_folder_has_one_process_and_one_node() {
    let place = Place::new("cart-lock");
    let (folder, _) = place.open();
    let error = Folder::open(&place.0, OPENING).unwrap_err();
    assert!(matches!(error, JournalError::Taken { .. }), "{error}");
    drop(folder);
    let error = Folder::open(&place.0, Opening { node: 2, ..OPENING }).unwrap_err();
    assert!(matches!(error, JournalError::Foreign { node: 1, wanted: 2, .. }), "{error}");
}

#[test]
fn a_line_that_is_torn_anywhere_costs_no_other_and_is_cut_off() {
    let place = Place::new("cart-torn");
    let (mut folder, _) = place.open();
    folder.append(&addition(1).encode()).unwrap();
    let whole = fs::read(place.newest()).unwrap().len();
    folder.append(&addition(2).encode()).unwrap();
    drop(folder);
    let bytes = fs::read(place.newest()).unwrap();
    for length in (whole..bytes.len()).step_by(9) {
        let copy = Place::new("cart-torn-copy");
        fs::create_dir_all(&copy.0).unwrap();
        fs::write(log_path(&copy.0, 1), &bytes[..length]).unwrap();
        let (mut folder, _) = copy.open();
        folder.append(&addition(3).encode()).unwrap();
        drop(folder);
        // Twice, since the torn one is not the newest any more.
        assert_eq!(copy.changes(), [addition(1), addition(3)], "at {length}");
        assert_eq!(copy.changes(), [addition(1), addition(3)], "at {length}");
    }
}

#[test]
fn damage_and_a_missing_file_are_not_passed_over() {
    let place = Place::new("cart-damage");
    let (mut folder, _) = place.open();
    folder.append(&(addition(1).encode() + &addition(2).encode())).unwrap();
    drop(folder);
    let first = log_path(&place.0, 1);
    let bytes = fs::read(&first).unwrap();
    // In the middle, and in a last line that has its end and so may have been acknowledged.
    for place_of_damage in [bytes.len() / 2, bytes.len() - 5] {
        let mut damaged = bytes.clone();
        damaged[place_of_damage] ^= 1;
        fs::write(&first, &damaged).unwrap();
        let error = Folder::open(&place.0, OPENING).unwrap_err().to_string();
        assert!(error.contains("is damaged at byte"), "{error}");
        assert_eq!(fs::read(&first).unwrap(), damaged, "nothing is cut off");
    }
    fs::write(&first, &bytes).unwrap();
    drop(place.open());
    // An older log is whole, or somebody has changed it.
    fs::write(&first, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(Folder::open(&place.0, OPENING), Err(JournalError::Damaged { .. })));
    fs::remove_file(&first).unwrap();
    assert!(matches!(Folder::open(&place.0, OPENING), Err(JournalError::Missing { .. })));
}

#[test]
fn a_snapshot_stands_for_all_logs_before_it() {
    let place = Place::new("cart-snapshot");
    let (mut folder, started) = place.open();
    folder.append(&addition(1).encode()).unwrap();
    let snapshot = folder.rotate().unwrap();
    assert_eq!(folder.log_length, 0);
    folder.append(&addition(2).encode()).unwrap();
    drop(folder);
    assert_eq!(place.changes(), [addition(1), addition(2)], "before there is a snapshot");
    let opened = Line::Opened { node: 1, incarnation: started.incarnation + 5 };
    snapshot.fill(&(opened.encode() + &addition(1).encode())).unwrap();
    assert_eq!(numbers(&place.0, LOG).unwrap()[0], 2, "the first log is gone");
    assert_eq!(place.changes(), [addition(1), addition(2)]);
    assert!(place.open().1.incarnation > started.incarnation + 5);
    let path = numbered(&place.0, 2, SNAPSHOT);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = Folder::open(&place.0, OPENING).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "a snapshot is never torn: {error}");
}
