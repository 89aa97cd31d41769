"""The command line: exit codes, JSON, settings, errors at the start."""

import json
import os
import re
import shutil
import socket
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest

from product import Process, Server, free_port, run, until

ON = ("sqlite",)
OK, FAILURE, USAGE, CONFIGURATION = 0, 1, 2, 78


@pytest.fixture
def home():
    path = tempfile.mkdtemp(prefix="ixo-")
    yield Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def stocked(home):
    """A data folder with a database, and no server."""
    assert offline(home, "migrate").returncode == OK
    return home


def offline(home, *words):
    """A command with its own database and no server."""
    return run(*words, "--data-dir", str(home))


COMMANDS = [
    [], ["serve"], ["tenant"], ["tenant", "create"], ["tenant", "list"], ["tenant", "set-plan"], ["tenant", "set-entitlement"], ["tenant", "set-rate-limit"], ["tenant", "suspend"], ["tenant", "resume"],
    ["agent"], ["agent", "create"], ["inbox"], ["inbox", "create"], ["inbox", "list"], ["inbox", "update"], ["key"], ["key", "create"], ["key", "list"], ["key", "update"], ["key", "revoke"],
    ["token"], ["token", "create"], ["token", "list"], ["token", "revoke"], ["endpoint"], ["endpoint", "list"], ["endpoint", "test"],
    ["delivery"], ["delivery", "list"], ["delivery", "resend"], ["events"], ["events", "tail"], ["audit"], ["audit", "list"], ["migrate"], ["backup"], ["restore"], ["copy"], ["config"], ["config", "check"], ["config", "print"], ["openapi"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words):
    done = run(*words, "--help")
    assert done.returncode == OK and "Usage" in done.stdout


def test_the_version_is_told():
    assert re.search(r"\d+\.\d+\.\d+", run("--version").stdout)


@pytest.mark.parametrize("words", [["nonsense"], ["tenant"], ["tenant", "create"], ["key", "create", "--name", "x"], ["serve", "--nonsense"], ["tenant", "create", "--name", "x", "--plan", "gold"], ["key", "update", "x", "--requests-per-minute", "0"]], ids=" ".join)
def test_wrong_usage_is_2(home, words):
    done = run(*words, settings={"INBOXOPS_DATA_DIR": str(home)})
    assert done.returncode == USAGE, done.stderr
    assert done.stderr and not done.stdout


NOWHERE = "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51"
FAILING = [
    ["tenant", "set-plan", "--tenant", NOWHERE, "--plan", "free"],
    ["inbox", "create", "--tenant", NOWHERE, "--name", "x", "--address", "a@example.com"],
    ["agent", "create", "--tenant", NOWHERE, "--email", "a@example.com"],
    ["key", "create", "--tenant", NOWHERE, "--name", "x"],
    ["key", "revoke", NOWHERE],
    ["inbox", "list", "--tenant", "Nobody"],
    ["endpoint", "list", "--tenant", NOWHERE],
    ["endpoint", "test", NOWHERE],
    ["delivery", "resend", NOWHERE],
    ["audit", "list", "--tenant", NOWHERE],
    ["tenant", "create", "--name", " "],
]


@pytest.mark.parametrize("words", FAILING, ids=" ".join)
def test_a_failure_is_1_and_one_line(stocked, words):
    done = offline(stocked, *words)
    assert done.returncode == FAILURE, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not done.stdout
    assert "panicked" not in done.stderr


def test_json_without_a_server(stocked):
    def made(*words):
        done = offline(stocked, *words, "--json")
        assert done.returncode == OK, done.stderr
        return json.loads(done.stdout)

    tenant = made("tenant", "create", "--name", "Acme", "--plan", "business")
    assert {"id", "name", "plan"} <= set(tenant) and (tenant["name"], tenant["plan"]) == ("Acme", "business")
    inbox = made("inbox", "create", "--tenant", tenant["id"], "--name", "Support", "--address", "s@example.com")
    assert (inbox["name"], inbox["email_address"]) == ("Support", "s@example.com")
    agent = made("agent", "create", "--tenant", tenant["id"], "--email", "ada@example.com", "--role", "admin")
    assert {"id", "email", "role"} <= set(agent) and agent["role"] == "admin"
    key = made("key", "create", "--tenant", tenant["id"], "--name", "Sync")
    assert {"id", "key", "key_prefix", "name"} <= set(key) and key["key"].startswith("ixk_")
    token = made("token", "create", "--name", "Worker", "--dispatch-only")
    assert {"id", "token"} <= set(token) and token["token"].startswith("ixs_")
    [listed] = made("key", "list", "--tenant", tenant["id"])
    assert listed["id"] == key["id"] and "key" not in listed
    assert [one["id"] for one in made("tenant", "list")] == [tenant["id"]]
    changed = made("tenant", "set-plan", "--tenant", tenant["id"], "--plan", "enterprise")
    assert (changed["id"], changed["plan"]) == (tenant["id"], "enterprise")
    changed = made("tenant", "set-entitlement", "--tenant", tenant["id"], "--entitlement", "webhooks", "--enabled", "false")
    assert changed["id"] == tenant["id"]
    assert key["requests_per_minute"] is None
    for given, shown in (("20", 20), ("default", None)):
        changed = made("key", "update", key["id"], "--requests-per-minute", given)
        assert (changed["id"], changed["name"], changed["requests_per_minute"]) == (key["id"], "Sync", shown)
    other = made("key", "create", "--tenant", tenant["id"], "--name", "Zap", "--requests-per-minute", "5")
    assert other["requests_per_minute"] == 5
    for one in (key, other):
        revoked = made("key", "revoke", one["id"])
        assert revoked["id"] == one["id"]
    assert made("key", "list", "--tenant", tenant["id"]) == []


def test_json_before_and_after_the_words(stocked):
    before = run("--json", "--data-dir", str(stocked), "tenant", "create", "--name", "A")
    after = run("tenant", "create", "--name", "B", "--json", "--data-dir", str(stocked))
    assert json.loads(before.stdout)["name"] == "A" and json.loads(after.stdout)["name"] == "B"


def test_people_get_a_table_and_no_secret(stocked):
    tenant = json.loads(offline(stocked, "tenant", "create", "--name", "Acme", "--json").stdout)["id"]
    key = offline(stocked, "key", "create", "--tenant", tenant, "--name", "Sync")
    [shown] = re.findall(r"ixk_\w{42}", key.stdout)
    listed = offline(stocked, "key", "list", "--tenant", tenant)
    assert shown[:8] in listed.stdout and shown not in listed.stdout
    assert "Sync" in listed.stdout and "Acme" in offline(stocked, "tenant", "list").stdout


def test_the_data_folder_holds_no_key_and_its_secrets_are_private(stocked):
    tenant = json.loads(offline(stocked, "tenant", "create", "--name", "Acme", "--json").stdout)["id"]
    key = json.loads(offline(stocked, "key", "create", "--tenant", tenant, "--name", "x", "--json").stdout)["key"]
    for path in stocked.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
    with_server = Server("sqlite", {"INBOXOPS_DATA_DIR": str(stocked)})
    with_server.start()
    try:
        for name in ("master.key", "inboxops.sock"):
            assert stat.S_IMODE((stocked / name).stat().st_mode) == 0o600
    finally:
        with_server.stop()


def test_commands_reach_a_running_server_by_its_socket(home):
    server = Server("sqlite").start()
    try:
        tenant = server.cli("tenant", "create", "--name", "Running", "--plan", "business")
        key = server.cli("key", "create", "--tenant", tenant["id"], "--name", "x")
        import httpx

        answer = httpx.get(f"{server.url}/api/v1/me", headers={"Authorization": f"Bearer {key['key']}"})
        assert answer.json()["data"]["tenant"]["name"] == "Running"
        token = server.cli("token", "create", "--name", "program")["token"]
        over = run("--server", server.url, "tenant", "list", "--json", settings={"INBOXOPS_TOKEN": token, "INBOXOPS_DATA_DIR": str(home)})
        assert [one["id"] for one in json.loads(over.stdout)] == [tenant["id"]], over.stderr
    finally:
        server.stop()


@pytest.mark.parametrize("words", FAILING + [["tenant", "list"], ["token", "create", "--name", "x"]], ids=" ".join)
def test_a_command_in_the_wrong_folder_makes_nothing(home, words):
    """Only `serve` and `migrate` make a database or a key."""
    place = home / "typo"
    done = offline(place, *words)
    assert done.returncode == FAILURE and "no database" in done.stderr and str(place) in done.stderr, done.stderr
    assert not place.exists()
    done = offline(home, *words, "--json")
    assert json.loads(done.stdout)["error"]["code"] == "no_database" and list(home.iterdir()) == []


def test_a_leaked_service_token_ends(home):
    server = Server("sqlite").start()
    try:
        token = server.cli("token", "create", "--name", "leaked")
        settings = {"INBOXOPS_TOKEN": token["token"], "INBOXOPS_DATA_DIR": str(home)}
        over = ("--server", server.url, "tenant", "list", "--json")
        assert run(*over, settings=settings).returncode == OK
        [listed] = server.cli("token", "list")
        assert listed["id"] == token["id"] and "token" not in listed
        assert server.cli("token", "revoke", "leaked")["revoked_at"]
        done = run(*over, settings=settings)
        assert done.returncode == FAILURE and json.loads(done.stdout)["error"]["code"] == "invalid_api_key"
        assert server.cli("token", "list") == []
    finally:
        server.stop()


def test_a_tenant_is_limited_suspended_and_resumed_by_its_name():
    import httpx

    server = Server("sqlite").start()
    try:
        tenant = server.cli("tenant", "create", "--name", "Acme", "--plan", "business")
        key = server.cli("key", "create", "--tenant", "acme", "--name", "x")["key"]

        def ask():
            return httpx.get(f"{server.url}/api/v1/tickets", headers={"Authorization": f"Bearer {key}"})

        changed = server.cli("tenant", "set-rate-limit", "--tenant", "Acme", "--per-minute", "7")
        assert (changed["id"], changed["requests_per_minute"]) == (tenant["id"], 7)
        assert ask().headers["X-RateLimit-Limit"] == "7"
        assert server.cli("tenant", "suspend", "Acme")["suspended"] is True
        assert ask().json()["error"]["code"] == "tenant_suspended"
        assert server.cli("tenant", "resume", "Acme")["suspended"] is False
        assert ask().status_code == 200
        server.cli("tenant", "create", "--name", "ACME")
        done = run("tenant", "suspend", "acme", "--json", settings=server.settings)
        assert done.returncode == FAILURE and json.loads(done.stdout)["error"]["code"] == "not_found"
        assert tenant["id"] in done.stderr, "it names both"
    finally:
        server.stop()


def test_a_stale_socket_is_replaced():
    server = Server("sqlite").start()
    try:
        server.kill()
        assert (server.home / "inboxops.sock").exists()
        done = run("tenant", "create", "--name", "x", "--json", settings=server.settings)
        assert done.returncode == OK, done.stderr
        server.start()
        assert len(server.cli("tenant", "list")) == 1
    finally:
        server.stop()


def test_a_second_server_on_the_same_folder_is_refused():
    server = Server("sqlite").start()
    try:
        refused(server.settings | {"INBOXOPS_LISTEN": f"127.0.0.1:{free_port()}"}, "in use|running|lock|another")
    finally:
        server.stop()


def test_migrate_and_openapi(home):
    done = offline(home, "migrate")
    assert done.returncode == OK, done.stderr
    assert (home / "inboxops.db").exists()
    done = run("openapi")
    assert json.loads(done.stdout)["openapi"].startswith("3.1")


def test_config_is_printed_and_checked_without_secrets(home):
    secret = "postgres://me:hunter2@127.0.0.1/x"
    settings = {"INBOXOPS_DATA_DIR": str(home), "INBOXOPS_DATABASE_URL": secret, "INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "7"}
    done = run("config", "print", settings=settings)
    assert done.returncode == OK and "hunter2" not in done.stdout + done.stderr
    assert re.search(r"requests_per_minute\W.*\b7\b", done.stdout)
    rows = {row["setting"]: row for row in json.loads(run("config", "print", "--json", settings=settings).stdout)}
    assert rows["rate_limit.requests_per_minute"]["value"] == "7"
    assert "hunter2" not in rows["database_url"]["value"]
    assert run("config", "check", settings=settings).returncode == OK


BAD = {
    "INBOXOPS_LISTEN": "nowhere",
    "INBOXOPS_METRICS_LISTEN": "9464",
    "INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "many",
    "INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS": "perhaps",
    "INBOXOPS_DATABASE_URL": "mysql://x",
    "INBOXOPS_MASTER_KEY": "short",
    "INBOXOPS_LOG_FORMAT": "xml",
    "INBOXOPS_CONFIG": "/nonexistent/inboxops.toml",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_78_and_named(home, name):
    for words in (["serve"], ["config", "check"]):
        done = run(*words, settings={"INBOXOPS_DATA_DIR": str(home), name: BAD[name]})
        assert done.returncode == CONFIGURATION, done.stdout + done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        setting = name.removeprefix("INBOXOPS_").lower().replace("__", ".")
        assert setting in done.stderr
    assert list(home.iterdir()) == []


def test_an_unknown_name_in_the_file_is_78(home):
    (home / "x.toml").write_text("[rate_limit]\nrequests_per_hour = 1\n")
    done = run("config", "check", "--config", str(home / "x.toml"))
    assert done.returncode == CONFIGURATION and "requests_per_hour" in done.stderr


def test_flags_win_over_the_environment_over_the_file(home):
    (home / "x.toml").write_text('listen = "127.0.0.1:1111"\ndata_dir = "/tmp/from-file"\n[rate_limit]\nrequests_per_minute = 5\n')
    env = {"INBOXOPS_CONFIG": str(home / "x.toml"), "INBOXOPS_LISTEN": "127.0.0.1:2222"}
    shown = run("config", "print", "--data-dir", str(home), settings=env).stdout
    assert "127.0.0.1:2222" in shown and "1111" not in shown
    assert str(home) in shown and "from-file" not in shown
    assert re.search(r"requests_per_minute\W.*\b5\b", shown)


def test_an_open_listener_without_tls_is_refused(home):
    refused({"INBOXOPS_DATA_DIR": str(home), "INBOXOPS_LISTEN": f"0.0.0.0:{free_port()}"}, "proxy|tls", CONFIGURATION)


def refused(settings, pattern, code=FAILURE):
    """Starts a server that must refuse to, with one clear line."""
    process = Process(["serve", "--no-demo"], settings)
    try:
        until("it ends", lambda: process.child.poll() is not None, 15)
    finally:
        process.child.kill()
        process.child.wait()
    until("all is read", lambda: process.child.stdout.closed or process.output, 5)
    assert process.child.returncode == code, process.output
    lines = process.output.strip().splitlines()
    errors = [line for line in lines if not re.search(r"\b(INFO|WARN)\b", line)]
    assert len(errors) == 1, process.output
    assert re.search(pattern, errors[0], re.IGNORECASE), process.output
    assert "panicked" not in errors[0] and "RUST_BACKTRACE" not in errors[0]


def test_a_port_in_use_is_one_line(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused({"INBOXOPS_DATA_DIR": str(home), "INBOXOPS_LISTEN": f"127.0.0.1:{port}"}, rf"127\.0\.0\.1:{port}")


def settings_of(home):
    return {"INBOXOPS_DATA_DIR": str(home), "INBOXOPS_LISTEN": f"127.0.0.1:{free_port()}"}


def test_a_file_in_place_of_the_data_folder_is_one_line(home):
    (home / "data").write_text("")
    refused(settings_of(home / "data"), re.escape(str(home / "data")))


def test_a_folder_that_cannot_be_written_is_one_line(home):
    """The superuser may write anywhere but here."""
    place = Path("/proc/inboxops") if os.geteuid() == 0 else home / "locked"
    if os.geteuid() != 0:
        place.mkdir(mode=0o500)
    refused(settings_of(place), re.escape(str(place)))


def test_a_missing_master_key_is_one_line(home):
    server = Server("sqlite", {"INBOXOPS_DATA_DIR": str(home)})
    server.start()
    tenant = server.cli("tenant", "create", "--name", "x", "--plan", "business")["id"]
    key = server.cli("key", "create", "--tenant", tenant, "--name", "x")["key"]
    import httpx

    body = {"url": "http://127.0.0.1:9999/", "events": ["*"]}
    assert httpx.post(f"{server.url}/api/v1/webhooks", json=body, headers={"Authorization": f"Bearer {key}"}).status_code == 201
    server.stop()
    (home / "master.key").rename(home / "elsewhere")
    refused(settings_of(home), "master key|master_key|master.key")
    assert not (home / "master.key").exists(), "a new key was made although the old one is needed"
    (home / "master.key").write_text("A" * 43 + "=\n")
    refused(settings_of(home), "master key|master_key|master.key")


def test_a_database_newer_than_the_binary_is_one_line(home):
    assert offline(home, "migrate").returncode == OK
    with sqlite3.connect(home / "inboxops.db") as database:
        [table] = [name for (name,) in database.execute("select name from sqlite_master where type='table' and name like '%migration%'")]
        columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
        version = next(name for name in columns if "version" in name or name == "id")
        rest = ", ".join(name for name in columns if name != version)
        database.execute(f"insert into {table} ({version}, {rest}) select {version} + 990000, {rest} from {table} order by {version} desc limit 1")
    refused(settings_of(home), "newer")
    done = offline(home, "tenant", "list")
    assert done.returncode == FAILURE and "newer" in done.stderr


def test_an_unreachable_database_is_one_line(home):
    refused(settings_of(home) | {"INBOXOPS_DATABASE_URL": f"postgres://me:hunter2@127.0.0.1:{free_port()}/x"}, "database")


def test_a_wrong_token_of_an_edge_is_told(home):
    server = Server("sqlite").start()
    try:
        process = Process(
            ["serve", "--role", "worker", "--core", server.url],
            {"INBOXOPS_TOKEN": "ixs_" + "a" * 42, "INBOXOPS_DATA_DIR": str(home)},
        )
        try:
            until("it says so", lambda: re.search("token|credential|unauthenticated", process.output, re.IGNORECASE), 15)
        finally:
            process.child.kill()
            process.child.wait()
    finally:
        server.stop()
