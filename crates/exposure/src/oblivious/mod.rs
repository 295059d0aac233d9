//! Questions whose answer the server doesn't learn (RFC 9497), and prefixes that hide a person among many.
