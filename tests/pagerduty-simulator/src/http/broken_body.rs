//! Bodies that no proper server sends: one that breaks off, and one that hardly ends.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Announces `announced` bytes, sends the first of them and then fails, which closes the connection.
pub(super) struct CutOff {
    pub(super) start: Option<Bytes>,
    pub(super) announced: u64,
    /// Gives the connection one turn to send the start before the failure takes it down.
    pub(super) yielded: bool,
}

impl Body for CutOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(start) = self.start.take().filter(|start| !start.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        if !self.yielded {
            self.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut off on demand"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

/// A JSON object that holds one very long string, made as it is sent.
pub(super) struct Gigantic {
    left: u64,
    started: bool,
}

const CHUNK: &[u8; 65_536] = &[b'x'; 65_536];
const HEAD: &[u8] = b"{\"incidents\":[{\"title\":\"";
const TAIL: &[u8] = b"\"}]}";

impl Gigantic {
    /// A body of about `bytes` bytes: never less than its frame.
    pub(super) fn new(bytes: u64) -> Gigantic {
        let frame = u64::try_from(HEAD.len().saturating_add(TAIL.len())).unwrap_or_default();
        Gigantic { left: bytes.saturating_sub(frame), started: false }
    }
}

impl Body for Gigantic {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let data = if !self.started {
            self.started = true;
            Bytes::from_static(HEAD)
        } else if self.left > 0 {
            let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK.len());
            self.left = self.left.saturating_sub(u64::try_from(length).unwrap_or_default());
            if self.left == 0 {
                let mut last = CHUNK.get(..length).unwrap_or_default().to_vec();
                last.extend_from_slice(TAIL);
                Bytes::from(last)
            } else {
                Bytes::from_static(CHUNK)
            }
        } else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}
