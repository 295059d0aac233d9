//! Answers that are written while they are made, however long they get.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::site::Site;
use crate::state::Shared;

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait to be sent; whoever writes waits when there are more.
const WAITING_MAX: usize = 4;

/// A body that `work` writes on a thread that may wait. When `work` fails, the connection breaks off, so that nobody takes the part
/// for the whole.
pub(super) fn streamed(
    state: &Shared,
    work: impl FnOnce(&dyn Site, &mut dyn Write) -> Result<(), respond::Error> + Send + 'static,
) -> Body {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let state = state.clone();
    tokio::spawn(async move {
        let work = move |site: &dyn Site| {
            let mut pieces = Pieces {
                sender: sender.clone(),
                piece: Vec::new(),
            };
            let done = work(site, &mut pieces);
            let flushed = pieces.flush();
            if done.is_err() || flushed.is_err() {
                // Whoever is gone already needn't be told.
                let _ = sender.blocking_send(Err(io::Error::other("it could not be read to its end")));
            }
            done
        };
        if let Err(refusal) = state.ask_long(work).await {
            state.site.log(&format!("an export broke off: {}", refusal.detail));
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

/// Gathers what is written into pieces.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
