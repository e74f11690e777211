//! A call described by hand, for clients that we cannot stand in: gRPC, a model in the process, a protocol of one's own.
//!
//! In: what the program knows of its request and its answer. Out: the span that an observed call has, by the same code. Does not: send
//! or read anything.

use std::borrow::Cow;

use http::HeaderMap;
use opentelemetry::Context;
use serde_json::{Value, json};

use super::observed::{Call, Ended};
use crate::scope::InTrace;
use crate::semconv::llm::Server;
use crate::wire::{
    Choice, Content, Facts, Kept, Operation, RequestContent, RequestFacts, ToolCall, WireError,
};

/// Describes a call to a model by hand, where no adapter can read it: a client without HTTP, a model inside of the process.
///
/// `provider` is a name of the GenAI convention (`openai`, `anthropic`, `aws.bedrock`, …) or one's own, `model` the name that is asked
/// for. What the answer says goes into the [`LlmCall`] that [`start`](LlmRequest::start) gives.
///
/// ```
/// # struct Answer { text: &'static str, tokens: u64 }
/// # fn generate(_: &str) -> Answer { Answer { text: "rain", tokens: 4 } }
/// let mut call = llmetry::llm("candle", "llama-3.2-1b").temperature(0.2).max_tokens(256).start();
/// let answer = generate("How is the weather in Bern?");
/// call.message("user", "How is the weather in Bern?"); // content: kept only while that is on
/// call.text(answer.text).output_tokens(answer.tokens).finish_reason("stop");
/// call.end();
/// ```
///
/// A stream, whose first [`chunk`](LlmCall::chunk) is timed; dropped half-way, the call is cancelled:
///
/// ```
/// # async fn example(mut tokens: tokio::sync::mpsc::Receiver<Result<String, &'static str>>) {
/// let mut call = llmetry::llm("candle", "llama-3.2-1b").stream(true).start();
/// let mut count = 0;
/// while let Some(token) = tokens.recv().await {
///     match token {
///         Ok(token) => {
///             call.chunk().text(&token);
///             count += 1;
///         }
///         Err(kind) => return call.fail(kind),
///     }
/// }
/// call.output_tokens(count).finish_reason("stop");
/// call.end();
/// # }
/// ```
///
/// A client of one's own, whose server joins the trace:
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// let call = llmetry::llm("triton", "reranker").server("127.0.0.1", 8001).start();
/// call.inject(&mut headers);
/// // … send them, read the answer …
/// call.end();
/// ```
pub fn llm(provider: impl Into<String>, model: impl Into<String>) -> LlmRequest {
    let facts = RequestFacts {
        model: Some(model.into()).filter(|model| !model.is_empty()),
        operation: Some(Operation::Chat),
        ..RequestFacts::default()
    };
    LlmRequest { provider: provider.into(), server: Server::default(), facts }
}

/// What is asked of a model. Made by [`llm`].
#[derive(Clone, Debug)]
#[must_use = "the call begins with `start`"]
pub struct LlmRequest {
    provider: String,
    server: Server,
    facts: RequestFacts,
}

macro_rules! parameters {
    ($($(#[$doc:meta])+ $name:ident: $type:ty;)+) => {
        impl LlmRequest {
            $($(#[$doc])+
            pub fn $name(mut self, $name: $type) -> Self {
                self.facts.$name = Some($name.into());
                self
            })+
        }
    };
}

parameters! {
    /// What is asked for. Default: a conversation.
    operation: Operation;
    /// Sampling temperature.
    temperature: f64;
    /// Nucleus sampling.
    top_p: f64;
    /// Sampling among so many tokens.
    top_k: i64;
    /// Bound of the answer, in tokens.
    max_tokens: i64;
    /// Penalty of frequent tokens.
    frequency_penalty: f64;
    /// Penalty of tokens that were there.
    presence_penalty: f64;
    /// The seed of sampling.
    seed: i64;
    /// So many answers are asked for.
    choice_count: i64;
    /// How much reasoning is asked for, in the provider's word.
    reasoning_level: impl Into<String>;
    /// Form of the answer: `text`, `json`, `image`, `speech`.
    output_type: &'static str;
}

impl LlmRequest {
    /// Whom the call goes to, if anybody: a name or an address, and the port.
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Server { address: address.into(), port: Some(port) };
        self
    }

    /// Whether a stream is asked for. Default: no.
    pub fn stream(mut self, stream: bool) -> Self {
        self.facts.stream = stream;
        self
    }

    /// Texts that end the answer.
    pub fn stop_sequences<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.facts.stop_sequences = texts.into_iter().map(Into::into).collect();
        self
    }

    /// The call begins: its span is open until [`LlmCall::end`], [`LlmCall::fail`], or until it is dropped, which cancels it.
    pub fn start(self) -> LlmCall {
        let call = Call::start_by_hand(&self.provider, &self.server, &self.facts);
        let known = call.is_observed().then(|| Box::new(Known::new(&call)));
        LlmCall { call, host: self.server.address, known }
    }
}

/// A call that is under way, and what is known of its answer. Made by [`LlmRequest::start`].
///
/// Where nothing is recorded (no `init`, an unsampled trace, or a span for this call that somebody else has opened) all of it does
/// nothing. Content is copied only while content is switched on.
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub struct LlmCall {
    call: Call,
    host: String,
    known: Option<Box<Known>>,
}

#[derive(Debug)]
struct Known {
    facts: Facts,
    system: Option<String>,
    /// As OpenAI's chat completions write them.
    messages: Vec<Value>,
    /// Bytes that may still be kept.
    input: usize,
    output: usize,
}

impl Known {
    fn new(call: &Call) -> Self {
        let (input, output) = call.content();
        let bytes = |content| match content {
            Content::Off => 0,
            Content::Keep { bytes } => bytes,
        };
        let (input, output) = (bytes(input), bytes(output));
        Self { facts: Facts::default(), system: None, messages: Vec::new(), input, output }
    }

    fn asked(&mut self) -> RequestContent {
        let messages = std::mem::take(&mut self.messages);
        RequestContent {
            system: self.system.take().map(Kept::Text),
            input: (!messages.is_empty()).then(|| Kept::Json(Value::Array(messages).to_string())),
            ..RequestContent::default()
        }
    }

    /// The answer that is being given: the one behind the last that has ended.
    fn choice(&mut self) -> &mut Choice {
        let choices = &mut self.facts.choices;
        if choices.last().is_none_or(|choice| choice.finish_reason.is_some()) {
            let index = u32::try_from(choices.len()).unwrap_or(u32::MAX);
            choices.push(Choice { index, ..Choice::default() });
        }
        choices.last_mut().expect("one was pushed if there was none")
    }
}

/// As much of `text` as may still be kept.
fn take<'a>(left: &mut usize, text: &'a str) -> Option<&'a str> {
    let mut end = text.len().min(*left);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    *left -= end;
    (end > 0).then(|| &text[..end])
}

impl LlmCall {
    /// Puts the call's context into the headers of its request; to be called for each attempt. A `traceparent` that stands there was put
    /// there by hand, and is kept.
    pub fn inject(&self, headers: &mut HeaderMap) {
        self.call.inject(headers, &self.host);
    }

    /// The context in which the call's span is current, for what belongs to the call.
    pub fn context(&self) -> Context {
        self.call.context()
    }

    /// `future`, in which the call's span is current: an observed client that sends the call there adds no span of its own.
    pub fn scope<F: Future>(&self, future: F) -> InTrace<F> {
        InTrace::new(self.context(), future)
    }

    /// Instructions that stand apart from the messages; content.
    pub fn system(&mut self, text: &str) -> &mut Self {
        self.note(|known| known.system = take(&mut known.input, text).map(str::to_owned))
    }

    /// A message that is sent, behind those before it: `user`, `assistant` or `system` says it; content.
    pub fn message(&mut self, role: &str, text: &str) -> &mut Self {
        self.note(|known| {
            if let Some(text) = take(&mut known.input, text) {
                known.messages.push(json!({"role": role, "content": text}));
            }
        })
    }

    /// What the tool call `id` gave back, as a message that is sent; content.
    pub fn tool_result(&mut self, id: &str, text: &str) -> &mut Self {
        self.note(|known| {
            if let Some(text) = take(&mut known.input, text) {
                known.messages.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
            }
        })
    }

    /// A piece of a stream has come. The time of the first is recorded.
    pub fn chunk(&mut self) -> &mut Self {
        self.call.chunk_by_hand();
        self
    }

    /// The answer's id.
    pub fn response_id(&mut self, id: &str) -> &mut Self {
        self.note(|known| known.facts.id = Some(id.to_owned()))
    }

    /// The model that answered.
    pub fn response_model(&mut self, model: &str) -> &mut Self {
        self.note(|known| known.facts.model = Some(model.to_owned()))
    }

    /// Tokens of the input, cached ones too.
    pub fn input_tokens(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.usage.input = Some(count))
    }

    /// Tokens of the output, reasoning too.
    pub fn output_tokens(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.usage.output = Some(count))
    }

    /// Of the input's tokens, those read from a cache.
    pub fn cache_read_tokens(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.usage.cache_read = Some(count))
    }

    /// Of the input's tokens, those written to a cache.
    pub fn cache_write_tokens(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.usage.cache_write = Some(count))
    }

    /// Of the output's tokens, those of reasoning.
    pub fn reasoning_tokens(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.usage.reasoning = Some(count))
    }

    /// Length of the vectors that came.
    pub fn embedding_dimensions(&mut self, count: u64) -> &mut Self {
        self.note(|known| known.facts.embedding_dimensions = Some(count))
    }

    /// Something that the model said, behind what it said before; content.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.note(|known| {
            if let Some(text) = take(&mut known.output, text) {
                known.choice().text.get_or_insert_default().push_str(text);
            }
        })
    }

    /// A tool that the model asks for; `arguments`, as JSON, are content.
    pub fn tool_call(&mut self, id: &str, name: &str, arguments: &str) -> &mut Self {
        self.note(|known| {
            let choice = known.choice().index;
            known.facts.tool_calls.push(ToolCall {
                id: Some(id.to_owned()),
                name: Some(name.to_owned()),
                choice,
                arguments: take(&mut known.output, arguments).map(str::to_owned),
            });
        })
    }

    /// Why the answer ended, in the provider's word. Of several answers, once for each: what is said after it belongs to the next.
    pub fn finish_reason(&mut self, reason: &str) -> &mut Self {
        self.note(|known| known.choice().finish_reason = Some(reason.to_owned()))
    }

    /// What went wrong, in the provider's word, which makes the call an error; `message` is content.
    pub fn error(&mut self, name: &str, message: Option<&str>) -> &mut Self {
        self.note(|known| {
            let message = message.and_then(|message| take(&mut known.output, message)).map(str::to_owned);
            known.facts.error = Some(WireError { names: vec![name.to_owned()], message });
        })
    }

    /// The answer is complete.
    pub fn end(mut self) {
        self.close(&Ended::Complete);
    }

    /// The call has failed; `kind` is a short name of few different ones (`timeout`), no message.
    pub fn fail(mut self, kind: impl Into<Cow<'static, str>>) {
        self.close(&Ended::Failed(kind.into()));
    }

    fn note(&mut self, note: impl FnOnce(&mut Known)) -> &mut Self {
        if let Some(known) = &mut self.known {
            note(known);
        }
        self
    }

    fn close(&mut self, ended: &Ended) {
        if let Some(mut known) = self.known.take() {
            let asked = known.asked();
            self.call.end_by_hand(&asked, &known.facts, ended);
        }
    }
}

impl Drop for LlmCall {
    fn drop(&mut self) {
        self.close(&Ended::Dropped);
    }
}
