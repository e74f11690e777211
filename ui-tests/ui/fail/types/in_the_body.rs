use llmetry::{task, tool};

#[task]
fn missing_tail() -> i32 {
    1;
}

#[task]
async fn missing_tail_async(a: u8) -> i32 {
    let _ = a;
}

#[task]
async fn wrong_tail() -> i32 {
    "no"
}

#[task]
fn wrong_tail_sync() -> i32 {
    "no"
}

#[tool]
async fn question_mark() {
    "1".parse::<u32>()?;
}

#[tool]
fn question_mark_sync() {
    "1".parse::<u32>()?;
}

#[task]
fn needless_tail() {
    5
}

#[task]
fn unsatisfied() -> impl Iterator<Item = u8> {
    5u8
}

#[task]
fn unknown_type(a: Missing) -> Missing {
    a
}

#[task]
fn one_line() -> u8 { "no" }

#[task]
async fn one_line_async() -> String { 1 }

#[task]
fn looked_at((a, _): (u8, u8)) -> Result<String, u8> {
    if a == 1 {
        return Ok(1);
    }
    a
}

#[task]
fn never() -> ! {
    println!();
}

#[task]
fn boxed(a: u8) -> std::pin::Pin<Box<dyn Future<Output = Option<u8>> + Send>> {
    Box::pin(async move {
        let b: u16 = a;
        Some(1)
    })
}

fn main() {}
