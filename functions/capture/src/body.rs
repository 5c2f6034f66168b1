//! Reading a post: its type, its limits, its pairs. Knows nothing of forms.
//!
//! Limits are checked before and while parsing, so that no post costs more than it may.

use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lambda_http::{Body, Request};
use serde_json::Value;
use shared::edge::http::header_text;

use crate::answer::Refusal;

/// Most bytes of a body.
pub const MAX_BODY: usize = 64 * 1024;
/// Most fields.
const MAX_FIELDS: usize = 50;
/// Most bytes of a field's name.
const MAX_NAME: usize = 64;
/// Most bytes of a field's value; long texts may have twice as many.
const MAX_VALUE: usize = 8 * 1024;
/// Most levels of JSON.
const MAX_DEPTH: usize = 4;
/// Most bytes of all headers.
const MAX_HEADERS: usize = 8 * 1024;

/// Names and values, in the order posted.
pub type Pairs = Vec<(String, String)>;

/// Reads the pairs of a post.
pub async fn read(request: Request) -> Result<Pairs, Refusal> {
    let headers = request.headers();
    let header_bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if header_bytes > MAX_HEADERS {
        return Err(Refusal::HeadersTooLarge);
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|e| e != "identity")
    {
        return Err(Refusal::UnsupportedType);
    }
    let content_type = header_text(headers, CONTENT_TYPE.as_str()).to_owned();
    let bytes = match request.into_body() {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    if bytes.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !charset_is_utf8(&content_type) {
        return Err(Refusal::UnsupportedType);
    }
    let pairs = match media_type.as_str() {
        "application/x-www-form-urlencoded" => {
            form_urlencoded::parse(&bytes).into_owned().collect()
        }
        "multipart/form-data" => multipart(bytes, &content_type).await?,
        "application/json" => json(&bytes)?,
        media if media.ends_with("+json") => json(&bytes)?,
        // Some clients send a form without saying what it is; guessing would hide their mistake.
        _ => return Err(Refusal::UnsupportedType),
    };
    within_limits(pairs)
}

fn charset_is_utf8(content_type: &str) -> bool {
    let charset = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    charset.is_none_or(|c| matches!(c.as_str(), "utf-8" | "utf8" | "us-ascii"))
}

fn within_limits(pairs: Pairs) -> Result<Pairs, Refusal> {
    if pairs.is_empty() || pairs.iter().all(|(_, value)| value.trim().is_empty()) {
        return Err(Refusal::Empty);
    }
    if pairs.len() > MAX_FIELDS {
        return Err(Refusal::TooManyFields);
    }
    if pairs
        .iter()
        .any(|(name, value)| name.len() > MAX_NAME || value.len() > MAX_VALUE)
    {
        return Err(Refusal::FieldTooLarge);
    }
    Ok(pairs)
}

async fn multipart(bytes: Vec<u8>, content_type: &str) -> Result<Pairs, Refusal> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| Refusal::BadMultipart)?;
    let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut pairs = Vec::new();
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|_| Refusal::BadMultipart)?
    {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let text = part.bytes().await.map_err(|_| Refusal::BadMultipart)?;
        match file {
            // A file input that was left empty.
            Some(_) if text.is_empty() => {}
            Some(_) => return Err(Refusal::Files),
            None => pairs.push((name, String::from_utf8_lossy(&text).into_owned())),
        }
        if pairs.len() > MAX_FIELDS {
            return Err(Refusal::TooManyFields);
        }
    }
    Ok(pairs)
}

fn json(bytes: &[u8]) -> Result<Pairs, Refusal> {
    let Value::Object(fields) = serde_json::from_slice(bytes).map_err(|_| Refusal::BadJson)? else {
        return Err(Refusal::BadJson);
    };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        if depth(&value) >= MAX_DEPTH {
            return Err(Refusal::BadJson);
        }
        match value {
            Value::Null => {}
            Value::Array(list) => pairs.extend(list.iter().map(|v| (name.clone(), scalar(v)))),
            other => pairs.push((name, scalar(&other))),
        }
    }
    Ok(pairs)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => String::from(if *flag { "true" } else { "" }),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
