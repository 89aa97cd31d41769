// Lists, read page by page.

import type { ListMeta, PageQuery } from "./contract.js";

export interface Page<Item> {
    data: Item[];
    meta: ListMeta;
}

/**
 * A list that is read as it is used: `for await (const ticket of client.tickets.list())`.
 *
 * It goes on by cursor, so that nothing is skipped or repeated while others write. A list that was asked for with
 * `page` goes on by number.
 */
export class Listing<Item> implements AsyncIterable<Item> {
    constructor(
        private readonly query: PageQuery,
        private readonly read: (query: PageQuery) => Promise<Page<Item>>,
    ) {}

    /** One page: that of the `page` or `cursor` that was asked for, else the first. */
    first(): Promise<Page<Item>> {
        return this.read(this.query);
    }

    /** Page by page, with what `meta` says of each. */
    async *pages(): AsyncGenerator<Page<Item>, void> {
        let query = this.query;
        for (;;) {
            const page = await this.read(query);
            yield page;
            const next = this.behind(page.meta);
            if (!next) return;
            query = next;
        }
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
        for await (const page of this.pages()) yield* page.data;
    }

    /** All items at once; a list of more than `max` is an error, as it may not fit the memory. */
    async all(max = 10_000): Promise<Item[]> {
        const found: Item[] = [];
        for await (const page of this.pages()) {
            found.push(...page.data);
            if (found.length > max) throw new RangeError(`The list has more than ${max} items.`);
        }
        return found;
    }

    private behind({ has_more, next_cursor, page }: ListMeta): PageQuery | null {
        if (!has_more) return null;
        const { page: byNumber, cursor: _, ...rest } = this.query;
        if (next_cursor && byNumber === undefined) return { ...rest, cursor: next_cursor };
        if (page) return { ...rest, page: page + 1 };
        throw new TypeError("The list has more, but does not say where.");
    }
}
