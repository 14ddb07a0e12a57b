//! `wasi:http/outgoing-handler` and the answer that a guest waits for, as they are linked here.
//!
//! Wasmtime's own gives every request a task and every answer another one. A call would then go back and forth
//! between threads several times, and each time costs more than looking through the answer does. Here the guest's
//! own waiting drives its request. Only a request whose body is still to be written has a task: its guest waits for
//! room to write into, and not for the answer.

use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::{DynPollable, Pollable};
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, HostFutureIncomingResponse as _, Method, OutgoingRequest, RequestOptions, Scheme,
};
use wasmtime_wasi_http::p2::body::HostIncomingBody;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, FieldMap, WasiBody, WasiHttpView as _};

use crate::instance::State;
use crate::unsent;

/// The interface as wasmtime knows it.
const INTERFACE: &str = "wasi:http/outgoing-handler@0.2.12";

type Answer = Result<Response<WasiBody>, Error>;

/// The resource `future-incoming-response`.
enum FutureResponse {
    Pending(Pin<Box<dyn Future<Output = Answer> + Send>>),
    Ready(Answer),
    Taken,
}

#[wasmtime_wasi::async_trait]
impl Pollable for FutureResponse {
    async fn ready(&mut self) {
        if let Self::Pending(answer) = self {
            *self = Self::Ready(answer.await);
        }
    }
}

/// Links `handle` and, in place of wasmtime's own, the resource that it gives.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, State>, (request, _): (Resource<OutgoingRequest>, Options)| {
            Ok((handle(store.data_mut(), request)?,))
        },
    )?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(unsent::INTERFACE)?;
    types.resource("future-incoming-response", ResourceType::host::<FutureResponse>(), |mut store, index| {
        store.data_mut().http().table.delete(Resource::<FutureResponse>::new_own(index))?;
        Ok(())
    })?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut store: StoreContextMut<'_, State>, (future,): (Resource<FutureResponse>,)| {
            let pollable: Resource<DynPollable> = wasmtime_wasi::p2::subscribe(store.data_mut().http().table, future)?;
            Ok((pollable,))
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: StoreContextMut<'_, State>, (future,): (Resource<FutureResponse>,)| {
            Ok((get(store.data_mut(), &future)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Time limits that a guest may set for itself. The host's own are what holds.
type Options = Option<Resource<RequestOptions>>;

/// The request is decided on before this returns; see [`crate::gate::Hooks`].
fn handle(
    state: &mut State,
    request: Resource<OutgoingRequest>,
) -> wasmtime::Result<Result<Resource<FutureResponse>, ErrorCode>> {
    let view = state.http();
    let request = view.table.delete(request)?;
    let is_written = request.body.is_none();
    let request = match translate(request) {
        Ok(request) => request,
        Err(code) => return Ok(Err(code)),
    };
    let sent = Box::into_pin(view.hooks.send_request(request, None, Box::new(std::future::ready(Ok(())))));
    // The second half is for protocols that go on after the head; the gate's answers are whole.
    let answer = async move { sent.await.map(|(answer, _)| answer) };
    let pending: Pin<Box<dyn Future<Output = Answer> + Send>> =
        if is_written { Box::pin(answer) } else { Box::pin(wasmtime_wasi::runtime::spawn(answer)) };
    Ok(Ok(view.table.push(FutureResponse::Pending(pending))?))
}

/// The request in the form that the gate takes.
fn translate(request: HostOutgoingRequest) -> Result<Request<WasiBody>, ErrorCode> {
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Connect => http::Method::CONNECT,
        Method::Options => http::Method::OPTIONS,
        Method::Trace => http::Method::TRACE,
        Method::Patch => http::Method::PATCH,
        Method::Other(name) => {
            http::Method::from_bytes(name.as_bytes()).map_err(|_| ErrorCode::HttpRequestMethodInvalid)?
        }
    };
    let scheme = match request.scheme {
        Some(Scheme::Http) => http::uri::Scheme::HTTP,
        Some(Scheme::Https) | None => http::uri::Scheme::HTTPS,
        Some(Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
    };
    let mut uri = http::Uri::builder().scheme(scheme).authority(request.authority.unwrap_or_default());
    if let Some(path) = request.path_with_query {
        uri = uri.path_and_query(path);
    }
    let body = request.body.unwrap_or_else(|| Empty::new().map_err(|never| match never {}).boxed_unsync());
    let mut translated = Request::new(body);
    *translated.method_mut() = method;
    *translated.uri_mut() = uri.build().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    *translated.headers_mut() = request.headers.into();
    Ok(translated)
}

type Got = Option<Result<Result<Resource<HostIncomingResponse>, ErrorCode>, ()>>;

fn get(state: &mut State, future: &Resource<FutureResponse>) -> wasmtime::Result<Got> {
    let mut view = state.http();
    let future = view.table.get_mut(future)?;
    let answer = match std::mem::replace(future, FutureResponse::Taken) {
        FutureResponse::Ready(answer) => answer,
        FutureResponse::Taken => return Ok(Some(Err(()))),
        pending @ FutureResponse::Pending(_) => {
            *future = pending;
            return Ok(None);
        }
    };
    match answer {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            let headers = FieldMap::new_immutable(view.hooks, head.headers);
            let body = Some(HostIncomingBody::new(body));
            let answer = HostIncomingResponse { status: head.status.as_u16(), headers, body };
            Ok(Some(Ok(Ok(view.table.push(answer)?))))
        }
        // Wasmtime knows best what its errors are called in the interface.
        Err(error) => {
            let failed = view.table.push(HostFutureIncomingResponse::Ready(Err(error)))?;
            let got = view.get(Resource::new_borrow(failed.rep()))?;
            view.table.delete(failed)?;
            Ok(got)
        }
    }
}
