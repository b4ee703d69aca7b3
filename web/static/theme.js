// Runs before anything is painted: what the visitor chose, where that is not what the system has.
"use strict";

try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Nothing may be remembered here
}
