"use strict";
const items = JSON.parse(document.getElementById("items").textContent);
const classes = JSON.parse(document.getElementById("classes").textContent);
const find = (id) => document.getElementById(id);
let place = Math.max(0, items.findIndex((item) => !item.label));

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function show() {
  const item = items[place];
  const done = items.filter((each) => each.label).length;
  find("place").textContent = `${place + 1} of ${items.length}, ${done} labelled; row ${item.row}`;
  const parts = [];
  if (item.picture) parts.push(element("img", "", { src: item.picture, alt: `row ${item.row}` }));
  if (item.text) parts.push(element("pre", item.text));
  if (item.values.length) {
    const table = element("table", "", { class: "data" });
    for (const [name, value] of item.values) {
      const line = table.insertRow();
      line.append(element("th", name, { scope: "row" }), element("td", value));
    }
    parts.push(table);
  }
  find("item").replaceChildren(...parts);
  find("choices").replaceChildren(...(classes.length ? buttons(item) : [field(item)]));
}

function buttons(item) {
  return classes.map((label, k) => {
    const key = k < 9 ? `${k + 1} ` : "";
    const pressed = String(label === item.label);
    const button = element("button", key + label, { type: "button", "aria-pressed": pressed });
    if (label === item.guess) {
      button.classList.add("guess");
      button.title = "what the model takes it for";
    }
    button.addEventListener("click", () => answer(label));
    return button;
  });
}

function field(item) {
  const input = element("input", "", { type: "number", step: "any", "aria-label": "target" });
  input.value = item.label;
  input.placeholder = item.guess;
  input.addEventListener("change", () => answer(input.value));
  return input;
}

async function answer(label) {
  const item = items[place];
  try {
    const reply = await fetch("answer", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ row: item.row, label }),
    });
    if (!reply.ok) throw new Error(await reply.text());
    item.label = label;
    find("said").textContent = `Saved: row ${item.row} is ${label}.`;
    move(1);
  } catch (error) {
    find("said").textContent = `Not saved: ${error.message}`;
  }
}

function move(by) {
  place = Math.min(items.length - 1, Math.max(0, place + by));
  show();
}

find("back").addEventListener("click", () => move(-1));
find("skip").addEventListener("click", () => move(1));
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT") return;
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
  const chosen = classes[Number(event.key) - 1];
  if (chosen !== undefined) answer(chosen);
});
show();
