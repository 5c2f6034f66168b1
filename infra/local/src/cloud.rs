//! A deployed stack from outside: credentials of the environment, and the parameters that the stack was deployed with.
//!
//! Only commands use this, never a function. Profiles and single sign-on are left to the AWS command line, which exports what they give as
//! the same variables. The parameters come from CloudFormation's `DescribeStacks`, one call that needs no client of its own. Not run
//! against an AWS account; the answer's shape is the documented one.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use form_urlencoded::Serializer;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use shared::runtime::{Aws, Clock, Lookup, system_env};

use crate::template::Surroundings;

/// How to reach a stack.
pub struct Account {
    /// Clients with the credentials found.
    pub aws: Aws,
    /// Values of the template's parameters as deployed.
    pub parameters: BTreeMap<String, String>,
    /// Name, region and account.
    pub surroundings: Surroundings,
}

/// Takes credentials and region from the environment and reads the parameters of the stack `name`.
pub async fn connect(name: &str) -> anyhow::Result<Account> {
    let env: Lookup<'_> = &|variable| match variable {
        "AWS_REGION" => system_env("AWS_REGION").or_else(|| system_env("AWS_DEFAULT_REGION")),
        other => system_env(other),
    };
    let aws = Aws::from_lambda(env).context(
        "no AWS credentials; with the AWS command line: eval \"$(aws configure export-credentials --format env)\"",
    )?;
    let url = format!("https://cloudformation.{}.amazonaws.com/", aws.region());
    let described = describe(&aws, &url, name).await?;
    let (surroundings, parameters) = read(&described, name, aws.region())?;
    Ok(Account {
        aws,
        parameters,
        surroundings,
    })
}

/// The XML that `DescribeStacks` answers.
async fn describe(aws: &Aws, url: &str, name: &str) -> anyhow::Result<String> {
    let body = Serializer::new(String::new())
        .append_pair("Action", "DescribeStacks")
        .append_pair("StackName", name)
        .append_pair("Version", "2010-05-15")
        .finish();
    let identity = aws.credentials().clone().into();
    let millis = u64::try_from(Clock::system().now().0).unwrap_or_default();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(aws.region())
        .name("cloudformation")
        .time(SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(millis))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let kind = (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    let signable = SignableRequest::new(
        "POST",
        url,
        std::iter::once(kind),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    let mut request = http::Request::post(url)
        .header(kind.0, kind.1)
        .body(SdkBody::from(body))?;
    instructions.apply_to_request_http1x(&mut request);
    let sent = aws.connector().call(HttpRequest::try_from(request)?).await;
    let response =
        sent.with_context(|| format!("cannot ask CloudFormation about the stack `{name}`"))?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await;
    let bytes =
        bytes.map_err(|error| anyhow::anyhow!("CloudFormation's answer broke off: {error}"))?;
    let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
    if status != 200 {
        let said = quick_xml::de::from_str::<Refused>(&text).map(|refused| refused.error.message);
        bail!(
            "CloudFormation answers {status} for the stack `{name}`: {}",
            said.unwrap_or(text)
        );
    }
    Ok(text)
}

#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "Error")]
    error: RefusedError,
}

#[derive(Deserialize)]
struct RefusedError {
    #[serde(rename = "Message")]
    message: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "DescribeStacksResult")]
    result: Described,
}

#[derive(Deserialize)]
struct Described {
    #[serde(rename = "Stacks")]
    stacks: Stacks,
}

#[derive(Deserialize)]
struct Stacks {
    #[serde(default)]
    member: Vec<Stack>,
}

#[derive(Deserialize)]
struct Stack {
    #[serde(rename = "StackId")]
    id: String,
    #[serde(rename = "Parameters", default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    member: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "ParameterKey")]
    key: String,
    #[serde(rename = "ParameterValue", default)]
    value: String,
}

fn read(
    xml: &str,
    name: &str,
    region: &str,
) -> anyhow::Result<(Surroundings, BTreeMap<String, String>)> {
    let answer: Answer =
        quick_xml::de::from_str(xml).context("CloudFormation's answer cannot be read")?;
    let mut stacks = answer.result.stacks.member.into_iter();
    let stack = stacks
        .next()
        .with_context(|| format!("there is no stack `{name}` in {region}"))?;
    // arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>
    let account = stack.id.split(':').nth(4).unwrap_or_default().to_owned();
    let surroundings = Surroundings {
        stack: name.to_owned(),
        region: region.to_owned(),
        account,
    };
    let parameters = stack.parameters.member.into_iter();
    Ok((surroundings, parameters.map(|p| (p.key, p.value)).collect()))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use shared::runtime::{Endpoints, connector};

    use super::*;

    const ANSWER: &str = r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult><Stacks><member>
    <StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/leads/1a2b</StackId>
    <StackName>leads</StackName>
    <Parameters>
      <member><ParameterKey>Stage</ParameterKey><ParameterValue>prod</ParameterValue></member>
      <member><ParameterKey>DomainName</ParameterKey><ParameterValue/></member>
    </Parameters>
    <Outputs><member><OutputKey>ApiUrl</OutputKey><OutputValue>https://x</OutputValue></member></Outputs>
  </member></Stacks></DescribeStacksResult>
</DescribeStacksResponse>"#;

    #[test]
    fn parameters_and_account_are_read_from_what_cloudformation_says() {
        let (surroundings, parameters) = read(ANSWER, "leads", "eu-west-1").unwrap();
        assert_eq!(surroundings.account, "123456789012");
        let expected = [("Stage", "prod"), ("DomainName", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parameters, BTreeMap::from(expected));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_cloudformations_words() {
        let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
            <Message>Stack with id leads does not exist</Message></Error></ErrorResponse>";
        let app = axum::Router::new()
            .fallback(move || async move { (http::StatusCode::BAD_REQUEST, refusal) });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let aws = Aws::new(connector(), "eu-west-1", credentials, Endpoints::default());
        let said = describe(&aws, &url, "leads").await.unwrap_err().to_string();
        assert_eq!(
            said,
            "CloudFormation answers 400 for the stack `leads`: Stack with id leads does not exist"
        );
    }
}
