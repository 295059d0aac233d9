//! What is unusual for an entity, compared with its own past and with its peers.
