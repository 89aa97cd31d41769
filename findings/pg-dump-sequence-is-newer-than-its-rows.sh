#!/usr/bin/env bash
# PostgreSQL 16's pg_dump: "consistent backups even if the database is being used concurrently". One would guess that this
# holds for sequences too, so that in a restored database the last value of a sequence tells the newest row that the backup
# can have, for example to say whether a reader's place in a log is of before the backup. But sequences are no part of a
# snapshot: pg_dump reads their values as they are when it comes to them, after it has begun its snapshot. What was inserted
# meanwhile is missing from the restored table, and counted by the restored sequence. Here the dump uses a snapshot that
# another session has exported, with ten rows, and ninety more are inserted before it runs.
#
# Wanted: bash, python3, pip, unzip. Runs without the product; installs a pinned package in a temporary folder. Exit 0 while it
# is so.
set -euo pipefail

folder=$(mktemp -d)
chmod 755 "$folder"
as() { "$@"; }
# A server does not run as root.
[ "$(id -u)" -ne 0 ] || as() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$folder" "$@"; }
bin=$folder/pgserver/pginstall/bin
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.11 \
    --platform manylinux_2_17_x86_64 pgserver==0.1.4
unzip -q pgserver-*.whl
chmod -R a+rX "$folder"
chmod a+x "$bin"/*
mkdir data
[ "$(id -u)" -ne 0 ] || chown 65534:65534 data "$folder"
as "$bin/initdb" -D "$folder/data" -A trust -U postgres >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" start >/dev/null
ask() { as "$bin/psql" -h "$folder" -U postgres -qXAt -v ON_ERROR_STOP=1 "$@"; }

ask -c 'CREATE TABLE log (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)' \
    -c "INSERT INTO log (body) SELECT 'before' FROM generate_series(1, 10)"
# A session that keeps its snapshot until it is told to end.
mkfifo end
{ echo 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot();'; cat end; } | ask >snapshot &
while [ ! -s snapshot ]; do sleep 0.1; done
ask -c "INSERT INTO log (body) SELECT 'meanwhile' FROM generate_series(1, 90)"
as "$bin/pg_dump" -h "$folder" -U postgres --snapshot="$(head -n 1 snapshot)" postgres >dump.sql
echo 'COMMIT;' >end
wait
ask -c 'CREATE DATABASE restored'
ask -d restored -f dump.sql >/dev/null
seen=$(ask -d restored -c "SELECT 'version ' || current_setting('server_version') || ': newest row ' || (SELECT max(seq) FROM log) || ', sequence ' || last_value FROM log_seq_seq")
echo "$seen"
expected='version 16.2: newest row 10, sequence 100'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
