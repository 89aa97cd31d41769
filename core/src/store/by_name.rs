//! Pages of lists by name: what tags, inboxes and agents have in common.

use super::{
    Result, Scoped,
    db::{conn::on, sql::Sql},
};
use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

/// Where a page by cursor begins: after the row with this folded name and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AfterName<'a> {
    /// The name, or the beginning of a long one.
    pub(crate) start: &'a str,
    /// Whether it is only the beginning: then the name is that of the row, unless the row is gone or renamed.
    pub(crate) cut: bool,
    pub(crate) id: Uuid,
}

/// The rows of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedPage<'a> {
    /// At this place.
    At {
        limit: i64,
        offset: i64,
    },
    After {
        limit: i64,
        after: AfterName<'a>,
    },
}

/// The condition of the page after a name; $1 is the tenant, $2 the name, $3 the id, $4 whether the name is cut.
macro_rules! after_name {
    ($table:literal) => {
        concat!(
            "(name_folded, id) > (COALESCE((SELECT x.name_folded FROM ",
            $table,
            " x WHERE x.id = $3 AND x.tenant_id = $1 AND $4 \
             AND substr(x.name_folded, 1, length(CAST($2 AS text))) = CAST($2 AS text)), CAST($2 AS text)), $3)"
        )
    };
}
pub(super) use after_name;

/// Reads a page by one of two statements: by place, or after a name.
pub(super) async fn page<T>(tx: &mut impl Scoped, at: Sql, next: Sql, page: NamedPage<'_>) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let tenant = tx.tenant();
    let link = tx.link();
    match page {
        NamedPage::At { limit, offset } => {
            let sql = at.on(link);
            on!(link, c, D =>
                sqlx::query_as::<D, T>(sql).bind(tenant.0).bind(limit).bind(offset).fetch_all(c).await)
        }
        NamedPage::After { limit, after } => {
            let sql = next.on(link);
            on!(link, c, D => sqlx::query_as::<D, T>(sql)
                .bind(tenant.0)
                .bind(after.start)
                .bind(after.id)
                .bind(after.cut)
                .bind(limit)
                .fetch_all(c)
                .await)
        }
    }
}
