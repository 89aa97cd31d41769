//! The grammar of mails (RFC 5322, MIME) as the world writes it: header block, structured values, encodings, charsets and
//! the lines that part a multipart. Everything here reads on whatever comes, and takes time and memory in proportion to it.
//! It knows no ticket, and not what is wanted of a mail.

pub(crate) mod address;
pub(crate) mod charset;
pub(crate) mod date;
pub(crate) mod encoding;
pub(crate) mod fields;
pub(crate) mod flowed;
pub(crate) mod multipart;
pub(crate) mod value;
pub(crate) mod words;
