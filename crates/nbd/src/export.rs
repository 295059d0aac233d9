//! Where disks come from.

use std::sync::Arc;

use volume::Device;

/// One entry of the list of exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportInfo {
    /// The name by which it is opened.
    pub name: String,
    /// A description for people; may be empty.
    pub description: String,
}

/// An export in use by one client.
#[derive(Clone)]
pub struct OpenedExport {
    /// The disk.
    pub device: Arc<dyn Device>,
    /// Its canonical name.
    pub name: String,
    /// A description for people; may be empty.
    pub description: String,
}

/// Why an export can't be opened. The message is shown to the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No export has that name.
    #[error("{0}")]
    Unknown(String),
    /// The export exists and may not be used, or not now.
    #[error("{0}")]
    Policy(String),
    /// The name can't be that of an export.
    #[error("{0}")]
    Invalid(String),
    /// The provider is being stopped.
    #[error("{0}")]
    Stopping(String),
}

/// Knows the exports. Calls come from many threads at once, and may take a while.
pub trait ExportProvider: Send + Sync {
    /// All exports that clients may see. At most [`crate::Limits::exports_listed_max`] are told to a client.
    fn list(&self) -> Vec<ExportInfo>;

    /// Opens an export for one client. The empty name is that of the default export, if there is one. Everything the
    /// client does happens through the device returned, which is dropped when the client is gone. Also called to
    /// describe an export that isn't used afterwards.
    ///
    /// # Errors
    ///
    /// Says why there is no such export for this client.
    fn open(&self, name: &str) -> Result<OpenedExport, OpenError>;
}
