// Builds the pages into dist: one script and one style sheet with fixed names, nothing inline, the same bytes each time.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// The React API, shipped as Preact.
const preact = [
    { find: /^react-dom\/client$/, replacement: file("src/react-dom.ts") },
    { find: /^react\/jsx-(dev-)?runtime$/, replacement: "preact/jsx-runtime" },
    { find: /^react$/, replacement: file("src/react.ts") },
];

/** Descriptors as the bytes that they are: in base64 their words are out of step, and gzip finds nothing to fold. */
function descriptors(): Plugin {
    const literal = (base64: string) =>
        JSON.stringify(Buffer.from(base64, "base64").toString("latin1")).replace(/\\u00([0-9a-f]{2})/g, "\\x$1").replace(/\x7f/g, "\\x7f");
    return {
        name: "descriptors",
        apply: "build",
        transform(code, id) {
            if (!/_pb\.(ts|js)$/.test(id)) return;
            return { code: code.replace(/fileDesc\("([A-Za-z0-9+/=]+)"/g, (_, base64: string) => `fileDesc(btoa(${literal(base64)})`), map: null };
        },
    };
}

/** What the pages never use but bundlers cannot tell: the JSON form of messages, lists that grow at both ends. */
const UNUSED: [RegExp, string[]][] = [
    [/protobuf\/dist\/esm\/from-json\.js/, ["fromJson", "fromJsonString", "mergeFromJson", "mergeFromJsonString", "enumFromJson", "isEnumJson"]],
    [/protobuf\/dist\/esm\/to-json\.js/, ["toJson", "toJsonString", "enumToJson"]],
    [/query-core\/build\/modern\/infiniteQueryBehavior\.js/, ["infiniteQueryBehavior", "hasNextPage", "hasPreviousPage"]],
];
/**
 * Written anew: base64 by the browser's own functions; of default values (proto2) those that `descriptor.proto` itself has,
 * since our files are proto3; no store of mutations, since `kit/act` makes the changes; no words about browsers that have no
 * `fetch`, since those have no modules either.
 */
const BASE64 = `
export const base64Decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0));
export const base64Encode = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/=/g, "");
`;
const DEFAULTS = `
export const parseTextFormatEnumValue = ({ values }, text) => values.find((it) => it.name === text).number;
export const parseTextFormatScalarValue = (type, text) => {
    if (text !== "true" && text !== "false") throw new Error(text);
    return text === "true";
};
`;
const MUTATIONS = "export class MutationCache { clear() {} resumePausedMutations() {} }";
const FETCH = "export const assertFetchApi = () => undefined;";
const lean: Plugin = {
    name: "lean",
    enforce: "pre",
    apply: "build",
    load(id) {
        if (/protobuf\/dist\/esm\/wire\/base64-encoding\.js/.test(id)) return BASE64;
        if (/protobuf\/dist\/esm\/wire\/text-format\.js/.test(id)) return DEFAULTS;
        if (/connect-web\/dist\/esm\/assert-fetch-api\.js/.test(id)) return FETCH;
        if (/query-core\/build\/modern\/mutationCache\.js/.test(id)) return MUTATIONS;
        const names = UNUSED.find(([path]) => path.test(id))?.[1];
        return names?.map((name) => `export const ${name} = undefined;`).join("\n");
    },
};

/** The licences of what is bundled go out with it. */
const licences: Plugin = {
    name: "licences",
    apply: "build",
    generateBundle(_, bundle) {
        const names = new Set<string>();
        for (const chunk of Object.values(bundle)) {
            for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
                const name = id.match(/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1];
                if (name) names.add(name);
            }
        }
        const read = (name: string, path: string) => (existsSync(file(`node_modules/${name}/${path}`)) ? readFileSync(file(`node_modules/${name}/${path}`), "utf8") : "");
        // Packages of Bufbuild and Connect bring no text of their licence; what is under BSD says so at its head.
        const bsd = read("@bufbuild/protobuf", "dist/esm/wire/varint.js").match(/(?:^\/\/.*\n)+/m)?.[0].replace(/^\/\/ ?/gm, "");
        const parts = [...names].sort().map((name) => {
            const { version, license, repository } = JSON.parse(read(name, "package.json"));
            return `${name} ${version} (${license})\n${repository?.url ?? repository ?? ""}\n\n${read(name, "LICENSE")}`.trim();
        });
        parts.push(`Parts of @bufbuild/protobuf:\n\n${bsd}`, readFileSync(file("../LICENSE-APACHE"), "utf8").trim());
        const source = `What the pages of InboxOps are made of, besides its own sources.\n\n${parts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
        this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
};

// `INBOXOPS_URL` names a running server whose services `npm run dev` passes calls on to.
const server = process.env.INBOXOPS_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
    plugins: [lean, descriptors(), licences],
    resolve: { alias: preact },
    server: { proxy: { "^/inboxops\\..*": server, "/api": server, "/docs": server } },
    build: {
        target: "baseline-widely-available",
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        reportCompressedSize: false,
        rolldownOptions: {
            output: {
                codeSplitting: false,
                entryFileNames: "assets/app.js",
                // Files that are fetched when they are looked at keep their names.
                assetFileNames: ({ originalFileNames }) => (originalFileNames[0]?.includes("/verify/") ? "assets/[name][extname]" : "assets/app[extname]"),
            },
        },
    },
});
