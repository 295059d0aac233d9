//! Serves a disk in memory, or a file, to try clients with and to measure what the protocol costs. Not a product: it
//! has no options and no security.
//!
//! ```text
//! memory_server unix:PATH|tcp:ADDRESS SIZE_MIB [FILE|-] [CERTIFICATE KEY [AUTHORITY]]
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use nbd::{
    Event, ExportInfo, ExportProvider, Listener, OpenError, OpenedExport, Server, ServerEvents, Settings, Tls,
    TlsIdentity,
};
use volume::{Device, Error, Extent, ExtentKind, Hole, Wait, WriteRequest};

#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is written for tests, which use more of it"
)]
#[path = "../tests/server/memory.rs"]
mod memory;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, size, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: memory_server unix:PATH|tcp:ADDRESS SIZE_MIB [FILE|-] [CERTIFICATE KEY [AUTHORITY]]".into(),
        );
    };
    let file = rest.first().filter(|file| *file != "-");
    let tls = match rest.get(1..).unwrap_or_default() {
        [] => Tls::Off,
        [certificate, key, authority @ ..] => {
            let authority = authority.first().map(Path::new);
            Tls::Required(TlsIdentity::load(Path::new(certificate), Path::new(key), authority)?)
        }
        [_] => return Err("a certificate needs a key".into()),
    };
    let size = size.parse::<usize>()? << 20;
    let device: Arc<dyn Device> = match file {
        None => Arc::new(memory::MemoryDisk::new(size)),
        Some(path) => {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            file.set_len(size as u64)?;
            Arc::new(FileDisk {
                file,
                size: size as u64,
            })
        }
    };
    let server = Server::new(
        Arc::new(OneExport(device)),
        Arc::new(Print),
        Settings {
            tls,
            ..Settings::default()
        },
    )?;
    server.listen(match address.split_once(':') {
        Some(("unix", path)) => Listener::unix(Path::new(path), 0o600)?,
        Some(("tcp", address)) => Listener::tcp(address)?,
        _ => return Err("an address starts with unix: or tcp:".into()),
    })?;
    loop {
        std::thread::park();
    }
}

struct OneExport(Arc<dyn Device>);

impl ExportProvider for OneExport {
    fn list(&self) -> Vec<ExportInfo> {
        vec![ExportInfo {
            name: "disk".to_owned(),
            description: "a disk to try".to_owned(),
        }]
    }

    fn open(&self, name: &str) -> Result<OpenedExport, OpenError> {
        if !["", "disk", "export1"].contains(&name) {
            return Err(OpenError::Unknown(format!("no export is named `{name}`")));
        }
        let description = "a disk to try".to_owned();
        Ok(OpenedExport {
            device: Arc::clone(&self.0),
            name: "disk".to_owned(),
            description,
        })
    }
}

struct Print;

impl ServerEvents for Print {
    fn event(&self, event: &Event<'_>) {
        eprintln!("{event:?}");
    }
}

/// A plain file, overwritten in place.
struct FileDisk {
    file: File,
    size: u64,
}

fn failed(source: std::io::Error) -> Error {
    Error::Io {
        operation: "use",
        file: "disk".to_owned(),
        source,
    }
}

impl Device for FileDisk {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        if wait == Wait::Never {
            let expected = buffer.len();
            let mut buffers = [std::io::IoSliceMut::new(buffer)];
            let flags = rustix::io::ReadWriteFlags::NOWAIT;
            return match rustix::io::preadv2(&self.file, &mut buffers, offset, flags) {
                Ok(length) if length == expected => Ok(()),
                _ => Err(Error::WouldBlock),
            };
        }
        self.file.read_exact_at(buffer, offset).map_err(failed)
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        writes
            .iter()
            .try_for_each(|write| self.file.write_all_at(write.data, write.offset))
            .map_err(failed)
    }

    fn zero(&self, offset: u64, length: u64, _hole: Hole) -> Result<(), Error> {
        let zeros = vec![0; 1 << 20];
        let mut position = 0;
        while position < length {
            let piece = (length - position).min(zeros.len() as u64);
            let piece_of_zeros = zeros.get(..piece as usize).unwrap_or_default();
            self.file
                .write_all_at(piece_of_zeros, offset + position)
                .map_err(failed)?;
            position += piece;
        }
        Ok(())
    }

    fn trim(&self, _offset: u64, _length: u64) -> Result<(), Error> {
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(failed)
    }

    fn prefetch(&self, _offset: u64, _length: u64) -> Result<(), Error> {
        Ok(())
    }

    fn extents(&self, _offset: u64, length: u64, _limit: usize) -> Result<Vec<Extent>, Error> {
        Ok(vec![Extent {
            length,
            kind: ExtentKind::Data,
            written: None,
        }])
    }
}
