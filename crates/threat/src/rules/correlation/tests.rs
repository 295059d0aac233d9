//! Correlations by the times of events.
