//! What a message is about and how it goes, and the columns in which that is kept.

use std::borrow::Cow;

use super::{BreachId, Delivery, HashPrefix};
use crate::hexadecimal;

/// How a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By mail, as soon as it can.
    Mail,
    /// By mail, in the next digest.
    Digest,
    /// To the webhook.
    Webhook,
    /// To whoever is called back about prefixes.
    Callback,
}

impl Channel {
    /// The name in the ledger.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Digest => "digest",
            Self::Webhook => "webhook",
            Self::Callback => "callback",
        }
    }
}

/// What a message is about, and whom it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The mail that asks for a watch to be confirmed.
    Confirm {
        /// The watch.
        watch: i64,
    },
    /// The mail whose link proves that a domain is ours.
    DomainProof {
        /// The domain's number.
        domain: i64,
        /// What stands before the `@`.
        alias: String,
    },
    /// A breach, to somebody who is watching.
    Breach {
        /// The watch.
        watch: i64,
        /// The breach.
        breach: BreachId,
        /// When they wanted to be told, when the message was made.
        delivery: Delivery,
    },
    /// A breach, to the webhook.
    BreachWebhook {
        /// The breach.
        breach: BreachId,
    },
    /// A post of a leak site that names us, to an address of the configuration.
    Post {
        /// The post's digest.
        post: [u8; 32],
        /// The address.
        recipient: String,
    },
    /// A post of a leak site that names us, to the webhook.
    PostWebhook {
        /// The post's digest.
        post: [u8; 32],
    },
    /// People in a breach whose hashes begin with a prefix, to whoever is called back.
    Callback {
        /// The breach.
        breach: BreachId,
        /// Which import of it: another one may have more people.
        load: u32,
        /// The prefix.
        prefix: HashPrefix,
    },
}

impl About {
    /// How it goes.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::BreachWebhook { .. } | Self::PostWebhook { .. } => Channel::Webhook,
            Self::Callback { .. } => Channel::Callback,
            Self::Breach {
                delivery: Delivery::Digest,
                ..
            } => Channel::Digest,
            _ => Channel::Mail,
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Confirm { .. } => "confirm",
            Self::DomainProof { .. } => "domain-proof",
            Self::Breach { .. } => "breach",
            Self::BreachWebhook { .. } => "breach-webhook",
            Self::Post { .. } => "post",
            Self::PostWebhook { .. } => "post-webhook",
            Self::Callback { .. } => "callback",
        }
    }

    pub(super) fn key(&self) -> String {
        let kind = self.kind();
        match self {
            Self::Confirm { watch } => format!("{kind}/{watch}"),
            Self::DomainProof { domain, alias } => format!("{kind}/{domain}/{alias}"),
            Self::Breach { watch, breach, .. } => format!("{kind}/{}/{watch}", breach.0),
            Self::BreachWebhook { breach } => format!("{kind}/{}", breach.0),
            Self::Post { post, recipient } => format!("{kind}/{}/{recipient}", hexadecimal::lower(post)),
            Self::PostWebhook { post } => format!("{kind}/{}", hexadecimal::lower(post)),
            Self::Callback { breach, load, prefix } => format!("{kind}/{}/{load}/{prefix}", breach.0),
        }
    }

    pub(super) fn columns(&self) -> Columns<'_> {
        let none = Columns::default();
        match self {
            Self::Confirm { watch } => Columns {
                watch: Some(*watch),
                ..none
            },
            Self::DomainProof { domain, alias } => Columns {
                domain: Some(*domain),
                recipient: Some(Cow::Borrowed(alias)),
                ..none
            },
            Self::Breach { watch, breach, .. } => Columns {
                watch: Some(*watch),
                breach: Some(breach.0),
                ..none
            },
            Self::BreachWebhook { breach } => Columns {
                breach: Some(breach.0),
                ..none
            },
            Self::Post { post, recipient } => Columns {
                post: Some(post),
                recipient: Some(Cow::Borrowed(recipient)),
                ..none
            },
            Self::PostWebhook { post } => Columns {
                post: Some(post),
                ..none
            },
            Self::Callback { breach, load, prefix } => Columns {
                breach: Some(breach.0),
                recipient: Some(Cow::Owned(format!("{load}/{prefix}"))),
                ..none
            },
        }
    }
}

/// The import and the prefix in the recipient's column of a callback.
pub(super) fn load_and_prefix(recipient: &str) -> Option<(u32, HashPrefix)> {
    let (load, prefix) = recipient.split_once('/')?;
    Some((load.parse().ok()?, HashPrefix::parse(prefix)?))
}

/// What of a row says what the message is about.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) watch: Option<i64>,
    pub(super) domain: Option<i64>,
    pub(super) breach: Option<u32>,
    pub(super) post: Option<&'a [u8]>,
    pub(super) recipient: Option<Cow<'a, str>>,
}
