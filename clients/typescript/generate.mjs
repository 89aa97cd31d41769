// Makes src/generated (or the folder that is named): the types of openapi.json by openapi-typescript, a method for each
// of its operations, and the check of signatures from the code that the guide and the pages show.

import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const here = (path) => new URL(path, import.meta.url);
const folder = process.argv[2] ?? "src/generated";
const METHODS = ["get", "post", "put", "patch", "delete"];
const COLUMNS_MAX = 120;

const document = JSON.parse(readFileSync(here("../../openapi.json"), "utf8"));

/** The document without what every call has in common: failures are `InboxopsError`, headers are options of a call. */
function lean(whole) {
    const copy = structuredClone(whole);
    const operations = [...Object.values(copy.paths), ...Object.values(copy.webhooks ?? {})];
    for (const item of operations) {
        for (const operation of METHODS.flatMap((it) => item[it] ?? [])) {
            operation.parameters = (operation.parameters ?? []).filter((it) => it.in === "path" || it.in === "query");
            for (const [status, response] of Object.entries(operation.responses ?? {})) {
                if (!/^2/.test(status)) delete operation.responses[status];
                else delete response.headers;
            }
        }
    }
    for (const part of ["responses", "parameters", "headers", "securitySchemes"]) delete copy.components[part];
    return copy;
}

/** Every operation that answers JSON or nothing, by name. */
function operations() {
    const found = Object.entries(document.paths).flatMap(([path, item]) =>
        METHODS.filter((it) => item[it]?.operationId).map((method) => ({
            path,
            method: method.toUpperCase(),
            ...item[method],
        })),
    );
    const isJson = (response) => !response.content || "application/json" in response.content;
    return found
        .filter((it) =>
            Object.entries(it.responses).some(([status, response]) => /^2/.test(status) && isJson(response)),
        )
        .filter((it) => it.path.startsWith("/api/v1/") && it.security?.length !== 0)
        .sort((left, right) => (left.operationId < right.operationId ? -1 : 1));
}

function method({ operationId: id, summary, method, path, requestBody, "x-required-scope": scope }) {
    const isNeeded = path.includes("{") || requestBody?.required;
    const request = `request: RequestOf<"${id}">${isNeeded ? "" : " = {}"}`;
    const text = `${summary}: \`${method} ${path}\`.${scope ? ` Needs the scope \`${scope}\`.` : ""}`;
    const answer = `Promise<AnswerOf<"${id}">>`;
    const head = `    ${id}(${request}, options?: CallOptions): ${answer} {`;
    const broken = `    ${id}(\n        ${request},\n        options?: CallOptions,\n    ): ${answer} {`;
    const lines = [
        `    /** ${text} */`,
        head.length > COLUMNS_MAX ? broken : head,
        `        return this.call("${id}", request, options);`,
        "    }",
    ];
    return lines.join("\n");
}

const MADE = "// Made from openapi.json by generate.mjs; do not edit.\n";

function calls() {
    const all = operations();
    const rows = all.map((it) => `    ${it.operationId}: { method: "${it.method}", path: "${it.path}" },`);
    return `${MADE}
import type { AnswerOf, CallOptions, RequestOf } from "../operation.js";

/** Where each operation of the API is. */
export const OPERATIONS = {
${rows.join("\n")}
} as const;

export type OperationId = keyof typeof OPERATIONS;

/** Every operation of the API. */
export abstract class Calls {
    protected abstract call<Id extends OperationId>(
        id: Id,
        request: RequestOf<Id>,
        options?: CallOptions,
    ): Promise<AnswerOf<Id>>;

${all.map(method).join("\n\n")}
}
`;
}

/** The check of signatures for WebCrypto: what it waits for and where its functions come from differs, nothing else. */
const FOR_WEB_CRYPTO = [
    [
        `import { createHmac, timingSafeEqual } from "node:crypto";`,
        `import { bytesOf, macOf, timingSafeEqual } from "../bytes.js";`,
        1,
    ],
    ["export function verify(", "export async function verify(", 1],
    ["return why(secrets, headers, body) === null;", "return (await why(secrets, headers, body)) === null;", 1],
    ["export function why(", "export async function why(", 1],
    [
        'keys.map((key) => createHmac("sha256", key).update(`${event}.${sent}.`).update(bytes).digest("base64"));',
        "await Promise.all(keys.map((key) => macOf(key, `${event}.${sent}.`, bytes)));",
        1,
    ],
    ["Buffer.from(", "bytesOf(", 3],
];

function verify() {
    const path = "ui/src/webhooks/verify/verify.js";
    let code = readFileSync(here(`../../${path}`), "utf8");
    for (const [from, to, times] of FOR_WEB_CRYPTO) {
        const parts = code.split(from);
        if (parts.length !== times + 1) throw new Error(`${path} must have this ${times} times: ${from}`);
        code = parts.join(to);
    }
    return `// Made from ${path} by generate.mjs; do not edit.\n\n${code}`;
}

const types = astToString(await openapiTS(lean(document), { defaultNonNullable: false }));
writeFileSync(`${folder}/openapi.ts`, `${MADE}\n${types}`);
writeFileSync(`${folder}/calls.ts`, calls());
writeFileSync(`${folder}/verify.js`, verify());
