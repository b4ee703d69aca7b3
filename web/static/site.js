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
        await navigator.clipboard.writeText(command.querySelector("code").textContent);
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
