//! The grammar of mails (RFC 5322, MIME) as mail programs write it: header block, structured values, encodings,
//! charsets and multipart delimiters. Its parsers never fail on malformed input, and take time and memory in proportion
//! to the input. It knows neither tickets nor which parts of a mail are kept.

pub(crate) mod address;
pub(crate) mod charset;
pub(crate) mod date;
pub(crate) mod encoding;
pub(crate) mod fields;
pub(crate) mod flowed;
pub(crate) mod multipart;
pub(crate) mod value;
pub(crate) mod words;
