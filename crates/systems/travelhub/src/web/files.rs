//! The files of the storefront, each with a name for its very contents.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// One file.
#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

/// All of them. What a browser loads is to stay below 100 KB.
pub(super) const FILES: [File; 4] = [
    File { path: "/", kind: "text/html; charset=utf-8", text: include_str!("page/index.html") },
    File {
        path: "/assets/app.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("page/app.js"),
    },
    File {
        path: "/assets/style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("page/style.css"),
    },
    File { path: "/assets/icon.svg", kind: "image/svg+xml", text: include_str!("page/icon.svg") },
];

impl File {
    /// The same for the same contents, and for no other.
    pub(super) fn tag(&self) -> HeaderValue {
        let digest = Sha256::digest(self.text.as_bytes());
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        HeaderValue::try_from(format!("\"{hex}\"")).expect("digits and quotes are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 100_000;

    #[test]
    fn a_visit_is_small_and_leads_to_nobody_else() {
        let bytes: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(bytes < BYTES_MAX, "{bytes}");
        for file in FILES {
            // The name space of SVG is a word and no address that anybody asks.
            let text = file.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", file.path);
        }
    }

    #[test]
    fn nothing_stands_in_the_page_that_its_policy_forbids() {
        let page = FILES[0].text;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" on"));
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script type=\"module\" src=").count()
        );
        // A page built from text alone cannot be made to run what somebody calls himself.
        for dangerous in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
        {
            assert!(!FILES[1].text.contains(dangerous), "{dangerous}");
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let named = FILES[0].text.split('"').filter(|word| word.starts_with("/assets/"));
        let named: Vec<&str> = named.collect();
        assert_eq!(named.len(), 3);
        assert!(named.iter().all(|name| FILES.iter().any(|file| file.path == *name)), "{named:?}");
    }
}
