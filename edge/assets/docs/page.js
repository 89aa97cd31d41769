// Starts Swagger UI. Nothing here may ask another host, and the key lives in this page's memory only.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Swagger UI would take over every link within the page, ours too, and scroll them slowly.
window.noZensmooth = true;

// An address that names a part of this page, and not an operation, is left to the browser.
const named = document.getElementById(location.hash.slice(1));

// What Swagger UI is given differs from the document in two points. It would send the examples of parameters unless a
// reader clears them; an Idempotency-Key that nobody chose would answer a second attempt with the first ticket, and a
// filter hide what is there. So parameters that may be absent start empty. And it lists webhooks by themselves, which
// would leave their tag without content.
const forReading = (response) => {
    if (!response.url.endsWith("/api/v1/openapi.json") || !response.ok) return response;
    const api = JSON.parse(response.text);
    const operations = Object.values(api.paths).flatMap((path) => Object.values(path));
    const shared = Object.values(api.components?.parameters ?? {});
    for (const parameter of [...shared, ...operations.flatMap((operation) => operation.parameters ?? [])]) {
        if (!parameter.required) {
            delete parameter.example;
            delete parameter.examples;
        }
    }
    const used = new Set(operations.flatMap((operation) => operation.tags ?? []));
    api.tags = api.tags?.filter((tag) => used.has(tag.name));
    response.text = JSON.stringify(api);
    return response;
};

addEventListener("DOMContentLoaded", () => {
    SwaggerUIBundle({
        url: "/api/v1/openapi.json",
        domNode: document.getElementById("reference"),
        presets: [SwaggerUIBundle.presets.apis],
        validatorUrl: null,
        persistAuthorization: false,
        queryConfigEnabled: false,
        deepLinking: named === null,
        displayRequestDuration: true,
        tryItOutEnabled: true,
        defaultModelsExpandDepth: 0,
        requestInterceptor: (request) => Object.assign(request, { credentials: "omit" }),
        responseInterceptor: forReading,
        // By now the reference has grown above what the address names.
        onComplete: () => named?.scrollIntoView(),
    });
});
