//! When to stop: an interrupt, a termination signal, or, where asked for, the end of standard input.

use tokio::io::AsyncReadExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Listens from the moment it is made, so that a signal between "it serves" and the wait is not missed.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    with_stdin: bool,
}

impl Stop {
    /// Installs the handlers.
    ///
    /// `with_stdin`: also stop when standard input ends, so that a test or a supervisor that dies takes the
    /// server along.
    ///
    /// # Errors
    /// The signal handlers could not be installed.
    pub(crate) fn listen(with_stdin: bool) -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::internal(format!("cannot listen for signals: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            with_stdin,
        })
    }

    /// Returns when the process should stop, and says why.
    pub(crate) async fn requested(mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            () = end_of_stdin(), if self.with_stdin => "standard input closed",
        }
    }
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
