//! What does not fit.

// Linked without the attribute too: the crates below it implement traits, and errors depend on which are in sight.
extern crate llmetry;

pub mod mismatch {
    //@ E0308
    pub fn missing_tail(a: &mut u8) -> i32 {
        *a += 1;
    }
    //@ E0308
    pub async fn missing_tail_of_a_future(a: u8) -> i32 {
        std::future::ready(a).await;
    }
    //@ E0308
    pub fn missing_everything() -> i32 {}
    //@ E0308
    pub async fn missing_everything_of_a_future() -> Result<(), String> {}
    //@ E0308
    pub fn missing_ok(a: &str) -> Result<(), std::num::ParseIntError> {
        a.parse::<u8>()?;
    }
    //@ E0308
    pub fn wrong_tail() -> i32 {
        "no"
    }
    //@ E0308
    pub async fn wrong_tail_of_a_future() -> i32 {
        std::future::ready(()).await;
        "no"
    }
    //@ E0308
    pub fn wrong_tail_after_patterns((a, _): (u8, u8)) -> i32 {
        a
    }
    //@ E0308
    pub fn missing_tail_after_patterns((a, _): (u8, u8)) -> u8 {
        a;
    }
    //@ E0308
    pub fn needless_tail() {
        5
    }
    //@ E0308
    pub async fn needless_tail_of_a_future(a: u8) {
        std::future::ready(()).await;
        Some(a)
    }
    //@ E0308
    pub fn wrong_return(a: u8) -> String {
        if a == 1 {
            return 1;
        }
        String::new()
    }
    //@ E0308
    pub async fn wrong_return_of_a_future(a: u8) -> Option<String> {
        std::future::ready(()).await;
        if a == 1 {
            return Some(1);
        }
        None
    }
    //@ E0069
    pub fn empty_return(a: u8) -> u8 {
        if a == 1 {
            return;
        }
        a
    }
    //@ E0308
    pub fn wrong_branch(a: bool) -> u8 {
        if a { 1 } else { "2" }
    }
    //@ E0317
    pub fn no_else(a: bool) -> u8 {
        if a { 1 }
    }
    //@ E0308
    pub fn wrong_match(a: u8) -> Option<u8> {
        match a {
            1 => Some(1),
            _ => 2,
        }
    }
    //@ E0308
    pub fn wrong_let(a: u8) {
        let b: u16 = a;
    }
    //@ E0308
    pub fn wrong_call(a: u8) {
        drop(u16::count_ones(a));
    }
    //@ E0308
    pub fn wrong_boxed(a: u8) -> Box<u8> {
        a
    }
    //@ E0308
    pub fn wrong_in_a_macro(a: u8) -> Vec<u8> {
        vec![a, "b"]
    }
    //@ E0308
    pub fn wrong_field(a: u8) -> std::ops::Range<u16> {
        std::ops::Range { start: a, end: 1 }
    }
    //@ E0308
    pub fn not_awaited() -> u8 {
        future()
    }
    async fn future() -> u8 {
        std::future::ready(1).await
    }
    //@ E0308
    pub async fn not_awaited_in_a_future() -> u8 {
        future()
    }
    //@ E0271
    pub fn wrong_future() -> impl Future<Output = u8> {
        async { "a" }
    }
    //@ E0308
    pub fn wrong_loop(a: u8) -> u8 {
        while a == 1 {}
    }
    //@ E0308
    pub fn wrong_closure(a: u8) -> Option<u16> {
        Some(1).map(|b: u8| b)
    }
    //@ E0308
    pub fn wrong_question_mark(a: Option<u8>) -> Option<u16> {
        let b: u16 = a?;
        Some(b)
    }
    //@ E0308
    pub fn wrong_reference(a: String) -> &'static str {
        a
    }
    //@ E0308
    pub fn wrong_unit() -> () {
        1
    }
    //@ E0308
    pub fn wrong_generic<T>(a: T) -> T {
        1
    }
    //@ E0308
    pub fn one_line() -> u8 { "1" }
    //@ E0308
    pub fn one_line_without() -> u8 { 1; }
}

pub mod question_mark {
    //@ E0277
    pub fn nothing() {
        "1".parse::<u8>()?;
    }
    //@ E0277
    pub async fn nothing_from_a_future() {
        std::future::ready(()).await;
        "1".parse::<u8>()?;
    }
    //@ E0277
    pub fn value() -> u8 {
        "1".parse::<u8>()?
    }
    //@ E0277
    pub fn option() -> Option<u8> {
        Some("1".parse::<u8>()?)
    }
    //@ E0277
    pub fn other_error() -> Result<u8, std::fmt::Error> {
        Ok("1".parse::<u8>()?)
    }
    //@ E0277
    pub async fn other_error_from_a_future() -> Result<u8, std::fmt::Error> {
        std::future::ready(()).await;
        Ok("1".parse::<u8>()?)
    }
    //@ E0277
    pub fn after_patterns((a, _): (&str, u8)) -> u8 {
        a.parse::<u8>()?
    }
}

pub mod bounds {
    fn display(a: impl std::fmt::Display) {
        println!("{a}");
    }
    fn send(_: impl Send) {}
    fn fixed(_: impl Send + 'static) {}

    //@ E0277
    pub fn not_display(a: Vec<u8>) {
        display(a);
    }
    //@ E0277
    pub async fn not_display_in_a_future(a: Vec<u8>) {
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ E0277
    pub fn opaque() -> impl Iterator<Item = u8> {
        5u8
    }
    //@ E0271
    pub fn opaque_item() -> impl Iterator<Item = u8> {
        std::iter::once("a")
    }
    //@ E0277
    pub fn opaque_in_a_result() -> Result<impl Iterator<Item = u8>, u8> {
        Ok(5u8)
    }
    //@ E0277
    pub async fn opaque_of_a_future() -> impl Iterator<Item = u8> {
        std::future::ready(5u8).await
    }
    //@ E0277
    pub fn not_sized(a: [u8]) {}
    //@ E0277
    pub fn returns_unsized(a: &str) -> str {
        *a
    }
    //@ E0277
    pub fn not_send(a: std::rc::Rc<u8>) {
        send(a);
    }
    //@
    pub async fn not_send_across_an_await() {
        let a = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(a);
    }
    //@
    pub async fn not_send_argument(a: std::rc::Rc<u8>) {
        std::future::ready(()).await;
    }
    //@
    pub async fn not_send_in_a_pattern((a, _): (std::rc::Rc<u8>, u8)) {
        std::future::ready(()).await;
    }
    pub fn uses() {
        send(not_send_across_an_await());
        send(not_send_argument(std::rc::Rc::new(1)));
        send(not_send_in_a_pattern((std::rc::Rc::new(1), 1)));
    }
    //@ E0282
    pub fn uninferred() {
        let a = Vec::new();
    }
    //@ E0283
    pub fn uninferred_sum(a: &[u8]) {
        println!("{}", a.iter().sum());
    }
    //@ E0282
    pub async fn uninferred_in_a_future() {
        let a = None;
        std::future::ready(()).await;
    }
    //@ E0282
    pub fn uninferred_ok() -> impl Sized {
        Ok(1)
    }
    //@ E0282
    pub fn uninferred_block() {
        let a = async { Ok(()) };
    }
    //@ E0277
    pub fn added(a: u8) -> u8 {
        a + "1"
    }
    //@ E0369
    pub fn added_generics<T>(a: T, b: T) -> T {
        a + b
    }
    //@ E0277
    pub fn index(a: &[u8]) -> u8 {
        a[1u8]
    }
    //@ E0277
    pub fn iterated(a: u8) {
        for _ in a {}
    }
    //@ E0277
    pub async fn awaited(a: u8) {
        a.await;
    }
    //@ E0277
    pub fn where_clause<T>(a: Vec<T>) -> Vec<T>
    where
        Vec<T>: Clone,
    {
        display(a[0]);
        a
    }
    //@ E0308
    pub fn unsatisfied(a: std::collections::HashMap<u8, u8>) -> u8 {
        a[&1u16]
    }
}

pub mod members {
    pub struct S {
        a: u8,
    }

    //@ E0599
    pub fn method(a: u8) {
        a.missing();
    }
    //@ E0599
    pub async fn method_in_a_future(a: u8) {
        std::future::ready(()).await;
        a.missing();
    }
    //@ E0609
    pub fn field(a: S) {
        println!("{}", a.b);
    }
    //@ E0560
    pub fn fields() -> S {
        S { b: 1 }
    }
    //@ E0061
    pub fn arguments() {
        drop(1, 2);
    }
    //@ E0061
    pub fn of_the_annotated() {
        arguments_of_a_future(1);
        method("a", 1);
    }
    //@ E0061
    pub async fn arguments_of_a_future(a: u8, b: u8) {
        std::future::ready(()).await;
        std::mem::swap(&mut 1);
    }
    //@ E0618
    pub fn called(a: u8) {
        a();
    }
    //@ E0614
    pub fn dereferenced(a: u8) -> u8 {
        *a
    }
    //@ E0605
    pub fn cast(a: u8) -> String {
        a as String
    }
    //@ E0026
    pub fn pattern(S { b, .. }: S) {}
    //@ E0308
    pub fn pattern_of_another((a, b): (u8, u8, u8)) {}
    //@ E0005
    pub fn refutable(Some(a): Option<u8>) {}
    //@ E0133
    pub fn needs_unsafe() {
        std::hint::unreachable_unchecked();
    }
    //@ E0616
    pub fn private(a: std::ops::RangeInclusive<u8>) {
        println!("{}", a.start);
    }
    impl S {
        //@ E0308
        pub fn own(&self) -> u16 {
            self.a
        }
        //@ E0599
        pub async fn own_future(&mut self) {
            std::future::ready(()).await;
            self.missing();
        }
    }
    pub trait T {
        //@ E0308
        fn by_default(&self) -> u8 {
            ""
        }
        fn required(&self);
    }
    impl T for S {
        //@ E0050
        fn required(&self, a: u8) {}
    }
}

pub mod loops {
    //@ E0268
    pub fn break_outside() {
        break;
    }
    //@ E0268
    pub fn break_at_the_top() {
        println!();
        continue;
    }
    //@ E0267
    pub fn break_in_a_closure() {
        let a = || break;
    }
    //@ E0571
    pub fn break_with_a_value(a: &[u8]) -> u8 {
        for b in a {
            break *b;
        }
        1
    }
}

/// What is returned has to be looked at.
pub mod looked_at {
    pub struct S;

    //@ E0308
    pub fn missing_tail(a: &mut u8) -> String {
        *a += 1;
    }
    //@ E0308
    pub fn missing_everything() -> Result<(), String> {}
    //@ E0308
    pub fn wrong_tail(a: u8) -> String {
        a
    }
    //@ E0308
    pub fn wrong_tail_after_patterns((a, _): (u8, u8), [b, ..]: [u8; 2]) -> String {
        a + b
    }
    //@ E0308
    pub fn missing_tail_after_patterns([b, ..]: [u8; 2]) -> String {
        b;
    }
    //@ E0308
    pub fn wrong_return(a: u8) -> Result<String, u8> {
        if a == 1 {
            return Ok(1);
        }
        Err(1)
    }
    //@ E0308
    pub fn wrong_error(a: u8) -> Result<String, u8> {
        if a == 1 {
            return Err("a");
        }
        Ok(String::new())
    }
    //@ E0277
    pub fn question_mark() -> String {
        "1".parse::<u8>()?.to_string()
    }
    //@ E0277
    pub fn question_mark_of_another() -> Result<String, std::fmt::Error> {
        Ok("1".parse::<u8>()?.to_string())
    }
    //@ E0277
    pub fn not_display() -> String {
        format!("{}", S)
    }
    //@ E0599
    pub fn method(a: S) -> Option<S> {
        a.missing()
    }
    //@ E0282
    pub fn uninferred() -> Option<u8> {
        let a = Vec::new();
        None
    }
    //@ E0308
    #[track_caller]
    pub fn tracked(a: u8) -> String {
        a
    }
    //@ E0308
    #[track_caller]
    pub fn tracked_without() -> String {
        println!();
    }
    //@ E0308
    pub fn never() -> ! {
        println!();
    }
    //@ E0308
    pub async fn never_of_a_future() -> ! {
        std::future::ready(()).await;
    }
    //@ E0308
    pub fn boxed(a: u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
        println!();
        async move { a }
    }
    //@ E0271
    pub fn boxed_block(a: u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
        Box::pin(async move { "a" })
    }
    //@ E0308
    pub fn in_a_boxed_block(a: u8) -> std::pin::Pin<Box<dyn Future<Output = Option<u8>> + Send>> {
        Box::pin(async move {
            let b: u16 = a;
            std::future::ready(Some(1)).await
        })
    }
    //@ E0277
    pub fn block(a: u8) -> impl Future<Output = u8> {
        async move {
            "1".parse::<u8>()?;
            a
        }
    }
    //@
    pub fn not_send(a: u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
        Box::pin(async move {
            let b = std::rc::Rc::new(1);
            std::future::ready(()).await;
            a + *b
        })
    }
    //@
    pub fn opaque_not_send(a: u8) -> impl Future<Output = u8> + Send {
        async move {
            let b = std::rc::Rc::new(1);
            std::future::ready(()).await;
            a + *b
        }
    }
    //@ E0277
    pub fn not_a_future() -> impl Future<Output = u8> {
        1
    }
    //@ E0277
    pub fn not_clone() -> impl Future<Output = u8> + Clone {
        async { 1 }
    }
}
