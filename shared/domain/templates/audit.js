"use strict";
(function () {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const search = document.getElementById("search");
  const pool = document.getElementById("pool");
  const boxes = all("input[data-severity]");
  const shownCount = document.getElementById("shown");
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.severity));
    let shown = 0;
    for (const item of all("[data-finding]")) {
      const text = item.textContent.toLowerCase();
      const fits =
        severities.has(item.dataset.severity) &&
        (pool.value === "" || item.dataset.pools.split("\n").includes(pool.value)) &&
        words.every((word) => text.includes(word));
      item.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const line of all("[data-access]")) {
      line.hidden = !(pool.value === "" || line.dataset.access === pool.value);
    }
    shownCount.textContent = String(shown);
  }
  search.addEventListener("input", filter);
  pool.addEventListener("change", filter);
  boxes.forEach((box) => box.addEventListener("change", filter));
  window.addEventListener("beforeprint", () => all("details").forEach((one) => (one.open = true)));
  filter();
})();
