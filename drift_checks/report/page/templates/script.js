"use strict";
(() => {
  const form = document.getElementById("filter");
  const list = document.getElementById("list");
  const placeOf = (fragment) => {
    try {
      return document.getElementById(decodeURIComponent(fragment.slice(1)));
    } catch {
      return null;
    }
  };
  const openAt = (fragment) => {
    const place = placeOf(fragment);
    if (place && place.tagName === "DETAILS") place.open = true;
  };
  // A link to where the page is already changes no address.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) openAt(link.hash);
  });
  if (!form || !list) {
    addEventListener("hashchange", () => openAt(location.hash));
    openAt(location.hash);
    return;
  }

  const items = [...list.children];
  const again = document.getElementById("again").textContent.replace(/ \S+=RECORD$/, "");
  items.forEach((item, place) => {
    const sides = [...item.querySelectorAll("h3 bdi")].map((side) => side.textContent);
    item.dataset.place = place;
    item.dataset.id = item.querySelector("h3 a").textContent;
    item.dataset.pair = sides.length > 1 ? sides.join(" → ") : "";
    const command = item.querySelector("code");
    command.textContent = command.textContent.replace(/^…/, () => again);
  });
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const names = ["search", "pair", "criterion", "stratum", "sort"];
  const texts = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const collator = new Intl.Collator(undefined, { numeric: true });
  const number = (text) => (text === undefined ? -Infinity : Number(text));
  const orders = {
    "": (a, b) => a.dataset.place - b.dataset.place,
    stored: (a, b) => number(b.dataset.stored) - number(a.dataset.stored),
    age: (a, b) => number(b.dataset.age) - number(a.dataset.age),
    pair: (a, b) => collator.compare(a.dataset.pair || "\uffff", b.dataset.pair || "\uffff"),
    id: (a, b) => collator.compare(a.dataset.id, b.dataset.id),
  };

  const state = () => {
    const values = new URLSearchParams();
    for (const name of names) {
      const value = form.elements[name].value;
      if (value) values.set(name, value);
    }
    return values;
  };
  const matches = (item, wanted) =>
    (!wanted.get("search") || wanted.get("search").toLowerCase().split(/\s+/).every((word) => texts.get(item).includes(word))) &&
    (!wanted.get("pair") || item.dataset.pair === wanted.get("pair")) &&
    (!wanted.get("criterion") || item.dataset.criteria.split(" ").includes(wanted.get("criterion"))) &&
    (!wanted.get("stratum") || item.dataset.stratum === wanted.get("stratum"));

  const show = () => {
    const wanted = state();
    items.sort((a, b) => (orders[wanted.get("sort") || ""] || orders[""])(a, b) || orders[""](a, b));
    list.append(...items);
    let number = 0;
    for (const item of items) {
      item.hidden = !matches(item, wanted);
      if (!item.hidden) number += 1;
    }
    shown.value = `${number} of ${items.length} shown`;
    none.hidden = number > 0;
  };
  const remember = () => {
    const values = state().toString();
    history.replaceState(null, "", values ? `#${values}` : location.pathname + location.search);
  };
  const recall = () => {
    const place = placeOf(location.hash);
    if (place && place.parentElement === list && !place.hidden) return;
    const isState = location.hash.includes("=");
    const values = new URLSearchParams(isState ? location.hash.slice(1) : "");
    for (const name of names) {
      const field = form.elements[name];
      field.value = values.get(name) || "";
      // A link may name what this report has none of.
      if (field.selectedIndex === -1) field.value = "";
    }
    show();
    if (isState) document.getElementById("records").scrollIntoView();
    else openAt(location.hash);
  };

  const quoted = (value) => {
    // A spreadsheet would take such a cell for a formula.
    const text = /^[=+\-@＝＋－＠\t\r]/.test(value) ? `'${value}` : value;
    return `"${text.replaceAll('"', '""')}"`;
  };
  const row = (item) => {
    const { id, stratum, pair, stored, reviewed, age, criteria } = item.dataset;
    const sides = [...item.querySelectorAll("h3 bdi")].map((side) => side.textContent);
    const text = item.querySelector(".text")?.cloneNode(true);
    text?.querySelector(".more")?.remove();
    return [id, stratum, sides[0] || "", pair ? sides[1] : "", stored || "", reviewed || "", age || "", criteria, text ? text.textContent.trim() : ""];
  };
  const save = () => {
    const header = ["record_id", "stratum", "stored", "reviewed", "stored_confidence", "reviewed_confidence", "age_days", "criteria", "text"];
    const rows = [header, ...items.filter((item) => !item.hidden).map(row)];
    const text = rows.map((cells) => cells.map(quoted).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
    link.download = "records.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  for (const link of document.querySelectorAll("a[data-state]")) link.href = `#${link.dataset.state}`;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { show(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { show(); remember(); }));
  document.getElementById("all").addEventListener("click", () => form.reset());
  document.getElementById("csv").addEventListener("click", save);
  addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
