//! Functions that `macro_rules!` make: fragments of every kind in every place, and names of the macro's own.

use std::future::Future;

use llmetry::{task, tool};

use crate::support::*;

macro_rules! by_fragments {
    ($on:meta, $vis:vis $name:ident, $arg:ident: $ty:ty, $pat:pat, $label:literal, $body:block) => {
        #[cfg_attr($on, task(name = $label, fields(my.arg = $arg)))]
        $vis fn $name($arg: $ty, $pat: (u8, u8), hidden: u8) -> $ty {
            let _ = hidden;
            $body
        }
    };
}

macro_rules! by_item {
    ($on:meta, $($item:item)*) => {
        $(#[cfg_attr($on, task)] $item)*
    };
}

macro_rules! by_expr {
    ($on:meta, $name:ident($($arg:ident: $ty:ty = $default:expr),*) -> $out:expr) => {
        #[cfg_attr($on, task(fields($(my.$arg = $arg.is_some()),*)))]
        pub(super) async fn $name($($arg: Option<$ty>),*) -> D {
            $(let $arg = $arg.unwrap_or($default);)*
            pause().await;
            $out
        }
    };
}

macro_rules! by_tokens {
    ($on:meta, $($tokens:tt)*) => {
        #[cfg_attr($on, task)]
        $($tokens)*
    };
}

macro_rules! by_attribute {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        pub(super) async fn $name(d: D) -> D {
            pause().await;
            d
        }
    };
}

macro_rules! by_statements {
    ($on:meta, $name:ident, { $($statement:stmt;)* } => $last:expr) => {
        #[cfg_attr($on, task)]
        #[allow(redundant_semicolons)]
        pub(super) fn $name(own: D) -> D {
            $($statement;)*
            log(own.0);
            $last
        }
    };
}

/// The macro's `inner` is not the caller's.
macro_rules! own_names {
    ($on:meta, $name:ident, $inner:ident => $body:expr) => {
        #[cfg_attr($on, task(fields(my.outer = $inner, my.inner = inner)))]
        pub(super) async fn $name($inner: u8, inner: u8) -> (u8, u8) {
            pause().await;
            let shadow = $inner;
            ($body, shadow + inner)
        }
    };
}

macro_rules! by_lifetime {
    ($on:meta, $life:lifetime, $name:path, $($gen:ident),*) => {
        #[cfg_attr($on, task)]
        pub(super) fn lifetimes<$life, $($gen: ?Sized),*>($(_: &$gen,)* a: &$life $name) -> &$life $name {
            a
        }
    };
}

macro_rules! nested {
    ($on:meta, $dollar:tt $outer:ident) => {
        macro_rules! $outer {
                                            ($dollar name:ident, $dollar body:expr) => {
                                                #[cfg_attr($on, tool)]
                                                pub(super) async fn $dollar name((a, _): (D, D)) -> (D, u8) {
                                                    pause().await;
                                                    (a, $dollar body)
                                                }
                                            };
                                        }
        $outer!(made_twice, 7);
    };
}

macro_rules! methods {
    ($on:meta, $name:ident, $self:ident => $body:expr; $($plain:ident)*) => {
        #[derive(Debug)]
        pub(super) struct $name(pub(super) u8, pub(super) D);
        impl $name {
            #[cfg_attr($on, task)]
            pub(super) async fn with_self(&mut $self, by: u8) -> u8 {
                pause().await;
                $self.0 += by;
                $body
            }
            $(
                #[cfg_attr($on, task)]
                pub(super) fn $plain(self) -> D {
                    self.1
                }
            )*
        }
    };
}

macro_rules! by_async_body {
    ($on:meta, $name:ident, $body:expr) => {
        #[cfg_attr($on, task)]
        pub(super) fn $name() -> impl Future<Output = D> {
            $body
        }
    };
    ($on:meta, $name:ident = $body:block) => {
        #[cfg_attr($on, task)]
        pub(super) fn $name() -> std::pin::Pin<Box<dyn Future<Output = D>>> {
            Box::pin(async move $body)
        }
    };
}

macro_rules! value {
    ($n:expr) => {
        $n + 1
    };
}

macro_rules! type_of {
    ($t:ty) => { Option<$t> };
}

macro_rules! wild {
    () => {
        (_, _)
    };
}

macro_rules! type_of_pattern {
    ($m:ident) => {
        ($m, _)
    };
}

macro_rules! items {
    ($on:meta) => {
        by_fragments!($on, pub(super) fragments, a: u8, (x, _), "by fragments", {
            let sum = a + x;
            sum + 0
        });
        by_fragments!($on, pub(crate) fragments_of_types, a: i64, wild!(), "by macros in fragments", { a });
        by_item! {
            $on,
            pub(super) fn item(a: D) -> D { a }
            pub(super) async fn item_async((a, b): (D, D)) -> D {
                pause().await;
                log(b.0);
                a
            }
        }
        by_expr!($on, expr(a: u8 = 1, b: u8 = 2) -> if a + b > 3 { D("more") } else { D("less") });
        by_tokens!($on, pub(super) unsafe fn tokens(d: D) -> D { d });
        by_attribute!(#[cfg_attr($on, task(name = "by attribute"))] #[must_use] attribute);
        by_statements!($on, statements, { let other = D("other"); log("between"); } => other);
        own_names!($on, names_of_both, inner => inner * 10);
        by_lifetime!($on, 'long, str, A, B);
        nested!($on, $ outer);
        methods!($on, M, self => self.0 * 2; plain);

        by_async_body!($on, async_by_expr, async move {
            pause().await;
            D("d")
        });
        by_async_body!($on, async_by_block = {
            pause().await;
            D("d")
        });

        #[cfg_attr($on, task)]
        pub(super) fn macros_inside(n: type_of!(u8), type_of_pattern!(m): (u8, u8)) -> type_of!(u8) {
            Some(value!(n? + m))
        }
    };
}

twice!(items);

shapes! {
    fragments: fragments(1, (2, 3), 4) => "by fragments {arg=1}";
    macros_in_fragments: fragments_of_types(1, (2, 3), 4) => "by macros in fragments {arg=1}";
    item: item(D("a")) => "item";
    item_async: fates(|| item_async(pair("a", "b"))) => "item_async cancelled, item_async";
    expr: finish(expr(None, Some(4))) => "expr {a=false, b=true}";
    // SAFETY: it asks for nothing.
    tokens: unsafe { tokens(D("d")) } => "tokens";
    attribute: fates(|| attribute(D("d"))) => "by attribute cancelled, by attribute";
    statements: statements(D("own")) => "statements";
    names_of_both: finish(names_of_both(1, 2)) => "names_of_both {outer=1, inner=2}";
    lifetimes: lifetimes(&1, "b", "abc") => "lifetimes";
    made_twice: fates(|| made_twice(pair("a", "b"))) => "tool:made_twice cancelled, tool:made_twice";
    self_by_fragment: finish(async { M(1, D("d")).with_self(2).await }) => "with_self";
    self_by_the_macro: M(1, D("d")).plain() => "plain";
    async_by_expr: finish(async_by_expr()) => "async_by_expr";
    async_by_block: finish(async_by_block()) => "async_by_block";
    macros_inside: macros_inside(Some(1), (2, 3)) => "macros_inside";
}
