// Passkeys: fetches a challenge, lets the browser answer it, and sends the form. Without this, links are mailed.
"use strict";

const decoded = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The names of errors: https://www.w3.org/TR/webauthn-3/#sctn-createCredential
const WORDS = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", SecurityError: "unsupported", NotSupportedError: "unsupported" };

async function ask(form) {
  if (!window.PublicKeyCredential) throw new DOMException("", "NotSupportedError");
  const answer = await fetch(form.dataset.options, { method: "POST", body: new FormData(form), redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  const options = await answer.json();
  options.challenge = decoded(options.challenge);
  if (options.user) options.user.id = decoded(options.user.id);
  for (const known of options.excludeCredentials || []) known.id = decoded(known.id);
  const found = await navigator.credentials[form.dataset.passkey]({ publicKey: options });
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (found.response[name]) response[name] = encoded(found.response[name]);
  }
  return JSON.stringify({ id: found.id, rawId: encoded(found.rawId), type: found.type, response });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.passkey) return;
  event.preventDefault();
  const button = form.querySelector("button");
  const say = (name) => {
    for (const words of form.querySelectorAll("[data-words]")) words.hidden = words.dataset.words !== name;
  };
  say("");
  button.setAttribute("aria-disabled", "true");
  try {
    form.elements.answer.value = await ask(form);
    form.submit();
  } catch (error) {
    say(WORDS[error.name] || "refused");
    button.removeAttribute("aria-disabled");
  }
});
