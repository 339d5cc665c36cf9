//! Records of steps in MariaDB and MySQL.

use mysql_async::prelude::Queryable;
use standfast_tactics::saga::{Mark, Record};

use super::{Records, Reply, StepCall, Stored, mark_name, mark_of};
use crate::service::sessions::{DatabaseError, MysqlSession};

/// Either way the row is locked and changed; one row is affected when it is new.
const OPEN: &str = "INSERT INTO steps (step_key, mark, epoch, fingerprint, subject) \
                    VALUES (?, 'barred', 0, 0, '') ON DUPLICATE KEY UPDATE calls = calls + 1";
const READ: &str =
    "SELECT mark, epoch, fingerprint, subject, status, answer FROM steps WHERE step_key = ?";
const CLOSE: &str = "UPDATE steps SET mark = ?, epoch = ?, fingerprint = ?, subject = ?, \
                     status = ?, answer = ? WHERE step_key = ?";

type Columns = (String, u64, u64, String, Option<i32>, Option<String>);

impl Records for MysqlSession {
    async fn open_step(&mut self, call: &StepCall) -> Result<Option<Stored>, DatabaseError> {
        let connection = self.connection();
        connection.exec_drop(OPEN, (&call.key,)).await?;
        if connection.affected_rows() == 1 {
            return Ok(None);
        }
        let found: Option<Columns> = connection.exec_first(READ, (&call.key,)).await?;
        let Some((mark, epoch, fingerprint, subject, status, answer)) = found else {
            return Err(DatabaseError::Refused("a locked record is gone".to_owned()));
        };
        let answer = status.zip(answer).and_then(|(status, body)| Reply::stored(status, body));
        let record = Record { mark: mark_of(&mark)?, epoch, fingerprint, answer };
        Ok(Some(Stored { record, subject }))
    }

    async fn close_step(
        &mut self,
        call: &StepCall,
        mark: Mark,
        reply: Option<&Reply>,
    ) -> Result<(), DatabaseError> {
        let status = reply.map(|reply| reply.status.as_u16());
        let answer = reply.map(|reply| reply.body.as_str());
        let values = (
            mark_name(mark),
            call.epoch,
            call.fingerprint,
            &call.subject,
            status,
            answer,
            &call.key,
        );
        Ok(self.connection().exec_drop(CLOSE, values).await?)
    }
}
