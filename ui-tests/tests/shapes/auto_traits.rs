//! A future keeps what it was: `Send`, `Sync`, `Unpin`, `UnwindSafe`, `RefUnwindSafe`, and `'static`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::{PhantomData, PhantomPinned};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, Stream};
use llmetry::{task, workflow};

use crate::support::*;

struct Probe<'a, T>(PhantomData<&'a T>);

impl<'a, T> Probe<'a, T> {
    fn of(_: &'a T) -> Self {
        Self(PhantomData)
    }
}

/// The names of the auto traits that the value has: a method of the type itself is found before one of a trait, if its bounds hold.
macro_rules! auto_traits {
    ($value:expr) => {{
        match &$value {
            value => {
                let probe = Probe::of(value);
                [probe.send(), probe.sync(), probe.unpin(), probe.unwind_safe(), probe.ref_unwind_safe()]
                    .join(" ")
            }
        }
    }};
}

macro_rules! probes {
    ($($method:ident: $auto:ident)*) => {
        trait Otherwise {
            $(fn $method(&self) -> &'static str {
                concat!("!", stringify!($auto))
            })*
        }
        impl<T> Otherwise for Probe<'_, T> {}
        $(impl<T: $auto> Probe<'_, T> {
            fn $method(&self) -> &'static str {
                stringify!($auto)
            }
        })*
    };
}
probes! { send: Send sync: Sync unpin: Unpin unwind_safe: UnwindSafe ref_unwind_safe: RefUnwindSafe }

fn is_static<T: 'static>(value: T) -> T {
    value
}

fn is_send<T: Send>(value: T) -> T {
    value
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) async fn nothing() {}
        #[cfg_attr($on, task)]
        pub(super) async fn sends(n: Arc<u8>, _: Vec<u8>, (a, _b): (u8, String)) -> u8 {
            pause().await;
            *n + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_cell(n: Cell<u8>) -> u8 {
            pause().await;
            n.get()
        }
        #[cfg_attr($on, task(capture(input, output), fields(my.n = n.get())))]
        pub(super) async fn of_a_captured_cell(n: Cell<u8>, _m: &(dyn Fn() + Send + Sync)) -> Cell<u8> {
            pause().await;
            n
        }
        #[cfg_attr($on, task(capture(input, output), fields(my.n = n)))]
        pub(super) fn of_a_captured_block(n: u8, m: Cell<u8>) -> impl Future<Output = Cell<u8>> {
            async move {
                pause().await;
                m.set(n);
                m
            }
        }
        #[cfg_attr($on, task(parent = &parent))]
        pub(super) async fn of_a_parent(parent: llmetry::opentelemetry::Context) {
            pause().await;
        }
        #[cfg_attr($on, workflow)]
        #[cfg_attr($on, task)]
        pub(super) async fn of_two_kinds((n, _): (Cell<u8>, Vec<u8>)) -> u8 {
            pause().await;
            n.get()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_rc(n: Rc<u8>) -> u8 {
            pause().await;
            *n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_an_unused_rc(_: Rc<u8>) {
            pause().await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_an_rc_pattern((_, n): (Rc<u8>, u8)) -> u8 {
            pause().await;
            n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn rc_inside() -> u8 {
            let n = Rc::new(1);
            pause().await;
            *n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn rc_inside_for_a_moment() -> u8 {
            let n = {
                let n = Rc::new(1);
                *n
            };
            pause().await;
            n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_a_mutex(n: &Mutex<u8>) -> u8 {
            let n = n.lock().map_or(0, |n| *n);
            pause().await;
            n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_a_mut(n: &mut Vec<u8>) {
            pause().await;
            n.push(1);
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_an_object(n: Box<dyn Fn() -> u8 + Send>) -> u8 {
            pause().await;
            n()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_ref_cell(n: &RefCell<u8>) -> u8 {
            pause().await;
            *n.borrow()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn of_pinned(_: PhantomPinned) {
            pause().await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn generic<T>(item: T) -> T {
            pause().await;
            item
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn nested() -> u8 {
            sends(Arc::new(1), vec![], (2, String::new())).await + rc_inside_for_a_moment().await
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn nested_local() -> u8 {
            of_rc(Rc::new(1)).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn each(items: &[String]) -> usize {
            let mut sum = 0;
            for future in items.iter().map(|item| length(item)) {
                sum += future.await;
            }
            sum
        }
        #[cfg_attr($on, task)]
        pub(super) async fn all(items: &[String]) -> Vec<usize> {
            futures_util::future::join_all(items.iter().map(async |item| length(item).await)).await
        }
        #[cfg_attr($on, task)]
        async fn length(item: &str) -> usize {
            pause().await;
            item.len()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn calls(f: impl AsyncFn(&str) -> usize, text: &str) -> usize {
            f(text).await + length(text).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn recursive(n: u8) -> u8 {
            pause().await;
            if n == 0 { 0 } else { 1 + Box::pin(recursive(n - 1)).await }
        }
        #[cfg_attr($on, task)]
        pub(super) async fn through_an_object(
            f: &(dyn Fn(&str) -> BoxFuture<'_, usize> + Sync),
            text: &str,
        ) -> usize {
            f(text).await
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque(n: Arc<u8>) -> impl Future<Output = u8> {
            let n = n;
            async move {
                pause().await;
                *n
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_of_cell(n: Cell<u8>) -> impl Future<Output = u8> {
            let n = n;
            async move {
                pause().await;
                n.get()
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_ready(n: u8) -> impl Future<Output = u8> {
            std::future::ready(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_stream(n: u8) -> impl Stream<Item = u8> {
            stream::iter(0..n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque_stream_of_rc(n: Rc<u8>) -> impl Stream<Item = Rc<u8>> {
            stream::repeat(n)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn later_stream(n: u8) -> impl Stream<Item = u8> {
            stream::iter(0..n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed(n: u8) -> BoxFuture<'static, u8> {
            std::future::ready(n).boxed()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn returns_a_local() -> Rc<u8> {
            pause().await;
            Rc::new(1)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fails_with_a_local() -> Result<u8, Rc<u8>> {
            pause().await;
            Err(Rc::new(1))
        }
    };
}
twice!(items);

shapes! {
    nothing: auto_traits!(nothing()) => "";
    sends: auto_traits!(sends(Arc::new(1), vec![], (2, String::new()))) => "";
    of_cell: auto_traits!(of_cell(Cell::new(1))) => "";
    of_a_captured_cell: auto_traits!(of_a_captured_cell(Cell::new(1), &|| {})) => "";
    of_a_captured_block: auto_traits!(of_a_captured_block(1, Cell::new(1))) => "";
    of_a_parent: auto_traits!(of_a_parent(llmetry::opentelemetry::Context::new())) => "";
    of_two_kinds: auto_traits!(of_two_kinds((Cell::new(1), vec![]))) => "";
    of_rc: auto_traits!(of_rc(Rc::new(1))) => "";
    of_an_unused_rc: auto_traits!(of_an_unused_rc(Rc::new(1))) => "";
    of_an_rc_pattern: auto_traits!(of_an_rc_pattern((Rc::new(1), 2))) => "";
    rc_inside: auto_traits!(rc_inside()) => "";
    rc_inside_for_a_moment: auto_traits!(rc_inside_for_a_moment()) => "";
    of_a_mutex: auto_traits!(of_a_mutex(&Mutex::new(1))) => "";
    of_a_mut: auto_traits!(of_a_mut(&mut vec![])) => "";
    of_an_object: auto_traits!(of_an_object(Box::new(|| 1))) => "";
    of_ref_cell: auto_traits!(of_ref_cell(&RefCell::new(1))) => "";
    of_pinned: auto_traits!(of_pinned(PhantomPinned)) => "";
    generic: auto_traits!(generic(1)) + &auto_traits!(generic(Rc::new(1))) => "";
    nested: auto_traits!(nested()) => "";
    nested_local: auto_traits!(nested_local()) => "";
    returns_a_local: auto_traits!(returns_a_local()) => "";
    fails_with_a_local: auto_traits!(fails_with_a_local()) => "";
    opaque: auto_traits!(opaque(Arc::new(1))) => "opaque cancelled";
    opaque_of_cell: auto_traits!(opaque_of_cell(Cell::new(1))) => "opaque_of_cell cancelled";
    opaque_ready: auto_traits!(opaque_ready(1)) => "opaque_ready cancelled";
    opaque_stream: auto_traits!(opaque_stream(1)) => "opaque_stream x0 cancelled";
    opaque_stream_of_rc: auto_traits!(opaque_stream_of_rc(Rc::new(1))) => "opaque_stream_of_rc x0 cancelled";
    later_stream: auto_traits!(later_stream(1)) + &auto_traits!(finish(later_stream(1)))
        => "later_stream x0 cancelled";
    boxed: auto_traits!(boxed(1)) => "boxed cancelled";
    recursive: auto_traits!(recursive(1)) => "";
    sent_to_a_thread: {
        fn sent<F: Future<Output: Send> + Send>(future: F) -> Option<F::Output> {
            std::thread::scope(|scope| scope.spawn(|| finish(future)).join()).ok()
        }
        let items = ["a".to_owned(), "bc".to_owned()];
        (
            sent(each(&items)),
            sent(all(&items)),
            sent(calls(async |text| text.len(), "a")),
            sent(recursive(2)),
            sent(through_an_object(&|text| std::future::ready(text.len()).boxed(), "abc")),
        )
    } => "";
    statics: {
        fn future<F: Future + 'static>(future: F) -> F::Output {
            finish(is_static(future))
        }
        future(is_send(sends(Arc::new(1), vec![], (2, String::new())))) + future(generic(1)) + future(nested())
    } => "sends, generic, workflow:nested(sends, rc_inside_for_a_moment)";
}

/// The probe sees differences.
#[test]
fn the_probe_tells_types_apart() {
    assert_eq!(auto_traits!(1), "Send Sync Unpin UnwindSafe RefUnwindSafe");
    assert_eq!(auto_traits!(Rc::new(Cell::new(1))), "!Send !Sync Unpin !UnwindSafe !RefUnwindSafe");
    assert_eq!(auto_traits!(PhantomPinned), "Send Sync !Unpin UnwindSafe RefUnwindSafe");
}
