//! The compiler refuses attributes here as well, and says why; ours say where they go. Nothing else lights up.

use llmetry::task;

fn statement() -> u8 {
    #[task]
    let a = 1;
    a + 1
}

fn closure() -> u8 {
    let a = #[task]
    |b: u8| b + 1;
    a(1)
}

fn block() {
    #[task]
    {
        println!();
    }
}

fn call() {
    #[task]
    println!();
}

fn main() {
    (statement(), closure(), block(), call());
}
