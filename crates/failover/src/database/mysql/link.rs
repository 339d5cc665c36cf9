//! One connection: statements, answers, and what an error says of the server.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Error, IoError, Opts, Row, Value};

use crate::database::DatabaseError;

/// A server's numbers of errors.
mod code {
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const NO_SUCH_DATABASE: u16 = 1049;
    pub(super) const SHUTTING_DOWN: u16 = 1053;
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
    pub(super) const TOO_MANY_CONNECTIONS_OF_USER: u16 = 1203;
    pub(super) const KILLED: u16 = 1927;
}

#[derive(Debug)]
pub(super) struct Link {
    connection: Conn,
    address: String,
}

impl Link {
    pub(super) async fn open(options: &Opts, address: &str) -> Result<Self, DatabaseError> {
        let connected = Conn::new(options.clone()).await;
        let connection = connected.map_err(|error| connect_error(address, error))?;
        Ok(Self { connection, address: address.to_owned() })
    }

    pub(super) async fn run(&mut self, statement: &str) -> Result<(), DatabaseError> {
        let done = self.connection.query_drop(statement).await;
        done.map_err(|error| self.query_error(error))
    }

    /// The first row, of which every value has to be there.
    pub(super) async fn row<T>(&mut self, query: &str) -> Result<T, DatabaseError>
    where
        T: FromRow + Send + 'static,
    {
        let row: Result<Option<Row>, Error> = self.connection.query_first(query).await;
        let row = row.map_err(|error| self.query_error(error))?;
        let row = row.map(T::from_row_opt).and_then(Result::ok);
        row.ok_or_else(|| self.failed(format!("`{query}` has no such result")))
    }

    /// The first row, if there is one, and if there is such a table.
    pub(super) async fn row_if_any<T>(&mut self, query: &str) -> Result<Option<T>, DatabaseError>
    where
        T: FromRow + Send + 'static,
    {
        match self.connection.query_first::<Row, _>(query).await {
            Ok(row) => Ok(row.map(T::from_row_opt).and_then(Result::ok)),
            Err(Error::Server(error))
                if matches!(error.code, code::NO_SUCH_TABLE | code::NO_SUCH_DATABASE) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.query_error(error)),
        }
    }

    /// The first row by the names of its columns; `None` when there is no row.
    pub(super) async fn named(
        &mut self,
        query: &str,
    ) -> Result<Option<BTreeMap<String, String>>, DatabaseError> {
        let row: Result<Option<Row>, Error> = self.connection.query_first(query).await;
        let row = row.map_err(|error| self.query_error(error))?;
        Ok(row.map(|row| {
            let columns = row.columns();
            let names = columns.iter().map(|column| column.name_str().into_owned());
            names.zip(row.unwrap_raw()).map(|(name, value)| (name, text(value))).collect()
        }))
    }

    /// Every row, as names and values.
    pub(super) async fn pairs(
        &mut self,
        query: &str,
    ) -> Result<BTreeMap<String, String>, DatabaseError> {
        let rows: Result<Vec<(String, String)>, Error> = self.connection.query(query).await;
        Ok(rows.map_err(|error| self.query_error(error))?.into_iter().collect())
    }

    pub(super) fn failed(&self, problem: impl Into<String>) -> DatabaseError {
        DatabaseError::Failed { address: self.address.clone(), problem: problem.into() }
    }

    fn query_error(&self, error: Error) -> DatabaseError {
        match error {
            Error::Server(error) if !matches!(error.code, code::SHUTTING_DOWN | code::KILLED) => {
                self.failed(error.message)
            }
            Error::Server(_)
            | Error::Driver(_)
            | Error::Io(_)
            | Error::Other(_)
            | Error::Url(_) => DatabaseError::Closed { address: self.address.clone() },
        }
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Some(Value::NULL) | None => String::new(),
        Some(other) => other.as_sql(true),
    }
}

fn connect_error(address: &str, error: Error) -> DatabaseError {
    let address = address.to_owned();
    match error {
        Error::Server(error) => match error.code {
            code::SHUTTING_DOWN => DatabaseError::Unready { address, answer: error.message },
            code::TOO_MANY_CONNECTIONS | code::TOO_MANY_CONNECTIONS_OF_USER => {
                DatabaseError::Busy { address, answer: error.message }
            }
            _ => DatabaseError::Failed { address, problem: error.message },
        },
        Error::Io(IoError::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            DatabaseError::Refused { address }
        }
        Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_) => {
            DatabaseError::Closed { address }
        }
    }
}
