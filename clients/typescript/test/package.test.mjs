import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const dist = new URL("../dist/", import.meta.url);
const files = readdirSync(dist, { recursive: true }).filter((it) => it.endsWith(".js"));

test("the package imports nothing but its own files, so that it runs wherever fetch does", () => {
    assert.ok(files.length > 10);
    for (const file of files) {
        const code = readFileSync(new URL(file, dist), "utf8");
        for (const [, name] of code.matchAll(/(?:from|import\()\s*"([^"]+)"/g)) assert.match(name, /^\.\.?\//, file);
        assert.doesNotMatch(code.replace(/\/\*[^]*?\*\/|\/\/.*/g, ""), /\bBuffer\b|\bprocess\b|\brequire\b/, file);
    }
});
