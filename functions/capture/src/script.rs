//! `GET /lodestone.js`: the script that a landing page may add. Knows nothing of forms; the same bytes for everybody.

use std::sync::LazyLock;

use lambda_http::http::StatusCode;
use lambda_http::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use shared::edge::http::{Answer, answer, set};

/// The script as people read it; it says how a page uses it.
const SOURCE: &str = include_str!("../assets/lodestone.js");

/// What is served: without the lines that are comments, and without indentation. No text of the script runs over a line.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let lines = SOURCE.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
});

/// The script, for any page: it holds nothing of anybody.
pub fn serve() -> Answer {
    let mut response = answer(
        StatusCode::OK,
        "text/javascript; charset=utf-8",
        SCRIPT.as_str(),
    );
    // An hour: a mended script is everywhere soon, and a visit fetches it once.
    set(&mut response, CACHE_CONTROL, "public, max-age=3600");
    // Pages that name its hash (`integrity`) fetch it across origins.
    set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    response
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_script_is_under_3_kb_compressed_and_asks_for_nothing_from_elsewhere() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(SCRIPT.as_bytes()).unwrap();
        let size = gzip.finish().unwrap().len();
        assert!(size < 3 * 1024, "{size} bytes");
        println!("lodestone.js: {size} bytes compressed");
        for word in [
            "document.cookie",
            "localStorage",
            "import(",
            "innerHTML",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }
}
