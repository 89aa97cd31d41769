// A client of MCP by one of the SDKs of npm: reads what to do as JSON on standard input, prints what came of it as JSON.
import { readFileSync } from "node:fs";

const task = JSON.parse(readFileSync(0, "utf8"));
const whoami = { name: "outside", version: "1" };

async function connected() {
    const options = { requestInit: { headers: { Authorization: `Bearer ${task.key}` } } };
    if (task.sdk === "sdk") {
        const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
        const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
        const client = new Client(whoami);
        await client.connect(new StreamableHTTPClientTransport(new URL(task.url), options));
        return client;
    }
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const client = new Client(whoami, { versionNegotiation: { mode: task.mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(task.url), options));
    return client;
}

async function main() {
    const client = await connected();
    const { tools } = await client.listTools();
    const calls = [];
    for (const [name, args] of task.calls) {
        try {
            const result = await client.callTool({ name, arguments: args });
            const text = result.content.map((part) => part.text);
            calls.push({ structured: result.structuredContent, error: Boolean(result.isError), text });
        } catch (refused) {
            calls.push({ refused: refused.code });
        }
    }
    const told = { instructions: client.getInstructions(), tools, calls };
    await client.close();
    return told;
}

try {
    console.log(JSON.stringify(await main()));
} catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
}
