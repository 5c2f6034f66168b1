//! Secrets: from SSM Parameter Store in AWS, from values given locally.
//!
//! SSM has a client of its own, but a function needs one call in its whole life, so the request is made by hand: signed with the
//! signer and sent over the connector that the other clients use anyway.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Aws;
use crate::domain::time::Timestamp;
use crate::domain::token::TokenKeys;

/// Where secrets come from.
#[derive(Clone)]
pub enum SecretSource {
    /// SSM Parameter Store, `SecureString` parameters by name.
    Ssm,
    /// These values, by parameter name.
    Fixed(BTreeMap<String, String>),
    /// On one machine: these values, and secrets of the site as files in a folder.
    Local {
        /// By parameter name.
        values: BTreeMap<String, String>,
        /// One file for each secret that the site files name.
        site: PathBuf,
    },
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssm => "SecretSource::Ssm",
            Self::Fixed(_) => "SecretSource::Fixed([secret])",
            Self::Local { .. } => "SecretSource::Local([secret])",
        })
    }
}

/// Why secrets cannot be had or used. Never holds one.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The request failed.
    #[error("cannot read parameters {names} from SSM: {reason}")]
    Request {
        /// The parameters asked for.
        names: String,
        /// What went wrong.
        reason: String,
    },
    /// There is no such parameter.
    #[error("there is no parameter {0} in SSM; create it as a SecureString")]
    Unknown(String),
    /// There is no such secret on this machine.
    #[error("there is no secret here: write it to {file}, or set {variable}")]
    NotHere {
        /// Where it was looked for.
        file: String,
        /// The environment variable that could hold it.
        variable: String,
    },
    /// Nothing can have this name.
    #[error("`{0}` cannot name a secret; use lower-case letters, digits and -")]
    Name(String),
    /// The value is not what it should be.
    #[error("parameter {name} should hold {expected}")]
    Shape {
        /// Its name.
        name: String,
        /// What it should hold.
        expected: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Parameters", default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Value")]
    value: String,
}

impl SecretSource {
    /// The values of these parameters, in order, with one request at most.
    pub async fn get(
        &self,
        aws: &Aws,
        names: &[&str],
        now: Timestamp,
    ) -> Result<Vec<String>, SecretError> {
        let mut values = match self {
            Self::Fixed(values) | Self::Local { values, .. } => values.clone(),
            Self::Ssm => get_parameters(aws, names, now).await?,
        };
        names
            .iter()
            .map(|name| {
                values
                    .remove(*name)
                    .ok_or_else(|| SecretError::Unknown((*name).to_owned()))
            })
            .collect()
    }
}

/// A key of 32 bytes from its base64.
pub fn read_key(name: &str, value: &str) -> Result<[u8; 32], SecretError> {
    let bytes = STANDARD
        .decode(value.trim())
        .ok()
        .and_then(|b| <[u8; 32]>::try_from(b).ok());
    bytes.ok_or_else(|| SecretError::Shape {
        name: name.to_owned(),
        expected: "base64 of 32 bytes".into(),
    })
}

/// The key set that signs links, from its JSON.
pub fn read_token_keys(name: &str, value: &str) -> Result<TokenKeys, SecretError> {
    TokenKeys::from_json(value).map_err(|problem| SecretError::Shape {
        name: name.to_owned(),
        expected: problem.to_string(),
    })
}

async fn get_parameters(
    aws: &Aws,
    names: &[&str],
    now: Timestamp,
) -> Result<BTreeMap<String, String>, SecretError> {
    let failed = |reason: String| SecretError::Request {
        names: names.join(", "),
        reason,
    };
    let body = serde_json::json!({ "Names": names, "WithDecryption": true }).to_string();
    let request = signed_request(aws, &body, now).map_err(failed)?;
    let mut response = aws
        .connector()
        .call(request)
        .await
        .map_err(|e| failed(e.to_string()))?;
    let mut body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let mut bytes = Vec::new();
    while let Some(chunk) = next_chunk(&mut body).await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
    }
    if !response.status().is_success() {
        // The answer of a refused call names the role and the parameter, never a value.
        return Err(failed(format!(
            "status {}: {}",
            response.status().as_u16(),
            String::from_utf8_lossy(&bytes)
        )));
    }
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|_| failed("an answer that is not JSON".into()))?;
    Ok(answer
        .parameters
        .into_iter()
        .map(|p| (p.name, p.value))
        .collect())
}

async fn next_chunk(body: &mut SdkBody) -> Result<Option<Vec<u8>>, String> {
    use http_body::Body as _;
    let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await;
    match frame {
        None => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(frame)) => Ok(Some(
            frame.into_data().map(|d| d.to_vec()).unwrap_or_default(),
        )),
    }
}

fn signed_request(aws: &Aws, body: &str, now: Timestamp) -> Result<HttpRequest, String> {
    let url = aws
        .endpoints()
        .ssm
        .clone()
        .unwrap_or_else(|| format!("https://ssm.{}.amazonaws.com/", aws.region()));
    let identity = aws.credentials().clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(aws.region())
        .name("ssm")
        .time(UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default()))
        .settings(SigningSettings::default())
        .build()
        .map_err(|e| e.to_string())?
        .into();
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonSSM.GetParameters"),
    ];
    let signable = SignableRequest::new(
        "POST",
        url.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .map_err(|e| e.to_string())?;
    let (instructions, _) = sign(signable, &params)
        .map_err(|e| e.to_string())?
        .into_parts();
    let mut request = http::Request::builder().method("POST").uri(&url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request
        .body(SdkBody::from(body))
        .map_err(|e| e.to_string())?;
    instructions.apply_to_request_http1x(&mut request);
    HttpRequest::try_from(request).map_err(|e| e.to_string())
}
