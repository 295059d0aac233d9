//! Posts of leak sites, matched against one's own names.
