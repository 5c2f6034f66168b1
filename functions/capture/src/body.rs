//! Reading a post: its type, its limits, its pairs. Knows nothing of forms.
//!
//! Limits are checked before and while parsing, so that no post costs more than it may. Text in another charset than UTF-8 is decoded
//! where ASCII means ASCII in it; a page that says nothing and sends what UTF-8 cannot be is taken for an old page in windows-1252, so
//! that a "Müller" stays one.

use std::fmt;
use std::marker::PhantomData;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lambda_http::{Body, Request};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
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
/// Most bytes of the headers of one part.
const MAX_PART_HEADERS: usize = 1024;
/// Most bytes of all headers.
const MAX_HEADERS: usize = 8 * 1024;

/// Names and values, in the order posted.
pub type Pairs = Vec<(String, String)>;

/// A body within its limits, and how its text is written.
pub struct Raw {
    bytes: Vec<u8>,
    content_type: String,
    /// The charset it names; none where it names none.
    charset: Option<&'static Encoding>,
}

impl Raw {
    /// The bytes as they came: what signatures are made over, and what dialects of their own read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Text in the charset that a query names, where the type names none and it is one that can be read.
    #[must_use]
    pub fn in_charset(mut self, label: Option<&str>) -> Self {
        let named = label.and_then(|label| Encoding::for_label(label.as_bytes()));
        self.charset = self.charset.or(named.filter(|e| e.is_ascii_compatible()));
        self
    }
}

/// Reads the pairs of a post.
pub async fn read(request: Request) -> Result<Pairs, Refusal> {
    pairs(raw(request)?).await
}

/// Takes the body of a request, within its limits.
pub fn raw(request: Request) -> Result<Raw, Refusal> {
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
    let charset = charset(&content_type)?;
    let bytes = match request.into_body() {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    if bytes.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    Ok(Raw {
        bytes,
        content_type,
        charset,
    })
}

/// Names and values of a body, by its type. A body without a type is a JSON object if it begins like one, else a form: some clients send
/// forms without saying so.
pub async fn pairs(raw: Raw) -> Result<Pairs, Refusal> {
    let media_type = raw
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let pairs = match media_type.as_str() {
        "" if raw.bytes.trim_ascii_start().starts_with(b"{") => json(&raw.bytes)?,
        "" | "application/x-www-form-urlencoded" => urlencoded(&raw.bytes, raw.charset),
        "multipart/form-data" => multipart(raw).await?,
        "application/json" => json(&raw.bytes)?,
        media if media.ends_with("+json") => json(&raw.bytes)?,
        _ => return Err(Refusal::UnsupportedType),
    };
    within_limits(pairs)
}

/// The charset that a type names. One in which ASCII bytes are not ASCII would let a name hide from the check, so it is refused.
fn charset(content_type: &str) -> Result<Option<&'static Encoding>, Refusal> {
    let named = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    let Some(named) = named.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    Encoding::for_label(named.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
        .map(Some)
        .ok_or(Refusal::UnsupportedType)
}

fn text(bytes: &[u8], charset: Option<&'static Encoding>) -> String {
    if let Some(encoding) = charset.filter(|e| *e != UTF_8) {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    match (std::str::from_utf8(bytes), charset) {
        (Ok(text), _) => text.to_owned(),
        (Err(_), None) => WINDOWS_1252
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
        (Err(_), Some(_)) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn urlencoded(bytes: &[u8], charset: Option<&'static Encoding>) -> Pairs {
    // The usual case, without a copy more.
    if charset.is_none_or(|e| e == UTF_8) && !has_high_escape(bytes) {
        return form_urlencoded::parse(bytes).into_owned().collect();
    }
    bytes
        .split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let mut half = || decoded(halves.next().unwrap_or_default(), charset);
            (half(), half())
        })
        .collect()
}

/// Whether a byte outside ASCII is in it, plain or as `%80` and up.
fn has_high_escape(bytes: &[u8]) -> bool {
    bytes.iter().any(|b| !b.is_ascii())
        || bytes
            .windows(2)
            .any(|w| w[0] == b'%' && matches!(w[1], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F'))
}

fn decoded(part: &[u8], charset: Option<&'static Encoding>) -> String {
    let spaced: Vec<u8> = part
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    text(&bytes, charset)
}

/// Holds the limits of a post that was read in another way.
pub fn within_limits(pairs: Pairs) -> Result<Pairs, Refusal> {
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

async fn multipart(raw: Raw) -> Result<Pairs, Refusal> {
    let boundary = multer::parse_boundary(&raw.content_type).map_err(|_| Refusal::BadMultipart)?;
    let Raw { bytes, charset, .. } = raw;
    let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut pairs = Vec::new();
    let mut count = 0;
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|_| Refusal::BadMultipart)?
    {
        count += 1;
        if count > MAX_FIELDS {
            return Err(Refusal::TooManyFields);
        }
        let header_bytes: usize = part
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if header_bytes > MAX_PART_HEADERS {
            return Err(Refusal::HeadersTooLarge);
        }
        let own = part
            .content_type()
            .map(|mime| self::charset(mime.as_ref()))
            .transpose()?
            .flatten();
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let value = part.bytes().await.map_err(|_| Refusal::BadMultipart)?;
        match file {
            // A file input that was left empty.
            Some(_) if value.is_empty() => {}
            Some(_) => return Err(Refusal::Files),
            None => pairs.push((name, text(&value, own.or(charset)))),
        }
    }
    Ok(pairs)
}

fn json(bytes: &[u8]) -> Result<Pairs, Refusal> {
    let Members(members) = serde_json::from_slice(bytes).map_err(|_| Refusal::BadJson)?;
    let mut pairs = Vec::new();
    for (name, value) in members {
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

/// The members of a JSON object, in order, names as often as they stand there.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A JSON object and nothing else: what is derived for a struct would read a list as well, member by member.
#[derive(Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Whole<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Whole(PhantomData))
    }
}

/// Reads a JSON object.
pub fn object<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Refusal> {
    let read: Result<Object<T>, _> = serde_json::from_slice(bytes);
    read.map(|Object(read)| read).map_err(|_| Refusal::BadJson)
}

/// A JSON value as a page would post it.
pub fn scalar(value: &Value) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &[u8], content_type: &str) -> Pairs {
        urlencoded(body, charset(content_type).unwrap())
    }

    fn pair(name: &str, value: &str) -> Pairs {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn frm_1_text_is_read_in_its_charset_and_old_pages_keep_their_umlauts() {
        const FORM: &str = "application/x-www-form-urlencoded";
        assert_eq!(decode(b"n=M%C3%BCller", FORM), pair("n", "Müller"));
        assert_eq!(decode(b"n=M%FCller+x", FORM), pair("n", "Müller x"));
        let latin = format!("{FORM}; charset=ISO-8859-1");
        assert_eq!(decode(b"n=M%FCller&", &latin), pair("n", "Müller"));
        assert_eq!(decode(b"n=%80", &latin), pair("n", "€"));
        let greek = format!("{FORM};charset=\"windows-1253\"");
        assert_eq!(decode(b"n=%C1", &greek), pair("n", "Α"));
        let japanese = format!("{FORM};charset=shift_jis");
        assert_eq!(decode(b"n=%93%8C%8B%9E", &japanese), pair("n", "東京"));
        let utf8 = format!("{FORM};charset=utf-8");
        assert_eq!(decode(b"n=%FC", &utf8), pair("n", "\u{fffd}"));
    }

    #[test]
    fn frm_1_a_charset_that_is_not_ascii_compatible_or_unknown_is_refused() {
        for charset_ in ["utf-16", "utf-16le", "iso-2022-jp", "utf-7", "klingon"] {
            let kind = format!("application/x-www-form-urlencoded; charset={charset_}");
            assert_eq!(charset(&kind), Err(Refusal::UnsupportedType), "{charset_}");
        }
    }

    #[test]
    fn a_list_is_not_read_as_an_object_with_its_members_in_order() {
        #[derive(Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default)]
        struct Two {
            a: u8,
            b: Option<u8>,
        }
        let read = object::<Two>;
        assert_eq!(read(b"{\"a\": 1}"), Ok(Two { a: 1, b: None }));
        assert_eq!(read(b"[1, 2]"), Err(Refusal::BadJson));
        assert_eq!(read(b"[]"), Err(Refusal::BadJson));
        let within = object::<std::collections::BTreeMap<String, Option<Object<Two>>>>;
        assert!(within(b"{\"x\": {\"b\": 2}, \"y\": null}").is_ok());
        assert!(within(b"{\"x\": [1]}").is_err());
    }
}
