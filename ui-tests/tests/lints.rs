//! No warning comes from the attributes: this file is checked with all of them denied.

#![deny(warnings, clippy::pedantic, clippy::nursery)]

use std::fmt::{Debug, Display};
use std::sync::{Mutex, MutexGuard, PoisonError};

use llmetry::{agent, task, tool, workflow};

#[task]
fn nothing() {}

#[task]
async fn waits() {
    std::future::ready(()).await;
}

#[task]
async fn one_line(a: u32) -> u32 {
    std::future::ready(a).await
}

#[workflow(name = "a name", version = 3, err = false)]
async fn questions(a: &str) -> Result<String, std::num::ParseIntError> {
    let number: u32 = a.parse()?;
    waits().await;
    if number == 7 {
        return Ok("seven".to_owned());
    }
    Ok(format!("{number}"))
}

#[agent(fields(a.len = a.len(), b = b, "both" = format!("{a}{b}").as_str()))]
fn fields(a: &str, b: u64) -> String {
    a.repeat(2)
}

#[tool]
fn items_first(a: u32) -> u32 {
    const TWO: u32 = 2;
    use std::convert::identity;
    identity(a * TWO)
}

#[task]
fn patterns((a, b): (u32, u32), [c, ..]: [u32; 3], _: u8, _unused: u8) -> u32 {
    a + b + c
}

#[task]
fn guard(mut guard: MutexGuard<'_, u32>) {
    *guard += 1;
}

#[task]
fn mutated(mut a: u32, b: &mut u32) -> u32 {
    a += 1;
    *b += a;
    a
}

#[task]
fn generic<T: Debug + ?Sized, const N: usize>(a: &T, _b: [u8; N]) -> impl Display + use<T, N> {
    format!("{a:?}{N}")
}

#[task]
fn iterator(a: &[u32]) -> impl Iterator<Item = u32> + '_ {
    a.iter().map(|item| item + 1)
}

#[task]
fn nested_opaque(a: u32) -> Result<impl Display, String> {
    if a == 0 {
        return Err(String::new());
    }
    Ok(a)
}

#[task]
fn closure(a: u32) -> Box<dyn Fn(u32) -> u32 + Send> {
    Box::new(move |b| a + b)
}

#[task]
fn diverges_at_its_end(a: u32) -> u32 {
    assert!(a > 0, "a is 0");
    loop {
        if a > 1 {
            break a;
        }
    }
}

#[task]
#[workflow]
#[must_use]
fn twice(a: u32) -> u32 {
    a
}

struct S(u32);

trait T {
    #[task]
    fn by_default(&self) -> u32 {
        1
    }
    fn required(&self, a: u32) -> u32;
}

impl T for S {
    #[tool]
    fn required(&self, _a: u32) -> u32 {
        self.0
    }
}

impl S {
    #[agent]
    async fn step(&mut self, by: u32) -> u32 {
        waits().await;
        self.0 += by;
        self.0
    }
    #[agent]
    fn into_inner(self) -> u32 {
        self.0
    }
}

#[test]
fn they_all_run() {
    nothing();
    assert_eq!(fields("a", 1), "aa");
    assert_eq!(items_first(2), 4);
    assert_eq!(patterns((1, 2), [3, 4, 5], 0, 0), 6);
    let lock = Mutex::new(1);
    guard(lock.lock().unwrap_or_else(PoisonError::into_inner));
    let mut b = 1;
    assert_eq!(mutated(1, &mut b), 2);
    assert_eq!(format!("{}", generic("x", [0; 2])), "\"x\"2");
    assert_eq!(iterator(&[1, 2]).collect::<Vec<_>>(), [2, 3]);
    assert!(nested_opaque(0).is_err());
    assert_eq!(closure(1)(2), 3);
    assert_eq!(diverges_at_its_end(2), 2);
    assert_eq!(twice(1), 1);
    assert_eq!(S(1).by_default() + S(1).required(2), 2);
    assert_eq!(S(4).into_inner(), 4);
    drop((one_line(1), questions("7")));
    drop(S(1).step(2));
}
