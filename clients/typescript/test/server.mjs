// A real HTTP server whose answers a test gives one by one, and which remembers what it was asked.

import { createServer } from "node:http";
import { Inboxops } from "../dist/index.js";

/** Runs a test with a server; `answer` is called with each request, its number and the response to write. */
export async function withServer(answer, run, options = {}) {
    const asked = [];
    const server = createServer((request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
            const seen = {
                method: request.method,
                url: request.url,
                headers: request.headers,
                body: Buffer.concat(parts).toString(),
                at: Date.now(),
            };
            asked.push(seen);
            answer(seen, asked.length, response, request.socket);
        });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${server.address().port}`;
    try {
        await run(new Inboxops({ baseUrl, apiKey: "ixk_test", ...options }), asked, baseUrl);
    } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    }
}

export function json(response, status, body, headers = {}) {
    response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", ...headers });
    response.end(JSON.stringify(body));
}

export function refuse(response, status, code, headers = {}, details = []) {
    json(
        response,
        status,
        { error: { code, message: `It is ${code}.`, request_id: "req-1", doc_url: `/d#${code}`, details } },
        headers,
    );
}

export const data = (value) => ({ data: value });
export const list = (items, meta = {}) => ({ data: items, meta: { has_more: false, next_cursor: null, ...meta } });

/** A ticket as far as mirrors and lists look at it. */
export const ticket = (number, version = 1, more = {}) => ({
    id: `t${number}`,
    ticket_number: number,
    version,
    inbox_id: "i1",
    assignee_id: null,
    tags: [],
    subject: `Order ${number}`,
    ...more,
});
