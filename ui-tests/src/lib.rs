//! Compile-time tests of the macros: see `tests/`.
