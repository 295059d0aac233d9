//! Who is who: one person from all their names, one machine from all of its.
