// The running product for a test: the real binary on SQLite in its own folder.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const BINARY = process.env.INBOXOPS_BIN;
const START_MS = 30_000;
const CLI_MS = 30_000;

/** Starts a server; resolves once it listens. `settings` are environment variables; with `demo` it makes the demo tenant. */
export async function start(settings = {}, { demo = false } = {}) {
    const folder = await mkdtemp(join(tmpdir(), "ixo-"));
    const ours = Object.entries(process.env).filter(([name]) => !name.startsWith("INBOXOPS_"));
    const env = { ...Object.fromEntries(ours), INBOXOPS_DATA_DIR: folder, INBOXOPS_LISTEN: "127.0.0.1:0", ...settings };
    const child = spawn(BINARY, demo ? ["serve"] : ["serve", "--no-demo"], { env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const lines = [];
    const heard = [];
    /** Waits for a line of the console that fits. */
    const line = (pattern) =>
        new Promise((resolve) => {
            const found = () => lines.map((it) => it.match(pattern)).find(Boolean);
            const look = () => found() && resolve(found());
            heard.push(look);
            look();
        });
    const listens = new Promise((resolve, reject) => {
        const hear = (line) => {
            lines.push(line);
            for (const look of heard) look();
            const url = line.match(/http:\/\/127\.0\.0\.1:\d+/);
            if (url) resolve(url[0]);
        };
        for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", hear);
        child.once("error", reject);
        ended.then((code) => reject(new Error(`ended with ${code}:\n${lines.join("\n")}`)));
        setTimeout(() => reject(new Error(`does not listen:\n${lines.join("\n")}`)), START_MS).unref();
    });
    const stop = async () => {
        child.kill();
        await ended;
        await rm(folder, { recursive: true, force: true });
    };
    try {
        return { url: await listens, stop, line, pid: child.pid, cli: (...words) => cli(env, words), pipe: (text, ...words) => cli(env, words, text) };
    } catch (error) {
        await stop();
        throw error;
    }
}

/** Runs an administrative command, with a text as its input, and returns its JSON. */
async function cli(env, words, input = "") {
    const running = promisify(execFile)(BINARY, [...words, "--json"], { env, timeout: CLI_MS });
    // A command that reads nothing may have ended by now.
    running.child.stdin.on("error", () => undefined);
    running.child.stdin.end(input);
    return JSON.parse((await running).stdout);
}
