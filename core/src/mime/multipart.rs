//! Multipart delimiters (RFC 2046 5.1.1): two hyphens and the boundary, alone on a line.

use memchr::memmem;

/// The parts of a body, at most `max`; empty if there is no delimiter. Text before the first delimiter and after the
/// last is ignored.
pub(crate) fn parts<'a>(body: &'a [u8], boundary: &str, max: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let delimiter = [b"--", boundary.as_bytes()].concat();
    if boundary.is_empty() {
        return parts;
    }
    let mut open: Option<usize> = None;
    for at in memmem::find_iter(body, &delimiter) {
        if at > 0 && body[at - 1] != b'\n' {
            continue;
        }
        let Some((last, next)) = rest_of_line(&body[at + delimiter.len()..]) else { continue };
        if let Some(start) = open.take() {
            parts.push(without_line_end(&body[start..at.max(start)]));
        }
        if parts.len() >= max {
            return parts;
        }
        // Parts after the last delimiter belong to another multipart with the same boundary, or were added on the way.
        open = (!last).then_some(at + delimiter.len() + next);
    }
    parts.extend(open.map(|start| &body[start..]));
    parts
}

/// Whether the line is the last delimiter, and where the next line begins; `None` if it is no delimiter.
fn rest_of_line(rest: &[u8]) -> Option<(bool, usize)> {
    let (last, after) = rest.strip_prefix(b"--").map_or((false, rest), |after| (true, after));
    let spaces = after.iter().take_while(|it| matches!(it, b' ' | b'\t')).count();
    let end = match &after[spaces..] {
        [] | [b'\r'] => rest.len(),
        [b'\r', b'\n', ..] => rest.len() - after.len() + spaces + 2,
        [b'\n', ..] => rest.len() - after.len() + spaces + 1,
        _ => return None,
    };
    Some((last, end))
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<&str> {
        parts(body.as_bytes(), "b", 100).into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn a_delimiter_is_a_line_of_its_own() {
        for (body, expected) in [
            ("--b\r\none\r\n--b\r\ntwo\r\n--b--\r\n", vec!["one", "two"]),
            ("--b\none\n--b\ntwo\n--b--", vec!["one", "two"]),
            ("preamble\r\n--b\r\none\r\n--b--\r\nepilogue\r\n--b\r\nadded", vec!["one", "added"]),
            ("--b \t\r\none\r\n--b-- \r\n", vec!["one"]),
            (
                "--b\r\nsee --b\r\n> --b\r\n --b\r\n--bx\r\n--b-\r\n--b -- x\r\n--b--x\r\n--b--\r\n",
                vec!["see --b\r\n> --b\r\n --b\r\n--bx\r\n--b-\r\n--b -- x\r\n--b--x"],
            ),
            ("--b\r\nnever closed\r\n", vec!["never closed\r\n"]),
            ("--b\r\n--b\r\n\r\n--b--", vec!["", ""]),
            ("--b\r\n\r\n\r\n--b--", vec!["\r\n"]),
            ("no line of it", vec![]),
            ("--b--\r\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(read(body), expected, "{body:?}");
        }
        assert_eq!(parts(b"--\r\nx\r\n--", "", 9), Vec::<&[u8]>::new());
        assert_eq!(parts(b"--b\n1\n--b\n2\n--b\n3\n", "b", 2).len(), 2);
    }
}
