//! Well-formed and malformed senders.

use super::*;

fn first(text: &str) -> (String, Option<String>) {
    let found = mailboxes(text, 10).into_iter().next().unwrap_or_default();
    (found.name, found.address)
}

#[test]
fn an_address_is_found_without_its_dress() {
    for (text, name, address) in [
        ("j@x.example", "", "j@x.example"),
        ("<j@x.example>", "", "j@x.example"),
        ("j@x.example>", "", "j@x.example"),
        ("<j@x.example", "", "j@x.example"),
        ("<<j@x.example>>", "", "j@x.example"),
        ("John <<j@x.example>>", "John", "j@x.example"),
        ("'John' <'j@x.example'>", "John", "j@x.example"),
        ("'j@x.example'", "", "j@x.example"),
        ("\"j@x.example\"", "", "j@x.example"),
        ("John \"j@x.example\"", "John", "j@x.example"),
        ("\"'John'\" <j@x.example>", "John", "j@x.example"),
        ("\"\" <j@x.example>", "", "j@x.example"),
        ("'' <j@x.example>", "", "j@x.example"),
        ("<> <j@x.example>", "", "j@x.example"),
        ("\"Doe, John\" <j@x.example>", "Doe, John", "j@x.example"),
        ("Doe, John <j@x.example>", "Doe, John", "j@x.example"),
        ("\"J \\\"Jo\\\" D\" <j@x.example>", "J \"Jo\" D", "j@x.example"),
        ("John j@x.example", "John", "j@x.example"),
        ("Jörg j@x.example", "Jörg", "j@x.example"),
        ("j@x.example (John)", "John", "j@x.example"),
        ("John (at work) <j@x.example>", "John", "j@x.example"),
        ("John <j@x.example (at work)>", "John", "j@x.example"),
        ("John <j(c)@x.example>", "John", "j@x.example"),
        ("j(c)@(d)x.example", "c", "j@x.example"),
        ("j @ x.example", "", "j@x.example"),
        ("John <j @ x . example>", "John", "j@x.example"),
        ("John <j@x.example.>", "John", "j@x.example"),
        ("John <mailto:j@x.example>", "John", "j@x.example"),
        ("\"ada lovelace\"@example.com", "", "\"ada lovelace\"@example.com"),
        ("Ada <\"ada lovelace\"@example.com>", "Ada", "\"ada lovelace\"@example.com"),
        ("Ada <\"a@b\"@example.com>", "Ada", "\"a@b\"@example.com"),
        ("<@relay.example:ada@example.com>", "", "ada@example.com"),
        ("Ada <@a.example,@b.example:ada@example.com>", "Ada", "ada@example.com"),
        ("=?utf-8?q?J=C3=B6rg_=3Cj=40x=2Eexample=3E?=", "Jörg", "j@x.example"),
        ("=?utf-8?q?J=C3=B6rg?= <=?utf-8?q?j=40x=2Eexample?=>", "Jörg", "j@x.example"),
        ("=?utf-8?q?=22Doe=2C_J=C3=B6rg=22?= <j@x.example>", "Doe, Jörg", "j@x.example"),
        ("\"=?utf-8?q?J=C3=B6rg?=\" <j@x.example>", "Jörg", "j@x.example"),
        ("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <j@x.example>", "Jörg", "j@x.example"),
        ("Team: j@x.example, k@x.example;", "", "j@x.example"),
        ("<John Doe> j@x.example", "John Doe", "j@x.example"),
        ("\"j@x.example\" <>", "", "j@x.example"),
        ("John <via web> <j@x.example>", "John", "j@x.example"),
        ("j@[192.0.2.1]", "", "j@[192.0.2.1]"),
        ("j@[IPv6:2001:db8::1]", "", "j@[IPv6:2001:db8::1]"),
        ("o'brien@x.example", "", "o'brien@x.example"),
        ("j@bücher.example", "", "j@bücher.example"),
        (", j@x.example", "", "j@x.example"),
        ("\"open <j@x.example>", "open", "j@x.example"),
        ("(open <j@x.example>", "open", "j@x.example"),
        ("🙂 <j@x.example>", "🙂", "j@x.example"),
    ] {
        assert_eq!(first(text), (name.to_owned(), Some(address.to_owned())), "{text}");
    }
}

#[test]
fn without_an_address_the_whole_text_is_the_name() {
    for (text, name) in [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Ada <ada@>", "Ada <ada@>"),
        ("Ada <@example.com>", "Ada <@example.com>"),
        ("<>", ""),
        ("\"\" <>", ""),
        ("", ""),
        ("undisclosed-recipients:;", ""),
        ("Doe, John", "Doe, John"),
        ("=?utf-8?q?J=C3=B6rg?=", "Jörg"),
        ("a@b@c", "a@b@c"),
    ] {
        assert_eq!(first(text), (name.to_owned(), None), "{text}");
    }
}

#[test]
fn a_list_is_read_up_to_its_bound() {
    let found = |text: &str| mailboxes(text, 3).into_iter().filter_map(|it| it.address).collect::<Vec<_>>();
    assert_eq!(found("a@x, B <b@x>,, \"C, D\" <c@x>, d@x"), ["a@x", "b@x", "c@x"]);
    assert_eq!(found("Team: a@x, b@x; c@x"), ["a@x", "b@x", "c@x"]);
    assert_eq!(found(&"a@x,".repeat(100_000)).len(), 3);
}

#[test]
fn what_never_closes_costs_no_more_than_its_bytes() {
    for piece in ["(", "\"", "<", "((\"<", "a@", "@", "=?a?q?", "'", ",", "a <"] {
        mailboxes(&piece.repeat(60_000 / piece.len()), 100);
    }
}

#[test]
fn an_address_has_no_brackets() {
    for text in [
        "<a@x",
        "a@x>",
        "a b@x",
        "a@x y",
        "a@",
        "@x",
        "a",
        "",
        "a@<x>",
        "a(@x",
        "\"a@x",
        "a\"b@x",
        "\"a\"b\"@x",
        "a@x,b",
    ] {
        assert_eq!(address(text), None, "{text}");
    }
    for text in ["a@x", "a+t1@x.example", "\"a b\"@x", "a@[::1]", "ä@ö.example", "a.b.@x"] {
        assert_eq!(address(text).as_deref(), Some(text));
    }
}
