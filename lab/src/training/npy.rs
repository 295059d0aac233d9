//! Arrays as NumPy reads them: a header of fixed length, whose number of rows is filled in at the end, then rows.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::Failure;

const HEADER_BYTES: usize = 512;

/// An array that grows row by row.
pub(crate) struct Rows {
    out: BufWriter<File>,
    /// NumPy's description of a row's type, as a Python literal.
    row_type: String,
    /// The rest of the shape behind the number of rows, such as `322,`.
    shape: String,
    count: u64,
}

impl Rows {
    /// Begins an array of one dimension and a structured type, or of two dimensions.
    pub(crate) fn create(path: &Path, row_type: &str, shape: &str) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| format!("can't create {}: {error}", path.display()))?;
        let mut rows = Self {
            out: BufWriter::with_capacity(1 << 20, file),
            row_type: row_type.to_owned(),
            shape: shape.to_owned(),
            count: 0,
        };
        rows.out.write_all(&rows.header()?)?;
        Ok(rows)
    }

    /// Appends a row's bytes, little-endian.
    pub(crate) fn push(&mut self, row: &[u8]) -> Result<(), Failure> {
        self.count += 1;
        Ok(self.out.write_all(row)?)
    }

    /// Fills in the number of rows.
    pub(crate) fn finish(mut self) -> Result<u64, Failure> {
        let header = self.header()?;
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header)?;
        self.out.flush()?;
        Ok(self.count)
    }

    fn header(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(HEADER_BYTES - 10)?.to_le_bytes());
        bytes.extend(
            format!(
                "{{'descr': {}, 'fortran_order': False, 'shape': ({}, {})}}",
                self.row_type, self.count, self.shape
            )
            .bytes(),
        );
        if bytes.len() >= HEADER_BYTES {
            return Err("the type of an array's rows has too long a description".into());
        }
        bytes.resize(HEADER_BYTES - 1, b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_how_many_rows_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut rows = Rows::create(&path, "'<i2'", "2").unwrap();
        for row in 0..3_u8 {
            rows.push(&[row, 0, row, 1]).unwrap();
        }
        assert_eq!(rows.finish().unwrap(), 3);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), HEADER_BYTES + 12);
        assert!(String::from_utf8_lossy(&bytes[..HEADER_BYTES]).contains("'shape': (3, 2)"));
        assert_eq!(bytes[HEADER_BYTES - 1], b'\n');
        assert_eq!(&bytes[HEADER_BYTES + 8..], [2, 0, 2, 1]);
    }
}
