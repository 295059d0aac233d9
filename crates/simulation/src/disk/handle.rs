//! The storage traits over the simulated disk. A handle belongs to one start of the machine and fails after it.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use volume::{Directory, File, Wait};

use super::directory::{DirectoryNode, Entry, NodeId};
use super::faults::Cut;
use super::file::FileNode;
use super::state::{Point, State, Verdict, input_output_error};
use crate::random::fingerprint;

pub(super) type Shared = Arc<Mutex<State>>;

/// A panic in the code under test must not hide what the disk holds.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct DirectoryHandle {
    pub(super) shared: Shared,
    pub(super) id: NodeId,
    pub(super) generation: u64,
}

struct FileHandle {
    shared: Shared,
    id: NodeId,
    generation: u64,
}

impl fmt::Debug for DirectoryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryHandle({})", self.id.0)
    }
}

impl fmt::Debug for FileHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHandle({})", self.id.0)
    }
}

impl DirectoryHandle {
    /// Runs a change of this directory through a fault point. A change that fails or is killed happens or doesn't.
    fn change(&self, kind: &str, name: &str, change: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Metadata, self.generation)?;
        state.note(kind, || format!("{name} in {} {verdict:?}", self.id.0));
        match verdict {
            Verdict::Proceed => change(&mut state),
            Verdict::Fail => Err(input_output_error()),
            Verdict::Stop(cut) => {
                if cut == Cut::Power || state.random.chance(1, 2) {
                    change(&mut state)?;
                }
                state.stop(cut);
                Err(input_output_error())
            }
        }
    }

    fn open_node(&self, state: &mut State, id: NodeId) -> io::Result<Arc<dyn File>> {
        state.file(id)?.handles += 1;
        Ok(Arc::new(FileHandle {
            shared: Arc::clone(&self.shared),
            id,
            generation: self.generation,
        }))
    }

    fn file_named(&self, state: &mut State, name: &str) -> io::Result<NodeId> {
        match state.directory(self.id)?.entry(name) {
            Some(Entry::File(id)) => Ok(id),
            Some(Entry::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn directory_named(&self, state: &mut State, name: &str) -> io::Result<NodeId> {
        match state.directory(self.id)?.entry(name) {
            Some(Entry::Directory(id)) => Ok(id),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn check_absent(&self, state: &mut State, name: &str) -> io::Result<()> {
        match state.directory(self.id)?.entry(name) {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => Ok(()),
        }
    }

    fn unlink(state: &mut State, directory: NodeId, name: &str, id: NodeId) -> io::Result<()> {
        let order = state.next_order();
        state.directory(directory)?.unlink(name, order);
        state.file(id)?.links -= 1;
        state.release(id);
        Ok(())
    }
}

impl Directory for DirectoryHandle {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        let mut names = state.directory(self.id)?.names();
        // No particular order: but the same one in every run of a seed.
        names.sort_by_key(|name| fingerprint(self.generation, name.as_bytes()));
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        let id = self.file_named(&mut state, name)?;
        self.open_node(&mut state, id)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.check_absent(&mut lock(&self.shared), name)?;
        let mut created = None;
        self.change("create", name, |state| {
            // An inode takes space too.
            state.charge(0, 4096)?;
            state.used_bytes -= 4096;
            let id = state.new_node();
            let order = state.next_order();
            let sector = state.geometry.sector;
            let mut file = FileNode::new(sector);
            file.links = 1;
            state.files.insert(id, file);
            state.directory(self.id)?.link(name, Entry::File(id), order);
            created = Some(id);
            Ok(())
        })?;
        let id = created.ok_or_else(input_output_error)?;
        self.open_node(&mut lock(&self.shared), id)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (target, is_same) = {
            let mut state = lock(&self.shared);
            let source = self.file_named(&mut state, from)?;
            let target = self.file_named(&mut state, to).ok();
            (target, target == Some(source))
        };
        self.change("rename", &format!("{from} -> {to}"), |state| {
            if is_same {
                return Ok(());
            }
            let order = state.next_order();
            state.directory(self.id)?.rename(from, to, order);
            if let Some(target) = target {
                state.file(target)?.links -= 1;
                state.release(target);
            }
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let id = self.file_named(&mut lock(&self.shared), name)?;
        self.change("remove", name, |state| Self::unlink(state, self.id, name, id))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Sync, self.generation)?;
        state.note("sync directory", || format!("{} {verdict:?}", self.id.0));
        match verdict {
            Verdict::Proceed => {
                let lies = state.faults.lying_sync;
                if state.random.chance(lies, 10_000) {
                    state.counts.lies += 1;
                } else {
                    state.sync_directory(self.id);
                }
                Ok(())
            }
            Verdict::Fail => Err(input_output_error()),
            Verdict::Stop(cut) => {
                state.stop(cut);
                Err(input_output_error())
            }
        }
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        let id = self.directory_named(&mut state, name)?;
        Ok(Arc::new(Self {
            shared: Arc::clone(&self.shared),
            id,
            generation: self.generation,
        }))
    }

    fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        self.check_absent(&mut lock(&self.shared), name)?;
        self.change("create directory", name, |state| {
            state.charge(0, 4096)?;
            let id = state.new_node();
            let order = state.next_order();
            state.directories.insert(id, DirectoryNode::default());
            state.directory(self.id)?.link(name, Entry::Directory(id), order);
            Ok(())
        })?;
        self.subdirectory(name)
    }

    fn remove_subdirectory(&self, name: &str) -> io::Result<()> {
        {
            let mut state = lock(&self.shared);
            let id = self.directory_named(&mut state, name)?;
            if !state.directory(id)?.is_empty() {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
        }
        self.change("remove directory", name, |state| {
            let order = state.next_order();
            state.used_bytes = state.used_bytes.saturating_sub(4096);
            state.directory(self.id)?.unlink(name, order);
            Ok(())
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = lock(&self.shared);
        state.check_running(self.generation)?;
        Ok(state.free_bytes())
    }
}

impl FileHandle {
    /// Writes the first `length` of `bytes`, as far as the disk has room.
    fn put(&self, state: &mut State, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let order = state.next_order();
        let (before, after, room) = {
            let free = state.free_bytes();
            let file = state.file(self.id)?;
            let end = (offset + bytes.len()).max(file.length());
            (file.used_bytes(), file.bytes_for(end as u64), file.used_bytes() + free)
        };
        if state.charge(before, after).is_err() {
            let fits = usize::try_from(room / 4096 * 4096)
                .unwrap_or(usize::MAX)
                .saturating_sub(offset);
            let part = &bytes[..fits.min(bytes.len())];
            let end = state.file(self.id)?.length().max(offset + part.len());
            let partial = state.file(self.id)?.bytes_for(end as u64);
            state.charge(before, partial)?;
            state.file(self.id)?.write(offset, part, order);
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.file(self.id)?.write(offset, bytes, order);
        Ok(())
    }

    /// A part of a write that didn't complete: what a signal leaves behind is a run of pages from the start; an error can
    /// leave anything.
    fn put_part(&self, state: &mut State, offset: usize, bytes: &[u8], is_kill: bool) -> io::Result<()> {
        let length = match state.random.below(3) {
            0 => 0,
            1 => bytes.len(),
            _ => state.random.index(bytes.len() + 1),
        };
        if is_kill {
            let end = (offset + length) / 4096 * 4096;
            let kept = if length == bytes.len() {
                length
            } else {
                end.saturating_sub(offset).min(bytes.len())
            };
            return self.put(state, offset, &bytes[..kept]);
        }
        let skipped = if length > 0 && state.random.chance(1, 3) {
            state.random.index(length)
        } else {
            0
        };
        self.put(state, offset + skipped, &bytes[skipped..length])
    }
}

impl File for FileHandle {
    fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> io::Result<()> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        match wait {
            Wait::Never => {
                let chance = state.faults.not_resident;
                if state.random.chance(chance, 10_000) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
            }
            Wait::Allowed => state.waited_when_forbidden |= state.waiting_is_forbidden,
        }
        let chance = state.faults.read_error;
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        if state.random.chance(chance, 10_000) || state.file(self.id)?.is_unreadable(offset, buffer.len()) {
            state.counts.read_errors += 1;
            return Err(input_output_error());
        }
        if state.file(self.id)?.read(offset, buffer) {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn write_at(&self, offset: u64, buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        buffers.iter().for_each(|buffer| bytes.extend_from_slice(buffer));
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Write, self.generation)?;
        state.fingerprint = fingerprint(state.fingerprint ^ offset as u64, &bytes);
        state.note("write", || {
            format!("file {} {offset}+{} {verdict:?}", self.id.0, bytes.len())
        });
        match verdict {
            Verdict::Proceed => self.put(&mut state, offset, &bytes),
            Verdict::Fail => {
                self.put_part(&mut state, offset, &bytes, false)?;
                Err(input_output_error())
            }
            Verdict::Stop(cut) => {
                let _part = match cut {
                    Cut::Power => self.put(&mut state, offset, &bytes),
                    Cut::Kill => self.put_part(&mut state, offset, &bytes, true),
                };
                state.stop(cut);
                Err(input_output_error())
            }
        }
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Metadata, self.generation)?;
        state.note("allocate", || format!("file {} {length} {verdict:?}", self.id.0));
        match verdict {
            Verdict::Proceed => {
                let file = state.file(self.id)?;
                let (before, after) = (file.used_bytes(), file.used_bytes().max(length.next_multiple_of(4096)));
                state.charge(before, after)?;
                let file = state.file(self.id)?;
                file.reserved_bytes = file.reserved_bytes.max(length.next_multiple_of(4096));
                Ok(())
            }
            Verdict::Fail => Err(input_output_error()),
            Verdict::Stop(cut) => {
                state.stop(cut);
                Err(input_output_error())
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Sync, self.generation)?;
        state.note("sync", || format!("file {} {verdict:?}", self.id.0));
        match verdict {
            Verdict::Proceed => {
                let lies = state.faults.lying_sync;
                if state.random.chance(lies, 10_000) {
                    state.counts.lies += 1;
                    return Ok(());
                }
                state.misplace(self.id);
                state.file(self.id)?.sync();
                Ok(())
            }
            Verdict::Fail => {
                let mut random = state.random.split();
                state.file(self.id)?.fail_sync(&mut random);
                Err(input_output_error())
            }
            Verdict::Stop(cut) => {
                state.stop(cut);
                Err(input_output_error())
            }
        }
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut state = lock(&self.shared);
        let verdict = state.pass(Point::Metadata, self.generation)?;
        state.note("set length", || format!("file {} {length} {verdict:?}", self.id.0));
        if verdict == Verdict::Fail {
            return Err(input_output_error());
        }
        let order = state.next_order();
        let file = state.file(self.id)?;
        let before = file.used_bytes();
        file.set_length(length, order);
        let after = file.used_bytes();
        state.used_bytes = (state.used_bytes + after).saturating_sub(before);
        if let Verdict::Stop(cut) = verdict {
            state.stop(cut);
            return Err(input_output_error());
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        Ok(state.file(self.id)?.length() as u64)
    }

    fn allocated_bytes(&self) -> io::Result<u64> {
        let mut state = lock(&self.shared);
        state.check_running(self.generation)?;
        Ok(state.file(self.id)?.used_bytes())
    }

    fn start_writing(&self, _offset: u64, _length: u64) {}

    fn prefetch(&self, _offset: u64, _length: u64) {}

    fn forget_cache(&self) {
        let mut state = lock(&self.shared);
        if state.check_running(self.generation).is_ok()
            && let Ok(file) = state.file(self.id)
        {
            file.forget_cache();
        }
    }
}

impl Drop for FileHandle {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        if state.generation == self.generation
            && let Ok(file) = state.file(self.id)
        {
            file.handles -= 1;
            state.release(self.id);
        }
    }
}
