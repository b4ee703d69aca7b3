// The search: the whole list is loaded once, and looked through here.
"use strict";

(() => {
  const SHOWN_MAX = 100;
  const PAUSE_MS = 120;
  const input = document.getElementById("q");
  const status = document.getElementById("search-status");
  const table = document.getElementById("results");
  const rows = table.tBodies[0];
  const numbers = new Intl.NumberFormat("en");
  let packages = null;
  let timer = 0;

  // PEP 503
  const canonical = (text) => text.trim().toLowerCase().replace(/[-_.]+/g, "-");

  // Lower is better: the name itself, its beginning, the beginning of a word in it, anywhere
  function rank(name, wanted) {
    if (name === wanted) return 0;
    const at = name.indexOf(wanted);
    if (at < 0) return -1;
    if (at === 0) return 1;
    return name[at - 1] === "-" ? 2 : 3;
  }

  function find(wanted) {
    const found = [];
    for (const entry of packages) {
      const order = wanted === "" ? 0 : rank(entry[0], wanted);
      if (order >= 0) found.push([order, entry]);
    }
    found.sort((a, b) => a[0] - b[0] || b[1][1] - a[1][1] || b[1][2] - a[1][2] || (a[1][0] < b[1][0] ? -1 : 1));
    return found;
  }

  function cell(row, text, style) {
    const td = row.insertCell();
    td.className = style;
    td.textContent = text;
  }

  function show() {
    if (packages === null) return;
    const wanted = canonical(input.value);
    const found = find(wanted);
    rows.replaceChildren();
    for (const [, [name, recent, all]] of found.slice(0, SHOWN_MAX)) {
      const row = rows.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      const link = document.createElement("a");
      link.href = "/project/" + encodeURIComponent(name) + "/";
      link.textContent = name;
      head.append(link);
      row.append(head);
      cell(row, numbers.format(recent), "number");
      cell(row, numbers.format(all), "number");
    }
    table.hidden = found.length === 0;
    const count = numbers.format(found.length) + (found.length === 1 ? " package" : " packages");
    status.textContent = found.length === 0
      ? "No package has that in its name."
      : count + (found.length > SHOWN_MAX ? ", the " + SHOWN_MAX + " best are shown" : "");
  }

  function remember() {
    const url = new URL(location.href);
    if (input.value.trim() === "") url.searchParams.delete("q");
    else url.searchParams.set("q", input.value.trim());
    history.replaceState(null, "", url);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { show(); remember(); }, PAUSE_MS);
  });
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
    remember();
  });

  async function load() {
    status.textContent = "Loading the list of packages…";
    try {
      const answer = await fetch("/packages.json");
      if (!answer.ok) throw new Error(answer.status);
      packages = await answer.json();
      show();
    } catch {
      status.textContent = "The list of packages cannot be loaded now. All names are in the simple index.";
    }
  }

  input.value = new URLSearchParams(location.search).get("q") ?? "";
  input.focus({ preventScroll: true });
  load();
})();
