use llmetry::{agent, task, tool, workflow};

#[workflow(nmae = "x", vers = 1)]
fn nearest() {}

#[task(level = "info")]
async fn foreign() {}

#[tool(skip_al)]
fn nearly() {}

#[agent(captures(a), parents = x, spik(a), fieds(a = 1), er = false, crat = llmetry)]
fn slips(a: u8) {}

#[task("a name")]
fn positional() {}

#[task(1 + 1, = , name)]
fn nonsense() {}

fn main() {
    // The functions are there all the same.
    nearest();
    drop(foreign());
    nearly();
    slips(1);
    positional();
    nonsense();
}
