//! The body is not parsed by the attribute: what only rustc understands, or will one day, goes through.

#[llmetry::task]
fn tokens(n: u8) -> u8 {
    macro_rules! odd {
        ($($tokens:tt)*) => { 1 };
    }
    n + odd!(a.b. => ; struct)
}

#[llmetry::workflow]
fn main() {
    #![allow(unused)]
    let unused = tokens(1);
}
