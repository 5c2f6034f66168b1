//! Lodestone on one machine: the functions, unchanged, around an embedded engine, with stand-ins for what AWS does between them.
//!
//! [`app::App::start`] starts all of it, for the command line and for the tests. What runs is read from the deployment template
//! ([`template`]): nothing here knows a route, a table or a schedule by heart.

pub mod app;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod engine;
pub mod explain;
pub mod freed;
pub mod functions;
pub mod gateway;
pub mod import;
pub mod pace;
pub mod pages;
pub mod person;
pub mod pump;
pub mod quarantine;
pub mod query;
pub mod reason;
pub mod replay;
pub mod report;
pub mod rescore;
pub mod runner_db;
pub mod sending;
pub mod ses;
pub mod sheet;
pub mod stack;
pub mod storage;
pub mod table;
pub mod template;

/// Seven functions and their SDK clients live in one process here and allocate much in small pieces. The functions as they are deployed
/// keep the system's allocator, which starts faster and takes half the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
