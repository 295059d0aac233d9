//! Finds personal data in documents of many formats: classes, counts and masked examples, never the data itself.
