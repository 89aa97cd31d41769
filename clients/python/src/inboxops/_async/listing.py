"""Lists, read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, cast

from .._contract import Item, ListMeta, Page
from .runtime import Items

ALL_MAX = 10_000


class AsyncListing(Generic[Item]):
    """
    A list that is read as it is used: `async for ticket in client.tickets.list()`.

    It goes on by cursor, so that nothing is skipped or repeated while others write. A list that was asked for with
    `page` goes on by number.
    """

    def __init__(self, query: Any, read: Callable[[Any], Awaitable[Any]]) -> None:
        self._query: dict[str, Any] = dict(query)
        self._read = read

    async def first(self) -> Page[Item]:
        """One page: that of the `page` or `cursor` that was asked for, else the first."""
        return await self._page(self._query)

    async def pages(self) -> Items[Page[Item]]:
        """Page by page, with what `meta` says of each."""
        query: dict[str, Any] | None = self._query
        while query is not None:
            page = await self._page(query)
            yield page
            query = self._behind(page.meta)

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.data:
                yield item

    async def all(self, max: int = ALL_MAX) -> list[Item]:
        """All items at once; a list of more than `max` is an error, as it may not fit the memory."""
        found: list[Item] = []
        async for page in self.pages():
            found += page.data
            if len(found) > max:
                raise ValueError(f"The list has more than {max} items.")
        return found

    async def _page(self, query: dict[str, Any]) -> Page[Item]:
        body = await self._read(query)
        return Page(cast(list[Item], body["data"]), cast(ListMeta, body.get("meta", {})))

    def _behind(self, meta: ListMeta) -> dict[str, Any] | None:
        if not meta.get("has_more"):
            return None
        rest = {name: value for name, value in self._query.items() if name not in ("page", "cursor")}
        if (cursor := meta.get("next_cursor")) and self._query.get("page") is None:
            return {**rest, "cursor": cursor}
        if page := meta.get("page"):
            return {**rest, "page": page + 1}
        raise ValueError("The list has more, but does not say where.")
