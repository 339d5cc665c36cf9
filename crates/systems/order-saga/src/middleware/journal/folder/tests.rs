//! The journal on a real disk: what survives, what a torn line costs, who may write.

use serde_json::json;
use standfast_tactics::saga::Entry;
use time::OffsetDateTime;

use super::super::line::ClientOrder;
use super::*;

/// A folder of a test's own, deleted at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("standfast-{name}-{}", Uuid::now_v7())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn first(saga: Uuid, epoch: u64) -> SagaLine {
    let order = ClientOrder {
        product_id: "PROD-001".to_owned(),
        quantity: 1,
        customer: "ada".to_owned(),
        client_key: Some("k".to_owned()),
        client_hash: 7,
        at: OffsetDateTime::UNIX_EPOCH,
    };
    SagaLine::new(saga, epoch, Some(order), &[Entry::Intended { step: 0 }])
}

fn done(saga: Uuid, epoch: u64) -> SagaLine {
    SagaLine::new(saga, epoch, None, &[Entry::Done { step: 0, answer: json!({}) }])
}

fn newest(place: &Place) -> PathBuf {
    let number = *segments(&place.0).unwrap().last().unwrap();
    segment_path(&place.0, number)
}

#[test]
fn what_was_appended_is_there_after_a_restart_under_a_higher_epoch() {
    let (place, saga) = (Place::new("restart"), Uuid::now_v7());
    let mut folder = Folder::open(&place.0, "one").unwrap();
    let epoch = folder.epoch();
    folder.append(vec![first(saga, epoch), done(saga, epoch)]).unwrap();
    drop(folder);
    for restart in 1..4 {
        let folder = Folder::open(&place.0, "one").unwrap();
        assert_eq!(folder.epoch(), epoch + restart);
        let sagas: Vec<_> = folder.sagas().collect();
        assert_eq!(sagas, [[first(saga, epoch), done(saga, epoch)]]);
        assert_eq!(segments(&place.0).unwrap().len(), 1, "the older ones are gone");
    }
}

#[test]
fn a_second_process_is_kept_out_until_the_first_has_ended() {
    let place = Place::new("lock");
    let folder = Folder::open(&place.0, "one").unwrap();
    let error = Folder::open(&place.0, "two").unwrap_err();
    assert!(matches!(error, JournalError::Taken { .. }), "{error}");
    drop(folder);
    assert!(Folder::open(&place.0, "two").is_ok());
}

#[test]
fn a_line_that_is_torn_anywhere_costs_no_other() {
    let (place, saga) = (Place::new("torn"), Uuid::now_v7());
    let mut folder = Folder::open(&place.0, "one").unwrap();
    folder.append(vec![first(saga, 1)]).unwrap();
    let whole = std::fs::read(newest(&place)).unwrap().len();
    folder.append(vec![done(saga, 1)]).unwrap();
    drop(folder);
    let (file, bytes) = (newest(&place), std::fs::read(newest(&place)).unwrap());
    for length in (whole..bytes.len()).step_by(11) {
        let copy = Place::new("torn-copy");
        std::fs::create_dir_all(&copy.0).unwrap();
        let name = file.file_name().unwrap();
        std::fs::write(copy.0.join(name), &bytes[..length]).unwrap();
        let mut folder = Folder::open(&copy.0, "two").unwrap();
        assert_eq!(folder.sagas().map(<[_]>::len).sum::<usize>(), 1, "at {length}");
        folder.append(vec![done(saga, 2)]).unwrap();
        drop(folder);
        let folder = Folder::open(&copy.0, "three").unwrap();
        assert_eq!(folder.sagas().map(<[_]>::len).sum::<usize>(), 2, "at {length}");
    }
}

#[test]
fn damage_before_the_end_is_not_passed_over() {
    let (place, saga) = (Place::new("damage"), Uuid::now_v7());
    let mut folder = Folder::open(&place.0, "one").unwrap();
    folder.append(vec![first(saga, 1), done(saga, 1)]).unwrap();
    drop(folder);
    let mut bytes = std::fs::read(newest(&place)).unwrap();
    bytes[30] ^= 1;
    std::fs::write(newest(&place), bytes).unwrap();
    let error = Folder::open(&place.0, "two").unwrap_err().to_string();
    assert!(error.contains("damaged at byte 0"), "{error}");
}

#[test]
fn ended_sagas_are_forgotten_in_the_end_and_others_never() {
    let (place, open) = (Place::new("forget"), Uuid::now_v7());
    let mut folder = Folder::open(&place.0, "one").unwrap();
    folder.append(vec![first(open, 1)]).unwrap();
    let ended = |_| {
        let mut line = first(Uuid::now_v7(), 1);
        line.is_end = true;
        line
    };
    for _ in 0..3 {
        folder.append((0..ENDED_MAX).map(ended).collect()).unwrap();
    }
    assert_eq!(folder.sagas().count(), ENDED_MAX + 1);
    drop(folder);
    let folder = Folder::open(&place.0, "two").unwrap();
    assert_eq!(folder.sagas().count(), ENDED_MAX + 1);
    assert!(folder.sagas().any(|lines| lines[0].saga == open));
    let length = std::fs::metadata(newest(&place)).unwrap().len();
    assert!(length < 3 * SEGMENT_LENGTH_MAX, "{length}");
}
