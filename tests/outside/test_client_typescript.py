"""The TypeScript client: its own checks hold, and the package, as npm packs it and installed into an empty project, is
sound under strict types and does forty steps against the server."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_conversations import mail

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "typescript"
COMMAND_SECS = 300
# Node is always there; the others run it where they are installed.
RUNTIMES = {"node": ["node"], "bun": ["bun"], "deno": ["deno", "run", "--allow-all"]}
# A compiler newer than the one that builds the package, as users may have.
COMPILER = "typescript@7.0.2"

# What a program may do, and what must not compile.
PROGRAM = """
import { Inboxops, InboxopsError, MemoryStore, verifyWebhook } from "@inboxops/client";
import type { MirrorStore, Ticket, WebhookEvent } from "@inboxops/client";

const client = new Inboxops({ baseUrl: "https://desk.example.com", apiKey: "ixk_", maxRetries: 2, timeoutMs: 1000 });

export async function urgent(signal: AbortSignal): Promise<Ticket[]> {
    const found: Ticket[] = [];
    const tickets = client.tickets.list({ status: ["open"], priority: ["urgent"], include: ["messages"] }, { signal });
    for await (const ticket of tickets) found.push(ticket);
    const made = await client.tickets.create({ subject: "Broken lamp", inbox_id: found[0]?.inbox_id ?? "" });
    await client.tickets.update(made.id, { assignee_id: null }, { ifVersion: made.version, idempotencyKey: "job-1" });
    const { meta } = await client.calls.listTickets({ query: { per_page: 10 } });
    return meta.total > 0 ? found : [];
}

export async function told(request: Request, store: MirrorStore = new MemoryStore()): Promise<string | null> {
    const event: WebhookEvent = await verifyWebhook(["whsec_"], request.headers, await request.arrayBuffer());
    const onChange = (type: string, resource: { id: string }) => console.log(type, resource.id);
    await client.mirror(store, { types: ["tickets", "messages"], onChange });
    for await (const line of client.export()) if (line.type === "ticket") console.log(line.data.subject, line.cursor);
    for await (const { cursor, event } of client.events({ after: "c" })) console.log(cursor, event.event_id);
    try {
        await client.me();
    } catch (error) {
        if (error instanceof InboxopsError) return `${error.code} ${error.details[0]?.field} ${error.retryAfter}`;
    }
    return event.event === "ticket.closed" ? event.data.ticket.closed_at : null;
}

// @ts-expect-error: no such status
client.tickets.list({ status: ["lost"] });
// @ts-expect-error: a ticket needs an inbox
void client.tickets.create({ subject: "A" });
// @ts-expect-error: a call with a path needs its values
void client.calls.getTicket({});
// @ts-expect-error: no such member
void client.tickets.update(1, { version: 2 });
// @ts-expect-error: no such resource
void client.mirror(new MemoryStore(), { types: ["webhooks"] });
"""
# What the programs of the README take for granted.
AROUND = """
declare const process: { env: Record<string, string | undefined> };
declare function queue(event: unknown): Promise<void>;
"""
STRICT = {
    "compilerOptions": {
        "target": "ES2022", "lib": ["ES2022", "DOM", "DOM.Iterable"], "module": "NodeNext", "types": [],
        "strict": True, "exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True, "noUnusedLocals": True,
        "verbatimModuleSyntax": True, "isolatedModules": True, "skipLibCheck": False, "noEmit": True,
    },
    "include": ["*.ts"],
}


def call(*words, cwd, **env):
    done = subprocess.run(words, cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=COMMAND_SECS)
    said = done.stdout[-8000:] + done.stderr[-8000:]
    assert done.returncode == 0, f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}"
    return done.stdout


@pytest.fixture(scope="session")
def checked():
    """The client's folder, once its own checks hold: what is generated, the build, its tests."""
    said = call(CLIENT / "check", cwd=CLIENT)
    assert "fail 0" in said, said
    return CLIENT


@pytest.fixture(scope="session")
def project(checked, tmp_path_factory):
    """An empty project with the package in it."""
    folder = tmp_path_factory.mktemp("project")
    packing = ("npm", "pack", "--json", "--loglevel", "error", "--pack-destination", folder)
    [packed] = json.loads(call(*packing, cwd=checked))
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    quiet = ("--loglevel", "error", "--no-audit", "--no-fund")
    call("npm", "install", *quiet, f"./{packed['filename']}", COMPILER, cwd=folder)
    project = folder / "node_modules" / "@inboxops" / "client"
    names = {path.name for path in project.iterdir()}
    assert names == {"package.json", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "dist"}
    assert "dependencies" not in json.loads((project / "package.json").read_text()), "it needs no other package"
    return folder


def test_the_installed_package_is_sound_under_strict_types(project):
    (project / "program.ts").write_text(PROGRAM)
    readme = (CLIENT / "README.md").read_text()
    for title in ("Start", "Webhooks"):
        code = re.search(rf"## {title}\n.*?```ts\n(.*?)```", readme, re.S).group(1)
        (project / f"{title.lower()}.ts").write_text(AROUND + code)
    (project / "tsconfig.json").write_text(json.dumps(STRICT))
    call("npx", "tsc", "-p", ".", cwd=project)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_installed_package_does_forty_steps(runtime, project, server, world):
    if runtime != "node" and not shutil.which(runtime):
        pytest.skip(f"{runtime} is not on this machine")
    tenant = world.tenant("Scenario")
    for _ in range(3):
        mail(server, tenant)
    shutil.copy(CLIENT / "scenario.mjs", project)
    given = {"INBOXOPS_URL": server.url, "INBOXOPS_API_KEY": tenant.key["key"]}
    said = call(*RUNTIMES[runtime], "scenario.mjs", cwd=project, **given)
    assert [line.split()[1] for line in said.splitlines()] == [str(number) for number in range(1, 41)], said
