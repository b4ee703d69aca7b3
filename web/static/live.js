// Has the page of a running build grow: what the build prints comes as server-sent events, as lines of plain text.
"use strict";

{
  const charactersMax = 2_000_000;
  const text = document.getElementById("live-text");
  const status = document.getElementById("live-status");
  const source = new EventSource(`${location.pathname}?from=${encodeURIComponent(text.dataset.from)}`);
  let characters = text.textContent.length;

  const add = (lines) => {
    // Whoever reads further up is left there
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    const piece = document.createTextNode((characters > 0 ? "\n" : "") + lines.join("\n"));
    characters += piece.length;
    text.append(piece);
    while (characters > charactersMax && text.firstChild !== text.lastChild) {
      characters -= text.firstChild.length;
      text.firstChild.remove();
    }
    if (atEnd) text.scrollTop = text.scrollHeight;
  };

  source.addEventListener("lines", (event) => add(JSON.parse(event.data)));
  source.addEventListener("status", (event) => { status.textContent = JSON.parse(event.data); });
  source.addEventListener("end", (event) => {
    source.close();
    const log = JSON.parse(event.data);
    if (log === null) return;
    const end = document.getElementById("live-end");
    end.querySelector("a").href = log;
    end.hidden = false;
  });
  source.addEventListener("error", () => {
    // Else the browser tries again by itself
    if (source.readyState === EventSource.CLOSED) {
      status.textContent = "This page cannot follow the build at the moment. Load it again to see more.";
    }
  });
  text.scrollTop = text.scrollHeight;
}
