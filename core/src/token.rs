//! The format of API keys (`ixk_`) and service tokens (`ixs_`): 36 random base62 digits and a checksum of six, so that
//! a mistyped one is recognised without the database. It knows no store.

use crate::time_and_chance::Stamps;
use zeroize::Zeroizing;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_DIGITS: usize = 36;
const CHECK_DIGITS: usize = 6;
/// Length of a whole token.
pub(crate) const TOKEN_LEN: usize = 4 + RANDOM_DIGITS + CHECK_DIGITS;
/// Length of the part that is displayed.
pub(crate) const PREFIX_LEN: usize = 8;

/// Kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A customer's API key.
    ApiKey,
    /// A token of the operator's programs.
    Service,
}

impl TokenKind {
    /// The prefix of every token of the kind.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            TokenKind::ApiKey => "ixk_",
            TokenKind::Service => "ixs_",
        }
    }
}

pub(crate) fn make(kind: TokenKind, stamps: &Stamps) -> Zeroizing<String> {
    let mut token = Zeroizing::new(String::with_capacity(TOKEN_LEN));
    token.push_str(kind.prefix());
    while token.len() < 4 + RANDOM_DIGITS {
        let mut bytes = Zeroizing::new([0u8; 64]);
        stamps.fill(bytes.as_mut());
        // 248 is the greatest multiple of 62 that fits a byte: beyond it the first digits would be more likely.
        let digits = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        let missing = 4 + RANDOM_DIGITS - token.len();
        token.extend(digits.take(missing));
    }
    let check = check_digits(&token);
    token.extend(check.iter().map(|digit| char::from(*digit)));
    token
}

/// The kind of a well-formed token; `None` for one that cannot exist.
pub(crate) fn kind(token: &str) -> Option<TokenKind> {
    let kind = match token.get(..4)? {
        "ixk_" => TokenKind::ApiKey,
        "ixs_" => TokenKind::Service,
        _ => return None,
    };
    let well_formed = token.len() == TOKEN_LEN && token.bytes().skip(4).all(|byte| byte.is_ascii_alphanumeric());
    (well_formed && token.as_bytes()[4 + RANDOM_DIGITS..] == check_digits(&token[..4 + RANDOM_DIGITS])).then_some(kind)
}

/// The part of a token that is displayed.
pub(crate) fn prefix(token: &str) -> &str {
    token.get(..PREFIX_LEN).unwrap_or(token)
}

fn check_digits(text: &str) -> [u8; CHECK_DIGITS] {
    let mut sum = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECK_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(sum % 62) as usize];
        sum /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_and_chance::Chance;
    use inboxops_proto::clock::Clock;

    #[test]
    fn a_made_token_is_well_formed_and_any_changed_digit_is_told() {
        let token = make(TokenKind::ApiKey, &Stamps::new(Clock::System, Chance::seeded(3)));
        assert_eq!((token.len(), kind(&token)), (46, Some(TokenKind::ApiKey)));
        for at in 0..token.len() {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(kind(std::str::from_utf8(&changed).unwrap()), None, "digit {at}");
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        for text in
            ["", "ixk_", "ixk_é", "Bearer", &"ixk_".repeat(20), "ixz_000000000000000000000000000000000000000000"]
        {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
