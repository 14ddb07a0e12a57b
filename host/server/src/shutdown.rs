//! When to stop: an interrupt, a termination signal, or, where asked for, the end of standard input.

use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Returns when the process should stop, and says why.
///
/// `with_stdin`: also when standard input ends, so that a test or a supervisor that dies takes the server
/// along.
///
/// # Errors
/// The signal handlers could not be installed.
pub(crate) async fn requested(with_stdin: bool) -> Result<&'static str, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::internal(format!("cannot listen for signals: {error}")));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let reason = tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "terminated",
        () = end_of_stdin(), if with_stdin => "standard input closed",
    };
    Ok(reason)
}

/// Reads and forgets standard input to its end.
async fn end_of_stdin() {
    let mut stdin = tokio::io::stdin();
    let mut scrap = [0_u8; 1024];
    loop {
        match stdin.read(&mut scrap).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
