// A click on a column's heading sorts the table by that column; a second click reverses the order.
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
        if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1; // rows without a number stay last
        if (Number.isNaN(y)) return -1;
        const rank = typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true });
        return down ? -rank : rank;
      };
      const body = table.tBodies[0];
      const rows = [...body.rows].sort(order);
      rows.forEach((row) => row.classList.remove("group"));
      body.append(...rows);
    });
  });
}
// A box whose content is wider than itself says that it can be scrolled.
const boxes = [...document.querySelectorAll(".scroll")];
const mark = () => {
  for (const box of boxes) box.classList.toggle("overflows", box.scrollWidth > box.clientWidth + 1);
};
addEventListener("resize", mark);
for (const part of document.querySelectorAll("details")) part.addEventListener("toggle", mark);
mark();
// A link to an element inside closed <details> opens them.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
open();
