//! What is moved, borrowed or lives too short.

// Linked without the attribute too: the crates below it implement traits, and errors depend on which are in sight.
extern crate llmetry;

pub mod moves {
    //@ E0382
    pub fn argument(a: String) -> usize {
        drop(a);
        a.len()
    }
    //@ E0382
    pub async fn argument_of_a_future(a: String) -> usize {
        drop(a);
        std::future::ready(()).await;
        a.len()
    }
    //@ E0382
    pub fn of_a_pattern((a, b): (String, String)) -> usize {
        drop(a);
        a.len() + b.len()
    }
    //@ E0382
    pub fn local() {
        let a = String::new();
        drop(a);
        println!("{a}");
    }
    //@ E0382
    pub fn in_a_loop(a: String) {
        loop {
            drop(a);
        }
    }
    //@ E0382
    pub fn into_a_closure(a: String) {
        let b = move || a.len();
        println!("{a}{}", b());
    }
    //@ E0382
    pub fn partly(a: (String, String)) -> (String, String) {
        drop(a.0);
        a
    }
    //@ E0507
    pub fn out_of_a_reference(a: &Option<String>) -> String {
        a.unwrap()
    }
    //@ E0508
    pub async fn out_of_a_reference_in_a_future(a: &[String]) -> String {
        std::future::ready(()).await;
        a[0]
    }
    //@ E0508
    pub fn out_of_an_array(a: [String; 2]) -> String {
        a[0]
    }
    //@ E0509
    pub fn out_of_a_drop(a: Dropped) -> String {
        a.0
    }
    pub struct Dropped(pub String);
    impl Drop for Dropped {
        fn drop(&mut self) {}
    }
    //@ E0381
    pub fn uninitialised(a: bool) -> u8 {
        let b;
        if a {
            b = 1;
        }
        b
    }
    //@ E0382
    pub fn generic<T>(a: T) -> (T, T) {
        (a, a)
    }
}

pub mod mutability {
    //@ E0384
    pub fn assigned_argument(a: u8) {
        a = 1;
        println!("{a}");
    }
    //@ E0384
    pub async fn assigned_argument_of_a_future(a: u8) {
        a += 1;
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ E0384
    pub fn assigned_in_a_pattern((a, _): (u8, u8)) {
        a = 1;
        println!("{a}");
    }
    //@ E0384
    pub fn assigned_local() {
        let a = 1;
        a = 2;
        println!("{a}");
    }
    //@ E0594
    pub fn behind_a_reference(a: &u8) {
        *a = 1;
    }
    //@ E0594
    pub async fn behind_a_reference_in_a_future(a: &u8) {
        std::future::ready(()).await;
        *a = 1;
    }
    //@ E0594
    pub fn field(a: (u8, u8)) {
        a.0 = 1;
        println!("{a:?}");
    }
    //@ E0594
    pub fn in_a_closure(a: u8) {
        let mut b = || a = 1;
        b();
    }
    //@ E0596
    pub fn borrowed(a: String) {
        a.push('a');
    }
    //@ E0596
    pub async fn borrowed_by_a_future(a: String) {
        std::future::ready(()).await;
        a.push('a');
    }
    //@ E0596
    pub fn behind_a_reference_borrowed(a: &String) {
        a.push('a');
    }
    //@ E0596
    pub fn of_a_pattern((a, _): (String, u8)) {
        a.push('a');
    }
    //@ E0596
    pub fn called(a: impl FnMut()) {
        a();
    }
    pub struct S(pub u8);
    impl S {
        //@ E0594
        pub fn own(&self) {
            self.0 = 1;
        }
        //@ E0594
        pub async fn own_of_a_future(&self) {
            std::future::ready(()).await;
            self.0 = 1;
        }
        //@ E0594
        pub fn owned(self) {
            self.0 = 1;
        }
    }
}

pub mod borrows {
    //@ E0499
    pub fn twice(a: &mut Vec<u8>) {
        let b = &mut *a;
        let c = &mut *a;
        b.push(1);
        c.push(1);
    }
    //@ E0499
    pub async fn twice_in_a_future(mut a: Vec<u8>) {
        let b = &mut a;
        let c = &mut a;
        std::future::ready(()).await;
        b.push(1);
        c.push(1);
    }
    //@ E0502
    pub fn shared_and_not(a: &mut Vec<u8>) {
        let b = &a[0];
        a.push(1);
        println!("{b}");
    }
    //@ E0502
    pub async fn shared_and_not_in_a_future(mut a: Vec<u8>) {
        let b = &a[0];
        a.push(1);
        std::future::ready(()).await;
        println!("{b}");
    }
    //@ E0506
    pub fn assigned(mut a: u8) {
        let b = &a;
        a = 1;
        println!("{b}");
    }
    //@ E0505
    pub fn moved(a: String) {
        let b = &a;
        drop(a);
        println!("{b}");
    }
    //@ E0505
    pub async fn moved_in_a_future(a: String) {
        let b = &a;
        drop(a);
        std::future::ready(()).await;
        println!("{b}");
    }
    //@ E0505
    pub fn moved_in_a_pattern((a, _): (String, u8)) {
        let b = &a;
        drop(a);
        println!("{b}");
    }
}

pub mod lives {
    //@ E0597
    pub fn short() {
        let a;
        {
            let b = 1;
            a = &b;
        }
        println!("{a}");
    }
    //@ E0597
    pub async fn short_in_a_future() {
        let a;
        {
            let b = 1;
            a = &b;
        }
        std::future::ready(()).await;
        println!("{a}");
    }
    //@ E0597
    pub fn argument(mut a: Vec<&'static String>, b: String) {
        a.push(&b);
    }
    //@ E0597
    pub fn argument_order<'a>(mut a: Vec<&'a String>, b: String) {
        a.push(&b);
    }
    //@ E0716
    pub fn temporary() {
        let b = String::new().as_str();
        println!("{b}");
    }
    //@ E0716
    pub async fn temporary_in_a_future() {
        let b = String::new().as_str();
        std::future::ready(()).await;
        println!("{b}");
    }
    //@ E0515
    pub fn returned() -> &'static str {
        let a = String::new();
        &a
    }
    //@ E0515
    pub fn returned_argument(a: String) -> &'static str {
        a.as_str()
    }
    //@ E0515
    pub async fn returned_by_a_future(a: String) -> &'static str {
        std::future::ready(()).await;
        a.as_str()
    }
    //@ E0515
    pub fn returned_of_a_pattern((a, _): (String, u8)) -> &'static str {
        &a
    }
    //@ E0515
    pub fn returned_early(a: String, b: bool) -> &'static str {
        if b {
            return a.as_str();
        }
        ""
    }
    //@ E0597
    pub fn returned_iterator(a: Vec<u8>) -> impl Iterator<Item = u8> {
        a.iter().copied()
    }
    //@ E0373
    pub fn closure(a: u8) -> impl Fn() -> u8 {
        || a
    }
    //@ E0373
    pub fn thread(a: u8) {
        std::thread::spawn(|| println!("{a}"));
    }
    //@ E0373
    pub async fn thread_of_a_future(a: u8) {
        std::future::ready(()).await;
        std::thread::spawn(|| println!("{a}"));
    }
    //@ E0373
    pub fn boxed(a: u8) -> Box<dyn Fn() -> u8> {
        Box::new(|| a)
    }
    //@ E0521
    pub fn escapes(a: &str) {
        std::thread::spawn(move || println!("{a}"));
    }
    //@ E0521
    pub async fn escapes_from_a_future(a: &str) {
        std::future::ready(()).await;
        std::thread::spawn(move || println!("{a}"));
    }
    //@
    pub fn wrong_lifetime<'a, 'b>(a: &'a str, b: &'b str) -> &'a str {
        println!("{a}");
        b
    }
    //@
    pub async fn wrong_lifetime_of_a_future<'a, 'b>(a: &'a str, b: &'b str) -> &'a str {
        std::future::ready(()).await;
        println!("{a}");
        b
    }
    //@
    pub fn wrong_elided_lifetime(a: &mut Vec<&u8>, b: &u8) {
        a.push(b);
    }
    //@ E0621
    pub fn explicit_lifetime<'a>(a: &'a u8, b: &u8) -> &'a u8 {
        if *a == 1 { a } else { b }
    }
    //@ E0310
    pub fn not_static<T: std::fmt::Debug>(a: T) -> Box<dyn std::fmt::Debug> {
        Box::new(a)
    }
    //@ E0700
    pub fn hidden<'a>(a: &'a str) -> impl Sized + use<> {
        a
    }
    //@ E0597
    pub fn tail() -> usize {
        let a;
        {
            let b = String::new();
            a = b.as_str();
        }
        a.len()
    }
    pub struct S(String);
    impl S {
        //@ E0515
        pub fn own(self) -> &'static str {
            &self.0
        }
        //@
        pub fn other<'a>(&self, a: &'a str) -> &'a str {
            println!("{a}");
            &self.0
        }
        //@ E0507
        pub fn moved(&self) -> String {
            self.0
        }
        //@ E0507
        pub async fn moved_by_a_future(&mut self) -> String {
            std::future::ready(()).await;
            self.0
        }
    }
}

/// What is returned has to be looked at.
pub mod looked_at {
    //@ E0382
    pub fn moved(a: String) -> String {
        drop(a);
        a
    }
    //@ E0382
    pub fn moved_in_a_pattern((a, _): (String, u8), [b, ..]: [String; 2]) -> String {
        drop(a);
        drop(b);
        a + &b
    }
    //@ E0384
    pub fn assigned(a: u8) -> String {
        println!("{a}");
        a = 1;
        a.to_string()
    }
    //@ E0384
    pub fn assigned_in_a_pattern((a, _): (u8, u8)) -> String {
        println!("{a}");
        a = 1;
        a.to_string()
    }
    //@ E0596
    pub fn borrowed(a: String) -> String {
        a.push('a');
        a
    }
    //@ E0594
    pub fn behind_a_reference(a: &u8) -> String {
        *a = 1;
        String::new()
    }
    //@ E0499
    pub fn twice(a: &mut Vec<u8>) -> String {
        let b = &mut *a;
        let c = &mut *a;
        b.push(1);
        c.push(1);
        String::new()
    }
    //@ E0502
    pub fn shared_and_not(mut a: Vec<u8>) -> String {
        let b = &a[0];
        a.push(1);
        b.to_string()
    }
    //@ E0505
    pub fn moved_while_borrowed(a: String) -> String {
        let b = &a;
        drop(a);
        b.clone()
    }
    //@ E0373
    pub fn thread(a: u8) -> std::thread::JoinHandle<u8> {
        std::thread::spawn(|| a + 1)
    }
    //@ E0521
    pub fn escapes(a: &str) -> std::thread::JoinHandle<usize> {
        std::thread::spawn(move || a.len())
    }
    //@ E0507
    pub fn out_of_a_reference(a: &Option<String>) -> Option<String> {
        *a
    }
    //@ E0515
    pub fn returned(a: String) -> Option<&'static str> {
        Some(a.as_str())
    }
    //@ E0515
    pub fn returned_early(a: String, b: bool) -> Option<&'static str> {
        if b {
            return Some(&a);
        }
        None
    }
    //@ E0515
    pub fn returned_of_a_pattern([a, ..]: [String; 2]) -> Option<&'static str> {
        Some(&a)
    }
    //@
    pub fn wrong_lifetime<'a, 'b>(a: &'a str, b: &'b str) -> Option<&'a str> {
        println!("{a}");
        Some(b)
    }
    //@ E0621
    pub fn explicit_lifetime<'a>(a: &'a u8, b: &u8) -> Option<&'a u8> {
        if *a == 1 { Some(a) } else { Some(b) }
    }
    //@ E0382
    #[track_caller]
    pub fn tracked(a: String) -> Option<String> {
        drop(a);
        Some(a)
    }
    //@ E0382
    pub fn never(a: String) -> ! {
        drop(a);
        println!("{a}");
        std::process::exit(1)
    }
    //@ E0382
    pub fn boxed(a: String) -> std::pin::Pin<Box<dyn Future<Output = String> + Send>> {
        Box::pin(async move {
            drop(a);
            std::future::ready(()).await;
            a
        })
    }
    //@ E0373
    pub fn not_move(a: u8) -> impl Future<Output = u8> {
        async { std::future::ready(a).await }
    }
    //@ E0373
    pub fn boxed_not_move(a: u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
        Box::pin(async { std::future::ready(a).await })
    }
    //@
    pub fn borrows(a: &str) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            std::future::ready(()).await;
            a.len()
        })
    }
    //@ E0310
    pub fn not_static<T>(a: T) -> Option<Box<dyn std::fmt::Debug>>
    where
        T: std::fmt::Debug,
    {
        Some(Box::new(a))
    }
}
