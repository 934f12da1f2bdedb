// Search without a server: search-index.js is loaded when somebody begins to search, and calls showIndex.
"use strict";

const form = document.getElementById("search");
const query = document.getElementById("query");
const found = document.getElementById("found");
const root = document.documentElement.dataset.root;
let entries = null; // of title, where it is, URL, text, and both texts in lower case

function showIndex(index) {
    entries = index.map(([title, place, url, text]) => ({ title, place, url, text, low: title.toLowerCase(), all: text.toLowerCase() }));
    show();
}

function load() {
    if (document.getElementById("index")) return;
    const script = document.createElement("script");
    script.id = "index";
    script.src = root + "search-index.js";
    document.head.append(script);
}

// Every word has to be there. Titles count more than texts, and the beginning of a title more than the rest.
function score(entry, words) {
    let sum = 0;
    for (const word of words) {
        if (entry.low === word || entry.low === "ws_" + word) sum += 100;
        else if (entry.low.startsWith(word) || entry.low.startsWith("ws_" + word)) sum += 40;
        else if (entry.low.includes(word)) sum += 20;
        else if (entry.all.includes(word)) sum += 1;
        else return 0;
    }
    return sum - entry.low.length / 1000;
}

function excerpt(entry, words) {
    const at = Math.max(0, entry.all.indexOf(words[0]) - 30);
    const text = entry.text.slice(at, at + 110).trim();
    return (at > 0 ? "… " : "") + text + (at + 110 < entry.text.length ? " …" : "");
}

function row(entry, words) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const detail = document.createElement("span");
    link.href = root + entry.url;
    link.textContent = entry.title;
    detail.textContent = entry.place + ": " + excerpt(entry, words);
    link.append(detail);
    item.append(link);
    return item;
}

function show() {
    const words = query.value.toLowerCase().split(/\s+/).filter((word) => word);
    found.hidden = words.length === 0 || entries === null;
    if (found.hidden) return;
    const best = entries.map((entry) => [score(entry, words), entry]).filter(([points]) => points > 0);
    best.sort((a, b) => b[0] - a[0]);
    found.replaceChildren(...best.slice(0, 12).map(([, entry]) => row(entry, words)));
    if (best.length === 0) {
        const nothing = document.createElement("li");
        nothing.innerHTML = "<p>Nothing found</p>";
        found.append(nothing);
    }
}

function close() {
    found.hidden = true;
}

function move(event, step) {
    const links = [query, ...found.querySelectorAll("a")];
    const next = links[links.indexOf(document.activeElement) + step];
    if (found.hidden || !next) return;
    event.preventDefault();
    next.focus();
}

form.hidden = false;
query.addEventListener("focus", load);
query.addEventListener("input", show);
form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = found.hidden ? null : found.querySelector("a");
    if (first) first.click();
});
form.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") move(event, 1);
    if (event.key === "ArrowUp") move(event, -1);
    if (event.key === "Escape") close();
});
// A link on the same page leaves the list standing otherwise.
found.addEventListener("click", close);
document.addEventListener("click", (event) => {
    if (!form.contains(event.target)) close();
});
document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || document.activeElement === query) return;
    event.preventDefault();
    query.focus();
});
