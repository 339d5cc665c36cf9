//! What is searched for, and how PostgreSQL is asked.

use deadpool_postgres::Object;
use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::service::stay_search::{AMENITIES, Search};

const SEARCH: &str = include_str!("../../sql/search.sql");
const OFFER: &str = include_str!("../../sql/offer.sql");

/// What a read is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Search(Search),
    Offer(Uuid),
}

impl Subject {
    /// The name under which its copy is kept.
    pub(super) fn cache_key(&self) -> String {
        match self {
            Self::Search(search) => format!("travelhub:{}", search.cache_key()),
            Self::Offer(id) => format!("travelhub:o:{id}"),
        }
    }

    /// Reads it: JSON, or nothing when there is no such offer.
    pub(super) async fn read(&self, client: &Object) -> Result<Option<String>, Error> {
        let amenities = AMENITIES.as_slice();
        match self {
            Self::Search(search) => {
                let types = [
                    Type::INT4,
                    Type::DATE,
                    Type::INT4,
                    Type::INT2,
                    Type::INT4,
                    Type::TEXT,
                    Type::TEXT_ARRAY,
                ];
                let statement = client.prepare_typed_cached(SEARCH, &types).await?;
                let Search { city, check_in, nights, guests, max_price, sort } = search;
                let sort = sort.name();
                let parameters: [&(dyn ToSql + Sync); 7] =
                    [city, check_in, nights, guests, max_price, &sort, &amenities];
                client.query_one(&statement, &parameters).await?.try_get(0).map(Some)
            }
            Self::Offer(id) => {
                let types = [Type::UUID, Type::TEXT_ARRAY];
                let statement = client.prepare_typed_cached(OFFER, &types).await?;
                let row = client.query_opt(&statement, &[id, &amenities]).await?;
                row.map(|row| row.try_get(0)).transpose()
            }
        }
    }
}
