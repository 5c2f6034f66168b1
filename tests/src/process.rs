//! The runner as a child process: started, asked, stopped and killed as a person or an operating system does it.
//!
//! Every wait ends with a line of output, an answer, or the end of the process; the limit only turns a wait that would never end into
//! a failure. Must not know what the functions do.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lodestone::ses::Mail;
use reqwest::{Client, RequestBuilder, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::project;
use crate::world::{BROWSER, Pair};

/// Longer than anything takes that ends at all, on a slow machine as well.
const LIMIT: Duration = Duration::from_mins(5);
/// Between two looks at something that nobody announces.
const LOOK: Duration = Duration::from_millis(20);

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output, by line.
    pub out: Vec<String>,
    /// What it wrote to standard error, by line.
    pub err: Vec<String>,
}

/// A command line that begins with `program`, run at the root of the project as a person would. It ends with its handle.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(project("."))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> anyhow::Result<Ended> {
    let output = timeout(LIMIT, command.output())
        .await
        .context("the command does not end")??;
    let lines = |bytes| {
        anyhow::Ok(
            String::from_utf8(bytes)?
                .lines()
                .map(str::to_owned)
                .collect(),
        )
    };
    Ok(Ended {
        code: output.status.code(),
        out: lines(output.stdout)?,
        err: lines(output.stderr)?,
    })
}

/// A running `lodestone serve`. Dropping it kills it.
pub struct Runner {
    child: Child,
    pid: Pid,
    url: String,
    out: Lines,
    err: Lines,
    client: Client,
}

/// What a stream of the process said until now; closed when the stream is.
type Lines = watch::Receiver<Vec<String>>;

impl Runner {
    /// Starts a `serve` command, and returns when its first line says that it listens.
    pub async fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.spawn()?;
        let mut out = collect(child.stdout.take().context("standard output")?);
        let mut err = collect(child.stderr.take().context("standard error")?);
        let first = timeout(LIMIT, out.wait_for(|lines| !lines.is_empty()))
            .await
            .context("the runner says nothing")?
            .map(|lines| lines[0].clone());
        let Ok(first) = first else {
            bail!("the runner ended: {:?}", all(&mut err).await?);
        };
        let url = first
            .strip_prefix("listening on ")
            .with_context(|| format!("the first line is {first:?}"))?
            .to_owned();
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self {
            pid: pid.context("the runner ended at once")?,
            child,
            url,
            out,
            err,
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(BROWSER)
                .timeout(LIMIT)
                .build()?,
        })
    }

    /// Where it listens, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends something; for tasks of their own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The first line of standard output that is like this.
    pub async fn says(&self, like: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        find(&self.out, like).await
    }

    /// The first line of standard error that is like this.
    pub async fn logs(&self, like: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        find(&self.err, like).await
    }

    /// Returns when so many lines of standard error are like this.
    pub async fn logged(&self, times: usize, like: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let enough = |lines: &Vec<String>| lines.iter().filter(|line| like(line)).count() >= times;
        let mut lines = self.err.clone();
        timeout(LIMIT, lines.wait_for(enough))
            .await
            .with_context(|| format!("not {times} such lines"))?
            .context("the runner ended")?;
        Ok(())
    }

    /// Asks it to stop, as a service manager does, and returns when it has.
    pub async fn stop(self) -> anyhow::Result<Ended> {
        kill_process(self.pid, Signal::TERM)?;
        self.ended().await
    }

    /// Asks it to stop, as Ctrl-C does, and returns when it has.
    pub async fn interrupt(self) -> anyhow::Result<Ended> {
        kill_process(self.pid, Signal::INT)?;
        self.ended().await
    }

    /// What kills it at once, wherever it stands. Usable from other tasks; to be used before [`Self::ended`] has returned.
    pub fn killer(&self) -> impl Fn() -> std::io::Result<()> + Send + Sync + 'static {
        let pid = self.pid;
        move || Ok(kill_process(pid, Signal::KILL)?)
    }

    /// Returns when the process has ended.
    pub async fn ended(mut self) -> anyhow::Result<Ended> {
        let status: ExitStatus = timeout(LIMIT, self.child.wait())
            .await
            .context("the runner does not end")??;
        Ok(Ended {
            code: status.code(),
            out: all(&mut self.out).await?,
            err: all(&mut self.err).await?,
        })
    }

    /// A GET of a path.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// A POST to a path.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    /// Posts a form as a script does, and wants it taken.
    pub async fn submit(&self, form: &str, pairs: &[Pair<'_>]) -> anyhow::Result<()> {
        let answer = self
            .post(&format!("/f/{form}"))
            .header("Accept", "application/json")
            .form(pairs)
            .send()
            .await?;
        ensure!(answer.status() == StatusCode::OK, "refused: {answer:?}");
        Ok(())
    }

    /// Lets streams, queues and due work run until all is at rest.
    pub async fn settle(&self) -> anyhow::Result<Value> {
        json_of(self.post("/local/settle")).await
    }

    /// Moves the clock forward, and settles.
    pub async fn advance(&self, seconds: u32) -> anyhow::Result<Value> {
        json_of(
            self.post("/local/clock")
                .json(&json!({ "advance_seconds": seconds })),
        )
        .await?;
        self.settle().await
    }

    /// Orders a fault of the mail service.
    pub async fn order_fault(&self, fault: Value) -> anyhow::Result<()> {
        json_of(self.post("/local/ses/fault").json(&fault))
            .await
            .map(drop)
    }

    /// Every mail, oldest first.
    pub async fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        Ok(serde_json::from_value(
            json_of(self.get("/local/mail")).await?,
        )?)
    }

    /// Everything stored about an address; none where it is unknown.
    pub async fn lead(&self, email: &str) -> anyhow::Result<Option<Value>> {
        let answer = self
            .get("/local/leads")
            .query(&[("email", email)])
            .send()
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }

    /// The text of a page.
    pub async fn page(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.get(path).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}

/// Looks until there is something to see.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let mut looks = tokio::time::interval(LOOK);
    let seen = async {
        loop {
            looks.tick().await;
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
        }
    };
    timeout(LIMIT, seen)
        .await
        .with_context(|| format!("it never came to this: {what}"))?
}

/// The answer to a request, which has to be a success.
pub async fn json_of(request: RequestBuilder) -> anyhow::Result<Value> {
    Ok(request.send().await?.error_for_status()?.json().await?)
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static) -> Lines {
    let (sender, lines) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream).lines();
        while let Ok(Some(line)) = stream.next_line().await {
            sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
        }
    });
    lines
}

async fn find(lines: &Lines, like: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let mut lines = lines.clone();
    let seen = timeout(
        LIMIT,
        lines.wait_for(|lines| lines.iter().any(|line| like(line))),
    )
    .await;
    if let Ok(Ok(lines)) = &seen {
        return Ok(lines
            .iter()
            .find(|line| like(line))
            .cloned()
            .unwrap_or_default());
    }
    drop(seen);
    bail!("no such line in {:?}", lines.borrow())
}

/// Everything a stream said, once it has closed.
async fn all(lines: &mut Lines) -> anyhow::Result<Vec<String>> {
    let closed = async { while lines.changed().await.is_ok() {} };
    timeout(LIMIT, closed)
        .await
        .context("the stream stays open")?;
    Ok(lines.borrow().clone())
}
