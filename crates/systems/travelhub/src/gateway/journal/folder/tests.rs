//! The file survives whatever a crash leaves of it.

use time::OffsetDateTime;

use super::super::recent::COUNT_MAX;
use super::*;

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let name = format!("standfast-gateway-{}", uuid::Uuid::now_v7());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal.log")
    }

    fn open(&self) -> Folder {
        Folder::open(&self.0).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn taken(key: &str) -> Line {
    Line::Taken(Stored {
        key: key.to_owned(),
        path: "/reservations".to_owned(),
        body: "{\"line\":\n1}".to_owned(),
        client: "127.0.0.1".to_owned(),
        taken_at: OffsetDateTime::UNIX_EPOCH,
    })
}

fn settled(key: &str) -> Line {
    let answer = Settled {
        status: 201,
        content_type: "application/json".to_owned(),
        body: "{}".to_owned(),
        at: OffsetDateTime::UNIX_EPOCH,
    };
    Line::Settled { key: key.to_owned(), answer }
}

/// Keys in their order, and whether each has its answer.
fn keys(folder: &Folder) -> Vec<(String, bool)> {
    folder.kept().map(|kept| (kept.stored.key.clone(), kept.answer.is_some())).collect()
}

fn expected(keys: &[(&str, bool)]) -> Vec<(String, bool)> {
    keys.iter().map(|(key, has_answer)| ((*key).to_owned(), *has_answer)).collect()
}

#[test]
fn what_was_written_is_read_back_in_its_order() {
    let place = Place::new();
    let mut folder = place.open();
    folder.append(vec![taken("a"), taken("b")]).unwrap();
    folder.append(vec![settled("a"), taken("c")]).unwrap();
    drop(folder);
    let all = expected(&[("a", true), ("b", false), ("c", false)]);
    assert_eq!(keys(&place.open()), all);
    assert_eq!(keys(&place.open()), all, "and again from the file that was written anew");
}

#[test]
fn a_crash_at_any_byte_loses_only_what_nobody_was_told_of() {
    let place = Place::new();
    let mut folder = place.open();
    folder.append(vec![taken("a")]).unwrap();
    let first = fs::metadata(place.file()).unwrap().len() as usize;
    folder.append(vec![taken("b")]).unwrap();
    drop(folder);
    let whole = fs::read(place.file()).unwrap();
    for length in first..=whole.len() {
        fs::write(place.file(), &whole[..length]).unwrap();
        let mut folder = place.open();
        let all: &[_] =
            if length == whole.len() { &[("a", false), ("b", false)] } else { &[("a", false)] };
        assert_eq!(keys(&folder), expected(all), "torn at byte {length}");
        // What comes next is not lost behind the torn line.
        folder.append(vec![taken("next")]).unwrap();
        drop(folder);
        assert_eq!(keys(&place.open()).last().unwrap().0, "next", "torn at byte {length}");
    }
}

#[test]
fn damage_in_the_middle_is_not_taken_for_a_torn_end() {
    let place = Place::new();
    let mut folder = place.open();
    folder.append(vec![taken("a"), taken("b")]).unwrap();
    drop(folder);
    let mut bytes = fs::read(place.file()).unwrap();
    bytes[30] ^= 1;
    fs::write(place.file(), bytes).unwrap();
    let error = Folder::open(&place.0).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { offset: 0, .. }), "{error}");
}

#[test]
fn two_gateways_do_not_write_one_journal() {
    let place = Place::new();
    let _folder = place.open();
    assert!(matches!(Folder::open(&place.0), Err(JournalError::Taken { .. })));
}

#[test]
fn after_a_failed_write_the_file_is_written_anew() {
    let place = Place::new();
    let mut folder = place.open();
    folder.append(vec![taken("a")]).unwrap();
    // Its end is not for writing any more, as on a disk that has failed.
    folder.file = File::open(place.file()).unwrap();
    folder.append(vec![taken("lost")]).unwrap_err();
    folder.append(vec![taken("b")]).unwrap();
    drop(folder);
    assert_eq!(keys(&place.open()), expected(&[("a", false), ("b", false)]));
}

#[test]
fn old_answers_are_forgotten_and_the_file_stays_small() {
    let place = Place::new();
    let mut folder = place.open();
    folder.append(vec![taken("waits")]).unwrap();
    for batch in 0..15 {
        let keys = (0..1000).map(|number| format!("{batch}-{number}"));
        let lines = keys.flat_map(|key| [taken(&key), settled(&key)]).collect();
        folder.append(lines).unwrap();
    }
    assert_eq!(folder.kept().count(), COUNT_MAX + 1);
    drop(folder);
    let folder = place.open();
    let kept = keys(&folder);
    assert_eq!((kept.len(), kept[0].0.as_str()), (COUNT_MAX + 1, "waits"));
    assert_eq!(kept[1].0, "5-0", "the oldest third is gone");
    assert!(folder.length < 8 << 20, "{}", folder.length);
}
