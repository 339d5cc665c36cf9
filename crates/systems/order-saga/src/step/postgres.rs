//! Records of steps in PostgreSQL.

use standfast_tactics::saga::{Mark, Record};

use super::{Records, Reply, StepCall, Stored, mark_name, mark_of};
use crate::service::sessions::{DatabaseError, PostgresSession};

/// Either way the row is locked and changed; it is new when this is its first call.
const OPEN: &str = "INSERT INTO steps AS s (step_key, mark, epoch, fingerprint, subject) \
                    VALUES ($1, 'barred', 0, 0, '') \
                    ON CONFLICT (step_key) DO UPDATE SET calls = s.calls + 1 \
                    RETURNING calls, mark, epoch, fingerprint, subject, status, answer";
const CLOSE: &str = "UPDATE steps SET mark = $1, epoch = $2, fingerprint = $3, subject = $4, \
                     status = $5, answer = $6 WHERE step_key = $7";

impl Records for PostgresSession {
    async fn open_step(&mut self, call: &StepCall) -> Result<Option<Stored>, DatabaseError> {
        let rows = self.rows(OPEN, &[&call.key]).await?;
        let Some(row) = rows.first() else {
            return Err(DatabaseError::Refused("a record could not be made".to_owned()));
        };
        if row.try_get::<_, i32>(0)? == 1 {
            return Ok(None);
        }
        let (status, answer): (Option<i32>, Option<String>) = (row.try_get(5)?, row.try_get(6)?);
        let record = Record {
            mark: mark_of(row.try_get(1)?)?,
            epoch: row.try_get::<_, i64>(2)?.cast_unsigned(),
            fingerprint: row.try_get::<_, i64>(3)?.cast_unsigned(),
            answer: status.zip(answer).and_then(|(status, body)| Reply::stored(status, body)),
        };
        Ok(Some(Stored { record, subject: row.try_get(4)? }))
    }

    async fn close_step(
        &mut self,
        call: &StepCall,
        mark: Mark,
        reply: Option<&Reply>,
    ) -> Result<(), DatabaseError> {
        let status = reply.map(|reply| i32::from(reply.status.as_u16()));
        let answer = reply.map(|reply| reply.body.as_str());
        let (epoch, fingerprint) = (call.epoch.cast_signed(), call.fingerprint.cast_signed());
        let mark = mark_name(mark);
        self.rows(
            CLOSE,
            &[&mark, &epoch, &fingerprint, &call.subject, &status, &answer, &call.key],
        )
        .await?;
        Ok(())
    }
}
