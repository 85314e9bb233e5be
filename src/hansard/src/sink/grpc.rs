//! The gRPC service as Envoy calls it: `envoy.service.accesslog.v3.AccessLogService`, whose one method
//! takes a stream of messages and answers with one.
//!
//! The answer is [`TAKES_FOLDED`], which the definition's own, empty message cannot say: hence a codec
//! of the sink's own in the place of the generated server. Other clients skip a field that they do
//! not know.

use super::MESSAGE_LIMIT;
use super::service::Service;
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use hansard_record::fold::TAKES_FOLDED;
use prost::Message;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, StdError, http};
use tonic::server::{ClientStreamingService, Grpc, NamedService};
use tonic::{Request, Response, Status, Streaming};

/// Bytes of an answer, with what stands before it, at most.
const ANSWER: usize = 64;

/// Everything of the call is on disk.
pub(super) struct Taken;

/// Answers Envoy's calls.
#[derive(Clone)]
pub(super) struct Server(Arc<Service>);

impl Server {
    pub(super) fn new(service: Service) -> Self {
        Self(Arc::new(service))
    }
}

impl NamedService for Server {
    const NAME: &'static str = "envoy.service.accesslog.v3.AccessLogService";
}

impl<B> tonic::codegen::Service<http::Request<B>> for Server
where
    B: tonic::codegen::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = Arc::clone(&self.0);
        let is_known = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'))
            == Some((Self::NAME, "StreamAccessLogs"));
        Box::pin(async move {
            if !is_known {
                return Ok(Status::unimplemented("there is no such method").into_http());
            }
            let mut grpc =
                Grpc::new(AccessLogs).apply_max_message_size_config(Some(MESSAGE_LIMIT), None);
            Ok(grpc.client_streaming(StreamAccessLogs(service), request).await)
        })
    }
}

struct StreamAccessLogs(Arc<Service>);

impl ClientStreamingService<StreamAccessLogsMessage> for StreamAccessLogs {
    type Response = Taken;
    type Future = BoxFuture<Response<Taken>, Status>;

    fn call(&mut self, request: Request<Streaming<StreamAccessLogsMessage>>) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { service.stream_access_logs(request).await.map(Response::new) })
    }
}

/// The messages of both directions.
#[derive(Clone, Copy)]
struct AccessLogs;

impl Codec for AccessLogs {
    type Encode = Taken;
    type Decode = StreamAccessLogsMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AccessLogs {
    type Item = Taken;
    type Error = Status;

    fn encode(&mut self, Taken: Taken, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &TAKES_FOLDED);
        Ok(())
    }

    /// An answer is a few bytes, not the usual 8 KiB.
    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(ANSWER, ANSWER)
    }
}

impl Decoder for AccessLogs {
    type Item = StreamAccessLogsMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let message = StreamAccessLogsMessage::decode(from);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
