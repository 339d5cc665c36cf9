//! One connection to one broker, as far as asking it whether it works goes.
//!
//! The engines speak the protocol through its codec alone, not through a client: a client would
//! retry, reconnect and go to another broker, and the question here is what *this* one does now.

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Our questions have answers of a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    asked: i32,
}

impl Connection {
    pub(super) async fn open(address: std::net::SocketAddrV4) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        Ok(Self { stream, asked: 0 })
    }

    /// Asks in the given version of the request and waits for the answer.
    pub(super) async fn ask<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, String> {
        self.asked += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("standfast")));
        let mut body = BytesMut::new();
        let encoded = header
            .encode(&mut body, R::header_version(version))
            .and_then(|()| request.encode(&mut body, version));
        encoded.map_err(|error| error.to_string())?;
        let length = u32::try_from(body.len()).expect("our questions are short");
        let exchanged = self.exchange(&[&length.to_be_bytes(), &body[..]].concat()).await;
        let mut answer = exchanged.map_err(|error| error.to_string())?;
        let header_version = R::Response::header_version(version);
        let header = ResponseHeader::decode(&mut answer, header_version);
        let header = header.map_err(|error| error.to_string())?;
        if header.correlation_id != self.asked {
            return Err("its answer is one to another question".to_owned());
        }
        R::Response::decode(&mut answer, version).map_err(|error| error.to_string())
    }

    async fn exchange(&mut self, message: &[u8]) -> std::io::Result<Bytes> {
        self.stream.write_all(message).await?;
        let length = self.stream.read_u32().await? as usize;
        if length > ANSWER_BYTES_MAX {
            let told = format!("an answer of {length} bytes: this is no Kafka broker");
            return Err(std::io::Error::other(told));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer.into())
    }
}

/// What a broker means by an error code, and for which request.
pub(super) fn check(api: ApiKey, code: i16) -> Result<(), String> {
    ResponseError::try_from_code(code).map_or(Ok(()), |error| Err(format!("{api:?}: {error:?}")))
}
