"use strict";
(() => {
  const form = document.getElementById("pick");
  const place = document.getElementById("differences");
  const { runs, labels } = JSON.parse(document.getElementById("compared").textContent);
  // Longer ids are shortened.
  const LONGEST = 79;
  const byId = new Map(runs.map((run) => [run.id, run]));
  const made = (name, text, children = []) => {
    const element = document.createElement(name);
    element.textContent = text;
    element.append(...children);
    return element;
  };
  const words = (found) => `${labels[found[1]]} → ${labels[found[2]]}`;
  const disagreements = (run) => new Map(run.found.map((found) => [found[0], found]));
  const reasons = (run) => new Map(run.known);
  const byNumber = new Intl.Collator("en", { numeric: true });
  const kindOf = (key, before, now, other) => {
    if (before && now) return words(before) === words(now) ? "same" : "changed";
    if (!other.drawn.includes(key)) return "in one sample only";
    if (reasons(other).has(key)) return now ? "reopened" : "settled";
    if (other.missing.includes(key)) return "not reviewed, or not counted, in one of the runs";
    return now ? "new" : "gone";
  };
  const wordOf = (key) => String(key).replace(/[^\p{L}\p{N}_.-]+/gu, "_");
  const recordLink = (key, run) => {
    const isOnly = run.drawn.filter((other) => wordOf(other) === wordOf(key)).length === 1;
    // Of a shortened id, and of two that give the same word, the place in the page is not known.
    if (!isOnly || wordOf(key) !== wordOf(key).slice(0, LONGEST)) return made("span", String(key));
    const link = made("a", String(key));
    link.href = `${run.id}/index.html#record-${wordOf(key)}`;
    return link;
  };
  const changes = (before, now, separator) =>
    Object.keys({ ...before, ...now })
      .filter((name) => before[name] !== now[name])
      .map((name) => made("li", `${name}: ${before[name] ?? "–"}${separator}${now[name] ?? "–"}`));

  const show = () => {
    const [first, second] = ["first", "second"].map((name) => byId.get(form.elements[name].value));
    place.replaceChildren();
    if (first.store !== second.store) {
      place.append(made("p", "These runs reviewed different stores."));
      return;
    }
    const [before, now] = [disagreements(first), disagreements(second)];
    const kinds = new Map(["new", "gone", "changed", "same"].map((kind) => [kind, []]));
    for (const key of new Set([...now.keys(), ...before.keys()])) {
      const kind = kindOf(key, before.get(key), now.get(key), now.has(key) ? first : second);
      kinds.set(kind, [...(kinds.get(kind) || []), key]);
    }
    const shared = second.drawn.filter((key) => first.drawn.includes(key)).length;
    const counts = [...kinds].map(([kind, keys]) => `${keys.length} ${kind}`);
    place.append(made("p", `Records in both samples: ${shared}. Disagreements: ${counts.join(", ")}.`));
    const facts = [...changes(first.criteria, second.criteria, " → "), ...changes(first.versions, second.versions, " → ")];
    if (facts.length) place.append(made("ul", "", facts));
    for (const kind of ["new", "gone", "changed", "settled", "reopened"]) {
      const keys = kinds.get(kind)?.sort((one, other) => byNumber.compare(one, other));
      if (!keys?.length) continue;
      const rows = keys.map((key) => {
        const row = made("li", "", [recordLink(key, now.has(key) ? second : first)]);
        row.append(` ${words(now.get(key) || before.get(key))}`);
        const why = labels[reasons(now.has(key) ? first : second).get(key)];
        if (why) row.append(kind === "settled" ? `, ${why}` : `, before ${why}`);
        if (kind === "changed") row.append(`, before ${words(before.get(key))}`);
        return row;
      });
      const list = made("ul", "", rows);
      list.className = "since";
      place.append(made("h3", `${kind[0].toUpperCase()}${kind.slice(1)} (${keys.length})`), list);
    }
  };
  const recall = () => {
    const wanted = /[#&]compare=([\w-]+)(?:,|%2C)([\w-]+)/.exec(location.hash);
    // The newest run, and the one before it of the same store.
    const previous = runs.find((run, number) => number && run.store === runs[0].store) || runs[0];
    const [first, second] = wanted && wanted.slice(1).every((id) => byId.has(id)) ? wanted.slice(1) : [previous.id, runs[0].id];
    form.elements.first.value = first;
    form.elements.second.value = second;
    show();
    if (wanted) form.scrollIntoView();
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    show();
    // The address also names what filters the runs.
    const others = location.hash.slice(1).split("&").filter((part) => part && !part.startsWith("compare="));
    const compared = `compare=${form.elements.first.value},${form.elements.second.value}`;
    history.replaceState(null, "", `#${[...others, compared].join("&")}`);
  });
  addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
