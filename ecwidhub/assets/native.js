// A page inside the store's admin: greets the admin, takes the payload out of the address, keeps the context fresh.
"use strict";

const app = document.currentScript.dataset.app;
const header = "X-Hub-Context";
const brought = location.hash.slice(1);

if (window.EcwidApp) window.EcwidApp.init({ app_id: app, autoloadedflag: true, autoheight: true });

history.replaceState(null, "", location.pathname);

// Each answer brings a fresh context: for what htmx sends from here on, and for forms that wait in the page.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const fresh = event.detail.xhr.getResponseHeader(header);
  if (!fresh) return;
  document.body.setAttribute("hx-headers", JSON.stringify({ [header]: fresh }));
  for (const field of document.querySelectorAll("[name=context]")) field.value = fresh;
});

// The payload may stand in the fragment, which only a script can read: it is posted once.
document.addEventListener("DOMContentLoaded", () => {
  const opening = document.getElementById("opening");
  if (!opening) return;
  if (brought) {
    window.htmx.ajax("POST", opening.dataset.verify, { target: "#main", values: { fragment: brought } });
  } else {
    opening.hidden = true;
    document.getElementById("nothing").hidden = false;
  }
});
