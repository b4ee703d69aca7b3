// The search: a worker has the list of packages and looks through it, so that typing never waits.
"use strict";

(() => {
  const REMEMBER_AFTER_MS = 300;
  const input = document.getElementById("q");
  const status = document.getElementById("search-status");
  const table = document.getElementById("results");
  const rows = table.tBodies[0];
  const numbers = new Intl.NumberFormat("en");
  const worker = new Worker(document.currentScript.src.replace("search.js", "search-worker.js"));
  let asked = null; // what the worker is looking for
  let shown = null; // what it has found
  let timer = 0;

  // PEP 503
  const wanted = () => input.value.trim().toLowerCase().replace(/[-_.]+/g, "-");
  const linkTo = (name) => "/project/" + encodeURIComponent(name) + "/";

  // One question at a time: what is typed meanwhile is asked as a whole when the answer is there
  function ask() {
    if (asked !== null || shown?.wanted === wanted()) return;
    asked = wanted();
    worker.postMessage(asked);
  }

  function cell(row, text) {
    const td = row.insertCell();
    td.className = "number";
    td.textContent = text;
  }

  function show(found) {
    const body = document.createElement("tbody");
    for (const [name, recent, all] of found.best) {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      const link = document.createElement("a");
      link.href = linkTo(name);
      link.textContent = name;
      head.append(link);
      row.append(head);
      cell(row, numbers.format(recent));
      cell(row, numbers.format(all));
    }
    // Whoever is among the results already stays there: with the same package, or at the same place
    const links = [...rows.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    rows.replaceChildren(...body.rows);
    if (at >= 0) {
      const now = [...rows.querySelectorAll("a")];
      (now.find((link) => link.href === links[at].href) ?? now[Math.min(at, now.length - 1)] ?? input).focus();
    }
    table.hidden = found.count === 0;
    const count = numbers.format(found.count) + (found.count === 1 ? " package" : " packages");
    status.textContent = found.count === 0
      ? "No package has that in its name."
      : count + (found.count > found.best.length ? ", the " + found.best.length + " best are shown" : "");
    shown = found;
  }

  function remember() {
    const url = new URL(location.href);
    if (input.value.trim() === "") url.searchParams.delete("q");
    else url.searchParams.set("q", input.value.trim());
    history.replaceState(null, "", url);
  }

  function failed() {
    status.textContent = "The list of packages cannot be loaded now. All names are in the simple index.";
  }

  worker.addEventListener("message", ({ data }) => {
    if (data.failed) return failed();
    asked = null;
    show(data);
    ask();
  });
  worker.addEventListener("error", failed);

  input.addEventListener("input", () => {
    ask();
    clearTimeout(timer);
    timer = setTimeout(remember, REMEMBER_AFTER_MS);
  });

  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    remember();
    if (shown?.wanted === wanted() && shown.best[0]?.[0] === wanted()) location.href = linkTo(wanted());
  });

  // Down into the results and up again
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...rows.querySelectorAll("a")];
    const at = document.activeElement === input ? -1 : links.indexOf(document.activeElement);
    if (step === undefined || (at < 0 && document.activeElement !== input) || at + step < -1) return;
    const next = at + step === -1 ? input : links[at + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  });

  status.textContent = "Loading the list of packages…";
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  input.focus({ preventScroll: true });
  ask();
})();
