//! The grammar of mails (RFC 5322, MIME) as the world writes it: header block, structured values, encodings, charsets and
//! the lines that part a multipart. Everything here reads on whatever comes, and takes time and memory in proportion to it.
//! It knows no ticket, and not what is wanted of a mail.

pub mod address;
pub mod charset;
pub mod date;
pub mod encoding;
pub mod fields;
pub mod flowed;
pub mod multipart;
pub mod value;
pub mod words;
