import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ticket } from "./server.mjs";

const hasSqlite = await import("node:sqlite").then(
    () => true,
    () => false,
);

test("the store of the example keeps what was saved, and drops what was not", { skip: !hasSqlite }, async () => {
    const { SqliteStore } = await import("../examples/sqlite-mirror.mjs");
    const folder = mkdtempSync(join(tmpdir(), "ixo-"));
    const open = () => new SqliteStore(join(folder, "mirror.db"));
    const state = { round: 2, types: null, exportCursor: null, eventsCursor: "e1" };
    try {
        let store = open();
        assert.equal(store.load(), null);
        store.put("ticket", ticket(1), 1);
        store.put("ticket", ticket(2), 2);
        store.put("tag", ticket(1), 2);
        store.removeBefore(2);
        store.save(state);
        store.put("ticket", ticket(2, 9), 2);
        store.put("ticket", ticket(3), 2);
        assert.equal(store.get("ticket", "t2").resource.version, 9);
        store.close();
        store = open();
        assert.deepEqual(store.load(), state);
        assert.equal(store.get("ticket", "t1"), null);
        assert.deepEqual(store.get("ticket", "t2"), { resource: ticket(2), round: 2 });
        assert.deepEqual(store.get("tag", "t1"), { resource: ticket(1), round: 2 });
        assert.equal(store.get("ticket", "t3"), null);
        store.close();
    } finally {
        rmSync(folder, { recursive: true });
    }
});
