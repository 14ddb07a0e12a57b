//! MCP over standard input and output, for one local user: one JSON message a line.

use std::sync::Arc;

use rmcp::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio;
use toolkeep_policy::Principal;

use super::handler::Handler;
use super::http::MAX_BODY_BYTES;
use super::surface::Surface;
use crate::failure::{Exit, Failure};

/// Serves until the client closes standard input.
///
/// # Errors
/// The client does not speak the protocol.
pub(crate) async fn serve(surface: Arc<Surface>, principal: Principal) -> Result<(), Failure> {
    let handler = Handler::for_local(surface, principal);
    let (input, output) = stdio();
    // A line is one message: the same bound as a body over HTTP.
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_BODY_BYTES);
    let running = match handler.serve(transport).await {
        Ok(running) => running,
        // Opened and closed again without a word: a client that only looked whether we start.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => {
            return Err(Failure::new(Exit::Usage, "not_mcp", format!("standard input does not speak MCP: {error}"))
                .next("point an MCP client at it, e.g. claude mcp add toolkeep -- toolkeep mcp --tenant … --user …"));
        }
    };
    running.waiting().await.map_err(|error| Failure::internal(format!("the MCP session broke: {error}")))?;
    Ok(())
}
