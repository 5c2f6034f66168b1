//! What the code may depend on: pure layers stay pure, functions stay lean.

use std::path::Path;
use std::process::Command;

use tests::project;

const FUNCTIONS: [&str; 7] = [
    "capture", "links", "score", "deliver", "notify", "feedback", "keep",
];

pub fn rust_files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((
                path.display().to_string(),
                std::fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

#[test]
fn domain_and_flow_name_no_client_no_runtime_and_no_outer_layer() {
    for layer in ["domain", "flow"] {
        let mut files = Vec::new();
        rust_files(&project(&format!("shared/src/{layer}")), &mut files);
        assert!(files.len() > 5);
        for (name, text) in files {
            let banned = [
                "aws_",
                "tokio",
                "http::",
                "lambda_",
                "async ",
                "crate::store",
                "crate::edge",
                "crate::channel",
                "crate::runtime",
            ];
            for word in banned {
                let line = text
                    .lines()
                    .find(|l| l.contains(word) && !l.trim_start().starts_with("//"));
                assert!(line.is_none(), "{name} names {word}: {line:?}");
            }
        }
    }
}

#[test]
fn handlers_name_no_aws_client_and_read_no_environment() {
    for function in FUNCTIONS {
        let mut files = Vec::new();
        rust_files(&project(&format!("functions/{function}/src")), &mut files);
        for (name, text) in files
            .into_iter()
            .filter(|(name, _)| !name.ends_with("main.rs"))
        {
            for word in ["aws_sdk", "aws_config", "env::var", "system_env"] {
                assert!(!text.contains(word), "{name} names {word}");
            }
        }
    }
}

/// Each function as it is deployed: built alone, without what the local runner links.
#[test]
fn no_function_links_aws_lc_or_aws_config_or_a_second_tls_stack() {
    for function in FUNCTIONS {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "-p",
                function,
                "-e",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
            ])
            .current_dir(project("."))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let tree = String::from_utf8(output.stdout).unwrap();
        let has = |name: &str| tree.lines().any(|l| l.split(' ').next() == Some(name));
        for banned in [
            "aws-lc-sys",
            "aws-lc-rs",
            "aws-config",
            "native-tls",
            "openssl-sys",
            "dynoxide-rs",
            "rusqlite",
            "axum",
        ] {
            assert!(!has(banned), "{function} links {banned}");
        }
        let stacks: std::collections::BTreeSet<&str> = tree
            .lines()
            .filter(|l| l.starts_with("rustls v"))
            .filter_map(|l| l.split(' ').nth(1))
            .collect();
        assert_eq!(stacks.len(), 1, "{function}: {stacks:?}");
        assert_eq!(
            has("aws-sdk-sesv2"),
            matches!(function, "deliver" | "notify"),
            "{function} and the mail client"
        );
    }
}

#[test]
fn every_integration_test_file_is_run() {
    let main = std::fs::read_to_string(project("tests/it/main.rs")).unwrap();
    for entry in std::fs::read_dir(project("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("snapshots") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "tests/it/{name}.rs is not run"
        );
    }
}
