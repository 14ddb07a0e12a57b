//! Where `wasi:http` meets the gate: `outgoing-handler.handle`, and the future response that it gives, are the host's
//! own, so that a request is decided on in the guest's call and driven by the guest's run. All else of `wasi:http` is
//! wasmtime's, but for the bounds of `unsent.rs`.

use std::future::{Future, ready};
use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Empty};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi_http::p2::bindings::http::types;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, RequestOptions};
use wasmtime_wasi_http::p2::body::HostIncomingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, FieldMap, WasiBody, WasiHttpHooks, WasiHttpView as _};

use super::Gate;
use super::in_flight::{FutureAnswer, InFlight};
use crate::instance::State;

/// The handler's interface, in the version that connectors import.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
/// The types' interface as wasmtime links it. `tests/tests/keep/limits.rs` sees it if the two part.
pub(crate) const TYPES: &str = "wasi:http/types@0.2.12";

/// What a guest's `wasi:http` calls.
pub(crate) struct Hooks {
    gate: Arc<Gate>,
    in_flight: InFlight,
}

impl Hooks {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, in_flight: InFlight::default() }
    }

    /// The requests that have no answer yet.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.clone()
    }

    fn handle(&self, request: HostOutgoingRequest) -> Result<FutureAnswer, ErrorCode> {
        let (parts, body) = request_of(request)?.into_parts();
        Ok(match self.gate.admit(&parts) {
            Ok(admitted) => self.in_flight.begin(Arc::clone(&self.gate).forward(admitted, body)),
            Err(refused) => self.in_flight.answered(Err(refused)),
        })
    }
}

type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.gate.limits.request_buffer_bytes
    }

    /// Nothing leaves here: wasmtime's own handler, which would call this, is not linked.
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(ready(Err(Error::HttpRequestDenied)))
    }
}

/// Links the handler, and its future response in the place of wasmtime's. `wasi:http/types` is linked before.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(HANDLER)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, State>,
         (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>)| {
            let state = store.data_mut();
            let table = state.http().table;
            let request = table.delete(request)?;
            // They would be time limits; the host has its own.
            if let Some(options) = options {
                table.delete(options)?;
            }
            Ok((match state.hooks().handle(request) {
                Ok(answer) => Ok(state.http().table.push(answer)?),
                Err(code) => Err(code),
            },))
        },
    )?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.resource(
        "future-incoming-response",
        ResourceType::host::<FutureAnswer>(),
        |mut store: StoreContextMut<'_, State>, answer| {
            store.data_mut().http().table.delete(Resource::<FutureAnswer>::new_own(answer))?;
            Ok(())
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut store: StoreContextMut<'_, State>, (answer,): (Resource<FutureAnswer>,)| {
            let pollable: Resource<DynPollable> = wasmtime_wasi::p2::subscribe(store.data_mut().http().table, answer)?;
            Ok((pollable,))
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: StoreContextMut<'_, State>, (answer,): (Resource<FutureAnswer>,)| {
            let state = store.data_mut();
            Ok((match state.http().table.get(&answer)?.take() {
                None => None,
                Some(Err(())) => Some(Err(())),
                Some(Ok(Err(code))) => Some(Ok(Err(code))),
                Some(Ok(Ok(response))) => Some(Ok(Ok(shown(state, response)?))),
            },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn shown(state: &mut State, response: Response<WasiBody>) -> wasmtime::Result<Resource<HostIncomingResponse>> {
    let (head, body) = response.into_parts();
    let http = state.http();
    let shown = HostIncomingResponse {
        status: head.status.as_u16(),
        headers: FieldMap::new_immutable(http.hooks, head.headers),
        body: Some(HostIncomingBody::new(body)),
    };
    Ok(http.table.push(shown)?)
}

/// The request as it was written, or what is no request at all.
fn request_of(written: HostOutgoingRequest) -> Result<Request<WasiBody>, ErrorCode> {
    let HostOutgoingRequest { method, scheme, authority, path_with_query, headers, body } = written;
    let mut parts = Request::new(()).into_parts().0;
    parts.method = method.try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    parts.uri = uri_of(scheme, authority, path_with_query)?;
    parts.headers = headers.into();
    // What stands there is one number, or the field would not have been taken.
    if body.is_none() && parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
        return Err(ErrorCode::HttpRequestBodySize(Some(0)));
    }
    Ok(Request::from_parts(parts, body.unwrap_or_else(|| Empty::new().map_err(Error::from).boxed_unsync())))
}

fn uri_of(scheme: Option<types::Scheme>, authority: Option<String>, path: Option<String>) -> Result<Uri, ErrorCode> {
    let scheme = match &scheme {
        Some(types::Scheme::Http) => "http",
        Some(types::Scheme::Https) | None => "https",
        Some(types::Scheme::Other(other)) => other,
    };
    if !["http", "https"].contains(&scheme) {
        return Err(ErrorCode::HttpProtocolError);
    }
    let uri = Uri::builder().scheme(scheme).authority(authority.unwrap_or_default());
    uri.path_and_query(path.unwrap_or_default()).build().map_err(|_| ErrorCode::HttpRequestUriInvalid)
}
