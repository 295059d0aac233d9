//! The model that guards ask: one for all, replaceable while they run.

use std::sync::{Arc, RwLock};

use sentinel::{Model, ModelError};

use crate::locks::{read_lock, write_lock};

/// A model of owned bytes.
pub(crate) type OwnedModel = Model<Arc<[u8]>>;

/// A model shared by guards. Clones share it: guards notice a replacement at their next tick.
#[derive(Clone, Debug)]
pub struct SharedModel(Arc<RwLock<Arc<OwnedModel>>>);

impl SharedModel {
    /// Shares a model.
    #[must_use]
    pub fn new(model: Model<Arc<[u8]>>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(model))))
    }

    /// The model that this version ships.
    ///
    /// # Panics
    /// Never: a test of the sentinel parses it.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(Model::shipped().as_bytes()).expect("the shipped model was parsed by a test")
    }

    /// Checks a model's bytes and shares it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        Model::parse(Arc::from(bytes)).map(Self::new)
    }

    /// Replaces the model.
    pub fn replace(&self, model: Model<Arc<[u8]>>) {
        *write_lock(&self.0) = Arc::new(model);
    }

    /// The model in use.
    #[must_use]
    pub fn current(&self) -> Arc<Model<Arc<[u8]>>> {
        Arc::clone(&read_lock(&self.0))
    }
}
