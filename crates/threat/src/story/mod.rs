//! Alerts joined through entities into stories: one incident, its stages in order, and what to do next.
