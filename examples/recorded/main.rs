//! Reads recorded exchanges with the reader that observed calls use, and says how far its facts agree with the recorded ones.
//!
//! `cargo run --release --example recorded -- DIR [--pieces N]`: every file below DIR, bodies in pieces of N bytes (4096). On stdout
//! a JSON line an exchange; on stderr a table of agreement by format and field, and each difference.

#[path = "../../runtime/tests/recorded/exchange.rs"]
mod exchange;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

const USAGE: &str = "usage: recorded DIR [--pieces N]";

fn main() -> Result<(), Box<dyn Error>> {
    let (folder, pieces) = arguments()?;
    let mut table = Table::default();
    let mut lines = std::io::stdout().lock();
    for exchange in exchange::below(&folder)? {
        let found = exchange.read(|| pieces);
        writeln!(lines, "{}", json!({"id": exchange.id, "facts": found}))?;
        table.add(&exchange.id, &exchange.facts, &found);
    }
    table.write(&mut std::io::stderr().lock())?;
    Ok(())
}

fn arguments() -> Result<(PathBuf, usize), Box<dyn Error>> {
    let (mut folder, mut pieces) = (None, 4096);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--pieces" {
            let number = arguments.next().ok_or(USAGE)?;
            pieces = number.parse().map_err(|error| format!("--pieces {number}: {error}"))?;
        } else if folder.replace(PathBuf::from(argument)).is_some() {
            return Err(USAGE.into());
        }
    }
    if pieces == 0 {
        return Err("--pieces 0: a piece has at least one byte".into());
    }
    Ok((folder.ok_or(USAGE)?, pieces))
}

#[derive(Default)]
struct Table {
    /// Agreeing and all, by format and field.
    cells: BTreeMap<(String, String), (u32, u32)>,
    differences: Vec<String>,
}

impl Table {
    fn add(&mut self, id: &str, right: &Map<String, Value>, found: &Map<String, Value>) {
        let format = right["format"].as_str().unwrap_or("?");
        for (field, is_same) in exchange::compare(right, found) {
            let cell = self.cells.entry((format.to_owned(), field.to_owned())).or_default();
            cell.0 += u32::from(is_same);
            cell.1 += 1;
            if !is_same {
                let of = |facts: &Map<String, Value>| {
                    facts.get(field).unwrap_or(&Value::Null).to_string().chars().take(120).collect::<String>()
                };
                self.differences.push(format!("{id} {field}: recorded {}, read {}", of(right), of(found)));
            }
        }
    }

    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{:<20} {:<22} {:>6} {:>6} {:>8}", "format", "field", "same", "all", "%")?;
        let (mut same, mut all) = (0, 0);
        for ((format, field), (some, every)) in &self.cells {
            row(out, format, field, *some, *every)?;
            same += some;
            all += every;
        }
        row(out, "all", "", same, all)?;
        for difference in &self.differences {
            writeln!(out, "{difference}")?;
        }
        Ok(())
    }
}

fn row(out: &mut dyn Write, format: &str, field: &str, same: u32, all: u32) -> std::io::Result<()> {
    let percent = 100.0 * f64::from(same) / f64::from(all.max(1));
    writeln!(out, "{format:<20} {field:<22} {same:>6} {all:>6} {percent:>8.3}")
}
