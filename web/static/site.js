// What makes pages handier where scripts run; all of them work without.
"use strict";

// A farm that was not told its own address: the browser knows it
for (const code of document.querySelectorAll(".command code")) {
  code.textContent = code.textContent.replaceAll("http://THIS-SITE", location.origin);
}

if (navigator.clipboard) {
  for (const command of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText((command.querySelector("code") ?? command.querySelector("pre")).textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Failed";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    command.classList.add("copies");
    command.append(button);
  }
}

// Light or dark: the other one than now. What the system has anyhow is not remembered.
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.querySelector("button.theme");
  const systems = () => (system.matches ? "dark" : "light");
  const other = () => ((root.dataset.theme ?? systems()) === "dark" ? "light" : "dark");
  const show = () => button.setAttribute("aria-label", other() === "dark" ? "Use dark colours" : "Use light colours");
  button.addEventListener("click", () => {
    const wanted = other();
    const own = wanted === systems();
    if (own) delete root.dataset.theme;
    else root.dataset.theme = wanted;
    try {
      if (own) localStorage.removeItem("theme");
      else localStorage.setItem("theme", wanted);
    } catch {
      // It holds for this page, then
    }
    show();
  });
  system.addEventListener("change", show);
  show();
  button.hidden = false;
}

// A slash leads to the search field, where the page has one
document.addEventListener("keydown", (event) => {
  const field = document.getElementById("q");
  if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || field === null) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  field.focus();
  field.select();
});
