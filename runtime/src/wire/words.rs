//! The words of the wire: every key that a reader looks at, and what is kept of the value below it.
//!
//! In: a key's bytes. Out: a [`Word`]. A key that does not stand here is passed over with everything below it, which is what keeps
//! the reading of a large body small.

/// What is kept of the value under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// What is inside; of a text only its length.
    Tree,
    /// What is inside; a text is a fact (a name, an id, a reason).
    Fact,
    /// What is inside; a text is content.
    Content,
    /// Content as it stands on the wire, JSON and all.
    Json,
    /// The same, in requests only: answers of some providers repeat what was asked.
    Asked,
    /// A text that wraps another document, in base64.
    Wrapped,
}

macro_rules! words {
    ($($keep:ident { $($word:ident = $text:literal),* $(,)? })*) => {
        /// A key that a reader looks at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Word {
            /// The document itself.
            Root,
            /// Any other key.
            Unknown,
            $($($word,)*)*
        }

        impl Word {
            /// The word that `key` spells.
            pub(super) fn of(key: &[u8]) -> Self {
                match key {
                    $($($text => Self::$word,)*)*
                    _ => Self::Unknown,
                }
            }

            pub(super) const fn keep(self) -> Keep {
                match self {
                    Self::Root | Self::Unknown => Keep::Tree,
                    $($(Self::$word)|* => Keep::$keep,)*
                }
            }
        }
    };
}

words! {
    Fact {
        BlockReason = b"blockReason", CallId = b"call_id", Code = b"code",
        CompletionReason = b"completionReason", DoneReason = b"done_reason", Effort = b"effort",
        EmbeddingTypes = b"embedding_types", EmbeddingsTypes = b"embeddingTypes",
        EncodingFormat = b"encoding_format", Error = b"error", ErrorType = b"error_type",
        EventType = b"event_type", Execution = b"execution", FinishReason = b"finish_reason",
        FinishReasonCamel = b"finishReason", GenerationId = b"generation_id",
        GuardrailAction = b"amazon-bedrock-guardrailAction", Id = b"id", Model = b"model",
        ModelVersion = b"modelVersion", Name = b"name", PreviousResponseId = b"previous_response_id",
        Reason = b"reason", ReasoningEffort = b"reasoning_effort", ResponseFormat = b"response_format",
        ResponseId = b"responseId", ResponseIdSnake = b"response_id",
        ResponseMimeType = b"responseMimeType", ServiceTier = b"service_tier", Status = b"status",
        Stop = b"stop", StopReason = b"stop_reason", StopReasonCamel = b"stopReason",
        StopSequences = b"stop_sequences", StopSequencesCamel = b"stopSequences",
        SystemFingerprint = b"system_fingerprint", Think = b"think", ThinkingLevel = b"thinkingLevel",
        ToolType = b"toolType", ToolUseId = b"toolUseId", Type = b"type", UnderscoreType = b"__type",
    }
    Content {
        Completion = b"completion", Delta = b"delta", Content = b"content", Detail = b"detail", Generation = b"generation",
        Message = b"message", OutputText = b"outputText", PartialJson = b"partial_json", Parts = b"parts",
        Reasoning = b"reasoning", ReasoningContent = b"reasoning_content", Refusal = b"refusal",
        Response = b"response", Summary = b"summary", Text = b"text", Thinking = b"thinking",
    }
    Json {
        Args = b"args", Arguments = b"arguments", Input = b"input", Parameters = b"parameters",
    }
    Asked {
        AskedContents = b"contents", ChatHistory = b"chat_history", Functions = b"functions",
        InputText = b"inputText", InputTexts = b"texts", Inputs = b"inputs",
        Instructions = b"instructions", Messages = b"messages", Preamble = b"preamble",
        Prompt = b"prompt", System = b"system", SystemInstruction = b"systemInstruction",
        SystemInstructionSnake = b"system_instruction", ToolConfig = b"toolConfig", Tools = b"tools",
    }
    Wrapped {
        Bytes = b"bytes",
    }
    Tree {
        AdditionalFields = b"additionalModelRequestFields", Base64 = b"base64", Batch = b"requests",
        BilledUnits = b"billed_units", BlockDelta = b"contentBlockDelta",
        BlockIndex = b"contentBlockIndex", BlockStart = b"contentBlockStart",
        CacheCreation = b"cache_creation_input_tokens", CacheRead = b"cache_read_input_tokens",
        CacheReadCamel = b"cacheReadInputTokens", CacheReadCount = b"cacheReadInputTokenCount",
        CacheWriteCamel = b"cacheWriteInputTokens", CacheWriteCount = b"cacheWriteInputTokenCount",
        CacheWriteTokens = b"cache_write_tokens", CachedContentTokenCount = b"cachedContentTokenCount",
        CachedTokens = b"cached_tokens", CandidateCount = b"candidateCount", Candidates = b"candidates",
        CandidatesTokenCount = b"candidatesTokenCount", Choices = b"choices",
        CompletionTokenDetails = b"completion_token_details", CompletionTokens = b"completion_tokens",
        CompletionTokensDetails = b"completion_tokens_details", ContentBlock = b"content_block", Cost = b"cost",
        Custom = b"custom", Data = b"data", Details = b"details",
        Dimensions = b"dimensions", Done = b"done", EmbedContentConfig = b"embedContentConfig",
        Embedding = b"embedding", EmbeddingDimension = b"embeddingDimension", Embeddings = b"embeddings",
        EmbeddingsByType = b"embeddingsByType", EvalCount = b"eval_count",
        ExecutableCode = b"executableCode", FloatVectors = b"float",
        FrequencyPenalty = b"frequency_penalty", FrequencyPenaltyCamel = b"frequencyPenalty",
        Function = b"function", FunctionCall = b"functionCall", FunctionCallSnake = b"function_call",
        GenerationConfig = b"generationConfig", GenerationTokenCount = b"generation_token_count",
        Generations = b"generations", IncludeUsage = b"include_usage",
        IncompleteDetails = b"incomplete_details", Index = b"index", InferenceConfig = b"inferenceConfig",
        InputTextTokenCount = b"inputTextTokenCount", InputTokenCount = b"inputTokenCount",
        InputTokens = b"input_tokens", InputTokensCamel = b"inputTokens",
        InputTokensDetails = b"input_tokens_details", InputType = b"input_type", Int8Vectors = b"int8",
        InvocationMetrics = b"amazon-bedrock-invocationMetrics", Item = b"item", K = b"k",
        MaxCompletionTokens = b"max_completion_tokens", MaxGenLen = b"max_gen_len",
        MaxNewTokens = b"max_new_tokens", MaxNewTokensCamel = b"maxNewTokens",
        MaxOutputTokens = b"max_output_tokens", MaxOutputTokensCamel = b"maxOutputTokens",
        MaxTokenCount = b"maxTokenCount", MaxTokens = b"max_tokens", MaxTokensCamel = b"maxTokens",
        MaxTokensToSample = b"max_tokens_to_sample", MessageStop = b"messageStop", Meta = b"meta",
        Metadata = b"metadata", N = b"n", NumCachedTokens = b"num_cached_tokens",
        NumGenerations = b"num_generations", NumPredict = b"num_predict", Options = b"options",
        Output = b"output", OutputConfig = b"output_config", OutputDimension = b"output_dimension",
        OutputDimensionality = b"outputDimensionality", OutputFormat = b"format",
        OutputIndex = b"output_index", OutputTokenCount = b"outputTokenCount",
        OutputTokens = b"output_tokens", OutputTokensCamel = b"outputTokens",
        OutputTokensDetails = b"output_tokens_details", Outputs = b"outputs", P = b"p",
        PresencePenalty = b"presence_penalty", PresencePenaltyCamel = b"presencePenalty",
        PromptCacheHitTokens = b"prompt_cache_hit_tokens", PromptEvalCached = b"prompt_eval_cached_count",
        PromptEvalCount = b"prompt_eval_count", PromptFeedback = b"promptFeedback",
        PromptTokenCount = b"promptTokenCount", PromptTokenCountSnake = b"prompt_token_count",
        PromptTokenDetails = b"prompt_token_details", PromptTokens = b"prompt_tokens",
        PromptTokensDetails = b"prompt_tokens_details", ReasoningBlock = b"reasoningContent",
        ReasoningTextBlock = b"reasoningText", ReasoningTokens = b"reasoning_tokens",
        Results = b"results", Seed = b"seed", SingleEmbeddingParams = b"singleEmbeddingParams",
        Start = b"start", Stream = b"stream", StreamOptions = b"stream_options",
        Temperature = b"temperature", TextGenerationConfig = b"textGenerationConfig",
        ThinkingConfig = b"thinkingConfig", ThinkingTokens = b"thinking_tokens", Thought = b"thought",
        ThoughtsTokenCount = b"thoughtsTokenCount", TokenCount = b"tokenCount", Tokens = b"tokens",
        ToolCall = b"toolCall", ToolCalls = b"tool_calls", ToolUse = b"toolUse",
        ToolUsePromptTokenCount = b"toolUsePromptTokenCount", TopK = b"top_k", TopKCamel = b"topK",
        TopP = b"top_p", TopPCamel = b"topP", TotalTokenCount = b"totalTokenCount",
        TotalTokenCountOutput = b"totalOutputTextTokenCount", TotalTokens = b"total_tokens",
        Usage = b"usage", UsageMetadata = b"usageMetadata", Values = b"values", XGroq = b"x_groq",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_whole_words() {
        assert_eq!(Word::of(b"finish_reason"), Word::FinishReason);
        for other in [&b"finish_reaso"[..], b"finish_reasons", b"Finish_reason", b"", b"\xff"] {
            assert_eq!(Word::of(other), Word::Unknown);
        }
    }
}
