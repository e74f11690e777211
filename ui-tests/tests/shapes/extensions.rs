//! Traits of the user's that every type has, with methods that the generated code might have meant to call.

use llmetry::{agent, task, tool};

use crate::support::*;

#[allow(dead_code)] // nobody is to call them
pub(crate) trait Everything {
    fn observe(&self, _: &u8) -> u8 {
        1
    }
    fn kind(&self) -> u8 {
        2
    }
    fn capture(&self) {}
    fn success(&self) {}
    fn attribute(&self) {}
    fn field(&self) {}
    fn start(&mut self) {}
    fn map(&self) {}
    fn finish(self, _: u8)
    where
        Self: Sized,
    {
    }
}

impl<T: ?Sized> Everything for T {}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn result(n: u8) -> Result<u8, Broken> {
            if n == 0 { Err(Broken) } else { Ok(n.observe(&n) + n.kind()) }
        }
        #[cfg_attr($on, tool(capture(input, output), fields(my.text = text)))]
        pub(super) async fn text(text: String) -> String {
            pause().await;
            text
        }
        #[cfg_attr($on, agent)]
        pub(super) fn future(d: D) -> impl Future<Output = D> {
            log("called");
            async move {
                pause().await;
                d
            }
        }
    };
}
twice!(items);

shapes! {
    result: [0, 1].map(result) => "result !Broken, result";
    text: {
        llmetry::current().capture_content(true);
        finish(text("a".to_owned()))
    } => "tool:text {text=\"a\"} in={\"text\":\"a\"} out=\"a\"";
    future: fates(|| future(D("d"))) => "agent:future cancelled, agent:future cancelled, agent:future";
}
