// Keeps a workspace in a SQLite file, and prints what changes:
//
//   INBOXOPS_URL=https://desk.example.com INBOXOPS_API_KEY=ixk_… node sqlite-mirror.mjs mirror.db
//
// It needs `node:sqlite`: Node from 22.13 on, or Deno.

import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Inboxops } from "@inboxops/client";

const SCHEMA = `
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS resources (
        type TEXT NOT NULL, id TEXT NOT NULL, round INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (type, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS states (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
`;

/** A store of a mirror. What was put since the last `save` is gone after a crash, as is the state that tells of it. */
export class SqliteStore {
    #inTransaction = false;

    constructor(path) {
        this.database = new DatabaseSync(path);
        this.database.exec(SCHEMA);
        const prepare = (sql) => this.database.prepare(sql);
        this.reads = prepare("SELECT round, body FROM resources WHERE type = ? AND id = ?");
        this.puts = prepare("INSERT OR REPLACE INTO resources (type, id, round, body) VALUES (?, ?, ?, ?)");
        this.removes = prepare("DELETE FROM resources WHERE round < ?");
        this.loads = prepare("SELECT body FROM states");
        this.saves = prepare("INSERT OR REPLACE INTO states (id, body) VALUES (1, ?)");
    }

    load() {
        const row = this.loads.get();
        return row ? JSON.parse(row.body) : null;
    }

    get(type, id) {
        const row = this.reads.get(type, id);
        return row ? { resource: JSON.parse(row.body), round: row.round } : null;
    }

    put(type, resource, round) {
        this.#begin();
        this.puts.run(type, resource.id, round, JSON.stringify(resource));
    }

    removeBefore(round) {
        this.#begin();
        this.removes.run(round);
    }

    save(state) {
        this.#begin();
        this.saves.run(JSON.stringify(state));
        this.database.exec("COMMIT");
        this.#inTransaction = false;
    }

    close() {
        this.database.close();
    }

    #begin() {
        if (!this.#inTransaction) this.database.exec("BEGIN IMMEDIATE");
        this.#inTransaction = true;
    }
}

async function main(path) {
    const client = new Inboxops({ baseUrl: process.env.INBOXOPS_URL, apiKey: process.env.INBOXOPS_API_KEY });
    const store = new SqliteStore(path);
    const controller = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => controller.abort());
    const onChange = (type, { id }) => console.log(type, id);
    await client.mirror(store, {
        signal: controller.signal,
        onChange,
        onExported: () => console.log("The export is whole."),
    });
    store.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv[2] ?? "mirror.db");
