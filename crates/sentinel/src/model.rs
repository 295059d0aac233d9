//! Gradient-boosted trees, trained by the lab: a file of bytes, checked once, then walked.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..4 | `HFSM` |
//! | 4..6 | version of the format, 1 |
//! | 6..8 | number of features |
//! | 8..12 | version of the model |
//! | 12..16 | base score |
//! | 16..20 | drift: what every assessment takes from the suspicion |
//! | 20..24 | suspicion from which a moment is bookmarked |
//! | 24..28 | suspicion from which the volume is fenced |
//! | 28..32 | number of trees |
//! | then 4 each | number of the tree's first node |
//! | then 12 each | node: feature (2), threshold (2), left (4), right (4); in a leaf the feature is 65535 and the last 4 are the value |
//!
//! Integers are little-endian; scores are signed, in 1/1024 of a logit. A node goes left if the feature is at most the
//! threshold. Children lie behind their parents, so that a walk ends.

use crate::features::{FEATURES, Features};

const HEADER_BYTES: usize = 32;
const NODE_BYTES: usize = 12;
const LEAF: u16 = u16::MAX;
const TREES_MAX: usize = 4096;

/// Why bytes are no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// It doesn't begin like one.
    NotAModel,
    /// Of a version of the format, or for a set of features, that this program doesn't have.
    OtherVersion,
    /// Cut off, or with numbers that point nowhere.
    Damaged,
}

impl core::fmt::Display for ModelError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotAModel => "not a model of the sentinel",
            Self::OtherVersion => "a model for another version of the sentinel",
            Self::Damaged => "a damaged model of the sentinel",
        })
    }
}

impl core::error::Error for ModelError {}

/// A model whose bytes were checked.
#[derive(Clone, Debug)]
pub struct Model<B> {
    bytes: B,
    trees: usize,
    nodes: usize,
}

/// The model that this version ships.
const SHIPPED: &[u8] = include_bytes!("model.bin");

impl Model<&'static [u8]> {
    /// The model that this version ships.
    ///
    /// # Panics
    /// Never: a test parses it.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the shipped model was parsed by a test")
    }
}

impl<B: AsRef<[u8]>> Model<B> {
    /// Checks a model's bytes.
    pub fn parse(bytes: B) -> Result<Self, ModelError> {
        let all = bytes.as_ref();
        if all.get(..4) != Some(b"HFSM") {
            return Err(ModelError::NotAModel);
        }
        let format = u16_at(all, 4).ok_or(ModelError::Damaged)?;
        let features = u16_at(all, 6).ok_or(ModelError::Damaged)?;
        if format != 1 || usize::from(features) != FEATURES {
            return Err(ModelError::OtherVersion);
        }
        let trees = u32_at(all, 28).ok_or(ModelError::Damaged)? as usize;
        if trees > TREES_MAX {
            return Err(ModelError::Damaged);
        }
        let node_bytes = all.get(HEADER_BYTES + 4 * trees..).ok_or(ModelError::Damaged)?;
        if !node_bytes.len().is_multiple_of(NODE_BYTES) {
            return Err(ModelError::Damaged);
        }
        let nodes = node_bytes.len() / NODE_BYTES;
        let model = Self { bytes, trees, nodes };
        if model.is_sound() {
            Ok(model)
        } else {
            Err(ModelError::Damaged)
        }
    }

    /// Whether every number points somewhere, and every walk ends.
    fn is_sound(&self) -> bool {
        let roots = (0..self.trees).all(|tree| self.root(tree).is_some_and(|root| root < self.nodes));
        let nodes = (0..self.nodes).all(|index| {
            self.node(index).is_some_and(|node| {
                node.feature == LEAF
                    || (usize::from(node.feature) < FEATURES
                        && [node.left, node.right]
                            .iter()
                            .all(|child| (index + 1..self.nodes).contains(&(*child as usize))))
            })
        });
        roots && nodes
    }

    /// The bytes that were checked.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The model's own version.
    #[must_use]
    pub fn version(&self) -> u32 {
        u32_at(self.bytes.as_ref(), 8).unwrap_or(0)
    }

    pub(crate) fn drift(&self) -> i32 {
        i32_at(self.bytes.as_ref(), 16)
    }

    pub(crate) fn bookmark_from(&self) -> i32 {
        i32_at(self.bytes.as_ref(), 20)
    }

    /// The suspicion from which a volume is fenced, in 1/1024 of a logit.
    #[must_use]
    pub fn fence_from(&self) -> i32 {
        i32_at(self.bytes.as_ref(), 24)
    }

    /// How much the features look like an attack, in 1/1024 of a logit.
    #[must_use]
    pub fn score(&self, features: &Features) -> i32 {
        let base = i32_at(self.bytes.as_ref(), 12);
        (0..self.trees).fold(base, |sum, tree| sum.saturating_add(self.tree_score(tree, features)))
    }

    fn tree_score(&self, tree: usize, features: &Features) -> i32 {
        let mut index = self.root(tree).unwrap_or(0);
        while let Some(node) = self.node(index) {
            if node.feature == LEAF {
                return node.right as i32;
            }
            let value = features.get(usize::from(node.feature)).copied().unwrap_or(0);
            index = if value <= node.threshold { node.left } else { node.right } as usize;
        }
        0
    }

    fn root(&self, tree: usize) -> Option<usize> {
        u32_at(self.bytes.as_ref(), HEADER_BYTES + 4 * tree).map(|root| root as usize)
    }

    fn node(&self, index: usize) -> Option<Node> {
        let start = HEADER_BYTES + 4 * self.trees + index * NODE_BYTES;
        let bytes = self.bytes.as_ref().get(start..start + NODE_BYTES)?;
        Some(Node {
            feature: u16_at(bytes, 0)?,
            threshold: u16_at(bytes, 2)? as i16,
            left: u32_at(bytes, 4)?,
            right: u32_at(bytes, 8)?,
        })
    }
}

struct Node {
    feature: u16,
    threshold: i16,
    left: u32,
    right: u32,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    u32_at(bytes, at).unwrap_or(0) as i32
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn model(nodes: &[[u32; 4]]) -> Vec<u8> {
        let mut bytes = b"HFSM".to_vec();
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend((FEATURES as u16).to_le_bytes());
        for number in [3, 100, 0, 0, 0, 1, 0] {
            bytes.extend((number as u32).to_le_bytes());
        }
        for [feature, threshold, left, right] in nodes {
            bytes.extend((*feature as u16).to_le_bytes());
            bytes.extend((*threshold as u16).to_le_bytes());
            bytes.extend(left.to_le_bytes());
            bytes.extend(right.to_le_bytes());
        }
        bytes
    }

    const LEAVES: [[u32; 4]; 3] = [[2, 50, 1, 2], [0xffff, 0, 0, 7], [0xffff, 0, 0, (-9_i32) as u32]];

    #[test]
    fn the_shipped_model_is_sound() {
        assert!(Model::shipped().version() > 0);
    }

    #[test]
    fn a_tree_is_walked_to_its_leaf() {
        let model = Model::parse(model(&LEAVES)).unwrap();
        let mut features = [0; FEATURES];
        assert_eq!((model.version(), model.score(&features)), (3, 107));
        features[2] = 51;
        assert_eq!(model.score(&features), 91);
    }

    #[test]
    fn damaged_models_are_refused() {
        assert_eq!(Model::parse(b"HFSX".as_slice()).unwrap_err(), ModelError::NotAModel);
        let whole = model(&LEAVES);
        for length in 4..whole.len() {
            assert!(Model::parse(&whole[..length]).is_err(), "{length}");
        }
        for nodes in [[[2, 50, 0, 1]; 3], [[2, 50, 1, 3]; 3], [[60_000, 50, 1, 2]; 3]] {
            assert_eq!(Model::parse(model(&nodes)).unwrap_err(), ModelError::Damaged);
        }
    }
}
