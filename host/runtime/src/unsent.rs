//! What a guest may write into a request that it has not sent yet. WASI bounds the path of a request and the size of
//! its headers, and neither the method nor the authority; a guest can hold many requests and send none.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method, OutgoingRequest};

use crate::gate::TYPES;
use crate::instance::State;

/// Longest name of a method, in bytes: the longest that is registered (RFC 9110, section 16.1) has 17.
const MAX_METHOD_BYTES: usize = 32;
/// Longest authority, in bytes: a name of 253 bytes, a colon, a port, and what user information would take before
/// it is refused.
const MAX_AUTHORITY_BYTES: usize = 512;

/// Puts the bounds before wasmtime's own setters.
pub(crate) fn bound(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, State>, (request, method): (Resource<OutgoingRequest>, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > MAX_METHOD_BYTES) {
                return Ok((Err(()),));
            }
            Ok((HostOutgoingRequest::set_method(&mut store.data_mut().http(), request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, State>, (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
            if authority.as_ref().is_some_and(|authority| authority.len() > MAX_AUTHORITY_BYTES) {
                return Ok((Err(()),));
            }
            Ok((HostOutgoingRequest::set_authority(&mut store.data_mut().http(), request, authority)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
