//! What has no name, or the wrong one.

// Linked without the attribute too: the crates below it implement traits, and errors depend on which are in sight.
extern crate llmetry;

pub mod missing_value {
    //@ E0425
    pub fn value(a: u8) -> u8 {
        a + b
    }
    //@ E0425
    pub async fn value_of_a_future(a: u8) -> u8 {
        std::future::ready(()).await;
        a + b
    }
    //@ E0425
    pub fn function() -> u8 {
        missing(1)
    }
    //@ E0425
    pub fn after_patterns((a, _): (u8, u8)) -> u8 {
        a + c
    }
    //@ E0424
    pub fn no_self() -> u8 {
        self.a
    }
    //@ E0425
    pub fn format() {
        println!("{b}");
    }
}

pub mod missing_type {
    //@ E0425
    pub fn argument(a: Missing) {}
    //@ E0425
    pub async fn argument_of_a_future(a: Missing, b: u8) {
        std::future::ready(()).await;
    }
    //@ E0425
    pub fn returned(a: u8) -> Missing {
        a
    }
    //@ E0425
    pub async fn returned_by_a_future(a: u8) -> Result<Missing, u8> {
        std::future::ready(()).await;
        Ok(a)
    }
    //@ E0425
    pub fn inside() {
        let a: Vec<Missing> = Vec::new();
    }
    //@ E0405
    pub fn bound<T: Missing>(a: T) {}
    //@ E0405
    pub fn opaque() -> impl Missing {
        1
    }
    //@ E0107
    pub fn generics(a: Option) -> Vec {
        a
    }
    //@ E0107
    pub async fn too_many_generics(a: Option<u8, u8>) -> Result<u8, u8, u8> {
        std::future::ready(()).await;
        Ok(1)
    }
}

pub mod missing_path {
    //@ E0433
    pub fn module() -> u8 {
        missing::function()
    }
    //@ E0433
    pub async fn module_of_a_future() -> u8 {
        std::future::ready(()).await;
        Missing::new()
    }
    //@ E0432
    pub fn import() {
        use missing::Missing;
    }
    //@ E0425
    pub fn in_a_module() {
        std::mem::missing();
    }
    //@
    pub fn macros() {
        missing!();
    }
    //@ E0531
    pub fn pattern(a: u8) {
        match a {
            Missing(b) => b,
        }
    }
    //@ E0408
    pub fn or_pattern(a: Option<u8>) {
        if let Some(b) | None = a {}
    }
}

pub mod lifetimes {
    //@ E0106
    pub fn missing(a: &str, b: &str) -> &str {
        a
    }
    //@ E0106
    pub async fn missing_of_a_future(a: &str, b: &str) -> &str {
        std::future::ready(()).await;
        a
    }
    //@ E0106
    pub fn none() -> &str {
        ""
    }
    //@ E0261
    pub fn undeclared(a: &'a str) -> &'a str {
        a
    }
    //@ E0261
    pub fn undeclared_inside(a: &str) {
        let b: &'b str = a;
    }
}

pub mod names {
    //@ E0415
    pub fn twice(a: u8, a: u8) {}
    //@ E0415
    pub async fn twice_in_a_pattern((a, _): (u8, u8), a: u8) {
        std::future::ready(()).await;
    }
    //@ E0415
    pub fn twice_in_one_pattern((a, a): (u8, u8)) {}
    //@ E0426
    pub fn label() {
        loop {
            break 'missing;
        }
    }
    //@ E0428
    pub fn items() {
        struct A;
        struct A;
    }
    //@ E0434
    pub fn dynamic(a: u8) {
        fn inner() -> u8 {
            a
        }
    }
    //@ E0401
    pub fn outer_generics<T>(a: T) {
        fn inner(b: T) {}
    }
    //@ E0403
    pub fn generics_twice<T, T>(a: T) {}
    //@ E0728
    pub fn awaits() {
        std::future::ready(()).await;
    }
    //@ E0728
    pub async fn awaits_in_a_closure() {
        let a = || std::future::ready(()).await;
    }
}
