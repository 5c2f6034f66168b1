//! What the runner runs: tables, functions, routes, mappings, queues, schedules. All names are resolved; nothing here knows YAML.
//!
//! Functions are named by their package, because that is what the code is called on this machine; tables and queues by their
//! physical name, because that is what requests carry.

use std::collections::BTreeMap;

use super::schedule::Schedule;

/// The whole template, as far as one machine can run it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// Routes of the HTTP API.
    pub routes: Vec<Route>,
    /// Event source mappings that read a table's stream.
    pub streams: Vec<StreamMapping>,
    /// Event source mappings that read a queue.
    pub queue_mappings: Vec<QueueMapping>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// What is invoked by time.
    pub schedules: Vec<ScheduleEntry>,
    /// How mail events reach a queue.
    pub mail_events: Vec<MailEvents>,
    /// Names of the buckets, by logical id.
    pub buckets: BTreeMap<String, String>,
}

impl Model {
    /// The table with this logical id.
    pub fn table(&self, id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }

    /// The function of this package.
    pub fn function(&self, package: &str) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.package == package)
    }

    /// The queue with this physical name.
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// ARN as the template resolves it.
    pub arn: String,
    /// Declared attributes and their types (`S`, `N`, `B`).
    pub attributes: BTreeMap<String, String>,
    /// Key.
    pub key: Key,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// Stream view type, where the table has a stream.
    pub stream: Option<String>,
    /// Attribute with the time of expiry in seconds, where the table has one.
    pub ttl: Option<String>,
    /// The line of the template.
    pub line: usize,
}

/// A partition key and perhaps a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Name of the partition key.
    pub partition: String,
    /// Name of the sort key.
    pub sort: Option<String>,
}

/// One global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name.
    pub name: String,
    /// Key.
    pub key: Key,
    /// What is copied into it.
    pub projection: Projection,
}

/// Attributes in an index beside the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    /// Nothing else.
    KeysOnly,
    /// Everything.
    All,
    /// These.
    Include(Vec<String>),
}

/// One Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Logical id.
    pub id: String,
    /// The crate that it is built from.
    pub package: String,
    /// ARN.
    pub arn: String,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Seconds an invocation may take.
    pub timeout: u32,
    /// Megabytes.
    pub memory: u32,
    /// The line of the template.
    pub line: usize,
}

/// One route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method, `None` for `ANY`.
    pub method: Option<String>,
    /// Path with `{name}` and `{name+}` segments.
    pub path: String,
    /// Package of the function.
    pub function: String,
    /// The line of the template.
    pub line: usize,
}

/// Reads a table's stream into a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMapping {
    /// Name that the checkpoint is kept under: the function's and the event's logical ids.
    pub name: String,
    /// Physical name of the table.
    pub table: String,
    /// ARN of the stream as functions see it.
    pub stream_arn: String,
    /// Package of the function.
    pub function: String,
    /// Filter patterns; none means all records.
    pub filters: Vec<String>,
    /// Most records in one invocation.
    pub batch_size: usize,
    /// Seconds that Lambda may wait for a fuller batch. Not waited for here: a person looks at the inbox at once.
    pub window: u32,
    /// Retries after which a batch is given up; `None`: never.
    pub retries: Option<u32>,
    /// Seconds after which a record is given up; `None`: never.
    pub record_age: Option<u32>,
    /// Whether a failed batch is split in two.
    pub bisect: bool,
    /// Batches in flight at once; order is kept within a partition key.
    pub parallelization: usize,
    /// Whether the answer's `batchItemFailures` is looked at.
    pub report_failures: bool,
    /// Physical name of the queue that is told of what was given up.
    pub on_failure: Option<String>,
}

/// Reads a queue into a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMapping {
    /// The function's and the event's logical ids.
    pub name: String,
    /// Physical name of the queue.
    pub queue: String,
    /// Package of the function.
    pub function: String,
    /// Most messages in one invocation.
    pub batch_size: usize,
    /// Whether the answer's `batchItemFailures` is looked at.
    pub report_failures: bool,
}

/// One queue. All times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// How long a new message stays hidden.
    pub delay: u32,
    /// How long a received message stays hidden.
    pub visibility: u32,
    /// How long a message is kept.
    pub retention: u32,
    /// After how many receipts a message goes where.
    pub redrive: Option<Redrive>,
}

/// Where messages go that nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Receipts before a message is moved.
    pub max_receives: u32,
    /// Physical name of the dead-letter queue.
    pub queue: String,
}

/// Invokes a function by time.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    /// The function's and the event's logical ids.
    pub name: String,
    /// Package of the function.
    pub function: String,
    /// When.
    pub schedule: Schedule,
    /// The event.
    pub input: serde_json::Value,
}

/// A path that mail events take: configuration set, kinds of event, topic, queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvents {
    /// Name of the configuration set that a mail has to be sent with.
    pub configuration_set: String,
    /// Kinds of event, as the template spells them (`SEND`, `DELIVERY`, ...).
    pub kinds: Vec<String>,
    /// ARN of the topic.
    pub topic: String,
    /// Physical name of the queue that the topic delivers to.
    pub queue: String,
    /// Whether the event is delivered without the topic's envelope.
    pub raw: bool,
}
