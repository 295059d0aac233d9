//! The files of private asking, and which of them are in use.
//!
//! ```text
//! <data>/exposure/private/
//!   MANIFEST             which index is in use; replaced by rename, last
//!   key-PUBLIC           the secret key, owner only
//!   index-NAME           what is handed out
//!   breaches-NAME.json   the list of breaches that the index points into
//!   seeds-NAME           what the key gave for each identity, owner only
//!   lock                 held by whoever builds
//! ```
//!
//! A new key and the index made with it come into use by the same rename: there is no moment at which they don't fit.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};

use super::answer::AskedBreach;
use super::build::{Built, Files, People, Plan, build};
use super::index::{Index, Salt};
use super::key::{key_path, load_key, make_key};
use super::protocol::{PublicKey, ServerKey};
use crate::Error;
use crate::files::sync_folder;

const MANIFEST: &str = "MANIFEST";
const LOCK: &str = "lock";
const FIRST_LINE: &str = "holdfast private index 1";
/// A manifest is far shorter.
const MANIFEST_BYTES_MAX: u64 = 64 << 10;
/// How often a build is begun again because people were added or erased meanwhile.
const TRIES: u32 = 3;

/// What the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    index: String,
    key: String,
    breaches_crc32c: u32,
    source: String,
}

/// An index in use, with its key.
#[derive(Debug)]
pub struct Generation {
    /// What it is called: 16 hexadecimal digits.
    pub name: String,
    /// The key.
    pub key: ServerKey,
    /// The index.
    pub index: Index,
    /// The list of breaches, as it is handed out.
    pub breaches: Vec<u8>,
    source: String,
}

impl Generation {
    /// Whether it was built from this state, with this least number of people in a bucket.
    #[must_use]
    pub fn is_of(&self, source: &str, hidden_among: u64) -> bool {
        self.source == source && self.index.header().hidden_among == hidden_among
    }
}

/// The folder, and what is in use there.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    manifest: Vec<u8>,
    generation: Option<Arc<Generation>>,
}

impl Store {
    /// Opens the private asking of the breach monitor in `exposure`. Nothing has to be there.
    ///
    /// # Errors
    /// When what is there can't be read, or is damaged.
    pub fn open(exposure: &Path) -> Result<Self, Error> {
        let store = Self::open_to_build(exposure);
        store.refresh()?;
        Ok(store)
    }

    /// The same for whoever builds, which remedies what is damaged: until then there is no index in use.
    #[must_use]
    pub fn open_to_build(exposure: &Path) -> Self {
        Self {
            folder: exposure.join("private"),
            current: Mutex::default(),
        }
    }

    /// The index in use; `None` if none was built yet.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Generation>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.generation.clone()
    }

    /// Notices what another process built. Cheap when it built nothing.
    ///
    /// # Errors
    /// When it can't be read, or is damaged; what was in use stays in use.
    pub fn refresh(&self) -> Result<(), Error> {
        let path = self.folder.join(MANIFEST);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MANIFEST_BYTES_MAX => return Err(not_valid(&path)),
            Ok(_) => fs::read(&path).map_err(Error::io("read", &path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes == current.manifest {
            return Ok(());
        }
        let generation = if bytes.is_empty() {
            None
        } else {
            Some(Arc::new(self.load(&path, &bytes)?))
        };
        *current = Current {
            manifest: bytes,
            generation,
        };
        Ok(())
    }

    fn load(&self, path: &Path, bytes: &[u8]) -> Result<Generation, Error> {
        let manifest = parse(bytes).ok_or_else(|| not_valid(path))?;
        let index = Index::open(&self.folder.join(format!("index-{}", manifest.index)))?;
        let key = load_key(&self.folder.join(&manifest.key))?;
        if key.public() != index.header().public_key || index.header().salt.name() != manifest.index {
            return Err(not_valid(path));
        }
        let path = self.folder.join(breaches_name(&manifest.index));
        let breaches = fs::read(&path).map_err(Error::io("read", &path))?;
        if crc32c::crc32c(&breaches) != manifest.breaches_crc32c {
            return Err(Error::PrivateIndex {
                path,
                what: "it does not match its checksum",
            });
        }
        Ok(Generation {
            name: manifest.index,
            key,
            index,
            breaches,
            source: manifest.source,
        })
    }

    /// Builds a new index and brings it into use. One process at a time does so; another one waits.
    ///
    /// # Errors
    /// When files can't be read or written, there is no randomness, the people change all the time, or there are more breaches than an
    /// index holds. What was in use stays in use.
    pub fn build(
        &self,
        plan: &Plan<'_>,
        people: &dyn People,
        random: &dyn SecureRandom,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Built, Error> {
        fs::create_dir_all(&self.folder).map_err(Error::io("make", &self.folder))?;
        let path = self.folder.join(LOCK);
        let lock = File::create(&path).map_err(Error::io("make", &path))?;
        lock.lock().map_err(Error::io("lock", &path))?;
        let before = self.manifest();
        self.clear(before.as_ref())?;
        let known = before.filter(|_| !plan.new_key);
        let key = match &known {
            Some(manifest) => load_key(&self.folder.join(&manifest.key))?,
            None => make_key(&self.folder, random)?,
        };
        let known_seeds = known.map(|manifest| self.folder.join(seeds_name(&manifest.index)));
        for _ in 0..TRIES {
            let mut salt = [0; Salt::BYTES];
            random.fill(&mut salt).map_err(|_| Error::Randomness)?;
            let salt = Salt::new(salt);
            let name = salt.name();
            let index = self.folder.join(format!("index-{name}"));
            let seeds = self.folder.join(seeds_name(&name));
            let files = Files {
                index: &index,
                seeds: &seeds,
                known_seeds: known_seeds.as_deref(),
            };
            match build(plan, people, &key, salt, &files, progress) {
                Err(Error::PeopleChanged) => {}
                Err(error) => return Err(error),
                Ok(built) => {
                    self.bring_into_use(plan, &name, &key.public())?;
                    self.refresh()?;
                    self.clear(self.manifest().as_ref())?;
                    return Ok(built);
                }
            }
        }
        Err(Error::PeopleChanged)
    }

    /// Index and seeds are durable already.
    fn bring_into_use(&self, plan: &Plan<'_>, name: &str, key: &PublicKey) -> Result<(), Error> {
        let list: Vec<&AskedBreach> = plan.breaches.iter().map(|(_, breach)| breach).collect();
        let breaches = serde_json::to_vec(&list).expect("a list of strings is JSON");
        write_durably(&self.folder.join(breaches_name(name)), &breaches)?;
        let manifest = Manifest {
            index: name.to_owned(),
            key: key_path(&self.folder, key)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            breaches_crc32c: crc32c::crc32c(&breaches),
            source: plan.source.to_owned(),
        };
        let json = serde_json::to_string(&manifest).expect("strings and a number are JSON");
        let text = format!("{FIRST_LINE}\n{json}\n{:08x}\n", crc32c::crc32c(json.as_bytes()));
        // The names of the files that the manifest speaks of must be there first.
        sync_folder(&self.folder)?;
        let partial = self.folder.join("MANIFEST.partial");
        write_durably(&partial, text.as_bytes())?;
        let path = self.folder.join(MANIFEST);
        fs::rename(&partial, &path).map_err(Error::io("write", &path))?;
        sync_folder(&self.folder)
    }

    /// The manifest, whether or not the files that it names are whole: a damaged index is remedied by a build, and keeps its key.
    fn manifest(&self) -> Option<Manifest> {
        fs::read(self.folder.join(MANIFEST))
            .ok()
            .and_then(|bytes| parse(&bytes))
    }

    /// Removes what is not in use: left over from an interrupted build, or of an earlier index.
    fn clear(&self, current: Option<&Manifest>) -> Result<(), Error> {
        let keep: Vec<String> = current.map_or_else(Vec::new, |manifest| {
            let index = &manifest.index;
            vec![
                format!("index-{index}"),
                breaches_name(index),
                seeds_name(index),
                manifest.key.clone(),
            ]
        });
        for entry in fs::read_dir(&self.folder).map_err(Error::io("read", &self.folder))? {
            let entry = entry.map_err(Error::io("read", &self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = ["index-", "breaches-", "seeds-", "key-", "MANIFEST."]
                .iter()
                .any(|start| name.starts_with(start));
            if ours && !keep.contains(&name) {
                let path = entry.path();
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

fn breaches_name(name: &str) -> String {
    format!("breaches-{name}.json")
}

fn seeds_name(name: &str) -> String {
    format!("seeds-{name}")
}

/// Names in a manifest stay in the folder, whatever it says.
fn parse(bytes: &[u8]) -> Option<Manifest> {
    let text = str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let (first, json, checksum) = (lines.next()?, lines.next()?, lines.next()?);
    if first != FIRST_LINE || checksum != format!("{:08x}", crc32c::crc32c(json.as_bytes())) {
        return None;
    }
    let manifest: Manifest = serde_json::from_str(json).ok()?;
    let is_name = |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let valid = is_name(&manifest.index) && manifest.key.strip_prefix("key-").is_some_and(is_name);
    valid.then_some(manifest)
}

fn not_valid(path: &Path) -> Error {
    Error::PrivateIndex {
        path: path.to_owned(),
        what: "it is not as it was written",
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(Error::io("write", path))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
