//! Lists that are read by page or by cursor: what a request asks for, and the `meta` of the answer. A cursor is bound
//! to its list, tenant and filters, and to the history of the database. It knows no noun.
//!
//! A service parses [`Paging`] before it reads, opens it in its snapshot with the [`Binding`] of its filters, reads
//! [`Listing::limit`] rows after [`Listing::after`] or [`Listing::offset`], and ends with [`Listing::meta`] or
//! [`Listing::finish`].

pub(crate) mod answer_size;
mod cursor;

pub(crate) use cursor::KeyPart;

use crate::{
    error::{Error, Result},
    page::PER_PAGE_DEFAULT,
    store::{
        ReadTx,
        by_name::{AfterName, NamedPage},
        histories::{self, HistoryPoint},
    },
};
use cursor::ListCursor;
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::TenantId,
    reason::{DetailCode, Reason},
    v1::{CursorMeta, PageMeta},
};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// How long a cursor is good for.
const CURSOR_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a cursor belongs to: a list with its order and filters, of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding([u8; 8]);

impl Binding {
    /// `filters` is the request without its paging: whatever changes which rows it lists, or their order.
    pub(crate) fn of(list: &str, tenant: TenantId, filters: &impl prost::Message) -> Binding {
        let mut hash = Sha256::new();
        hash.update(tenant.0.as_bytes());
        hash.update(list.as_bytes());
        hash.update([0]);
        hash.update(filters.encode_to_vec());
        let hash = hash.finalize();
        Binding(std::array::from_fn(|at| hash[at]))
    }
}

/// The paging that a request asks for, as far as no data is needed to read it.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    per_page: u32,
    start: AskedStart,
}

#[derive(Clone, Debug)]
enum AskedStart {
    Page(u32),
    Cursor(ListCursor),
}

impl Paging {
    /// `page` and `cursor` exclude each other. The gate has checked the bounds.
    pub(crate) fn parse(page: Option<u32>, per_page: Option<u32>, cursor: Option<&str>) -> Result<Paging> {
        let start = match (page, cursor) {
            (Some(_), Some(_)) => {
                let violation =
                    Violation::new("cursor", DetailCode::MutuallyExclusive, "cannot be given together with `page`");
                return Err(Failure::violations(Reason::InvalidParameter, vec![violation]).into());
            }
            (page, None) => AskedStart::Page(page.unwrap_or(1).max(1)),
            (None, Some(text)) => AskedStart::Cursor(ListCursor::parse(text).ok_or(Reason::InvalidCursor)?),
        };
        Ok(Paging { per_page: per_page.unwrap_or(PER_PAGE_DEFAULT).max(1), start })
    }

    /// For a list that has a cursor but no pages.
    pub(crate) fn by_cursor(per_page: Option<u32>, cursor: Option<&str>) -> Result<Paging> {
        Paging::parse(None, per_page, cursor)
    }

    /// Checks the cursor in the snapshot that the page is read from. One statement.
    pub(crate) async fn open(self, read: &mut ReadTx, binding: Binding, now: Timestamp) -> Result<Listing> {
        let point = histories::point(read).await?;
        let start = match self.start {
            AskedStart::Page(page) => Start::Page(page),
            AskedStart::Cursor(cursor) => {
                if !read.histories().cover(cursor.point, point.seq) {
                    return Err(of_other_history("cursor").into());
                }
                if cursor.binding != binding {
                    return Err(Reason::InvalidCursor.into());
                }
                // To the second, as its text is.
                if now.minus(CURSOR_LIFE).secs() > cursor.made_at.secs() {
                    return Err(Failure::new(Reason::CursorExpired)
                        .message("The cursor is older than 30 days.")
                        .into());
                }
                Start::After(Key(cursor.key))
            }
        };
        Ok(Listing { per_page: self.per_page, start, binding, point, now })
    }
}

/// The refusal of a cursor, given in this field, that no history of the database covers.
pub(crate) fn of_other_history(field: &'static str) -> Failure {
    let violation = Violation::new(
        field,
        DetailCode::OtherHistory,
        "was made in another database, or after the backup that this one was restored from",
    );
    Failure::violations(Reason::CursorExpired, vec![violation])
        .message("The cursor belongs to another history of the data; begin again without it.")
}

/// The key of an item: the values by which its list is ordered, with an id last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) Vec<KeyPart>);

impl Key {
    /// Of a list by a number or a time, then by id.
    pub(crate) fn numbered(number: i64, id: Uuid) -> Key {
        Key(vec![KeyPart::Number(number), KeyPart::Id(id)])
    }

    /// Of a list by a folded name, then by id.
    pub(crate) fn named(name: &str, id: Uuid) -> Key {
        Key(vec![KeyPart::text(name), KeyPart::Id(id)])
    }

    /// Of a list by id.
    pub(crate) fn id(id: Uuid) -> Key {
        Key(vec![KeyPart::Id(id)])
    }

    pub(crate) fn as_numbered(&self) -> Result<(i64, Uuid)> {
        match self.0[..] {
            [KeyPart::Number(number), KeyPart::Id(id)] => Ok((number, id)),
            _ => Err(made_up()),
        }
    }

    /// The name, or the beginning of a long one and `true`.
    pub(crate) fn as_named(&self) -> Result<(&str, bool, Uuid)> {
        match &self.0[..] {
            [KeyPart::Text { start, cut }, KeyPart::Id(id)] => Ok((start, *cut, *id)),
            _ => Err(made_up()),
        }
    }

    pub(crate) fn as_id(&self) -> Result<Uuid> {
        match self.0[..] {
            [KeyPart::Id(id)] => Ok(id),
            _ => Err(made_up()),
        }
    }
}

/// The binding of a cursor fits its list, but its key does not: only a client makes such a cursor.
fn made_up() -> Error {
    Reason::InvalidCursor.into()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Start {
    Page(u32),
    After(Key),
}

/// A page of a list that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    per_page: u32,
    start: Start,
    binding: Binding,
    point: HistoryPoint,
    now: Timestamp,
}

impl Listing {
    /// The number of rows to read: by cursor one more than a page has, which says whether others follow.
    pub(crate) fn limit(&self) -> i64 {
        i64::from(self.per_page) + i64::from(self.after().is_some())
    }

    /// The same for a list without pages: always one more.
    pub(crate) fn limit_beyond(&self) -> i64 {
        i64::from(self.per_page) + 1
    }

    /// Number of rows before the page; 0 by cursor.
    pub(crate) fn offset(&self) -> i64 {
        match self.start {
            Start::Page(page) => i64::from(page - 1) * i64::from(self.per_page),
            Start::After(_) => 0,
        }
    }

    /// The key of the last item before the page, by cursor.
    pub(crate) fn after(&self) -> Option<&Key> {
        match &self.start {
            Start::Page(_) => None,
            Start::After(key) => Some(key),
        }
    }

    /// The rows to read of a list by name.
    pub(crate) fn named(&self) -> Result<NamedPage<'_>> {
        let limit = self.limit();
        Ok(match self.after() {
            None => NamedPage::At { limit, offset: self.offset() },
            Some(key) => {
                let (start, cut, id) = key.as_named()?;
                NamedPage::After { limit, after: AfterName { start, cut, id } }
            }
        })
    }

    /// Greatest number of items of the page.
    pub(crate) fn per_page(&self) -> usize {
        usize::try_from(self.per_page).unwrap_or(usize::MAX)
    }

    /// The point in the history of the database at which the page is read.
    pub(crate) fn point(&self) -> HistoryPoint {
        self.point
    }

    /// The cursor after an item with this key.
    pub(crate) fn cursor(&self, key: Key) -> String {
        ListCursor { point: self.point, made_at: self.now, binding: self.binding, key: key.0 }.text()
    }

    /// Removes the row that is only read to see whether others follow, and makes the `meta` of a list with `total`
    /// items.
    pub(crate) fn meta<T>(&self, rows: &mut Vec<T>, total: i64, key: impl Fn(&T) -> Key) -> PageMeta {
        let beyond = rows.len() > self.per_page();
        rows.truncate(self.per_page());
        self.meta_of(rows, beyond, total, key)
    }

    /// The same for rows that are cut to the page already; `beyond` says whether there are others, by cursor.
    pub(crate) fn meta_of<T>(&self, rows: &[T], beyond: bool, total: i64, key: impl Fn(&T) -> Key) -> PageMeta {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let pages = total.div_ceil(self.per_page);
        let (page, has_more) = match self.start {
            Start::Page(page) => (Some(page), page < pages),
            Start::After(_) => (None, beyond),
        };
        PageMeta {
            page,
            per_page: self.per_page,
            total,
            total_pages: page.map(|_| pages),
            has_more,
            next_cursor: self.next_cursor(rows, has_more, key),
            safe_since: None,
        }
    }

    /// The `meta` of a list without pages: read [`Listing::limit_beyond`] rows.
    pub(crate) fn finish<T>(&self, rows: &mut Vec<T>, key: impl Fn(&T) -> Key) -> CursorMeta {
        let has_more = rows.len() > self.per_page();
        rows.truncate(self.per_page());
        self.cursor_meta(rows, has_more, key)
    }

    /// The same for rows that are cut to the page already.
    pub(crate) fn cursor_meta<T>(&self, rows: &[T], has_more: bool, key: impl Fn(&T) -> Key) -> CursorMeta {
        CursorMeta { has_more, next_cursor: self.next_cursor(rows, has_more, key) }
    }

    fn next_cursor<T>(&self, rows: &[T], has_more: bool, key: impl Fn(&T) -> Key) -> Option<String> {
        // A page past the end has no items and no cursor.
        rows.last().filter(|_| has_more).map(|last| self.cursor(key(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::v1;

    const NOW: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);

    fn listing(start: Start, per_page: u32) -> Listing {
        let point = HistoryPoint { history: 1, seq: 2 };
        Listing { per_page, start, binding: Binding([0; 8]), point, now: NOW }
    }

    fn key(number: &i64) -> Key {
        Key::numbered(*number, Uuid::from_u128(1))
    }

    #[test]
    fn a_page_past_the_end_keeps_the_true_total_and_has_no_cursor() {
        let listing = listing(Start::Page(9), 10);
        let meta = listing.meta(&mut Vec::new(), 31, key);
        assert_eq!((meta.page, meta.total, meta.total_pages, meta.has_more), (Some(9), 31, Some(4), false));
        assert_eq!((listing.offset(), listing.limit(), meta.next_cursor), (80, 10, None));
    }

    #[test]
    fn pages_count_up_to_the_last_full_one() {
        let page = listing(Start::Page(1), 25);
        let first = page.meta(&mut (0..25).collect(), 26, key);
        assert!(first.has_more && first.next_cursor.is_some());
        let last = page.meta(&mut (0..25).collect(), 25, key);
        assert!(!last.has_more && last.next_cursor.is_none());
        assert_eq!(page.meta(&mut Vec::new(), 0, key).total_pages, Some(0));
    }

    #[test]
    fn by_cursor_one_row_more_says_that_others_follow() {
        let after = listing(Start::After(key(&7)), 3);
        assert_eq!((after.limit(), after.offset()), (4, 0));
        let mut rows = vec![8, 9, 10, 11];
        let meta = after.meta(&mut rows, 90, key);
        assert_eq!((rows, meta.page, meta.total, meta.total_pages), (vec![8, 9, 10], None, 90, None));
        let next = ListCursor::parse(&meta.next_cursor.expect("more follow")).expect("a cursor");
        assert_eq!((Key(next.key), next.made_at, meta.has_more), (key(&10), NOW, true));
        let end = after.meta(&mut vec![8, 9, 10], 90, key);
        assert_eq!((end.has_more, end.next_cursor), (false, None));
    }

    #[test]
    fn a_binding_tells_lists_tenants_and_filters_apart() {
        let tenant = |n| TenantId(Uuid::from_u128(n));
        let filters = |tag: &str| v1::ListTicketsRequest { tag: Some(tag.to_owned()), ..Default::default() };
        let one = Binding::of("tickets", tenant(1), &filters("vip"));
        assert_eq!(one, Binding::of("tickets", tenant(1), &filters("vip")));
        assert_ne!(one, Binding::of("tickets", tenant(2), &filters("vip")));
        assert_ne!(one, Binding::of("tickets", tenant(1), &filters("vi")));
        assert_ne!(one, Binding::of("exports", tenant(1), &filters("vip")));
    }

    #[test]
    fn page_and_cursor_exclude_each_other() {
        assert!(Paging::parse(Some(1), None, Some("x")).is_err());
        assert!(Paging::parse(None, None, Some("x")).is_err(), "no cursor");
        assert!(Paging::parse(Some(0), Some(0), None).is_ok(), "the gate refuses these");
    }
}
