//! A request is taken once, delivered in its turn, and remembered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;

use super::super::{Courier, Delivered};
use super::*;

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let name = format!("standfast-gateway-{}", uuid::Uuid::now_v7());
        Self(std::env::temp_dir().join(name))
    }

    fn shelf(&self, waiting_max: usize) -> Shelf {
        Shelf::new(Folder::open(&self.0).unwrap(), waiting_max).0
    }

    /// Once those who wrote before have ended, which they do in threads of their own.
    async fn shelf_again(&self) -> Shelf {
        loop {
            match Folder::open(&self.0) {
                Ok(folder) => return Shelf::new(folder, 100).0,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn request(key: &str, path: &str, body: &str) -> Stored {
    Stored {
        key: key.to_owned(),
        path: path.to_owned(),
        body: body.to_owned(),
        client: "127.0.0.1".to_owned(),
        taken_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn reservation(key: &str) -> Stored {
    request(key, "/reservations", "{}")
}

fn answer(status: u16) -> Settled {
    let content_type = "application/json".to_owned();
    Settled { status, content_type, body: "{}".to_owned(), at: OffsetDateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn a_request_is_taken_once_under_its_key() {
    let place = Place::new();
    let shelf = place.shelf(2);
    assert!(shelf.is_empty());
    assert_eq!(shelf.take(reservation("a")).await, Taken::Durable);
    assert_eq!(shelf.take(reservation("a")).await, Taken::Durable, "the same once more");
    assert_eq!(shelf.counts(), (1, 0));
    let other = request("a", "/reservations", "{\"nights\":2}");
    assert_eq!(shelf.take(other).await, Taken::OtherRequest);
    assert_eq!(shelf.take(reservation("b")).await, Taken::Durable);
    assert_eq!(shelf.take(reservation("c")).await, Taken::Full);
    let (turn, first) = shelf.due(1).remove(0);
    assert_eq!(first.key, "a");
    shelf.settle(turn, answer(201)).await;
    assert_eq!(shelf.take(reservation("a")).await, Taken::Settled(answer(201)));
    assert_eq!(shelf.take(reservation("c")).await, Taken::Durable, "there is room again");
}

#[tokio::test]
async fn what_was_taken_is_there_after_a_restart_and_what_was_settled_is_not_due() {
    let place = Place::new();
    let shelf = place.shelf(10);
    for key in ["a", "b", "c"] {
        assert_eq!(shelf.take(reservation(key)).await, Taken::Durable);
    }
    let (turn, _) = shelf.due(1).remove(0);
    shelf.settle(turn, answer(409)).await;
    drop(shelf);
    let shelf = place.shelf_again().await;
    let due: Vec<String> = shelf.due(10).into_iter().map(|(_, stored)| stored.key).collect();
    assert_eq!(due, ["b", "c"]);
    assert_eq!(shelf.known("a"), Some(Known::Settled(reservation("a"), answer(409))));
    assert_eq!(shelf.known("b"), Some(Known::Waits(reservation("b"))));
    assert_eq!(shelf.known("d"), None);
}

#[tokio::test]
async fn what_concerns_one_reservation_is_delivered_in_its_order() {
    let place = Place::new();
    let shelf = place.shelf(10);
    for (key, path) in [
        ("pay", "/reservations/7/payment"),
        ("cancel", "/reservations/7/cancel"),
        ("other", "/reservations/8/payment"),
    ] {
        assert_eq!(shelf.take(request(key, path, "{}")).await, Taken::Durable);
    }
    let keys = |due: Vec<(u64, Stored)>| -> Vec<String> {
        due.into_iter().map(|(_, stored)| stored.key).collect()
    };
    let due = shelf.due(10);
    let pay = due[0].0;
    assert_eq!(keys(due), ["pay", "other"]);
    shelf.put_back(pay);
    assert_eq!(keys(shelf.due(10)), ["pay"], "it is still the first");
    shelf.settle(pay, answer(200)).await;
    assert_eq!(keys(shelf.due(10)), ["cancel"]);
}

#[tokio::test]
async fn one_that_cannot_be_delivered_does_not_keep_the_others_back() {
    let place = Place::new();
    let shelf = place.shelf(10);
    for key in ["a", "b", "c"] {
        assert_eq!(shelf.take(reservation(key)).await, Taken::Durable);
    }
    let (turn, _) = shelf.due(1).remove(0);
    shelf.put_back(turn);
    let keys: Vec<String> = shelf.due(10).into_iter().map(|(_, stored)| stored.key).collect();
    assert_eq!(keys, ["b", "c", "a"]);
}

#[tokio::test]
async fn the_courier_delivers_all_of_it_however_often_that_fails() {
    let place = Place::new();
    let shelf = place.shelf(100);
    for number in 0..20 {
        let taken = shelf.take(reservation(&format!("key-{number}"))).await;
        assert_eq!(taken, Taken::Durable);
    }
    let tries = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
    let counted = Arc::clone(&tries);
    let deliver = move |stored: Stored| {
        let mut tries = counted.lock().unwrap();
        let tries = tries.entry(stored.key).or_default();
        *tries += 1;
        let is_last = *tries == 2;
        async move {
            match is_last {
                true => Delivered::Final(answer(201)),
                false => Delivered::NotYet(Duration::ZERO),
            }
        }
    };
    let courier = tokio::spawn(Courier { shelf: shelf.clone(), deliver }.run());
    while shelf.counts() != (0, 20) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    courier.abort();
    let tries = tries.lock().unwrap();
    assert!(tries.len() == 20 && tries.values().all(|tries| *tries == 2), "{tries:?}");
}
