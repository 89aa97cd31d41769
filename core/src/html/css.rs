//! Finds what styles hide from a reader: the preview lines for mail programs' lists, text of size zero. No style is
//! kept.

use std::collections::HashSet;

/// Greatest size of style sheets that is looked at, in bytes.
const SHEETS_MAX_BYTES: usize = 256 * 1024;
/// Greatest number of selectors that are remembered.
const SELECTORS_MAX: usize = 500;

/// Mark of an element that is not shown.
pub(crate) const HIDDEN: &str = "hidden";
/// Mark of one whose letters have no size.
pub(crate) const SIZELESS: &str = "sizeless";
/// Mark of one whose letters have a size again.
pub(crate) const SIZED: &str = "sized";

/// The mark for a `style` attribute, if it hides or resizes anything.
pub(crate) fn mark(style: &str) -> Option<&'static str> {
    let style = style.to_ascii_lowercase();
    let mut seen = Declarations::default();
    for declaration in style.split(';') {
        if let Some((name, value)) = declaration.split_once(':') {
            seen.take(name.trim(), value.trim().trim_end_matches("!important").trim());
        }
    }
    match seen.size {
        _ if seen.is_hidden() => Some(HIDDEN),
        Some(true) => Some(SIZED),
        Some(false) => Some(SIZELESS),
        None => None,
    }
}

/// Parsed declarations; the last one of each property counts.
#[derive(Default)]
struct Declarations {
    undisplayed: bool,
    invisible: bool,
    transparent: bool,
    overflow_hidden: bool,
    /// Whether `max-height`, `height`, `max-width` and `width` are zero.
    no_room: [bool; 4],
    absolute: bool,
    clipped: bool,
    indented: bool,
    /// Whether `left` and `top` are far off the page.
    far_off: [bool; 2],
    /// Whether letters have a size.
    size: Option<bool>,
}

impl Declarations {
    fn take(&mut self, name: &str, value: &str) {
        let none = || number(value) == Some(0.0);
        let far_off = || number(value).is_some_and(|it| it <= -500.0);
        match name {
            "display" => self.undisplayed = value == "none",
            "visibility" => self.invisible = matches!(value, "hidden" | "collapse"),
            "opacity" => self.transparent = none(),
            "overflow" => self.overflow_hidden = value == "hidden",
            "max-height" => self.no_room[0] = none(),
            "height" => self.no_room[1] = none(),
            "max-width" => self.no_room[2] = none(),
            "width" => self.no_room[3] = none(),
            "position" => self.absolute = value == "absolute",
            "clip" => self.clipped = value.starts_with("rect(0"),
            "text-indent" => self.indented = far_off(),
            "left" => self.far_off[0] = far_off(),
            "top" => self.far_off[1] = far_off(),
            "font-size" => self.size = Some(!none()),
            _ => {}
        }
    }

    fn is_hidden(&self) -> bool {
        let cut_off = self.overflow_hidden && self.no_room.contains(&true);
        let elsewhere = self.absolute && (self.clipped || self.far_off.contains(&true));
        self.undisplayed || self.invisible || self.transparent || self.indented || cut_off || elsewhere
    }
}

/// The number at the start of a value.
fn number(value: &str) -> Option<f64> {
    let end = value.find(|it: char| !it.is_ascii_digit() && !matches!(it, '.' | '-' | '+')).unwrap_or(value.len());
    value[..end].parse().ok()
}

/// Classes (`.name`) and ids (`#name`) that the style sheets of a document hide at any screen size.
pub(crate) fn hidden_by(html: &str) -> HashSet<String> {
    let mut selectors = HashSet::new();
    let mut left = SHEETS_MAX_BYTES;
    let mut rest = html;
    while let Some(start) = find_tag(rest, "<style") {
        let open = rest[start..].find('>').map_or(rest.len(), |at| start + at + 1);
        let end = find_tag(&rest[open..], "</style").map_or(rest.len(), |at| open + at);
        let sheet = &rest[open..end];
        let sheet = &sheet[..sheet.floor_char_boundary(left)];
        left -= sheet.len();
        rules(sheet, &mut selectors);
        rest = &rest[end..];
    }
    selectors
}

fn find_tag(html: &str, tag: &str) -> Option<usize> {
    memchr::memchr_iter(b'<', html.as_bytes())
        .find(|at| html.as_bytes().get(*at..at + tag.len()).is_some_and(|it| it.eq_ignore_ascii_case(tag.as_bytes())))
}

fn rules(sheet: &str, hidden: &mut HashSet<String>) {
    let sheet = without_comments(sheet);
    let mut rest = sheet.as_str();
    while let Some(open) = rest.find('{') {
        let selector = rest[..open].trim();
        let body = &rest[open + 1..];
        // Text before the last semicolon is a rule without a block.
        let selector = selector.rsplit(';').next().unwrap_or_default().trim();
        if selector.starts_with('@') {
            rest = &body[end_of_block(body)..];
            continue;
        }
        let end = body.find('}').unwrap_or(body.len());
        if mark(&body[..end]) == Some(HIDDEN) {
            let room = SELECTORS_MAX.saturating_sub(hidden.len());
            hidden.extend(selector.split(',').filter_map(|it| simple(it.trim())).take(room));
        }
        rest = &body[(end + 1).min(body.len())..];
    }
}

fn without_comments(sheet: &str) -> String {
    let mut left = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(start) = rest.find("/*") {
        left += &rest[..start];
        rest = rest[start + 2..].split_once("*/").map_or("", |(_, rest)| rest);
    }
    (left + rest).replace("<!--", "").replace("-->", "")
}

fn end_of_block(body: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    body.len()
}

/// `.name` of `.name` or `div.name`; other selectors are not supported.
fn simple(selector: &str) -> Option<String> {
    let name = &selector[selector.find(['.', '#'])?..];
    let element = &selector[..selector.len() - name.len()];
    let plain = |text: &str| text.chars().all(|it| it.is_alphanumeric() || matches!(it, '-' | '_'));
    (plain(element) && name.len() > 1 && plain(&name[1..])).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_hides_or_not() {
        for style in [
            "display:none",
            "DISPLAY : none !important",
            "color:red;display:none;",
            "visibility:hidden",
            "opacity:0",
            "max-height:0px;overflow:hidden",
            "height:0;overflow:hidden",
            "text-indent:-9999px",
            "position:absolute;left:-10000px",
            "display:none;font-size:1px;color:#ffffff;line-height:1px;max-height:0px",
        ] {
            assert_eq!(mark(style), Some(HIDDEN), "{style}");
        }
        for (style, expected) in [
            ("font-size:0px", Some(SIZELESS)),
            ("font-size:14px", Some(SIZED)),
            ("font-size:small", Some(SIZED)),
            ("mso-hide:all", None),
            ("display:block", None),
            ("max-height:0", None),
            ("opacity:0.5", None),
            ("display:none;display:block", None),
            ("", None),
        ] {
            assert_eq!(mark(style), expected, "{style}");
        }
    }

    #[test]
    fn sheets_hide_classes_on_every_screen() {
        let html = "<STYLE type='text/css'><!-- /* x { */ .pre, p.view, #top {display:none} .shown{color:red}\
            @media (max-width:600px){.wide{display:none} .b{x:y}} @import url(x); .late{opacity:0} a b.c{display:none}</style>\
            <p>.no{display:none}</p><style>.open{display:none";
        let mut found: Vec<_> = hidden_by(html).into_iter().collect();
        found.sort();
        assert_eq!(found, ["#top", ".late", ".open", ".pre", ".view"]);
        assert!(hidden_by("<style>{{{{}}.x{").is_empty());
    }
}
