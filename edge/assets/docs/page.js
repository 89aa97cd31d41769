// What the page does beyond being read: it opens what an address names, finds operations, copies code, and keeps to the
// language that was chosen last. It asks no server for anything.
"use strict";

const menu = document.getElementById("menu");
const said = document.getElementById("said");
const search = document.querySelector(".search input");
const nothing = document.querySelector(".nothing");

// The URL of a server that does not know its own is that of its page.
for (const url of document.querySelectorAll("[data-origin]")) url.textContent = location.origin;

/** Opens the part that the address names. Addresses as `#/Group/operation` are those of earlier releases. */
function reveal() {
    let name = location.hash.slice(1);
    try {
        name = decodeURIComponent(name);
    } catch {
        // Anybody can write an address with a `%` that encodes nothing.
    }
    const id = name.startsWith("/") ? `operation-${name.split("/").at(-1)}` : name;
    const target = document.getElementById(id);
    if (!target) return;
    const fold = target.matches("article") && target.querySelector("details");
    if (fold) fold.open = true;
    target.scrollIntoView();
    for (const link of menu.querySelectorAll("a")) {
        if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
    }
}
addEventListener("hashchange", reveal);
reveal();
// A second click on a link changes no address.
document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link?.hash && link.hash === location.hash) reveal();
});

/** Shows the links that have every word of the search, and the groups that have such links. */
function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const part of menu.querySelectorAll(".part")) {
        const title = part.querySelector("a").textContent;
        let shown = 0;
        for (const link of part.querySelectorAll("ul a")) {
            const text = `${title} ${link.textContent} ${link.dataset.words ?? ""}`.toLowerCase();
            const fits = words.every((word) => text.includes(word));
            link.parentElement.hidden = !fits;
            shown += fits;
        }
        if (!part.querySelector("ul")) shown = words.every((word) => title.toLowerCase().includes(word));
        part.hidden = !shown;
        left += Number(shown);
    }
    nothing.textContent = left ? "" : "Nothing here has these words.";
}

const links = () => [...menu.querySelectorAll("a")].filter((link) => link.offsetParent !== null);
// The first link that is more than a group's title.
const first = () => links().find((link) => link.closest("ul ul")) ?? links()[0];

search.parentElement.hidden = false;
search.addEventListener("input", narrow);
search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
        search.value = "";
        narrow();
    } else if (event.key === "Enter") {
        first()?.click();
    } else if (event.key === "ArrowDown") {
        event.preventDefault();
        first()?.focus();
    }
});
menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = links();
    const next = all[all.indexOf(document.activeElement) + step];
    (next ?? (step < 0 ? search : null))?.focus();
});
addEventListener("keydown", (event) => {
    const writes = event.target.matches?.("input, textarea");
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
});

for (const box of document.querySelectorAll(".box")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    const pre = box.querySelector("pre");
    button.setAttribute("aria-label", `Copy: ${pre.getAttribute("aria-label")}`);
    button.addEventListener("click", async () => {
        let done = true;
        try {
            await navigator.clipboard.writeText(pre.textContent);
        } catch {
            // Without TLS a page may not write to the clipboard, but a person may.
            getSelection().selectAllChildren(pre);
            done = false;
        }
        button.textContent = done ? "Copied" : "Selected";
        said.textContent = done ? "Copied." : "Selected; copy it with the keyboard.";
        setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    box.append(button);
}

// The language that was opened last is open in every operation.
document.addEventListener("click", (event) => {
    const sample = event.target.closest?.(".sample > summary")?.parentElement;
    if (!sample || sample.open) return;
    for (const other of document.querySelectorAll(".sample")) {
        if (other !== sample) other.open = other.dataset.language === sample.dataset.language;
    }
});
