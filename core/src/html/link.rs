//! Targets of links in mails. A mail has no URL of its own, so a relative link would lead nowhere or to one of our
//! pages.

/// File endings that look like top-level domains.
const FILES: [&str; 24] = [
    "html", "htm", "shtml", "xhtml", "php", "asp", "aspx", "jsp", "cgi", "pdf", "jpg", "jpeg", "png", "gif", "svg",
    "webp", "txt", "xml", "js", "css", "doc", "docx", "xls", "xlsx",
];

/// The absolute form of a link without a scheme, if it begins with a host name or is a mail address. A path alone has
/// none.
pub(crate) fn absolute(url: &str) -> Option<String> {
    let url = url.trim();
    if let Some(rest) = url.strip_prefix("//") {
        let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        return (!host.is_empty()).then(|| format!("https:{url}"));
    }
    let host = &url[..url.find(['/', '?', '#', '\\']).unwrap_or(url.len())];
    if let Some((local, domain)) = host.split_once('@') {
        let address = !local.is_empty() && host.len() == url.len() && is_host(domain);
        return address.then(|| format!("mailto:{url}"));
    }
    is_host(host).then(|| format!("https://{url}"))
}

fn is_host(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let sound = |label: &&str| !label.is_empty() && label.chars().all(|it| it.is_alphanumeric() || it == '-');
    let last = labels.last().copied().unwrap_or_default();
    let named = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic) || last.starts_with("xn--");
    let number = labels.len() == 4 && labels.iter().all(|it| it.parse::<u8>().is_ok());
    let file = FILES.contains(&last.to_ascii_lowercase().as_str());
    labels.len() >= 2 && labels.iter().all(sound) && (named && !file || number)
}

/// Whether the text of a link already shows its target.
pub(crate) fn is_told(text: &str, url: &str) -> bool {
    bare(text) == bare(url)
}

/// How a link is shown after its text.
pub(crate) fn shown(url: &str) -> &str {
    url.strip_prefix("mailto:").map_or(url, |it| it.split('?').next().unwrap_or(it))
}

fn bare(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    if let Some(number) = lower.strip_prefix("tel:") {
        return number.chars().filter(char::is_ascii_digit).collect();
    }
    let digits = |it: char| it.is_ascii_digit() || matches!(it, '+' | '-' | ' ' | '(' | ')' | '/' | '.');
    if !lower.is_empty() && lower.chars().all(digits) {
        return lower.chars().filter(char::is_ascii_digit).collect();
    }
    if let Some(address) = lower.strip_prefix("mailto:") {
        return address.split('?').next().unwrap_or(address).to_owned();
    }
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_absolute_and_paths_nothing() {
        for (url, expected) in [
            ("www.shop.example/42", "https://www.shop.example/42"),
            ("shop.example", "https://shop.example"),
            ("shop.example?id=1", "https://shop.example?id=1"),
            ("bücher.example/x", "https://bücher.example/x"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("192.0.2.1/x", "https://192.0.2.1/x"),
            (" www.shop.example ", "https://www.shop.example"),
            ("help@shop.example", "mailto:help@shop.example"),
        ] {
            assert_eq!(absolute(url).as_deref(), Some(expected), "{url}");
        }
        for url in [
            "/settings/api",
            "settings",
            "settings/api",
            "page.html",
            "page.php?x=1",
            "#top",
            "?x=1",
            "../x",
            ".",
            "",
            "//",
            "///x",
            "a..b",
            "localhost/x",
            "1.2",
        ] {
            assert_eq!(absolute(url), None, "{url}");
        }
    }

    #[test]
    fn a_link_that_says_where_it_leads_says_it_once() {
        for (text, url) in [
            ("https://x.example/", "https://x.example"),
            ("x.example", "http://www.x.example/"),
            ("X.example/a", "https://x.example/a"),
            ("help@x.example", "mailto:help@x.example?subject=a"),
            ("0123 / 456", "tel:+0123456"),
        ] {
            assert!(is_told(text, url), "{text} {url}");
        }
        assert!(!is_told("here", "https://x.example") && !is_told("x.example", "https://x.example/a"));
    }
}
