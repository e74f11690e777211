use llmetry::{agent, task, tool, workflow};

#[workflow(nmae = "x", vers = 1)]
fn nearest() {}

#[task(level = "info")]
async fn foreign() {}

#[tool(skip_al)]
fn nearly() {}

#[agent(capture(a), parent = x)]
fn later(a: u8) {}

#[task("a name")]
fn positional() {}

#[task(1 + 1, = , name)]
fn nonsense() {}

fn main() {
    // The functions are there all the same.
    nearest();
    drop(foreign());
    nearly();
    later(1);
    positional();
    nonsense();
}
