//! An answer's body on its way to the caller: every frame passes as it is, and the call sees it pass.

use std::borrow::Cow;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::observed::{Call, Ended};

/// Bytes in one piece are the rule; of others so many pieces are seen as can be without taking them.
fn see(data: &impl Buf, call: &mut Call) {
    if data.chunk().len() == data.remaining() {
        return call.chunk(data.chunk());
    }
    let mut pieces = [IoSlice::new(&[]); 64];
    let count = data.chunks_vectored(&mut pieces);
    for piece in &pieces[..count] {
        call.chunk(piece);
    }
}

/// Some bodies do not know their end (those that may decompress), but how much is left.
fn is_over(body: &impl Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

pin_project! {
    /// A body that tells its call what passes.
    ///
    /// Dropped before its end, the call is cancelled, unless all of the answer has passed.
    #[derive(Debug)]
    pub struct ObservedBody<B: Body> {
        #[pin]
        body: B,
        call: Option<Call>,
        kind: fn(&B::Error) -> Cow<'static, str>,
    }
}

impl<B: Body> ObservedBody<B> {
    /// `body` with the call that it is the answer to.
    pub(crate) fn new(body: B, call: Call) -> Self {
        let call = Some(call).filter(Call::is_observed);
        let mut observed = Self { body, call, kind: |_| Cow::Borrowed("body") };
        observed.end_if_over();
        observed
    }

    /// `kind` says what an error was; without it, that it was the body's.
    pub(crate) fn with_kind(self, kind: fn(&B::Error) -> Cow<'static, str>) -> Self {
        Self { kind, ..self }
    }

    /// A body that knows its end is often not asked for more.
    fn end_if_over(&mut self) {
        if is_over(&self.body)
            && let Some(call) = self.call.take()
        {
            call.end(&Ended::Complete);
        }
    }
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(task));
        if let Some(call) = this.call.as_mut() {
            match &frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        see(data, call);
                    }
                    if is_over(&*this.body)
                        && let Some(call) = this.call.take()
                    {
                        call.end(&Ended::Complete);
                    }
                }
                Some(Err(error)) => {
                    if let Some(call) = this.call.take() {
                        call.end(&Ended::Failed((this.kind)(error)));
                    }
                }
                None => {
                    if let Some(call) = this.call.take() {
                        call.end(&Ended::Complete);
                    }
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
