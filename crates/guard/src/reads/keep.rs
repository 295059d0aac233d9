//! Writing down what was read, once a second, to numbered pieces beside the volume.
//!
//! A run begins a piece when the first client attaches: who only looks at a volume writes nothing. A piece that is full is
//! followed by another, which says how long it was, and so is one that a run closed in good order. After anything else, a crash or
//! a time when reads weren't recorded, the next piece says that nothing is known of before.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use sentinel::Micros;
use volume::{Error, SidePiece, Store, Timestamp};

use crate::guard::Guard;
use crate::locks::lock;
use crate::reads::back::read_back;
use crate::reads::gather::Gathered;
use crate::reads::piece::{
    HEADER_BYTES, Piece, PieceHeader, RECORD_BYTES_MAX, Reading, RecordKind, put_mark, put_reads,
};

/// What is kept of a volume unless the operator says otherwise, in bytes: 64 MiB.
pub const READS_KEPT_BYTES: u64 = 64 << 20;
/// A piece is a share of all, within these bounds.
const PIECES: u64 = 16;
const PIECE_BYTES_MIN: u64 = 128 << 10;
const PIECE_BYTES_MAX: u64 = 4 << 20;
/// Pieces of a volume: restarts make small ones.
const PIECES_MAX: u64 = 512;
/// How long what was written down may wait until it is made durable.
const SYNC_MICROS: Micros = 10_000_000;

/// What is known of the pieces, and what has been gathered. Its lock is taken before that of the state and the watch.
#[derive(Debug)]
pub(crate) struct Keeping {
    bytes_max: u64,
    run: Run,
    /// Oldest first.
    pieces: Vec<Known>,
    /// Buffers that are swapped with those in use: of the volume, and of the fork that clients are diverted to.
    spare: [Gathered; 2],
    /// When what is being gathered began. Never goes back.
    since: Timestamp,
    synced: Micros,
    is_failing: bool,
    is_closed: bool,
    encoded: Vec<u8>,
}

/// What this run does.
#[derive(Debug)]
enum Run {
    /// Nobody is attached yet.
    NotBegun,
    /// Reads aren't recorded.
    Off,
    On(SidePiece),
    /// Writing failed: what was read since isn't known.
    Lost,
}

/// A piece on disk.
#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    length: u64,
    /// When it was begun, once that was needed.
    begun: Option<Timestamp>,
}

impl Keeping {
    pub(crate) fn new() -> Self {
        Self {
            bytes_max: READS_KEPT_BYTES,
            run: Run::NotBegun,
            pieces: Vec::new(),
            spare: Default::default(),
            since: Timestamp::default(),
            synced: 0,
            is_failing: false,
            is_closed: false,
            encoded: Vec::new(),
        }
    }

    fn piece_bytes(&self) -> u64 {
        (self.bytes_max / PIECES).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX)
    }

    fn next_number(&self) -> u32 {
        self.pieces.last().map_or(1, |piece| piece.number.saturating_add(1))
    }

    fn is_on(&self) -> bool {
        matches!(self.run, Run::On(_) | Run::Lost)
    }

    /// Begins the next piece. `follows` is the length of the one before, if nothing was read since that isn't in it.
    fn begin_piece(&mut self, store: &Store, volume: &str, follows: u64) -> Result<SidePiece, Error> {
        let number = self.next_number();
        let header = PieceHeader {
            number,
            begun: self.since,
            follows: u32::try_from(follows).unwrap_or(0),
        };
        let mut piece = store.create_side_piece(volume, number)?;
        let written = piece.append(&header.encode()).and_then(|()| piece.sync());
        if let Err(error) = written {
            // It is tried again and again: nothing may pile up on a disk that is full.
            let _ = store.remove_side_piece(volume, number);
            return Err(error);
        }
        self.pieces.push(Known {
            number,
            length: HEADER_BYTES as u64,
            begun: Some(self.since),
        });
        Ok(piece)
    }

    /// Appends what was encoded to the piece at hand, which is followed by another if it is full.
    fn write(&mut self, store: &Store, volume: &str) -> Result<(), Error> {
        let encoded = std::mem::take(&mut self.encoded);
        let piece_bytes = self.piece_bytes();
        let Run::On(piece) = &mut self.run else {
            return Ok(());
        };
        piece.append(&encoded)?;
        let length = piece.length();
        if let Some(known) = self.pieces.last_mut() {
            known.length = length;
        }
        if length + RECORD_BYTES_MAX as u64 > piece_bytes {
            piece.sync()?;
            self.run = Run::On(self.begin_piece(store, volume, length)?);
        }
        self.encoded = encoded;
        self.encoded.clear();
        Ok(())
    }

    /// The number by which records are made for the piece at hand.
    fn number(&self) -> u32 {
        self.pieces.last().map_or(0, |piece| piece.number)
    }

    /// Removes the oldest pieces that are too many. Those younger than `protected` stay until there is twice as much.
    fn drop_oldest(&mut self, store: &Store, volume: &str, protected: Option<Timestamp>) -> Result<(), Error> {
        loop {
            let bytes: u64 = self.pieces.iter().map(|piece| piece.length).sum();
            let count = self.pieces.len();
            let (bytes_max, mut pieces) = (self.bytes_max, self.pieces.iter_mut());
            let is_over =
                |times: u64| bytes > bytes_max.saturating_mul(times) || count as u64 > PIECES_MAX.saturating_mul(times);
            let (Some(oldest), Some(next)) = (pieces.next(), pieces.next()) else {
                return Ok(());
            };
            if !is_over(1) {
                return Ok(());
            }
            let end = match next.begun {
                Some(begun) => begun,
                None => begun_of(store, volume, next.number)?,
            };
            next.begun = Some(end);
            if protected.is_some_and(|protected| end > protected) && !is_over(2) {
                return Ok(());
            }
            store.remove_side_piece(volume, oldest.number)?;
            self.pieces.remove(0);
        }
    }

    /// At the beginning of a run: which pieces there are, and whether the last one was closed. If so, its length.
    fn look(&mut self, store: &Store, volume: &str) -> Result<Last, Error> {
        self.pieces = store
            .side_pieces(volume)?
            .into_iter()
            .map(|(number, length)| Known {
                number,
                length,
                begun: None,
            })
            .collect();
        let Some(last) = self.pieces.last() else {
            return Ok(Last::Unknown);
        };
        let bytes = store.read_side_piece(volume, last.number)?.unwrap_or_default();
        let Some(mut piece) = Piece::parse(&bytes, last.number) else {
            return Ok(Last::Unknown);
        };
        self.since = self.since.max(piece.header().begun);
        let mut kind = None;
        for record in piece.by_ref() {
            self.since = self.since.max(record.until);
            kind = Some(record.kind);
        }
        Ok(match kind {
            Some(RecordKind::Closed) if piece.position() == bytes.len() => Last::Closed(bytes.len() as u64),
            Some(RecordKind::Off) => Last::Off,
            _ => Last::Unknown,
        })
    }
}

/// How the run before ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Closed(u64),
    Off,
    Unknown,
}

fn begun_of(store: &Store, volume: &str, number: u32) -> Result<Timestamp, Error> {
    let bytes = store.read_side_piece(volume, number)?.unwrap_or_default();
    // One that can't be read tells nothing, and so needn't be kept.
    Ok(PieceHeader::parse(&bytes, number).map_or(Timestamp::ZERO, |header| header.begun))
}

impl Guard {
    /// Keeps what clients read up to so many bytes from now on; 0 keeps nothing, and removes what was kept.
    pub fn set_reads_kept(&self, bytes: u64) {
        lock(&self.keeping).bytes_max = bytes;
    }

    /// Before the first client reads.
    pub(crate) fn begin_reads(&self) {
        let mut keeping = lock(&self.keeping);
        if !matches!(keeping.run, Run::NotBegun) || keeping.is_closed {
            return;
        }
        keeping.since = self.reads_time(&keeping);
        let begun = self.try_begin_reads(&mut keeping);
        self.note_reads_result(&mut keeping, begun);
    }

    fn try_begin_reads(&self, keeping: &mut Keeping) -> Result<(), Error> {
        keeping.run = Run::Off;
        let last = keeping.look(&self.store, &self.name)?;
        if keeping.bytes_max == 0 {
            return self.forget_reads(keeping);
        }
        if self.is_watching() {
            let follows = if let Last::Closed(length) = last { length } else { 0 };
            return self.start_reads(keeping, follows);
        }
        match last {
            // What is read in this run isn't known to the next one.
            Last::Closed(length) => {
                keeping.run = Run::On(keeping.begin_piece(&self.store, &self.name, length)?);
                self.end_reads(keeping, RecordKind::Off)
            }
            Last::Off | Last::Unknown => Ok(()),
        }
    }

    /// Begins to record. If that fails, it is tried again by the next tick.
    fn start_reads(&self, keeping: &mut Keeping, follows: u64) -> Result<(), Error> {
        keeping.run = Run::Lost;
        keeping.run = Run::On(keeping.begin_piece(&self.store, &self.name, follows)?);
        lock(&self.watch).keeps_reads = true;
        Ok(())
    }

    /// Ends a piece with a mark, durably.
    fn end_reads(&self, keeping: &mut Keeping, kind: RecordKind) -> Result<(), Error> {
        let now = self.reads_time(keeping);
        let (since, number) = (std::mem::replace(&mut keeping.since, now), keeping.number());
        lock(&self.watch).keeps_reads = false;
        let Run::On(mut piece) = std::mem::replace(&mut keeping.run, Run::Off) else {
            return Ok(());
        };
        let mut mark = Vec::new();
        put_mark(kind, (since, now), number, &mut mark);
        piece.append(&mark)?;
        if let Some(known) = keeping.pieces.last_mut() {
            known.length = piece.length();
        }
        piece.sync()
    }

    /// Removes everything that was kept.
    fn forget_reads(&self, keeping: &mut Keeping) -> Result<(), Error> {
        lock(&self.watch).keeps_reads = false;
        keeping.run = Run::Off;
        while let Some(piece) = keeping.pieces.last().copied() {
            self.store.remove_side_piece(&self.name, piece.number)?;
            keeping.pieces.pop();
        }
        Ok(())
    }

    /// Writes down what was read since the last time, and follows the settings.
    pub(crate) fn keep_reads(&self) {
        let mut keeping = lock(&self.keeping);
        if matches!(keeping.run, Run::NotBegun) || keeping.is_closed {
            return;
        }
        let mut kept = self.try_keep_reads(&mut keeping);
        if kept.is_err() && keeping.is_on() {
            keeping.run = Run::Lost;
        }
        if kept.is_ok() {
            let protected = self.incident_began();
            kept = keeping.drop_oldest(&self.store, &self.name, protected);
        }
        self.note_reads_result(&mut keeping, kept);
    }

    fn try_keep_reads(&self, keeping: &mut Keeping) -> Result<(), Error> {
        let is_wanted = keeping.bytes_max > 0 && self.is_watching();
        if keeping.bytes_max == 0 {
            return self.forget_reads(keeping);
        }
        match &keeping.run {
            Run::On(_) => self.write_reads(keeping)?,
            Run::Lost | Run::Off if is_wanted => {
                // Nobody knows what was read before this.
                self.swap_reads(keeping);
                keeping.look(&self.store, &self.name)?;
                keeping.since = self.reads_time(keeping);
                self.start_reads(keeping, 0)?;
            }
            _ => {}
        }
        if keeping.is_on() && !is_wanted {
            self.end_reads(keeping, RecordKind::Off)?;
        }
        self.sync_reads_in_time(keeping)
    }

    /// Writes down what was read since the last time.
    fn write_reads(&self, keeping: &mut Keeping) -> Result<(), Error> {
        self.swap_reads(keeping);
        let now = self.reads_time(keeping);
        let span = (std::mem::replace(&mut keeping.since, now), now);
        let number = keeping.number();
        let Keeping { spare, encoded, .. } = &mut *keeping;
        encoded.clear();
        for (gathered, is_diverted) in spare.iter_mut().zip([false, true]) {
            if !gathered.is_empty() {
                gathered.join();
                put_reads(gathered, span, is_diverted, number, encoded);
            }
        }
        if encoded.is_empty() {
            return Ok(());
        }
        keeping.write(&self.store, &self.name)
    }

    fn swap_reads(&self, keeping: &mut Keeping) {
        keeping.spare.iter_mut().for_each(Gathered::clear);
        std::mem::swap(&mut keeping.spare, &mut lock(&self.watch).reads);
    }

    fn sync_reads_in_time(&self, keeping: &mut Keeping) -> Result<(), Error> {
        let now = self.uptime.micros();
        if now.saturating_sub(keeping.synced) < SYNC_MICROS {
            return Ok(());
        }
        keeping.synced = now;
        match &mut keeping.run {
            Run::On(piece) => piece.sync(),
            _ => Ok(()),
        }
    }

    /// The last of this run.
    pub(crate) fn close_reads(&self) {
        let mut keeping = lock(&self.keeping);
        if keeping.is_closed || !matches!(keeping.run, Run::On(_)) {
            keeping.is_closed = true;
            return;
        }
        let written = self.write_reads(&mut keeping);
        // Whoever is still attached may read what nobody notes.
        let how = match self.attached.load(Ordering::SeqCst) {
            0 => RecordKind::Closed,
            _ => RecordKind::Off,
        };
        let closed = written.and_then(|()| self.end_reads(&mut keeping, how));
        keeping.is_closed = true;
        self.note_reads_result(&mut keeping, closed);
    }

    /// A failure is told once, until it works again. What was read meanwhile is not known, and that is written down.
    fn note_reads_result(&self, keeping: &mut Keeping, result: Result<(), Error>) {
        let was_failing = std::mem::replace(&mut keeping.is_failing, result.is_err());
        if let Err(error) = result
            && !was_failing
        {
            self.tell_failure(
                "writing down which blocks are read (what an attack read can't be told for this time)",
                &error,
            );
        }
    }

    /// Shows what clients read between two times, up to this moment. See [`crate::read_back`].
    pub fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, Error> {
        self.keep_reads();
        read_back(&self.store, &self.name, from, to, visit)
    }

    /// The time, as for writes, and never earlier than before.
    fn reads_time(&self, keeping: &Keeping) -> Timestamp {
        self.clock.now().max(self.volume.newest().time).max(keeping.since)
    }

    /// Since when what was read may be asked for because of what is suspected or fenced now.
    fn incident_began(&self) -> Option<Timestamp> {
        let state = lock(&self.state);
        let is_open = state.episode.is_some() || state.fence.is_some();
        state.before_attack().filter(|_| is_open).map(|point| point.time)
    }
}
