use llmetry::{agent, task, tool, workflow};

#[task]
#[derive(Debug, Clone)]
pub struct Struct {
    field: u8,
}

#[agent(nmae = "and the argument too", version = "1")]
impl Struct {
    fn method(&self) -> u8 {
        self.field
    }
}

#[derive(Debug)]
#[workflow]
pub(crate) struct Tuple(u8);

#[workflow]
mod module {
    pub fn function() {}
}

#[tool]
pub(crate) enum Enum {
    A,
}

#[task]
union Union {
    a: u8,
}

#[task]
unsafe trait Trait {
    fn required(&self);
}

unsafe impl Trait for Struct {
    fn required(&self) {}
}

#[task]
const CONST: u8 = 1;

#[task]
static STATIC: u8 = 1;

#[task]
type Alias = u8;

#[task]
unsafe extern "C" {}

#[task]
use std::fmt::Debug;

#[task]
macro_rules! made {
    () => {
        fn by_a_macro() {}
    };
}

#[task]
made!();

macro_rules! fragment {
    ($item:item) => {
        #[task]
        $item
    };
}

fragment! {
    pub struct Fragment;
}

impl Enum {
    #[task]
    const CONST: u8 = 1;
}

fn main() {
    // The items are there all the same, and so is what else stands on them.
    let made = Struct { field: 1 }.clone();
    println!("{made:?} {:?} {}", Tuple(1), made.method());
    made.required();
    module::function();
    by_a_macro();
    let _: (Alias, Enum, Fragment) = (CONST + STATIC + Enum::CONST, Enum::A, Fragment);
    let _ = Union { a: 1 };
    let _: &dyn Debug = &1;
}
