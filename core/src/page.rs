//! Pages of lists that have no cursor: which rows a request asks for, and the `meta` of the answer. It knows no noun.

use inboxops_proto::v1::PageMeta;

/// Items on a page when the request does not say.
pub(crate) const PER_PAGE_DEFAULT: u32 = 25;

/// A page of a list; the gate has checked the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    page: u32,
    per_page: u32,
}

impl Page {
    /// Makes a page from the request's `page` and `per_page`.
    pub(crate) fn parse(page: Option<u32>, per_page: Option<u32>) -> Page {
        Page { page: page.unwrap_or(1).max(1), per_page: per_page.unwrap_or(PER_PAGE_DEFAULT).max(1) }
    }

    /// Greatest number of rows to read.
    pub(crate) fn limit(self) -> i64 {
        i64::from(self.per_page)
    }

    /// Number of rows before the page.
    pub(crate) fn offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.per_page)
    }

    /// The `meta` of a list with `total` items.
    pub(crate) fn meta(self, total: i64) -> PageMeta {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let total_pages = total.div_ceil(self.per_page);
        PageMeta {
            page: Some(self.page),
            per_page: self.per_page,
            total,
            total_pages: Some(total_pages),
            has_more: self.page < total_pages,
            next_cursor: None,
            safe_since: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_past_the_end_keeps_the_true_total() {
        let page = Page::parse(Some(9), Some(10));
        let meta = page.meta(31);
        assert_eq!((meta.total, meta.total_pages, meta.has_more), (31, Some(4), false));
        assert_eq!((page.offset(), page.limit()), (80, 10));
    }

    #[test]
    fn pages_count_up_to_the_last_full_one() {
        assert!(Page::parse(None, None).meta(26).has_more);
        assert!(!Page::parse(None, None).meta(25).has_more);
        assert_eq!(Page::parse(None, None).meta(0).total_pages, Some(0));
    }
}
