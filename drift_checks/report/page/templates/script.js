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
  const quotedForShell = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
  const again = document.getElementById("again").textContent.replace(/RECORD$/, "");
  items.forEach((item, place) => {
    const sides = [...item.querySelectorAll("h3 bdi")].map((side) => side.textContent);
    item.dataset.place = place;
    item.dataset.id = item.querySelector("h3 a").textContent;
    item.dataset.pair = sides.length > 1 ? sides.join(" → ") : "";
    // A page of many records says it once.
    if (!item.querySelector("code")) {
      const [term, said] = ["dt", "dd"].map((tag) => item.querySelector("dl").appendChild(document.createElement(tag)));
      term.textContent = "Review again";
      said.appendChild(document.createElement("code")).textContent = again + quotedForShell(item.dataset.id);
    }
  });
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const fields = ["search", "sort"];
  const texts = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const memberships = new Map(items.map((item) => [item, new Set(item.dataset.in.split(" "))]));
  const collator = new Intl.Collator(undefined, { numeric: true });
  const number = (text) => (text === undefined ? -Infinity : Number(text));
  const sureness = ({ dataset }) => (dataset.pair ? 9 : 0) + Number(dataset.stored || 0) + Number(dataset.reviewed || 0);
  const orders = {
    "": (a, b) => a.dataset.place - b.dataset.place,
    sure: (a, b) => sureness(b) - sureness(a),
    stored: (a, b) => number(b.dataset.stored) - number(a.dataset.stored),
    age: (a, b) => number(b.dataset.age) - number(a.dataset.age),
    pair: (a, b) => collator.compare(a.dataset.pair || "\uffff", b.dataset.pair || "\uffff"),
    id: (a, b) => collator.compare(a.dataset.id, b.dataset.id),
  };

  // Each grouping with its links, and the one that is chosen.
  const groupings = [...document.querySelectorAll("#groups > details")].map((box) => {
    const chosen = box.querySelector("summary").appendChild(document.createElement("span"));
    const groups = [...box.querySelectorAll("a")].map((link) => ({
      link,
      number: link.dataset.group,
      value: link.querySelector("bdi").textContent,
      count: link.querySelector("b"),
    }));
    return { name: box.id.slice(3), box, groups, chosen, wanted: null };
  });

  const state = (changed) => {
    const values = new URLSearchParams();
    for (const name of fields) if (form.elements[name].value) values.set(name, form.elements[name].value);
    for (const grouping of groupings) {
      const wanted = changed && grouping === changed.grouping ? changed.wanted : grouping.wanted;
      if (wanted) values.set(grouping.name, wanted.value);
    }
    return values.toString();
  };
  const show = () => {
    const words = form.elements.search.value.toLowerCase().split(/\s+/);
    items.sort((a, b) => (orders[form.elements.sort.value] || orders[""])(a, b) || orders[""](a, b));
    list.append(...items);
    const found = items.filter((item) => words.every((word) => texts.get(item).includes(word)));
    // A group counts the records that all other groupings leave.
    for (const grouping of groupings) {
      const others = groupings.flatMap((other) => (other.wanted && other !== grouping ? [other.wanted.number] : []));
      const left = found.map((item) => memberships.get(item)).filter((own) => others.every((other) => own.has(other)));
      grouping.chosen.textContent = grouping.wanted ? `: ${grouping.wanted.value}` : "";
      for (const group of grouping.groups) {
        const isWanted = group === grouping.wanted;
        const records = left.filter((own) => own.has(group.number)).length;
        group.count.textContent = records;
        group.link.parentElement.hidden = !records && !isWanted;
        group.link.href = `#${state({ grouping, wanted: isWanted ? null : group })}`;
        if (isWanted) group.link.setAttribute("aria-current", "true");
        else group.link.removeAttribute("aria-current");
      }
    }
    const wanted = groupings.flatMap((grouping) => (grouping.wanted ? [grouping.wanted.number] : []));
    const visible = new Set(found.filter((item) => wanted.every((group) => memberships.get(item).has(group))));
    for (const item of items) item.hidden = !visible.has(item);
    shown.value = `${visible.size} of ${items.length} shown`;
    none.hidden = visible.size > 0;
  };
  const remember = () => {
    const values = state();
    history.replaceState(null, "", values ? `#${values}` : location.pathname + location.search);
  };
  const recall = () => {
    const place = placeOf(location.hash);
    if (place && place.parentElement === list && !place.hidden) return;
    const isState = location.hash.includes("=");
    const values = new URLSearchParams(isState ? location.hash.slice(1) : "");
    for (const name of fields) {
      const field = form.elements[name];
      field.value = values.get(name) || "";
      // A link may name what this report has none of.
      if (field.selectedIndex === -1) field.value = "";
    }
    for (const grouping of groupings) {
      grouping.wanted = grouping.groups.find((group) => group.value === values.get(grouping.name)) || null;
    }
    show();
    if (isState) document.getElementById("records").scrollIntoView();
    else openAt(location.hash);
  };

  const move = (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    const step = { j: 1, k: -1 }[event.key];
    if (!step || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const visible = items.filter((item) => !item.hidden);
    const place = visible.findIndex((item) => item.contains(document.activeElement));
    visible[place + step]?.querySelector("h3 a").focus();
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
    return [id, stratum, sides[0] || "", pair ? sides[1] : "", stored || "", reviewed || "", age || "", criteria ?? "agreement", text ? text.textContent.trim() : ""];
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
  for (const grouping of groupings) {
    for (const group of grouping.groups) {
      group.link.addEventListener("click", (event) => {
        // To open the view elsewhere, a browser takes the link's address.
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        grouping.wanted = group === grouping.wanted ? null : group;
        show();
        remember();
      });
    }
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { show(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => {
    for (const grouping of groupings) grouping.wanted = null;
    show();
    remember();
  }));
  document.getElementById("all").addEventListener("click", () => form.reset());
  document.getElementById("csv").addEventListener("click", save);
  addEventListener("hashchange", recall);
  addEventListener("keydown", move);
  document.getElementById("keys").hidden = false;
  form.hidden = false;
  recall();
})();
