// Models and their figures as a table. A heading sorts by its column, a name opens its model.
// What was not measured says which command measures it, once for neighbours that share one.

import { keepFocus } from "../access.js";
import { component } from "../component.js";
import { element } from "../element.js";

const compare = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

/** The cells of a row; neighbours that the same command would fill are one. */
function cellsOf({ name, cells, problem }, columns) {
  if (problem) {
    return [element("td", { class: "problem", colspan: columns.length }, problem)];
  }
  const made = [];
  columns.forEach(({ key, label }, n) => {
    const { text, command, value } = cells[key];
    if (!command) {
      const word = typeof value === "string";
      // Words wrap between words, and not within 784-400-20.
      made.push(element("td", word ? { class: "word" } : {}, text.replaceAll("-", "\u2011")));
      return;
    }
    const before = columns[n - 1] && cells[columns[n - 1].key].command;
    const last = made.at(-1);
    if (before === command) {
      last.colSpan += 1;
      last.title += `, ${label.replaceAll("\n", " ")}`;
      return;
    }
    made.push(element("td", {
      class: "missing", title: label.replaceAll("\n", " "), "data-testid": `missing-${name}`,
    }, "not measured: run ", element("code", {}, command)));
  });
  return made;
}

export default component("model-table", (root) => {
  let sortedBy = null; // a column's key; null: as Python has them
  let falling = false;
  let latest;
  const table = element("table");
  root.append(table);
  root.tabIndex = 0; // it scrolls sideways, by arrow keys too
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Models and their figures");

  const sorted = (rows) => {
    if (sortedBy === null) return rows;
    const value = (row) => (sortedBy === "name" ? row.name : row.cells[sortedBy]?.value ?? null);
    const known = rows.filter((row) => value(row) !== null);
    known.sort((a, b) => (falling ? -1 : 1) * compare(value(a), value(b)));
    return [...known, ...rows.filter((row) => value(row) === null)]; // the unmeasured come last
  };

  const heading = ({ key, label, hint }, word) => {
    const mine = sortedBy === key;
    const mark = element("span", { "aria-hidden": "true" }, mine ? (falling ? "\u00a0▼" : "\u00a0▲") : "\u00a0↕");
    const button = element("button", { type: "button", title: hint, "data-testid": `sort-${key}`, "data-focus": `sort ${key}` },
      label, mark);
    button.onclick = () => {
      falling = mine && !falling;
      sortedBy = key;
      draw();
    };
    const cell = element("th", { scope: "col" }, button);
    if (word) cell.className = "word";
    if (mine) cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
    return cell;
  };

  const bodyRow = (row, columns, setTriggerValue) => {
    const open = element("button", {
      class: "open", type: "button", title: `Open ${row.name} in Explore`,
      "data-focus": `open ${row.name}`,
    }, row.name);
    open.onclick = () => setTriggerValue("open", row.name);
    const name = element("th", { scope: "row" }, open);
    if (row.is_open) name.append(element("small", {}, "open now"));
    if (row.note) name.append(element("small", {}, row.note));
    return element("tr", { "data-testid": `model-${row.name}` }, name, ...cellsOf(row, columns));
  };

  function draw() {
    const { data: { columns, rows }, setTriggerValue } = latest;
    const isWord = ({ key }) => rows.some((row) => typeof row.cells[key]?.value === "string");
    const name = { key: "name", label: "model", hint: "Sort by name" };
    keepFocus(root, () => table.replaceChildren(
      element("thead", {}, element("tr", {}, heading(name, true),
        ...columns.map((column) => heading(column, isWord(column))))),
      element("tbody", {}, ...sorted(rows).map((row) => bodyRow(row, columns, setTriggerValue))),
    ));
  }

  return (args) => {
    latest = args;
    draw();
  };
});
