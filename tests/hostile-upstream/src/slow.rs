//! Keeping a client waiting.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::plausible;
use crate::request::ReceivedRequest;

/// A way to keep a client waiting. Each goes on until the client closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// Takes the request and says nothing.
    NeverAnswers,
    /// Sends half of its head, and then nothing.
    StallsInHead,
    /// Sends half of its body, and then nothing.
    StallsInBody,
    /// Sends the head at once and the body a byte at a time.
    Drip {
        /// Time between bytes, in milliseconds.
        every_ms: u64,
    },
    /// Sends header after header, without end.
    SlowHeaders {
        /// Time between headers, in milliseconds.
        every_ms: u64,
    },
}

impl Slow {
    /// Every way, a step a second where there are steps.
    pub const ALL: [Self; 5] = [
        Self::NeverAnswers,
        Self::StallsInHead,
        Self::StallsInBody,
        Self::Drip { every_ms: 1_000 },
        Self::SlowHeaders { every_ms: 1_000 },
    ];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::NeverAnswers => "neveranswers",
            Self::StallsInHead => "stallsinhead",
            Self::StallsInBody => "stallsinbody",
            Self::Drip { .. } => "drip",
            Self::SlowHeaders { .. } => "slowheaders",
        }
    }

    pub(crate) fn description(self) -> String {
        match self {
            Self::NeverAnswers => "takes the request and never answers".to_owned(),
            Self::StallsInHead => "stalls in the middle of its headers".to_owned(),
            Self::StallsInBody => "stalls in the middle of its body".to_owned(),
            Self::Drip { every_ms } => format!("sends a byte of its body every {every_ms} ms"),
            Self::SlowHeaders { every_ms } => format!("sends a header every {every_ms} ms, without end"),
        }
    }

    pub(crate) async fn answer(self, stream: &mut TcpStream, request: &ReceivedRequest) -> io::Result<()> {
        let body = plausible::answer(request, "slow").to_string().into_bytes();
        let (first, second) = body.split_at_checked(body.len() / 2).unwrap_or((&body, &[]));
        let mut head = Answer::new(200, "application/json", Vec::new()).open_head();
        let whole_head = [head.as_slice(), format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()].concat();
        match self {
            Self::NeverAnswers => {}
            Self::StallsInHead => {
                head.truncate(head.len() / 2);
                stream.write_all(&head).await?;
            }
            Self::StallsInBody => {
                stream.write_all(&whole_head).await?;
                stream.write_all(first).await?;
            }
            Self::Drip { every_ms } => {
                stream.write_all(&whole_head).await?;
                for byte in first.iter().chain(second) {
                    stream.write_all(&[*byte]).await?;
                    if closed_within(stream, every_ms).await {
                        return Ok(());
                    }
                }
            }
            Self::SlowHeaders { every_ms } => {
                stream.write_all(&head).await?;
                for number in 0_u64.. {
                    stream.write_all(format!("X-Slow-{number}: 1\r\n").as_bytes()).await?;
                    if closed_within(stream, every_ms).await {
                        return Ok(());
                    }
                }
            }
        }
        until_closed(stream).await;
        Ok(())
    }
}

/// Waits so long, and says whether the client closed meanwhile.
async fn closed_within(stream: &mut TcpStream, wait_ms: u64) -> bool {
    tokio::time::timeout(Duration::from_millis(wait_ms), until_closed(stream)).await.is_ok()
}

/// Waits until the client closes.
pub(crate) async fn until_closed(stream: &mut TcpStream) {
    let mut ignored = [0; 512];
    while stream.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
}
