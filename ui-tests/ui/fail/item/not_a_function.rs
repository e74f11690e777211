use llmetry::{agent, task, tool, workflow};

#[task]
pub struct Struct {
    field: u8,
}

#[agent(nmae = "and the argument too")]
impl Struct {
    fn method(&self) {}
}

#[workflow]
mod module {}

#[tool]
pub(crate) enum Enum {}

#[task]
unsafe trait Trait {}

#[task]
const CONST: u8 = 1;

#[task]
static STATIC: u8 = 1;

#[task]
type Alias = u8;

#[task]
unsafe extern "C" {}

fn main() {
    // The items are there all the same.
    let _: Option<(Struct, Enum, Alias)> = None;
    let _ = (CONST, STATIC);
}
