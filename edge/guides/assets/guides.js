// What the guides do beyond showing text: search, a choice of languages, copying, the menu on narrow screens. Nothing
// here writes HTML, which the policy of the pages refuses, or asks another host.
const EXAMPLE = "http://127.0.0.1:8080";
const CHOICE = "docs-language";
const FOUND_MAX = 20;
const SNIPPET_CHARS = 140;
const SHOWN_MS = 1600;

const make = (name, members = {}, ...children) => {
    const element = Object.assign(document.createElement(name), members);
    element.append(...children);
    return element;
};

// The examples speak to this server.
for (const code of document.querySelectorAll("pre > code")) {
    if (location.origin !== EXAMPLE && code.textContent.includes(EXAMPLE)) {
        code.textContent = code.textContent.replaceAll(EXAMPLE, location.origin);
    }
}

// Copying. Where the browser gives no access to the clipboard, the code is selected for the reader's own Ctrl+C.
const status = make("p", { className: "hidden", role: "status" });
document.body.append(status);
for (const block of document.querySelectorAll(".code")) {
    const code = block.querySelector("code");
    const name = block.querySelector(".language").textContent;
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.setAttribute("aria-label", `Copy: ${name}`);
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(code.textContent);
            button.textContent = "Copied";
        } catch {
            getSelection().selectAllChildren(code);
            button.textContent = "Press Ctrl+C";
        }
        status.textContent = button.textContent;
        setTimeout(() => {
            button.textContent = "Copy";
            status.textContent = "";
        }, SHOWN_MS);
    });
    block.append(button);
}

// The same in several languages: one is shown, and the reader's choice holds on every page.
const remembered = () => {
    try {
        return localStorage.getItem(CHOICE);
    } catch {
        return null;
    }
};
const groups = [];
const choose = (language) => {
    for (const { tabs, blocks } of groups) {
        if (!blocks.some((it) => it.dataset.language === language)) continue;
        blocks.forEach((block, at) => {
            const chosen = block.dataset.language === language;
            block.hidden = !chosen;
            tabs[at].setAttribute("aria-selected", String(chosen));
            tabs[at].tabIndex = chosen ? 0 : -1;
        });
    }
};
document.querySelectorAll(".codes").forEach((group, number) => {
    const blocks = [...group.querySelectorAll(".code")];
    const list = make("div", { className: "tabs", role: "tablist" });
    list.setAttribute("aria-label", "Language");
    const tabs = blocks.map((block, at) => {
        const tab = make("button", { type: "button", role: "tab", id: `tab-${number}-${at}` }, block.querySelector(".language").textContent);
        block.id = `code-${number}-${at}`;
        block.setAttribute("role", "tabpanel");
        block.setAttribute("aria-labelledby", tab.id);
        tab.setAttribute("aria-controls", block.id);
        tab.addEventListener("click", () => {
            const before = tab.getBoundingClientRect().top;
            choose(block.dataset.language);
            // Groups above have changed their height; what the reader looks at stays where it was.
            scrollBy({ top: tab.getBoundingClientRect().top - before, behavior: "instant" });
            try {
                localStorage.setItem(CHOICE, block.dataset.language);
            } catch {
                // Storage is closed to us.
            }
        });
        return tab;
    });
    list.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
        next.focus();
        next.click();
    });
    list.append(...tabs);
    group.prepend(list);
    groups.push({ tabs, blocks });
    choose(blocks[0].dataset.language);
});
choose(remembered());

// The menu on narrow screens.
const menu = document.querySelector(".menu");
const side = document.getElementById("guides");
menu.addEventListener("click", () => {
    const open = side.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
});

// Search. The index is loaded when the field is first used.
const field = document.querySelector(".search input");
const found = document.querySelector(".found");
const [said, rows] = found.children;
let index;
const load = () => {
    index ??= fetch("/docs/search.json").then((answer) => {
        if (!answer.ok) throw new Error(`search.json: ${answer.status}`);
        return answer.json();
    });
    index.catch(() => (index = undefined));
    return index;
};

/** How well a part fits: every word must be in it; the title counts most. */
const score = (part, words) => {
    const [title, page, text] = [part.title, part.page, part.text].map((it) => it.toLowerCase());
    let sum = 0;
    for (const word of words) {
        const points = (title.includes(word) ? 10 : 0) + (title === word ? 20 : 0) + (page.includes(word) ? 4 : 0) + (text.includes(word) ? 1 : 0);
        if (points === 0) return 0;
        sum += points;
    }
    return sum;
};

/** Text with the words marked. */
const marked = (text, words) => {
    const lower = text.toLowerCase();
    const parts = [];
    let at = 0;
    while (at < text.length) {
        const hits = words.map((word) => [lower.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
        if (hits.length === 0) break;
        const [place, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
        parts.push(text.slice(at, place), make("mark", {}, text.slice(place, place + length)));
        at = place + length;
    }
    return [...parts, text.slice(at)];
};

const snippet = (text, words) => {
    const place = text.toLowerCase().indexOf(words.find((word) => text.toLowerCase().includes(word)) ?? "");
    const from = Math.max(0, place - Math.floor(SNIPPET_CHARS / 3));
    const cut = text.slice(from, from + SNIPPET_CHARS);
    return (from > 0 ? "…" : "") + cut + (from + SNIPPET_CHARS < text.length ? "…" : "");
};

const close = () => {
    found.hidden = true;
};

const search = async () => {
    const asked = field.value;
    const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return close();
    let parts;
    try {
        parts = await load();
    } catch {
        said.textContent = "The index could not be loaded. Try again.";
        rows.replaceChildren();
        found.hidden = false;
        return;
    }
    // The reader has typed on meanwhile.
    if (field.value !== asked) return;
    const fits = parts.map((part) => [score(part, words), part]).filter(([points]) => points > 0);
    fits.sort((one, other) => other[0] - one[0]);
    said.textContent = fits.length === 0 ? `Nothing has “${asked.trim()}”.` : fits.length === 1 ? "1 place" : `${fits.length} places`;
    rows.replaceChildren(
        ...fits.slice(0, FOUND_MAX).map(([, part]) => {
            const title = part.title === part.page ? part.title : `${part.page}: ${part.title}`;
            const link = make("a", { href: part.url }, make("strong", {}, ...marked(title, words)), make("span", {}, ...marked(snippet(part.text, words), words)));
            link.addEventListener("click", close);
            return make("li", {}, link);
        }),
    );
    found.hidden = false;
};
field.addEventListener("focus", () => load().catch(() => undefined), { once: true });
field.addEventListener("input", search);
const step = (event) => {
    const links = [field, ...rows.querySelectorAll("a")];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
        close();
        field.focus();
    } else if (event.key === "Enter" && document.activeElement === field) {
        rows.querySelector("a")?.click();
    } else if (by && !found.hidden) {
        event.preventDefault();
        links[Math.min(links.length - 1, Math.max(0, links.indexOf(document.activeElement) + by))].focus();
    }
};
document.querySelector(".search").addEventListener("keydown", step);
document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) close();
});
document.addEventListener("keydown", (event) => {
    const types = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || types || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
});
