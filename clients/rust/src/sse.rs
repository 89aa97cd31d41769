//! Server-sent events, from lines to blocks.

#[derive(Debug, Default)]
pub(crate) struct Parser {
    id: Option<String>,
    data: Option<String>,
}

/// What stands between two empty lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
}

impl Parser {
    /// Takes a line, and gives the block that ends with it. A block that is cut is never given.
    pub(crate) fn line(&mut self, line: &str) -> Option<Block> {
        if line.is_empty() {
            let Parser { id, data } = std::mem::take(self);
            return (id.is_some() || data.is_some()).then_some(Block { id, data });
        }
        if let Some(comment) = line.strip_prefix(':') {
            // A comment may tell how far the stream is, so that a reader of rare events does not keep an old place.
            let place = comment.strip_prefix(' ').unwrap_or(comment);
            return is_place(place).then(|| Block { id: Some(place.to_owned()), data: None });
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }
}

/// Whether this is a cursor of events: `e`, a number, a dash, and more.
fn is_place(text: &str) -> bool {
    let Some((number, rest)) = text.strip_prefix('e').and_then(|rest| rest.split_once('-')) else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_rest = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_number && is_rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        let mut parser = Parser::default();
        text.lines().filter_map(|line| parser.line(line)).collect()
    }

    fn block(id: Option<&str>, data: Option<&str>) -> Block {
        Block { id: id.map(str::to_owned), data: data.map(str::to_owned) }
    }

    #[test]
    fn blocks_have_an_id_and_data() {
        let text = concat!(
            "retry: 1000\n\nid: e1-a\nevent: ticket.created\ndata: {\"a\":\ndata:1}\n\n:\n\n",
            "id:e1-b\n\n\ndata: x: y\n\n",
        );
        let expected = [block(Some("e1-a"), Some("{\"a\":\n1}")), block(Some("e1-b"), None), block(None, Some("x: y"))];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn a_block_that_is_cut_is_nothing() {
        assert!(blocks("id: e1-a\ndata: {}\n").is_empty());
        assert!(blocks("id: e1-\0a\n\n").is_empty());
    }

    #[test]
    fn a_comment_may_be_a_place() {
        assert_eq!(blocks(": e12-2f4-1d8\n"), [block(Some("e12-2f4-1d8"), None)]);
        for line in [": heartbeat\n", ": e-1\n", ": e1-\n", ": e1-a b\n", ": e1\n", ":\n"] {
            assert!(blocks(line).is_empty(), "{line}");
        }
    }
}
