//! System calls that no safe library offers. The only crate with unsafe code; each block says why it is sound.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Makes the system begin to write the changed pages of a range of a file to its disk, without waiting until they are
/// there and without any promise of durability (`sync_file_range(2)` with `SYNC_FILE_RANGE_WRITE`). May wait while the
/// disk's queue is full.
///
/// Fails with [`io::ErrorKind::InvalidInput`] if the range ends past the largest offset of a file.
pub fn start_writing(file: impl AsFd, offset: u64, length: u64) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let offset = libc::off64_t::try_from(offset).map_err(too_large)?;
    let length = libc::off64_t::try_from(length).map_err(too_large)?;
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: the call takes no pointers, and `file` keeps the descriptor open for as long as it lasts.
    let result = unsafe { libc::sync_file_range(descriptor, offset, length, libc::SYNC_FILE_RANGE_WRITE) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn a_range_that_is_being_written_stays_what_it_is() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[7; 100_000]).expect("written");
        start_writing(&file, 4096, 65536).expect("started");
        let mut bytes = Vec::new();
        file.rewind().expect("rewound");
        file.read_to_end(&mut bytes).expect("read");
        assert_eq!(bytes, [7; 100_000]);
    }

    #[test]
    fn a_range_past_the_largest_offset_is_refused() {
        let file = tempfile::tempfile().expect("a file");
        let error = start_writing(&file, u64::MAX, 1).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let error = start_writing(&file, i64::MAX as u64, 1).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn what_cannot_be_written_to_a_disk_is_refused() {
        let (reader, _writer) = io::pipe().expect("a pipe");
        start_writing(&reader, 0, 1).expect_err("a pipe has no disk");
    }
}
