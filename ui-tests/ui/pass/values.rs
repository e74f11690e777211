//! What is recorded has to implement nothing, and a parameter that is not there is not captured.

struct Plain;

#[llmetry::task(fields(plain = Plain, reference = &a, both = (1, Plain)))]
fn fields(a: Plain, _b: &mut Plain) -> Plain {
    a
}

#[llmetry::tool(capture(input, output))]
fn captured(a: Plain, _b: &mut Plain, #[cfg(any())] c: Missing, #[cfg(all())] _d: u8) -> Result<Plain, Plain> {
    Ok(a)
}

#[llmetry::agent(capture(a, output))]
async fn captured_async<T>(a: T, b: impl FnOnce() -> T, (_c, _): (Plain, [Plain; 1])) -> (T, T) {
    (a, b())
}

fn main() {
    fields(Plain, &mut Plain);
    let _ = captured(Plain, &mut Plain, 1);
    drop(captured_async(Plain, || Plain, (Plain, [Plain])));
}
