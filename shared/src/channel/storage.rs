//! Links to magnets in storage: presigned S3 URLs, made at the click and good for minutes.
//!
//! Only the signature is needed, so the signer that the SDK links anyway does it; there is no S3 client in the function. A presigned URL
//! dies with the credentials that signed it, whatever its own end says: that is why none is ever mailed.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::magnet::Magnet;
use crate::domain::time::Timestamp;
use crate::runtime::Aws;

/// How long a link is good for.
pub const LINK_SECONDS: u64 = 300;

/// Header that keeps the SHA-256 of an uploaded file beside it.
pub const DIGEST_HEADER: &str = "x-amz-meta-sha256";

/// What S3 leaves as it is in a canonical request (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same, and the slash of a key.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Makes links to the magnets of one bucket.
#[derive(Clone, Debug)]
pub struct Storage {
    /// `https://bucket.s3.region.amazonaws.com`, or a stand-in's address with the bucket as its path.
    base: String,
    region: String,
    credentials: Credentials,
}

/// A link could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("a link to storage could not be signed")]
pub struct StorageError;

impl Storage {
    /// Links into `bucket`.
    pub fn new(aws: &Aws, bucket: &str) -> Self {
        let base = aws.endpoints().s3.as_ref().map_or_else(
            || format!("https://{bucket}.s3.{}.amazonaws.com", aws.region()),
            |endpoint| format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        );
        Self {
            base,
            region: aws.region().to_owned(),
            credentials: aws.credentials().clone(),
        }
    }

    /// The origin links lead to, for content security policies.
    pub fn origin(&self) -> String {
        url::Url::parse(&self.base)
            .map(|u| u.origin().ascii_serialization())
            .unwrap_or_default()
    }

    /// A link to a magnet's file that saves it under its own name. The key comes from the site, never from the request.
    pub fn link(&self, magnet: &Magnet, now: Timestamp) -> Result<String, StorageError> {
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let url = format!(
            "{}?response-content-disposition={}&response-content-type={}",
            self.object(magnet),
            encode(&disposition(&magnet.save_as)),
            encode(&magnet.content_type),
        );
        self.sign("GET", &url, &[], now).ok_or(StorageError)
    }

    /// A link that says whether a magnet's file is there (HEAD).
    pub fn look_link(&self, magnet: &Magnet, now: Timestamp) -> Result<String, StorageError> {
        let url = self.object(magnet);
        self.sign("HEAD", &url, &[], now).ok_or(StorageError)
    }

    /// A link that a magnet's file is put to (PUT), together with the header [`DIGEST_HEADER`] of this magnet.
    pub fn upload_link(&self, magnet: &Magnet, now: Timestamp) -> Result<String, StorageError> {
        let url = self.object(magnet);
        let headers = [(DIGEST_HEADER, magnet.sha256.as_str())];
        self.sign("PUT", &url, &headers, now).ok_or(StorageError)
    }

    fn object(&self, magnet: &Magnet) -> String {
        format!(
            "{}/magnets/{}",
            self.base,
            utf8_percent_encode(&magnet.file, PATH)
        )
    }

    fn sign(
        &self,
        method: &'static str,
        url: &str,
        headers: &[(&'static str, &str)],
        now: Timestamp,
    ) -> Option<String> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(LINK_SECONDS));
        // S3's own rules: paths are taken as they are, and encoded once.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.session_token_mode = SessionTokenMode::Include;
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default()))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let signable = SignableRequest::new(
            method,
            url,
            headers.iter().copied(),
            SignableBody::UnsignedPayload,
        )
        .ok()?;
        let (instructions, _) = sign(signable, &params).ok()?.into_parts();
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .body(())
            .ok()?;
        instructions.apply_to_request_http1x(&mut request);
        Some(request.uri().to_string())
    }
}

/// `attachment` with the name for old and new browsers (RFC 6266).
fn disposition(save_as: &str) -> String {
    let plain: String = save_as
        .chars()
        .map(|c| {
            if c.is_ascii() && !matches!(c, '"' | '\\') && !c.is_ascii_control() {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(save_as, UNRESERVED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tok_7_a_link_is_good_for_minutes_and_names_the_file_for_the_visitor() {
        let storage = Storage {
            base: "https://files.s3.eu-central-1.amazonaws.com".into(),
            region: "eu-central-1".into(),
            credentials: Credentials::new("AKID", "SECRET", Some("TOKEN".into()), None, "test"),
        };
        let magnet = Magnet {
            id: "guide".into(),
            title: "Guide".into(),
            description: String::new(),
            file: "a guide.pdf".into(),
            save_as: "Führer \"1\".pdf".into(),
            content_type: "application/pdf".into(),
            bytes: 1,
            sha256: String::new(),
            follow_ups: Vec::new(),
        };
        let link = storage.link(&magnet, Timestamp(1_772_357_400_000)).unwrap();
        assert!(
            link.starts_with("https://files.s3.eu-central-1.amazonaws.com/magnets/a%20guide.pdf?"),
            "{link}"
        );
        for part in [
            "X-Amz-Expires=300",
            "X-Amz-Signature=",
            "X-Amz-Security-Token=TOKEN",
            "filename%2A%3DUTF-8%27%27F%25C3%25BChrer",
        ] {
            assert!(link.contains(part), "{part} in {link}");
        }
        assert_eq!(
            storage.origin(),
            "https://files.s3.eu-central-1.amazonaws.com"
        );
    }
}
