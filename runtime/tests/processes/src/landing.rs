//! Stands in for what has not landed yet.
#![allow(dead_code)]
use std::path::Path;

use llmetry::{Builder, Stats};

pub trait BuilderLater: Sized {
    fn spool(self, _: &Path) -> Self {
        self
    }
    fn spool_bytes(self, _: u64) -> Self {
        self
    }
    fn end_on_signals<T>(self, _: T) -> Self {
        self
    }
}

impl BuilderLater for Builder {}

pub trait StatsLater {
    fn spooled(&self) -> u64 {
        0
    }
    fn rejected(&self) -> u64 {
        0
    }
}

impl StatsLater for Stats {}

pub struct Signal;

impl Signal {
    pub const ALL: [Self; 0] = [];
}

pub fn exit(code: i32) -> ! {
    std::process::exit(code)
}
