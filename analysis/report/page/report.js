// Sorting: a click on a column's heading sorts its table by it, a second one the other way.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(head.firstChild);
    head.prepend(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => {
        const cell = row.cells[column];
        const number = cell.dataset.value;
        return number === undefined ? cell.textContent.trim() : Number(number);
      };
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1; // what has no number stays below
        if (Number.isNaN(y)) return -1;
        const found = typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true });
        return down ? -found : found;
      };
      const body = table.tBodies[0];
      const rows = [...body.rows].sort(order);
      rows.forEach((row) => row.classList.remove("group"));
      body.append(...rows);
    });
  });
}
// A link to what lies within a closed part opens it.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
open();
