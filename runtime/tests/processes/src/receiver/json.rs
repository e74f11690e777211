//! The lines of the stdout exporter, read back.

use serde_json::Value;

use super::Span;

/// A last line that is cut off is no span.
pub fn spans(lines: &[u8]) -> Vec<Span> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| span(&serde_json::from_slice(line).ok()?)).collect()
}

fn span(line: &Value) -> Option<Span> {
    let context = &line["SpanContext"];
    Some(Span {
        trace: context["TraceID"].as_str()?.into(),
        id: u64::from_str_radix(context["SpanID"].as_str()?, 16).ok()?,
        parent: u64::from_str_radix(line["ParentSpanID"].as_str()?, 16).unwrap_or(0),
        name: line["Name"].as_str()?.to_owned(),
        is_error: line["Status"]["Code"] == "Error",
        attributes: pairs(&line["Attributes"]),
        resource: pairs(&line["Resource"]),
        // RFC 3339 in UTC, all of one length: the order of texts is that of times.
        is_negative: line["EndTime"].as_str()? < line["StartTime"].as_str()?,
    })
}

fn pairs(list: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| {
        let value = &pair["Value"];
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((pair["Key"].as_str()?.to_owned(), text))
    };
    list.as_array().into_iter().flatten().filter_map(pair).collect()
}
