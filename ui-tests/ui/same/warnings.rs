//! What the compiler and clippy warn of.

// Linked without the attribute too: the crates below it implement traits, and errors depend on which are in sight.
extern crate llmetry;

pub mod unused_variables {
    //@ unused_variables
    pub fn sync(a: u8, _b: u8, (c, d): (u8, u8)) -> u8 {
        let e = d;
        d
    }
    //@ unused_variables
    pub async fn future(a: u8, _b: u8, (c, d): (u8, u8)) -> u8 {
        std::future::ready(()).await;
        let e = d;
        d
    }
}

pub mod unused_mut {
    //@ unused_mut
    pub fn sync(mut a: String) -> usize {
        let mut b = 1;
        a.len() + b
    }
    //@ unused_mut
    pub async fn future(mut a: String, (mut b, c): (usize, usize)) -> usize {
        std::future::ready(()).await;
        let mut d = 1;
        a.len() + b + c + d
    }
}

pub mod unused_assignments {
    //@ unused_assignments unused_variables
    pub fn sync(mut a: u8) {
        a = 1;
        let mut b = 2;
        b = 3;
        println!("{b}");
    }
    //@ unused_assignments
    pub async fn future(mut a: u8) -> u8 {
        let mut b = 2;
        std::future::ready(()).await;
        b = 3;
        a = b;
        b
    }
}

pub mod unused_must_use {
    fn fails() -> Result<(), u8> {
        Err(1)
    }
    async fn waits() {
        std::future::ready(()).await;
    }
    //@ unused_must_use
    pub fn sync() {
        fails();
        waits();
        String::new().len() + 1;
    }
    //@ unused_must_use
    pub async fn future() {
        waits().await;
        fails();
        waits();
    }
}

pub mod unused_result_of_the_annotated {
    //@ clippy::must_use_unit
    #[must_use]
    pub fn unit() {
        println!();
    }
    //@
    #[must_use]
    pub fn value(a: &mut u8) -> u8 {
        *a += 1;
        *a
    }
    //@ unused_must_use
    pub fn calls(a: &mut u8) {
        value(a);
        future(a);
        fallible();
    }
    //@
    pub async fn future(a: &mut u8) {
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ clippy::missing_errors_doc
    pub fn fallible() -> Result<(), String> {
        println!();
        Err(String::new())
    }
}

pub mod unreachable_code {
    //@ unreachable_code
    pub fn after_return(a: u8) -> u8 {
        return a;
        println!("{a}");
    }
    //@
    pub async fn after_return_in_a_future(a: u8) -> u8 {
        std::future::ready(()).await;
        return a;
        println!("{a}");
    }
    //@ unreachable_code
    pub fn after_a_loop() {
        loop {}
        println!();
    }
    //@ unreachable_code
    pub fn after_a_panic() -> u8 {
        panic!("no");
        1
    }
}

pub mod returns {
    //@ clippy::needless_return
    pub fn needless_return(a: &mut u8) -> u8 {
        *a += 1;
        return *a;
    }
    //@ clippy::needless_return
    pub async fn needless_return_in_a_future(a: u8) -> u8 {
        std::future::ready(()).await;
        return a;
    }
    //@ clippy::needless_return
    pub fn needless_return_of_nothing(a: &mut u8) {
        *a += 1;
        return;
    }
    //@ clippy::let_and_return
    pub fn let_and_return(a: &mut u8) -> u8 {
        *a += 1;
        let b = *a + 1;
        b
    }
    //@ clippy::implicit_return
    pub fn implicit_return(a: &mut u8) -> u8 {
        *a += 1;
        *a
    }
    //@ clippy::implicit_return
    pub async fn implicit_return_in_a_future(a: u8) -> u8 {
        std::future::ready(()).await;
        a
    }
    //@ clippy::implicit_return
    pub fn implicit_return_of_branches(a: &mut u8) -> u8 {
        *a += 1;
        if *a == 1 {
            2
        } else {
            match *a {
                2 => 3,
                other => other,
            }
        }
    }
    //@ clippy::needless_return
    pub fn explicit_return_after_patterns((a, _): (&mut u8, u8)) -> u8 {
        *a += 1;
        return *a;
    }
    //@ clippy::implicit_return
    pub fn implicit_return_after_patterns((a, _): (&mut u8, u8)) -> u8 {
        *a += 1;
        *a
    }
    //@ clippy::question_mark
    pub fn question_mark(a: Option<u8>) -> Option<u8> {
        println!();
        let Some(b) = a else {
            return None;
        };
        Some(b + 1)
    }
    //@ clippy::needless_question_mark clippy::missing_errors_doc
    pub fn needless_question_mark(a: &str) -> Result<u8, std::num::ParseIntError> {
        println!();
        Ok(a.parse::<u8>()?)
    }
    //@ clippy::unnecessary_wraps
    fn unnecessary_wraps(a: &mut u8) -> Option<u8> {
        *a += 1;
        Some(*a)
    }
    //@ clippy::unnecessary_wraps
    fn unnecessary_wraps_unit(a: &mut u8) -> Result<(), u8> {
        *a += 1;
        Ok(())
    }
    pub fn uses(a: &mut u8) {
        unnecessary_wraps(a);
        _ = unnecessary_wraps_unit(a);
    }
    //@ clippy::let_unit_value
    pub fn let_unit(a: &mut Vec<u8>) {
        let b = a.push(1);
        println!("{b:?}");
    }
    //@ clippy::unused_unit
    pub fn unused_unit(a: &mut Vec<u8>) -> () {
        a.push(1);
        ()
    }
    //@ clippy::result_unit_err
    pub fn result_unit_err(a: &mut Vec<u8>) -> Result<(), ()> {
        a.push(1);
        Err(())
    }
    //@ clippy::result_large_err
    pub fn result_large_err(a: u8) -> Result<u8, [u8; 512]> {
        println!();
        Err([a; 512])
    }
    //@ clippy::semicolon_if_nothing_returned
    pub fn semicolon(a: &mut Vec<u8>) {
        a.push(1)
    }
    //@ clippy::semicolon_if_nothing_returned
    pub async fn semicolon_in_a_future(a: u8) {
        std::future::ready(()).await;
        println!("{a}");
        drop(vec![a])
    }
    //@ clippy::missing_panics_doc
    pub fn diverging(a: bool) -> bool {
        a || panic!("no")
    }
    //@ clippy::needless_lifetimes
    pub fn needless_lifetimes<'a>(a: &'a mut [u8]) -> &'a mut u8 {
        &mut a[0]
    }
    //@ clippy::mut_from_ref
    pub fn mut_from_ref(a: &std::cell::Cell<*mut u8>) -> &mut u8 {
        Box::leak(Box::new(unsafe { *a.get() }))
    }
}

pub mod arguments {
    //@ clippy::needless_pass_by_value
    pub fn by_value(a: String, b: Vec<u8>) {
        println!("{a}{}", b.len());
    }
    //@ clippy::needless_pass_by_value
    pub fn by_value_of_a_pattern((a, b): (String, Vec<u8>), c: String) {
        println!("{a}{}{c}", b.len());
    }
    //@ clippy::trivially_copy_pass_by_ref
    fn trivially_copy(a: &u8, b: &mut u8) {
        *b += *a;
    }
    pub fn uses() {
        trivially_copy(&1, &mut 1);
        bools(true, true, true, true);
        by_mut_private(&mut 1);
        only_recursion_private(1);
    }
    //@ clippy::ptr_arg
    pub fn ptr_arg(a: &Vec<u8>, b: &String) {
        println!("{}{}", a.len(), b.len());
    }
    //@ clippy::needless_pass_by_ref_mut
    fn by_mut_private(a: &mut u8) {
        println!("{a}");
    }
    //@ clippy::too_many_arguments
    pub fn too_many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {
        println!("{a}{b}{c}{d}{e}{f}{g}{h}");
    }
    //@ clippy::too_many_arguments
    pub async fn too_many_of_a_future(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {
        std::future::ready(()).await;
        println!("{a}{b}{c}{d}{e}{f}{g}{h}");
    }
    //@ clippy::fn_params_excessive_bools
    fn bools(a: bool, b: bool, c: bool, d: bool) {
        println!("{a}{b}{c}{d}");
    }
    //@ clippy::many_single_char_names
    pub fn single_char(a: u8, b: u8, c: u8, d: u8, e: u8) {
        let f = a + b + c + d + e;
        println!("{f}");
    }
    //@ unused_variables
    pub fn shadowed(a: u8, b: u8) {
        let a = b + 1;
        println!("{a}");
    }
    //@ clippy::used_underscore_binding
    pub fn used_underscore(_a: u8) {
        println!("{_a}");
    }
    //@ clippy::used_underscore_binding
    pub async fn used_underscore_of_a_future(_a: u8) {
        std::future::ready(()).await;
        println!("{_a}");
    }
    //@ clippy::only_used_in_recursion
    fn only_recursion_private(a: u8) {
        println!();
        if std::env::args().count() > 100 {
            only_recursion_private(a);
        }
    }
    //@ clippy::needless_pass_by_value
    pub fn boxed_local(a: Box<u8>) {
        println!("{a}");
    }
    //@ clippy::type_complexity
    pub fn type_complexity(a: &mut Vec<Vec<Box<(u32, u32, u32, Vec<Vec<Box<(u32, u32, u32, u32)>>>)>>>) {
        a.clear();
    }
    //@ unused_lifetimes
    #[warn(unused_lifetimes)]
    pub fn unused_lifetime<'a>(a: &mut u8) {
        *a += 1;
    }
    //@ clippy::missing_const_for_fn
    pub fn unused_type<T>(a: &mut u8) {
        *a += 1;
    }
}

pub mod arguments_that_are_moved {
    //@
    pub fn moved(a: String, b: Vec<u8>) -> (String, Vec<u8>) {
        println!();
        (a, b)
    }
    //@
    pub fn dropped(a: String) {
        println!();
        drop(a);
    }
    //@ clippy::redundant_clone
    pub fn cloned(a: String) -> String {
        println!();
        let b = a.clone();
        b
    }
    //@ dropping_copy_types
    pub fn dropped_copy(a: u8) {
        drop(a);
    }
    //@ dropping_references
    pub async fn dropped_reference(a: &str) {
        std::future::ready(()).await;
        drop(a);
    }
}

pub mod sizes {
    //@ clippy::too_many_lines
    pub fn too_many_lines() {
        println!(); println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
        println!();
    }
    //@ clippy::cognitive_complexity
    pub fn cognitive_complexity(a: u32) {
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
        if a == 23 { println!("23"); }
        if a == 24 { println!("24"); }
        if a == 25 { println!("25"); }
        if a == 26 { println!("26"); }
    }
    //@ clippy::cognitive_complexity
    pub fn cognitive_complexity_of_a_text(a: u32) -> String {
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
        if a == 23 { println!("23"); }
        if a == 24 { println!("24"); }
        if a == 25 { println!("25"); }
        if a == 26 { println!("26"); }
        String::new()
    }
    //@ clippy::cognitive_complexity
    pub async fn cognitive_complexity_of_a_future(a: u32) {
        std::future::ready(()).await;
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
        if a == 23 { println!("23"); }
        if a == 24 { println!("24"); }
        if a == 25 { println!("25"); }
        if a == 26 { println!("26"); }
    }
    //@
    pub fn nearly_too_complex(a: u32) {
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
        if a == 23 { println!("23"); }
    }
    //@
    pub fn nearly_too_complex_of_a_text(a: u32) -> String {
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
        if a == 23 { println!("23"); }
        String::new()
    }
    //@
    pub async fn nearly_too_complex_of_a_future(a: u32) {
        std::future::ready(()).await;
        if a == 0 { println!("0"); }
        if a == 1 { println!("1"); }
        if a == 2 { println!("2"); }
        if a == 3 { println!("3"); }
        if a == 4 { println!("4"); }
        if a == 5 { println!("5"); }
        if a == 6 { println!("6"); }
        if a == 7 { println!("7"); }
        if a == 8 { println!("8"); }
        if a == 9 { println!("9"); }
        if a == 10 { println!("10"); }
        if a == 11 { println!("11"); }
        if a == 12 { println!("12"); }
        if a == 13 { println!("13"); }
        if a == 14 { println!("14"); }
        if a == 15 { println!("15"); }
        if a == 16 { println!("16"); }
        if a == 17 { println!("17"); }
        if a == 18 { println!("18"); }
        if a == 19 { println!("19"); }
        if a == 20 { println!("20"); }
        if a == 21 { println!("21"); }
        if a == 22 { println!("22"); }
    }
    //@ clippy::large_stack_arrays
    pub fn large_stack_arrays(a: &mut u8) {
        let b = [1_u8; 600_000];
        *a = b[usize::from(*a)];
    }
    async fn large(a: u8) -> u8 {
        let b = [a; 20_000];
        std::future::ready(()).await;
        b[1]
    }
    //@ clippy::large_futures
    pub async fn large_futures() -> u8 {
        large(1).await
    }
    //@ clippy::collapsible_if
    pub fn nested(a: &mut u8) {
        if *a == 1 {
            if *a > 2 {
                *a += 1;
            }
        }
    }
}

pub mod paths {
    #[deprecated]
    pub fn old() {}

    //@ deprecated
    pub fn uses_deprecated() {
        old();
    }
    //@ deprecated
    #[deprecated(note = "use something else")]
    pub fn is_deprecated(a: &mut u8) {
        *a += 1;
    }
    pub fn calls() {
        is_deprecated(&mut 1);
    }
    //@ unused_imports
    pub fn unused_import(a: &mut u8) {
        use std::fmt::Debug;
        *a += 1;
    }
    //@ dead_code
    fn dead(a: &mut u8) {
        *a += 1;
    }
    //@ dead_code
    async fn dead_future(a: u8) {
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ non_snake_case
    pub fn notSnake(A: &mut u8) {
        *A += 1;
    }
    //@ clippy::items_after_statements
    pub fn items_after_statements(a: &mut u8) {
        *a += 1;
        const TWO: u8 = 2;
        *a += TWO;
    }
    //@ clippy::enum_glob_use
    pub fn glob(a: &mut u8) {
        use std::cmp::Ordering::*;
        *a += matches!(1.cmp(&2), Less | Equal | Greater) as u8;
    }
    //@ clippy::missing_const_for_fn
    pub fn could_be_const(a: u8) -> u8 {
        a
    }
    //@ clippy::must_use_candidate
    pub fn must_use_candidate(a: &str) -> usize {
        a.len() + std::env::args().count()
    }
    //@ clippy::missing_panics_doc
    pub fn missing_panics_doc(a: Option<u8>) {
        println!("{}", a.unwrap());
    }
    //@ clippy::missing_panics_doc
    pub async fn missing_panics_doc_of_a_future(a: Option<u8>) {
        std::future::ready(()).await;
        assert!(a.is_some());
    }
    //@ clippy::panic_in_result_fn
    #[warn(clippy::panic_in_result_fn)]
    /// # Errors
    /// # Panics
    pub fn panic_in_result(a: Option<u8>) -> Result<u8, u8> {
        if a.is_none() {
            panic!("no");
        }
        Err(1)
    }
    //@ E0133 clippy::missing_safety_doc
    pub unsafe fn unsafe_op(a: *const u8) -> u8 {
        println!();
        *a
    }
    //@ clippy::not_unsafe_ptr_arg_deref
    pub fn not_unsafe_ptr(a: *const u8) -> u8 {
        println!();
        unsafe { *a }
    }
    //@ clippy::impl_trait_in_params
    #[warn(clippy::impl_trait_in_params)]
    pub fn impl_trait(a: impl std::fmt::Debug) {
        println!("{a:?}");
    }
    //@ missing_docs
    #[warn(missing_docs)]
    pub fn missing_docs(a: &mut u8) {
        *a += 1;
    }
    //@ clippy::double_must_use
    #[must_use]
    pub fn double_must_use(a: &mut u8) -> Result<u8, u8> {
        *a += 1;
        if *a == 1 { Err(1) } else { Ok(1) }
    }
    //@ unused_attributes
    #[inline]
    #[inline]
    pub fn unused_attribute(a: &mut u8) {
        *a += 1;
    }
    //@ unused_doc_comments
    pub fn unused_doc_comments(a: &mut u8) {
        /// No one reads this.
        let b = 1;
        *a += b;
    }
    //@ unfulfilled_lint_expectations
    #[expect(unused_variables)]
    pub fn unfulfilled(a: &mut u8) {
        *a += 1;
    }
    //@
    #[expect(unused_variables)]
    pub fn fulfilled(a: u8) {
        println!();
    }
    //@
    #[expect(unused_variables)]
    pub async fn fulfilled_in_a_future(a: u8) {
        std::future::ready(()).await;
    }
    //@ clippy::disallowed_names
    pub fn disallowed_names(foo: &mut u8) {
        *foo += 1;
    }
    //@ unused_braces
    pub fn unused_braces() -> u8 {
        println!();
        { 1 }
    }
    //@ unused_parens
    pub fn unused_parens(a: bool) {
        if (a) {
            println!();
        }
    }
    //@ unused_unsafe
    pub fn unused_unsafe() {
        unsafe { println!() }
    }
    //@ unconditional_recursion
    pub fn unconditional_recursion(a: &mut u8) {
        *a += 1;
        unconditional_recursion(a);
    }
    //@ unused_labels
    pub fn unused_labels() {
        'a: loop {
            println!();
            break;
        }
    }
    //@ path_statements
    pub fn path_statements(a: u8) {
        a;
    }
    //@ clippy::no_effect clippy::no_effect_underscore_binding
    pub fn no_effect(a: u8) {
        1 + 1;
        let _b = a;
    }
    //@ unused_macros
    pub fn unused_macros() {
        macro_rules! no_one {
            () => {};
        }
        println!();
    }
}

pub mod methods {
    pub struct S {
        pub a: String,
        pub b: u8,
    }

    impl S {
        //@ clippy::unused_self
        fn unused_self(&self) {
            println!();
        }
        //@
        async fn unused_self_of_a_future(&self) {
            std::future::ready(()).await;
        }
        //@ clippy::needless_pass_by_value
        pub fn by_value(&self, a: String) {
            println!("{}{a}", self.b);
        }
        //@ clippy::wrong_self_convention
        fn into_u8(&self) {
            println!("{}", self.b);
        }
        //@ clippy::should_implement_trait
        pub fn from_str(a: &str) -> Self {
            Self { a: a.to_owned(), b: 1 }
        }
        //@ clippy::new_ret_no_self
        pub fn new(a: &str) -> u8 {
            println!("{a}");
            1
        }
        //@ clippy::use_self
        pub fn another(a: &str) -> S {
            println!();
            S { a: a.to_owned(), b: 1 }
        }
        //@ clippy::return_self_not_must_use
        pub fn with(mut self, b: u8) -> Self {
            self.b = b;
            self
        }
        //@ clippy::must_use_candidate
        pub fn b(&self) -> &str {
            &self.a
        }
        //@ clippy::missing_const_for_fn clippy::must_use_candidate
        pub fn get(&self) -> u8 {
            self.b
        }
        //@ clippy::needless_pass_by_ref_mut clippy::needless_arbitrary_self_type
        fn by_mut(self: &mut Self) {
            println!("{}", self.b);
        }
        //@ clippy::needless_lifetimes
        pub fn elidable<'a>(&'a mut self) -> &'a mut u8 {
            &mut self.b
        }
    }

    pub async fn uses(s: &mut S) {
        s.unused_self();
        s.unused_self_of_a_future().await;
        s.by_mut();
        s.into_u8();
    }

    pub trait T {
        //@ clippy::extra_unused_lifetimes
        fn by_default<'a>(&mut self) -> usize {
            1 + std::env::args().count()
        }
        fn required(&self, a: u8) -> u8;
    }

    impl T for S {
        //@ unused_variables
        fn required(&self, a: u8) -> u8 {
            self.b
        }
    }
}

pub mod futures {
    use std::sync::Mutex;

    //@ clippy::unused_async
    pub async fn unused_async(a: &mut u8) {
        *a += 1;
    }
    //@ clippy::await_holding_lock
    pub async fn await_holding_lock(a: &Mutex<u8>) {
        let Ok(mut guard) = a.lock() else { return };
        std::future::ready(()).await;
        *guard += 1;
    }
    //@ clippy::await_holding_refcell_ref
    pub async fn await_holding_refcell_ref(a: &std::cell::RefCell<u8>) {
        let mut guard = a.borrow_mut();
        std::future::ready(()).await;
        *guard += 1;
    }
    //@ clippy::future_not_send
    pub async fn future_not_send(a: std::rc::Rc<u8>) {
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ clippy::future_not_send
    pub async fn future_not_send_inside() {
        let a = std::rc::Rc::new(1);
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ clippy::async_yields_async
    pub async fn async_yields_async() {
        std::future::ready(()).await;
        let a = async { std::future::ready(()) };
        println!("{}", size_of_val(&a));
    }
    //@ clippy::redundant_async_block
    pub async fn redundant_async_block(a: std::future::Ready<u8>) {
        std::future::ready(()).await;
        let a = async { a.await };
        println!("{}", size_of_val(&a));
    }
    //@ let_underscore_lock
    pub async fn let_underscore_lock(a: &Mutex<u8>) {
        std::future::ready(()).await;
        let _ = a.lock();
    }
    //@ clippy::let_underscore_future
    pub async fn let_underscore_future() {
        let _ = std::future::ready(());
        std::future::ready(()).await;
    }
    //@ clippy::significant_drop_tightening
    pub fn significant_drop(a: &Mutex<u8>) {
        let mut guard = a.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *guard += 1;
        println!();
        println!();
    }
    //@ clippy::implicit_return
    pub fn lock_in_scrutinee(a: &Mutex<u8>) {
        match a.lock().map(|guard| *guard) {
            Ok(1) => println!("1"),
            _ => println!(),
        }
    }
    //@
    pub fn lock_at_the_end(a: &Mutex<u8>) -> u8 {
        let b = Mutex::new(1);
        let c = *b.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *a.lock().unwrap_or_else(std::sync::PoisonError::into_inner) + c
    }
}

pub mod expressions {
    //@ clippy::redundant_closure clippy::manual_map
    pub fn closures(a: Option<u8>) -> Option<u8> {
        println!();
        let b = a.map(|a| u8::count_zeros(a));
        match b {
            Some(b) => Some(b as u8),
            None => None,
        }
    }
    //@ clippy::redundant_clone
    pub async fn clones(a: &str) -> String {
        std::future::ready(()).await;
        let b = a.to_owned();
        b.clone()
    }
    //@ clippy::single_match clippy::collapsible_if
    pub async fn matches(a: Option<u8>) {
        std::future::ready(()).await;
        match a {
            Some(a) => println!("{a}"),
            None => (),
        }
        if a.is_some() {
            if a.is_none() {
                println!();
            }
        }
    }
    //@ clippy::needless_range_loop clippy::explicit_counter_loop
    pub fn loops(a: &[u8]) {
        for i in 0..a.len() {
            println!("{}", a[i]);
        }
        let mut counter = 0;
        for item in a {
            println!("{item}{counter}");
            counter += 1;
        }
    }
    //@ unused_comparisons
    pub fn numbers(a: u8) -> bool {
        println!();
        a >= 0
    }
    //@ clippy::cast_possible_truncation clippy::cast_lossless
    pub fn casts(a: u64) -> u8 {
        println!("{}", a as u128);
        a as u8
    }
    //@ clippy::uninlined_format_args clippy::useless_format
    pub async fn formats(a: u8) -> String {
        std::future::ready(()).await;
        println!("{}", a);
        format!("a")
    }
    //@ clippy::redundant_else
    pub fn branches(a: &[u8]) -> u8 {
        for item in a {
            if *item == 1 {
                return 1;
            } else {
                println!();
            }
        }
        2
    }
    //@ unused_variables clippy::needless_return
    pub fn nested(a: &mut u8) {
        fn inner(b: u8) -> u8 {
            return 1;
        }
        let closure = |c: u8| 1;
        *a += inner(1) + closure(1);
    }
    //@ clippy::option_if_let_else clippy::manual_let_else
    pub fn options(a: Option<u8>) -> u8 {
        println!();
        let b = match a {
            Some(b) => b,
            None => return 1,
        };
        if let Some(c) = a { b + c } else { b }
    }
    //@ clippy::never_loop
    pub fn never_loop(a: &[u8]) -> u8 {
        for item in a {
            return *item;
        }
        1
    }
    //@ clippy::empty_loop
    pub fn empty_loop() {
        println!();
        loop {}
    }
    //@ clippy::needless_late_init
    pub fn late(a: bool) {
        let b;
        if a {
            b = 1;
        } else {
            b = 2;
        }
        println!("{b}");
    }
    //@ clippy::while_let_loop
    pub fn while_let(a: &mut Vec<u8>) {
        loop {
            let Some(b) = a.pop() else { break };
            println!("{b}");
        }
    }
    //@ clippy::toplevel_ref_arg
    pub fn toplevel_ref(ref a: u8) {
        println!("{a}");
    }
    //@ clippy::unneeded_wildcard_pattern
    pub fn wildcard((a, _, ..): (u8, u8, u8)) {
        println!("{a}");
    }
    //@ clippy::implicit_return
    pub fn one_line(a: &mut u8) -> u8 { *a += 1; *a }
    //@ clippy::implicit_return
    pub fn one_expression(a: &mut u8) -> u8 { std::mem::replace(a, 1) }
    //@ unused_must_use
    pub fn one_line_that_drops(a: Option<u8>) { a.ok_or(1u8); }
}

/// What is returned has to be looked at: a value of a type that says nothing by its name.
pub mod looked_at {
    //@ unused_variables
    pub fn unused(a: u8, _b: u8, (c, d): (u8, u8)) -> String {
        let e = d;
        d.to_string()
    }
    //@ unused_mut
    pub fn unused_mut(mut a: String, (mut b, c): (usize, usize)) -> Vec<usize> {
        let mut d = 1;
        vec![a.len() + b + c + d]
    }
    //@ unused_assignments
    pub fn assigned(mut a: u8) -> Option<u8> {
        a = 1;
        let mut b = 2;
        println!();
        b = 3;
        Some(b)
    }
    //@ unused_variables
    pub fn shadowed(a: u8, b: u8) -> String {
        let a = b + 1;
        a.to_string()
    }
    //@ unused_must_use
    pub fn ignored() -> String {
        "a".parse::<u8>();
        String::new()
    }
    //@ unreachable_code
    pub fn after_return(a: String) -> String {
        return a;
        println!();
    }
    //@ clippy::needless_return
    pub fn needless_return(a: &mut u8) -> String {
        *a += 1;
        return a.to_string();
    }
    //@ clippy::needless_return
    pub fn needless_return_after_patterns((a, _): (u8, u8), [b, ..]: [u8; 2]) -> String {
        println!("{b}");
        return a.to_string();
    }
    //@ clippy::let_and_return
    pub fn let_and_return(a: u8) -> String {
        println!();
        let b = a.to_string();
        b
    }
    //@ clippy::needless_question_mark clippy::missing_errors_doc
    pub fn needless_question_mark(a: &str) -> Result<u8, std::num::ParseIntError> {
        println!();
        Ok(a.parse::<u8>()?)
    }
    //@ clippy::needless_pass_by_value
    pub fn by_value(a: String, b: Vec<u8>) -> String {
        println!("{a}");
        b.len().to_string()
    }
    //@ clippy::too_many_arguments
    pub fn too_many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> String {
        format!("{a}{b}{c}{d}{e}{f}{g}{h}")
    }
    //@ deprecated
    pub fn deprecated() -> String {
        super::paths::old();
        String::new()
    }
    //@ clippy::used_underscore_binding
    pub fn used_underscore(_a: String) -> String {
        println!();
        _a
    }
    //@ unused_braces
    pub fn braces() -> String {
        println!();
        { String::new() }
    }
    //@ clippy::items_after_statements
    pub fn items_after_statements() -> String {
        println!();
        const A: &str = "a";
        A.to_owned()
    }
    //@ clippy::redundant_closure
    pub fn closures(a: Option<u8>) -> Option<u32> {
        println!();
        a.map(|a| u8::count_zeros(a))
    }
    //@ clippy::implicit_return
    pub fn one_line(a: u8) -> String { a.to_string() }
    //@
    #[expect(unused_variables)]
    pub fn fulfilled(a: u8) -> String {
        String::new()
    }
    //@ E0133
    pub unsafe fn unsafe_op(a: *const u8) -> Option<u8> {
        println!();
        Some(*a)
    }
    //@ clippy::panicking_unwrap
    pub fn panics(a: Option<u8>) -> Option<u8> {
        if a.is_none() {
            println!("{}", a.unwrap());
        }
        None
    }
    //@ unused_variables
    #[track_caller]
    pub fn tracked(a: u8, b: u8) -> Result<String, String> {
        if b == 1 {
            return Err(String::new());
        }
        Ok(b.to_string())
    }
    //@ clippy::needless_return
    #[track_caller]
    pub fn tracked_return(b: u8) -> Option<String> {
        println!();
        return Some(b.to_string());
    }
    //@ unused_variables unused_mut
    pub fn never(mut a: u8, b: u8) -> ! {
        println!("{a}");
        std::process::exit(1)
    }
    //@ unused_variables
    pub async fn never_of_a_future(a: u8) -> ! {
        std::future::pending().await
    }
    //@ unused_variables
    pub fn iterator(a: u8, b: &[u8]) -> impl Iterator<Item = u8> + '_ {
        println!();
        b.iter().copied()
    }
    //@ unused_variables unused_mut
    pub fn boxed(a: u8, b: u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
        Box::pin(async move {
            let mut c = b;
            std::future::ready(c).await
        })
    }
    //@ unused_variables
    pub fn future(a: u8, b: u8) -> impl Future<Output = u8> {
        println!();
        async move {
            let c = 1;
            std::future::ready(b).await
        }
    }
    //@ clippy::needless_return
    pub fn future_returns(b: u8) -> impl Future<Output = u8> {
        async move {
            std::future::ready(()).await;
            return b;
        }
    }
}
