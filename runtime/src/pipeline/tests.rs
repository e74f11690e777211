//! Lanes with scripted exporters.
