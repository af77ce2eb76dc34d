"use strict";
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.getElementById("run-rows").rows];
  const shown = document.getElementById("shown");
  // Each filter with the column that it is about.
  const columns = { verdict: 1, reviewer: 4, store: 5 };
  const fields = Object.keys(columns).map((name) => form.elements[name]);
  const said = (row, name) => {
    const text = row.cells[columns[name]].textContent;
    return name === "verdict" ? text.trim().split(" ").pop() : text;
  };

  const show = () => {
    let number = 0;
    for (const row of rows) {
      row.hidden = fields.some((field) => field.value && field.value !== said(row, field.name));
      if (!row.hidden) number += 1;
    }
    shown.value = `${number} of ${rows.length} shown`;
  };
  const remember = () => {
    // The address also names the two runs that are compared.
    const values = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      if (field.value) values.set(field.name, field.value);
      else values.delete(field.name);
    }
    history.replaceState(null, "", `${values}` ? `#${values}` : location.pathname + location.search);
  };
  const recall = () => {
    const values = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      field.value = values.get(field.name) || "";
      if (field.selectedIndex === -1) field.value = "";
    }
    show();
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { show(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { show(); remember(); }));
  addEventListener("hashchange", recall);
  form.hidden = rows.length < 2;
  recall();
})();
