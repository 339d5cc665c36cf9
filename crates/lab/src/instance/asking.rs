//! What the lab asks of a service as a client of it would.

use std::time::Duration;

use bytes::Bytes;

use super::http;
use super::running::{Instance, InstanceError};

impl Instance {
    /// The status and the body that a service answers `GET path` with.
    ///
    /// # Errors
    /// When it has no port, or there is no whole answer by the deadline.
    pub(crate) async fn ask(
        &self,
        service: &str,
        path: &str,
        deadline: Duration,
    ) -> Result<(u16, Bytes), InstanceError> {
        let name = service.to_owned();
        let Some(address) = self.endpoint(service) else {
            return Err(InstanceError::NoEndpoint { name });
        };
        let answer = http::get(address, path, deadline).await;
        let answer = answer.map_err(|source| InstanceError::Ask { name, source })?;
        Ok((answer.status, answer.body))
    }
}
