//! Charsets of mails: which charset a label names, and how its bytes are decoded. `encoding_rs` has the charsets of the
//! web; the others that occur in mails are here. It knows no header.

mod iso2022;
mod pages;
mod unicode;

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS, UTF_8, UTF_16BE,
    UTF_16LE, WINDOWS_874, WINDOWS_1252, X_MAC_CYRILLIC, X_USER_DEFINED,
};
use iso2022::Country;
use std::borrow::Cow;
use unicode::Order;

/// Longest label that is looked up, in bytes.
const LABEL_MAX_BYTES: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Charset {
    /// A charset of the web.
    Web(&'static Encoding),
    /// A code page: its letters from byte 0x80 on, or from 0 on.
    Page(&'static str),
    /// UTF-7 (RFC 2152).
    Utf7,
    /// UTF-16; a byte order mark decides if the label does not name the byte order.
    Utf16(Order),
    /// UTF-32, likewise.
    Utf32(Order),
    /// A charset that switches tables by escape sequences (ISO 2022).
    Iso2022(Country),
    /// HZ (RFC 1843).
    Hz,
}

/// The charset of a label. Names from registries, operating systems and programs are accepted.
pub(crate) fn named(label: &str) -> Option<Charset> {
    let label = label.trim().trim_matches(['"', '\'']);
    if label.is_empty() || label.len() > LABEL_MAX_BYTES {
        return None;
    }
    let plain: String = label.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect();
    beside_the_web(&plain).or_else(|| of_the_web(label)).or_else(|| by_name(&plain)).or_else(|| by_number(&plain))
}

fn of_the_web(label: &str) -> Option<Charset> {
    let known = |label: &str| Encoding::for_label_no_replacement(label.as_bytes());
    let found = known(label).or_else(|| known(&label.replace('_', "-")));
    // A private encoding that only scripts of web pages use.
    found.filter(|it| *it != X_USER_DEFINED).map(Charset::Web)
}

/// Labels that browsers refuse, or whose byte order they ignore.
fn beside_the_web(plain: &str) -> Option<Charset> {
    let plain = plain.strip_prefix("cs").unwrap_or(plain);
    Some(match plain {
        "utf7" | "unicode11utf7" | "unicode20utf7" | "xunicode20utf7" | "cp65000" => Charset::Utf7,
        "utf16" | "unicode" | "ucs2" | "iso10646ucs2" | "u16" => Charset::Utf16(Order::Unknown),
        "utf16le" | "ucs2le" | "cp1200" | "unicodelittle" | "unicodefeff" => Charset::Utf16(Order::Little),
        "utf16be" | "ucs2be" | "cp1201" | "unicodebig" | "unicodefffe" => Charset::Utf16(Order::Big),
        "utf32" | "ucs4" | "iso10646ucs4" | "u32" => Charset::Utf32(Order::Unknown),
        "utf32le" | "ucs4le" | "cp12000" => Charset::Utf32(Order::Little),
        "utf32be" | "ucs4be" | "cp12001" => Charset::Utf32(Order::Big),
        "iso2022kr" | "cp50225" | "windows50225" => Charset::Iso2022(Country::Korea),
        "iso2022cn" | "iso2022cnext" | "cp50227" | "windows50227" => Charset::Iso2022(Country::China),
        "hz" | "hzgb" | "hzgb2312" | "hzgb23121980" | "cp52936" => Charset::Hz,
        "jis" | "jis7" | "jisencoding" | "cp50220" | "cp50221" | "cp50222" => Charset::Iso2022(Country::Japan),
        _ if plain.starts_with("iso2022jp") => Charset::Iso2022(Country::Japan),
        _ => return None,
    })
}

fn by_name(plain: &str) -> Option<Charset> {
    let plain = plain.strip_prefix("cs").unwrap_or(plain);
    let plain = plain.strip_prefix('x').unwrap_or(plain);
    Some(match plain {
        "utf8" | "utf8mac" | "utf8mb4" | "utf8mb3" | "utf8sig" | "utf8bom" | "utf8n" | "cesu8" | "wtf8" => {
            Charset::Web(UTF_8)
        }
        "646" | "us" | "ascii" | "usascii" | "iso646" | "iso646us" | "ansix341986" | "isoir6" | "ansi" | "asciius" => {
            Charset::Web(WINDOWS_1252)
        }
        "sjis" | "shiftjis" | "mskanji" | "mscp932" | "windows31j" | "shiftjis2004" | "shiftjisx0213" | "sjis2004"
        | "sjisx0213" | "sjiswin" | "sjisopen" => Charset::Web(SHIFT_JIS),
        "euc" | "eucj" | "eucjp" | "ujis" | "eucjpms" | "eucjis" | "eucjis2004" | "jisx0213" | "eucjisx0213"
        | "eucjpwin" | "eucpkdfmtjapanese" => Charset::Web(EUC_JP),
        "uhc" | "korean" | "euckr" | "ksc" | "ksx1001" | "kscs5601" | "ksc5601" | "ksc56011987" | "ksc56011992"
        | "ks" | "wansung" | "extwansung" => Charset::Web(EUC_KR),
        "gb" | "gb2312" | "gb231280" | "gb23121980" | "gb23122000" | "euccn" | "eucgb2312cn" | "eucgb2312"
        | "chinese" | "gbk1" | "simplifiedchinese" => Charset::Web(GBK),
        "gb180302000" | "gb180302005" | "gb180302022" => Charset::Web(GB18030),
        "big5" | "big5tw" | "big5hk" | "big5hkscs" | "big5hkscs2004" | "big5hkscs2008" | "big5eten" | "big5et"
        | "cnbig5" | "xbig5" => Charset::Web(BIG5),
        "koi8" | "koi" | "koi8r" | "koi8e" => Charset::Web(KOI8_R),
        "koi8u" | "koi8ru" | "koi8ru1" => Charset::Web(KOI8_U),
        "mac" | "macroman" | "macosroman" | "applemacintosh" | "maccenter" => Charset::Web(MACINTOSH),
        "maccyrillic" | "macukraine" | "macukrainian" => Charset::Web(X_MAC_CYRILLIC),
        "tis620" | "tis6200" | "tis62025291" | "tis62025330" | "thai" | "thai8" => Charset::Web(WINDOWS_874),
        "maccentraleurope" | "maccentraleuropean" | "macce" => page("maclatin2")?,
        "hproman8" | "r8" => page("roman8")?,
        "strk10482002" | "rk1048" => page("kz1048")?,
        "pt154" | "cp154" | "cyrillicasian" => page("ptcp154")?,
        "viscii111" | "viscii1" => page("viscii")?,
        "tcvn5712" | "tcvn57121" | "tcvn571211993" => page("tcvn")?,
        "ebcdiccpus" | "ebcdiccpca" => page("37")?,
        "latin1" | "isolatin1" | "l1" | "westerneurope" => iso8859(1)?,
        "latin2" | "isolatin2" | "l2" | "centraleurope" => iso8859(2)?,
        "latin3" | "isolatin3" | "l3" => iso8859(3)?,
        "latin4" | "isolatin4" | "l4" => iso8859(4)?,
        "cyrillic" | "isolatincyrillic" => iso8859(5)?,
        "arabic" | "isolatinarabic" => iso8859(6)?,
        "greek" | "greek8" | "isolatingreek" => iso8859(7)?,
        "hebrew" | "isolatinhebrew" => iso8859(8)?,
        "latin5" | "isolatin5" | "l5" | "turkish" => iso8859(9)?,
        "latin6" | "isolatin6" | "l6" | "nordic" => iso8859(10)?,
        "latin7" | "isolatin7" | "l7" | "baltic" | "isoir179" => iso8859(13)?,
        "latin8" | "isolatin8" | "l8" | "celtic" | "isoceltic" | "isoir199" => iso8859(14)?,
        "latin9" | "latin0" | "isolatin9" | "l9" | "isoir203" => iso8859(15)?,
        "latin10" | "isolatin10" | "l10" | "isoir226" => iso8859(16)?,
        _ => return page(plain).or_else(|| iso_in(plain)),
    })
}

/// `iso8859_5`, `ISO88595`, `8859-5`, `iso8859-5:1988`.
fn iso_in(plain: &str) -> Option<Charset> {
    let (_, number) = plain.split_once("8859")?;
    let number = number.strip_suffix('e').or_else(|| number.strip_suffix('i')).unwrap_or(number);
    // A year may follow: `iso885951988`.
    let number = if number.len() > 4 { &number[..number.len() - 4] } else { number };
    iso8859(number.parse().ok()?)
}

fn iso8859(number: u32) -> Option<Charset> {
    of_the_web(&format!("iso-8859-{number}"))
}

/// `cp1251`, `win-1251`, `windows1251`, `ibm850`, `850`: all name a code page by its number.
fn by_number(plain: &str) -> Option<Charset> {
    let digits = plain.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    let (prefix, digits) = match plain.strip_prefix("cspc").or_else(|| plain.strip_prefix("pc")) {
        // `csPC8CodePage437`, `csPC850Multilingual`, `csPCp852`
        Some(_) => ("pc", digits.trim_start_matches("8codepage").trim_end_matches(|it: char| it.is_alphabetic())),
        None => (&plain[..plain.len() - digits.len()], digits),
    };
    let known = "cp win windows xwindows cswindows mswin mswindows ms xcp cpx ibm csibm xibm dos oem pc codepage ccsid ccsid0 ansi xwin \
                 xms xmscp mscp ebcdiccp microsoftcp";
    let number: u32 = digits.parse().ok().filter(|_| prefix.is_empty() || known.split(' ').any(|it| it == prefix))?;
    let web = match number {
        866 => IBM866,
        874 | 1162 => WINDOWS_874,
        932 | 943 | 31 | 10001 => SHIFT_JIS,
        936 | 20936 | 51936 | 1383 | 1386 | 10008 => GBK,
        949 | 970 | 1363 | 20949 | 51949 | 10003 => EUC_KR,
        950 | 951 | 1370 | 1373 | 10002 => BIG5,
        54936 | 1392 => GB18030,
        954 | 20932 | 33722 | 51932 => EUC_JP,
        367 | 20127 => WINDOWS_1252,
        878 | 20866 => KOI8_R,
        1168 | 21866 => KOI8_U,
        10000 | 1275 => MACINTOSH,
        10007 | 10017 | 1283 => X_MAC_CYRILLIC,
        65001 | 1208 => UTF_8,
        1250..=1258 => return of_the_web(&format!("windows-{number}")),
        28591..=28606 => return iso8859(number - 28590),
        819 => return iso8859(1),
        912 => return iso8859(2),
        913 => return iso8859(3),
        914 => return iso8859(4),
        915 => return iso8859(5),
        1089 => return iso8859(6),
        813 => return iso8859(7),
        916 | 38598 => return iso8859(8),
        920 => return iso8859(9),
        919 => return iso8859(10),
        921 => return iso8859(13),
        923 => return iso8859(15),
        1200 => return Some(Charset::Utf16(Order::Little)),
        1201 => return Some(Charset::Utf16(Order::Big)),
        12000 => return Some(Charset::Utf32(Order::Little)),
        12001 => return Some(Charset::Utf32(Order::Big)),
        50220..=50222 => return Some(Charset::Iso2022(Country::Japan)),
        52936 => return Some(Charset::Hz),
        65000 => return Some(Charset::Utf7),
        10006 => return page("macgreek"),
        10029 => return page("maclatin2"),
        10079 => return page("maciceland"),
        10081 => return page("macturkish"),
        1051 => return page("roman8"),
        858 | 850 | 1140 | 37 => return page(&number.to_string()),
        number => return page(&number.to_string()),
    };
    Some(Charset::Web(web))
}

fn page(name: &str) -> Option<Charset> {
    pages::PAGES.iter().find(|(other, _)| *other == name).map(|(_, letters)| Charset::Page(letters))
}

/// Whether ASCII bytes may mean something else in this charset.
pub(crate) fn is_stateful(charset: Option<Charset>) -> bool {
    matches!(charset, Some(Charset::Iso2022(_) | Charset::Hz))
}

/// Decodes `bytes`. Valid UTF-8 beyond ASCII is UTF-8 whatever the label says; bytes without a known label are
/// Windows-1252.
pub(crate) fn decode(bytes: &[u8], charset: Option<Charset>) -> String {
    match charset {
        Some(Charset::Utf16(order)) if !is_plainly_utf8(bytes) => return unicode::utf16(bytes, order),
        Some(Charset::Utf32(order)) if !is_plainly_utf8(bytes) => return unicode::utf32(bytes, order),
        Some(Charset::Page(letters)) if is_whole(letters) && !is_readable(bytes) => return by_page(bytes, letters),
        Some(Charset::Web(encoding)) if encoding == UTF_8 => {}
        None | Some(Charset::Web(_)) if iso2022::is_told_by(bytes) => return iso2022::decode(bytes, Country::Japan),
        _ => {}
    }
    let foreign = bytes.is_ascii() && matches!(charset, Some(Charset::Utf7 | Charset::Iso2022(_) | Charset::Hz));
    if let (false, Ok(text)) = (foreign, std::str::from_utf8(bytes)) {
        return text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    }
    match charset {
        None => guessed(bytes, 1),
        // A text labelled UTF-8 is UTF-8, unless nothing in it is valid.
        Some(Charset::Web(encoding)) if encoding == UTF_8 => guessed(bytes, usize::MAX),
        Some(Charset::Web(encoding)) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        Some(Charset::Page(letters)) => by_page(bytes, letters),
        Some(Charset::Utf7) => unicode::utf7(bytes),
        Some(Charset::Iso2022(country)) => iso2022::decode(bytes, country),
        Some(Charset::Hz) => iso2022::hz(bytes),
        Some(Charset::Utf16(_) | Charset::Utf32(_)) => guessed(bytes, 1),
    }
}

/// Decodes bytes that are labelled UTF-8 or not at all: as UTF-8 if there are fewer than `bearable` broken letters for
/// each valid one, otherwise as Windows-1252.
fn guessed(bytes: &[u8], bearable: usize) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(bytes).filter(|(encoding, _)| *encoding != UTF_8) {
        let order = if encoding == UTF_16BE { Order::Big } else { Order::Little };
        debug_assert!(encoding == UTF_16BE || encoding == UTF_16LE);
        return unicode::utf16(bytes, order);
    }
    let mut sound = 0;
    let mut broken = 0;
    for chunk in bytes.utf8_chunks() {
        sound += chunk.valid().chars().filter(|it| !it.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if sound > 0 && broken < sound.saturating_mul(bearable) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// Whether the bytes are UTF-8, although a label names a charset of two or four bytes a letter.
fn is_plainly_utf8(bytes: &[u8]) -> bool {
    let strange = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n');
    !bytes.iter().any(strange) && std::str::from_utf8(bytes).is_ok()
}

/// Whether the bytes are readable words in UTF-8, although a label names another single-byte code page.
fn is_readable(bytes: &[u8]) -> bool {
    let common = bytes.iter().filter(|it| it.is_ascii_alphanumeric() || it.is_ascii_whitespace()).count();
    is_plainly_utf8(bytes) && (!bytes.is_ascii() || common * 2 > bytes.len())
}

fn is_whole(letters: &str) -> bool {
    letters.chars().nth(128).is_some()
}

fn by_page(bytes: &[u8], letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let first = 256 - letters.len();
    let letter = |byte: &u8| match usize::from(*byte).checked_sub(first) {
        // The line end of EBCDIC.
        Some(at) if letters[at] == '\u{85}' && first == 0 => '\n',
        Some(at) => letters[at],
        None => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

/// The charset that an HTML document declares (`<meta charset>`, `<meta http-equiv>`, `<?xml?>`).
pub(crate) fn of_html(html: &[u8]) -> Option<Charset> {
    const LOOKED_AT: usize = 4096;
    let head = String::from_utf8_lossy(&html[..html.len().min(LOOKED_AT)]).to_ascii_lowercase();
    let xml = head.find("<?xml").and_then(|at| told(&head[at..], "encoding"));
    let mut metas = head.match_indices("<meta").filter_map(|(at, _)| told(&head[at..], "charset"));
    let label: Option<Cow<'_, str>> = xml.or_else(|| metas.next());
    // A declaration that is readable byte by byte rules out charsets with wider letters.
    label.and_then(|it| named(&it)).filter(|it| !matches!(it, Charset::Utf16(_) | Charset::Utf32(_)))
}

/// The value after `word=` within the tag at the start of `text`.
fn told<'a>(text: &'a str, word: &str) -> Option<Cow<'a, str>> {
    let tag = &text[..text.find('>')?];
    let (_, rest) = tag.split_once(word)?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(['"', '\'', ';', ' ', '/', '?']).unwrap_or(value.len());
    Some(Cow::Borrowed(&value[..end])).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests;
