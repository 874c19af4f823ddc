// Makes a select with many choices searchable. Without it the select is a plain one, which always stays the form's own.
// How it behaves: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ (editable, list autocomplete)
"use strict";

// "Österreich (AT)" is found by "ost" and by "at".
function parts(words) {
  return words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}

function describe(element, facts) {
  for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
}

function searchable(select) {
  const box = document.createElement("div");
  const input = document.createElement("input");
  const list = document.createElement("ul");
  const none = document.createElement("p");
  const choices = [...select.options].map((option) => ({ option, parts: parts(`${option.text} ${option.value}`) }));
  let active = -1;

  box.className = "combo";
  Object.assign(input, { id: select.id, type: "text", autocomplete: "off", spellcheck: false, value: chosen() });
  Object.assign(list, { id: `${select.id}-list`, hidden: true });
  Object.assign(none, { className: "soft small", hidden: true, textContent: select.dataset.search });
  describe(none, { role: "status" });
  describe(list, { role: "listbox", "aria-label": select.labels[0]?.textContent || "" });
  describe(input, { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, dir: "auto" });
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  }
  const focused = document.activeElement === select || select.autofocus;
  select.removeAttribute("id");
  select.removeAttribute("autofocus");
  select.hidden = true;
  select.before(box);
  box.append(input, list, none);

  function chosen() {
    return select.selectedOptions[0]?.text || "";
  }

  function show(words) {
    const sought = parts(words);
    const found = choices.filter((choice) => sought.every((part) => choice.parts.some((one) => one.startsWith(part))));
    list.replaceChildren(...found.map(({ option }, at) => {
      const item = document.createElement("li");
      Object.assign(item, { id: `${list.id}-${at}`, textContent: option.text, dir: "auto" });
      describe(item, { role: "option", "aria-selected": String(option.selected) });
      item.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
      item.addEventListener("click", () => choose(option));
      item.option = option;
      return item;
    }));
    none.hidden = found.length > 0;
    open(found.length > 0);
    mark(words ? 0 : [...list.children].findIndex((item) => item.option.selected));
  }

  function open(yes) {
    list.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes));
    if (!yes) mark(-1);
  }

  function mark(at) {
    list.children[active]?.classList.remove("is-active");
    active = at;
    const item = list.hidden ? null : list.children[at];
    if (!item) return input.removeAttribute("aria-activedescendant");
    item.classList.add("is-active");
    item.scrollIntoView({ block: "nearest" });
    return input.setAttribute("aria-activedescendant", item.id);
  }

  function choose(option) {
    if (option) option.selected = true;
    input.value = chosen();
    none.hidden = true;
    open(false);
  }

  function move(by) {
    if (list.hidden) return show("");
    const count = list.children.length;
    return mark((active + by + count) % count);
  }

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => { if (list.hidden) show(""); });
  input.addEventListener("input", () => show(input.value));
  // Whoever leaves takes the one choice there is for what they typed, else what was chosen before stays.
  input.addEventListener("blur", () => choose(list.hidden ? null : list.children[active]?.option));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      choose(list.children[active]?.option);
    } else if (event.key === "Escape" && !(list.hidden && none.hidden)) {
      event.preventDefault();
      event.stopPropagation(); // the next one cancels the edit (hub.js)
      choose(null);
    }
  });
  if (focused) input.focus();
}

const enhance = (root) => root.querySelectorAll("select[data-search]:not([hidden])").forEach(searchable);

enhance(document);
document.addEventListener("htmx:load", (event) => enhance(event.detail.elt));
