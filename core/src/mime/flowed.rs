//! Joins the paragraphs that a mail program broke into lines (`format=flowed`, RFC 3676).

/// The paragraphs of a flowed text. With `delsp`, the space at a line break was added by the mail program.
pub(crate) fn joined(text: &str, delsp: bool) -> String {
    let mut whole = String::with_capacity(text.len());
    // Quote depth of the paragraph that continues.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|it| *it == b'>').count();
        let words = &line[depth..];
        // One space may precede a line so that it does not look like a quote.
        let words = words.strip_prefix(' ').unwrap_or(words);
        let signature = words == "-- ";
        if open != Some(depth) || signature {
            if open.is_some() {
                end_line(&mut whole);
            }
            whole.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !words.is_empty() {
                whole.push(' ');
            }
        }
        let flows = words.ends_with(' ') && !signature;
        whole += if flows && delsp { &words[..words.len() - 1] } else { words };
        open = flows.then_some(depth);
        if !flows {
            whole.push('\n');
        }
    }
    whole
}

fn end_line(whole: &mut String) {
    whole.truncate(whole.trim_end_matches(' ').len());
    whole.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_put_together() {
        for (text, expected) in [
            ("one \r\ntwo \r\nthree\r\n\r\nnext", "one two three\n\nnext\n"),
            ("fixed\nlines\n", "fixed\nlines\n"),
            (
                "> We shipped it \n> on Monday.\n\nThanks, it \nis here.",
                "> We shipped it on Monday.\n\nThanks, it is here.\n",
            ),
            (">> deep \n> less \nown", ">> deep\n> less\nown\n"),
            (">one \n> two", "> one two\n"),
            (" > no quote\n From here", "> no quote\nFrom here\n"),
            ("Bye \n-- \nAda", "Bye\n-- \nAda\n"),
            ("> -- \n> Ada", "> -- \n> Ada\n"),
            ("open \n", "open "),
            (">\n> x", ">\n> x\n"),
            ("", ""),
        ] {
            assert_eq!(joined(text, false), expected, "{text:?}");
        }
        assert_eq!(joined("a long par \nagraph\nfi \n \nxed", true), "a long paragraph\nfi\nxed\n");
        assert_eq!(joined("日本 \n語", true), "日本語\n");
    }
}
