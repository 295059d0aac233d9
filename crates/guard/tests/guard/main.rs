//! Guards on real volumes, one promise a test. The model is a small one made here, so that nothing depends on what was
//! trained.

mod bookmarks;
mod diverting;
mod fences;
mod fixture;
mod hand;
mod hostile;
mod landmarks;
mod lost_files;
mod reads;
mod restarts;
mod rewritten;
mod settings;
mod unsettled;
