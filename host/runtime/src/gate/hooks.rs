//! Where `wasi:http` meets the gate. Its interface moves between releases of wasmtime, so it is here alone.

use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::Gate;

/// What a guest's `wasi:http` calls.
pub(crate) struct Hooks {
    gate: Arc<Gate>,
}

impl Hooks {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }
}

type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.gate.limits.request_buffer_bytes
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let (parts, body) = request.into_parts();
        let admitted = self.gate.admit(&parts);
        let gate = Arc::clone(&self.gate);
        Box::new(async move {
            let answer = gate.forward(admitted?, body).await?;
            // The whole answer is here: no connection is left to be driven.
            let driver: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((answer, driver))
        })
    }
}
