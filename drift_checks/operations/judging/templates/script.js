"use strict";
// Keys press the buttons that name them; without this script, the buttons alone do.
const page = document.documentElement, box = document.getElementById("keys");
let sent = false;
const show = () => page.classList.toggle("with-keys", !box || box.checked);
if (box) {
  box.checked = localStorage.getItem("keys") !== "off";
  box.parentElement.hidden = false;
  box.addEventListener("change", () => { localStorage.setItem("keys", box.checked ? "on" : "off"); show(); });
}
show();
if (matchMedia("(max-width: 34rem)").matches) document.querySelectorAll(".near details").forEach((item) => { item.open = false; });
// A second press would answer about a record that nobody has seen yet.
addEventListener("submit", (event) => { if (sent) event.preventDefault(); sent = true; });
addEventListener("pageshow", () => { sent = false; });
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox])");
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !page.classList.contains("with-keys")) return;
  const found = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!found) return;
  event.preventDefault();
  if (found.matches("button")) found.click(); else found.focus();
});
