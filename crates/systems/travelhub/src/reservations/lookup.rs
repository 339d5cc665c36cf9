//! Shows reservations: one, those of a customer, or all in the order of their ids, which is that of
//! time.

use standfast_tactics::deadline::Deadline;
use tokio_postgres::Error;
use uuid::Uuid;

use super::desk::Desk;
use crate::service::database::{CallError, away, within};
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

const ONE: &str = "SELECT reservation_body(reservations)::text FROM reservations WHERE id = $1";

const OF_CUSTOMER: &str = "SELECT id, reservation_body(one)::text FROM reservations AS one \
                           WHERE customer = $1 AND id > $2 ORDER BY id LIMIT $3";

/// What a final account needs of each, and no more: there may be many.
const ALL: &str = "SELECT id, json_build_object('reservation_id', id, 'offer_id', offer_id, \
                   'nights', nights, 'status', status, 'cents', price_cents)::text \
                   FROM reservations WHERE id > $1 ORDER BY id LIMIT $2";

/// Which reservations to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// Everybody's when absent.
    pub(super) customer: Option<String>,
    pub(super) page: PageRequest<Uuid>,
}

/// Some reservations, as JSON.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) reservations: Vec<String>,
    /// The last one, when there may be more.
    pub(super) next_after: Option<Uuid>,
}

impl Page {
    pub(super) fn json(&self) -> String {
        let next = self.next_after.map_or("null".to_owned(), |next| format!("\"{next}\""));
        let reservations = self.reservations.join(",");
        format!(r#"{{"reservations":[{reservations}],"next_after":{next}}}"#)
    }
}

impl Desk {
    /// Reservation `id`, as JSON.
    pub(super) async fn reservation(
        &self,
        id: Uuid,
        deadline: Deadline,
    ) -> Result<String, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let statement = borrowed.client().prepare_cached(ONE).await?;
            let row = borrowed.client().query_opt(&statement, &[&id]).await?;
            row.map(|row| row.try_get(0)).transpose()
        };
        let found = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        found.ok_or_else(|| Problem::not_found("there is no reservation with this id"))
    }

    /// The reservations of one page.
    pub(super) async fn page(
        &self,
        listing: &Listing,
        deadline: Deadline,
    ) -> Result<Page, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let Listing { customer, page } = listing;
        let (after, limit) = (page.after, i64::from(page.limit));
        let call = async {
            let client = borrowed.client();
            let rows = match customer {
                Some(customer) => {
                    let statement = client.prepare_cached(OF_CUSTOMER).await?;
                    client.query(&statement, &[customer, &after, &limit]).await?
                }
                None => {
                    let statement = client.prepare_cached(ALL).await?;
                    client.query(&statement, &[&after, &limit]).await?
                }
            };
            let found = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            found.collect::<Result<Vec<(Uuid, String)>, Error>>()
        };
        let found = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        let next_after = page.next(found.len(), found.last().map(|(id, _)| *id));
        Ok(Page { reservations: found.into_iter().map(|(_, json)| json).collect(), next_after })
    }
}

pub(super) fn failed(error: &CallError) -> Problem {
    tracing::warn!(%error, "the database gave no answer to a reader");
    away("the database did not answer")
}
