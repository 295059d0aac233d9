//! What a connection is doing and since when, so that one that takes too long can be cut off.
//!
//! The stream tells its phase as bytes pass; a sweep once a second compares it with the limits. That is cheaper than a timer for every
//! request, and holds in every phase: TLS handshake, waiting, headers, answering, sending.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Limits;

/// Bits of a phase's number.
const PHASE_BITS: u32 = 3;
/// How long a client may go on sending after the last answer, and how much: long enough for it to read the answer first.
const CLOSING_TIME: Duration = Duration::from_secs(2);
const CLOSING_BYTES_MAX: usize = 1 << 20;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has come since the last answer.
    Idle = 0,
    /// A handshake or the headers of a request have begun to come.
    Head = 1,
    /// An answer is made; a body may be coming.
    Answering = 2,
    /// An answer is on its way.
    Sending = 3,
    /// Everything was sent; what the client still sends is thrown away.
    Closing = 4,
}

/// The phase of a connection, shared between its task and the sweep.
///
/// Phase and time share one number (3 bits and milliseconds), so that they are always of one moment.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    phase: AtomicU64,
    /// Bytes sent in this phase.
    sent: AtomicU64,
    /// Whether a request was answered before all of it was read.
    is_cut_short: AtomicBool,
}

impl Activity {
    /// A connection that was accepted now: the handshake or the first request is due.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            phase: AtomicU64::new(Phase::Head as u64),
            sent: AtomicU64::new(0),
            is_cut_short: AtomicBool::new(false),
        }
    }

    /// Notes that a phase begins.
    pub(crate) fn begin(&self, phase: Phase) {
        let now_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX) & (u64::MAX >> PHASE_BITS);
        self.sent.store(0, Ordering::Relaxed);
        self.phase
            .store((now_ms << PHASE_BITS) | phase as u64, Ordering::Relaxed);
    }

    /// Notes that a request is answered before all of it was read; nothing else follows on the connection.
    pub(crate) fn cut_short(&self) {
        self.is_cut_short.store(true, Ordering::Relaxed);
    }

    fn phase(&self) -> (Phase, Duration) {
        let packed = self.phase.load(Ordering::Relaxed);
        let phase = match packed & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Answering,
            3 => Phase::Sending,
            _ => Phase::Closing,
        };
        (phase, Duration::from_millis(packed >> PHASE_BITS))
    }

    /// Whether the client has taken longer than it may.
    pub(crate) fn is_overdue(&self, limits: &Limits) -> bool {
        let (phase, since) = self.phase();
        let taken = self.start.elapsed().saturating_sub(since);
        taken > allowed(phase, self.sent.load(Ordering::Relaxed), limits)
    }
}

/// How long a phase may last.
fn allowed(phase: Phase, sent: u64, limits: &Limits) -> Duration {
    match phase {
        Phase::Idle => limits.idle_time,
        Phase::Head => limits.head_time,
        Phase::Answering => limits.request_time,
        Phase::Closing => CLOSING_TIME,
        Phase::Sending => limits.answer_time + Duration::from_secs(sent / Limits::SLOWEST_BYTES_PER_SECOND),
    }
}

/// A stream that tells its activity.
pub(crate) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Bytes thrown away while closing.
    thrown_away: usize,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            thrown_away: 0,
        }
    }

    fn sent(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = result {
            self.activity.sent.fetch_add(*count as u64, Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.activity.phase().0 == Phase::Idle {
            self.activity.begin(Phase::Head);
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.sent(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Flushed while sending means that all of the answer has gone: bodies are whole when their sending begins.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(result, Poll::Ready(Ok(()))) && self.activity.phase().0 == Phase::Sending {
            self.activity.begin(Phase::Idle);
        }
        result
    }

    /// Closing a socket that bytes are waiting in makes the system reset the connection, and the client may never see an answer that says
    /// why its request was refused. So where something was refused, the client ends it first, or runs out of time.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.activity.phase().0;
        if phase != Phase::Closing {
            match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Ready(Ok(())) if phase == Phase::Idle && !self.activity.is_cut_short.load(Ordering::Relaxed) => {
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(())) => self.activity.begin(Phase::Closing),
                other => return other,
            }
        }
        let mut space = [0; 4096];
        while self.thrown_away < CLOSING_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.thrown_away += buffer.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_limit() {
        let limits = Limits::default();
        assert_eq!(allowed(Phase::Idle, 0, &limits), limits.idle_time);
        assert_eq!(allowed(Phase::Head, 0, &limits), limits.head_time);
        assert_eq!(allowed(Phase::Answering, 0, &limits), limits.request_time);
        assert_eq!(allowed(Phase::Sending, 0, &limits), limits.answer_time);
        assert_eq!(allowed(Phase::Closing, 0, &limits), CLOSING_TIME);
        let slow = allowed(Phase::Sending, 100 << 20, &limits);
        assert_eq!(slow, limits.answer_time + Duration::from_secs(6400));
    }

    #[test]
    fn a_connection_is_overdue_when_its_phase_is() {
        let limits = Limits {
            head_time: Duration::ZERO,
            ..Limits::default()
        };
        let activity = Activity::new();
        std::thread::sleep(Duration::from_millis(5));
        assert!(activity.is_overdue(&limits));
        activity.begin(Phase::Idle);
        assert_eq!(activity.phase().0, Phase::Idle);
        assert!(!activity.is_overdue(&limits));
    }
}
