//! The example landing page, served as any web server would serve it: files of one folder, and `index.html` for `/`.
//!
//! It stands in for the pages that a business has elsewhere; nothing of it is deployed. Must not know the forms on it.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, header};

/// A folder of files.
pub struct Landing {
    folder: PathBuf,
}

impl Landing {
    /// The files in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Whether there is a page at all.
    pub fn is_there(&self) -> bool {
        self.folder.join("index.html").is_file()
    }

    /// The file for a path, if there is one.
    pub async fn answer(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let name = match path.strip_prefix('/')? {
            "" => "index.html",
            name => name,
        };
        // Plain names only: nothing above the folder, nothing hidden.
        if name.starts_with('.') || name.contains(['/', '\\', '%']) {
            return None;
        }
        let kind = match Path::new(name).extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "webp" => "image/webp",
            "woff2" => "font/woff2",
            "ico" => "image/x-icon",
            "txt" => "text/plain; charset=utf-8",
            _ => return None,
        };
        let bytes = tokio::fs::read(self.folder.join(name)).await.ok()?;
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_the_folder_are_served_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("page")).unwrap();
        std::fs::write(folder.path().join("page/index.html"), "<p>hello").unwrap();
        std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
        let landing = Landing::new(&folder.path().join("page"));
        assert!(landing.is_there());
        let response = landing.answer(&Method::GET, "/").await.unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
        for path in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/missing.css",
            "/page",
            "/a/b.css",
            "/.hidden.css",
        ] {
            assert!(landing.answer(&Method::GET, path).await.is_none(), "{path}");
        }
        assert!(landing.answer(&Method::POST, "/").await.is_none());
    }
}
