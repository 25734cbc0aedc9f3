//! Replies of servers as text: redis-cli's raw form, which its `--cluster call` prints.

use redis::Value;
use serde_json::Value as Json;

use crate::engine::client::{NodeError, NodeErrorKind};

/// The raw form (`cliFormatReplyRaw` in redis-cli.c): elements on lines of their own, nothing quoted, nothing for nil.
#[must_use]
pub fn raw(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Okay => "OK".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Boolean(truth) => format!("({truth})"),
        Value::Double(number) => number.to_string(),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => {
            items.iter().map(raw).collect::<Vec<_>>().join("\n")
        }
        Value::Map(pairs) => pairs.iter().map(|(k, v)| format!("{} {}", raw(k), raw(v))).collect::<Vec<_>>().join("\n"),
        Value::Attribute { data, .. } => raw(data),
        Value::ServerError(error) => {
            format!("{}\n", format!("{} {}", error.code(), error.details().unwrap_or_default()).trim_end())
        }
        other => format!("{other:?}"),
    }
}

/// The error reply among these errors, as raw text: what a server said, and not what became of a connection.
#[must_use]
pub fn said(error: &NodeError) -> Option<&str> {
    match &error.kind {
        NodeErrorKind::Refused(reply) | NodeErrorKind::Auth(reply) => Some(reply),
        _ => None,
    }
}

/// The reply for JSON. Bytes that are no UTF-8 are replaced.
#[must_use]
pub fn json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Int(number) => (*number).into(),
        Value::Boolean(truth) => (*truth).into(),
        Value::Double(number) => (*number).into(),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => items.iter().map(json).collect(),
        Value::Map(pairs) => pairs.iter().map(|(k, v)| Json::Array(vec![json(k), json(v)])).collect(),
        Value::Attribute { data, .. } => json(data),
        other => raw(other).trim_end_matches('\n').into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_raw_as_in_redis_cli() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let nested = Value::Array(vec![bulk("a"), Value::Array(vec![bulk("b"), Value::Int(-3)]), Value::Nil]);
        assert_eq!(raw(&nested), "a\nb\n-3\n");
        assert_eq!(raw(&Value::Okay), "OK");
        assert_eq!(raw(&Value::Array(vec![])), "");
        assert_eq!(json(&nested), serde_json::json!(["a", ["b", -3], null]));
    }
}
