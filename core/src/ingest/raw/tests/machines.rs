//! Which mails a machine sent, and who is the author.

use super::super::read;

fn is_machine(header: &str) -> bool {
    read(format!("From: Ada <ada@example.com>\r\n{header}\r\n\r\nwords\r\n").as_bytes()).automatic
}

#[test]
fn a_machine_is_known_by_its_own_marks() {
    for header in [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: (x) auto-generated; owner=\"a\"",
        "Precedence: bulk",
        "Precedence: junk",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Autorespond: I am away",
        "X-AutoReply-From: ada@example.com",
        "X-Mail-Autoreply: yes",
        "X-MS-Exchange-Inbox-Rules-Loop: ada@example.com",
        "X-Failed-Recipients: bob@example.net",
        "Subject: AUTO: Ada is away",
        "Subject: =?utf-8?Q?AUTO:_Ada_ist_abwesend?=",
        "Return-Path: <>",
        "Return-Path: < >",
        "Return-Path: <MAILER-DAEMON>",
        "Return-Path: <MAILER-DAEMON@mx.example>",
        "Return-Path: mailer-daemon@mx.example",
        "Content-Type: multipart/report; boundary=x",
        "List-Id: <list.example>\r\nAuto-Submitted: auto-generated",
        "List-Id: <list.example>\r\nReturn-Path: <>",
    ] {
        assert!(is_machine(header), "{header}");
    }
    assert!(read(b"From: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n\r\nx").automatic);
}

#[test]
fn a_person_stays_one() {
    for header in [
        "Subject: words",
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Auto-Submitted:",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Precedence: list",
        "Precedence: first-class",
        "List-Id: <list.example>\r\nPrecedence: bulk",
        "Precedence: junk\r\nList-Id: A list <list.example>",
        "X-Autoreply: no",
        "X-MS-Exchange-Inbox-Rules-Loop:",
        "Subject: Auto: der Motor ist kaputt",
        "Subject: Re: AUTO: Ada is away",
        "Return-Path: <ada@example.com>",
        "Return-Path: <daemon@example.com>",
        "List-Unsubscribe: <mailto:x@example.com>",
    ] {
        assert!(!is_machine(header), "{header}");
    }
}

#[test]
fn the_sender_is_an_address_or_the_whole_text() {
    let sender = |header: &str| {
        let mail = read(format!("{header}\r\nSubject: s\r\n\r\nwords").as_bytes());
        (mail.from_name, mail.from_email.unwrap_or_default())
    };
    for (header, name, address) in [
        ("From: <<j@x.example>>", "", "j@x.example"),
        ("From: 'John' <'j@x.example'>", "John", "j@x.example"),
        ("From: =?utf-8?q?J=C3=B6rg_=3Cj=40x=2Eexample=3E?=", "Jörg", "j@x.example"),
        ("From: \"ada lovelace\"@example.com", "", "\"ada lovelace\"@example.com"),
        ("From: <@relay.example:ada@example.com>", "", "ada@example.com"),
        ("From: <>", "", ""),
        ("From: <>\r\nSender: a@x", "", "a@x"),
        ("From: Ada\r\nReply-To: Desk <d@x>", "Desk", "d@x"),
        ("From: Ada Lovelace", "Ada Lovelace", ""),
        ("From: Ada <ada@>", "Ada <ada@>", ""),
        ("From:\r\nFrom: b@x", "", "b@x"),
        ("From: \"Doe,\r\n John\" <j@x.example>", "Doe, John", "j@x.example"),
    ] {
        assert_eq!(sender(header), (name.to_owned(), address.to_owned()), "{header}");
    }
}

#[test]
fn a_report_is_about_the_mail_that_it_returns() {
    let parents = |header: &str, third: &str| {
        let raw = format!(
            "From: MAILER-DAEMON@mx.example\r\n{header}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nfailed\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--b\r\n{third}\r\n--b--\r\n"
        );
        read(raw.as_bytes()).parents
    };
    let sent = "Message-ID: <sent@x>\r\nSubject: Re\r\n";
    for third in [
        format!("Content-Type: message/rfc822\r\n\r\n{sent}\r\nanswer"),
        format!("Content-Type: text/rfc822-headers\r\n\r\n{sent}"),
        format!("Content-Type: text/rfc822-headers\r\n\r\n{}", sent.trim_end()),
        "Content-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: <sent@x>\r\nDisposition: x"
            .to_owned(),
    ] {
        assert_eq!(parents("", &third), ["sent@x"], "{third}");
        assert_eq!(
            parents("References: <other@x>\r\n", &third),
            ["other@x", "sent@x"],
            "what it says itself comes first"
        );
    }
    let alone = read(b"From: a@x\r\nOriginal-Message-ID: <sent@x>\r\n\r\nread");
    assert_eq!(alone.parents, ["sent@x"]);
    let forwarded = read(b"From: a@x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <other@x>\r\n\r\nwords");
    assert!(forwarded.parents.is_empty(), "no report");
}

#[test]
fn ids_in_encoded_words_and_folds_are_ids() {
    let parents = |header: &str| read(format!("From: a@x\r\n{header}\r\n\r\nw").as_bytes()).parents;
    for header in [
        "In-Reply-To: =?us-ascii?Q?<0101019a-6b1f8a52@eu-central-1.amazon?=\r\n =?us-ascii?Q?ses.example>?=",
        "In-Reply-To: =?utf-8?q?=3C0101019a-6b1f8a52=40eu-central-1=2Ea?=\r\n =?utf-8?q?mazonses=2Eexample=3E?=",
        "References: <0101019a-6b1f8a52@eu-central-1.\r\n amazonses.example>",
        "In-Reply-To:\r\n <0101019a-6b1f8a52@eu-central-1.amazonses.example> (a mail)",
    ] {
        assert_eq!(parents(header), ["0101019a-6b1f8a52@eu-central-1.amazonses.example"], "{header}");
    }
}
