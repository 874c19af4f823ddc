// Says so when a change could not be fetched or saved, lets Escape close what is open, and keeps "3 minutes ago" true.
// Pages work without it.
"use strict";

const trouble = document.getElementById("trouble");

function show(name) {
  for (const words of trouble.children) words.hidden = words.id !== name;
}

document.addEventListener("htmx:sendError", () => show("trouble-offline"));
document.addEventListener("htmx:timeout", () => show("trouble-offline"));
document.addEventListener("htmx:responseError", () => show("trouble-refused"));
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) show("");
});

// The same steps as the server's words (babel's format_timedelta), in the language of the place.
const STEPS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function tell() {
  for (const when of document.querySelectorAll("time[data-ago]")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(when.dateTime)) / 1000);
    const [unit, length] = STEPS.find(([, length]) => seconds / length >= 0.85) || STEPS.at(-1);
    const words = new Intl.RelativeTimeFormat(when.closest("[lang]").lang, { numberingSystem: "latn" }); // as the page has them
    when.textContent = words.format(-Math.max(1, Math.round(seconds / length)), unit);
  }
}

setInterval(tell, 30_000);
document.addEventListener("visibilitychange", tell);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  const open = event.target.closest(".is-editing, details[open]");
  if (!open) return;
  if (open.matches("details")) {
    open.open = false;
    open.querySelector("summary").focus();
  } else {
    open.querySelector("[data-cancel]").click();
  }
});
