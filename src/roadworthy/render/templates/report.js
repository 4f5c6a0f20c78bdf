"use strict";
document.documentElement.classList.add("js");

const findings = [...document.querySelectorAll(".finding")];
const sections = [...document.querySelectorAll(".area")];
const chips = [...document.querySelectorAll("[data-show]")];
const areaChoice = document.querySelector("#area-choice");
const search = document.querySelector("#search");
const status = document.querySelector("#shown");
const toggle = document.querySelector("#toggle");
const texts = new Map(findings.map((finding) => [finding, wordsOf(finding)]));

function wordsOf(finding) {
  const parts = finding.querySelectorAll(".title, .code, .claim");
  return [...parts].map((part) => part.textContent.toLowerCase()).join(" ");
}

function isPressed(chip) {
  return chip.getAttribute("aria-pressed") === "true";
}

function apply() {
  const states = chips.filter(isPressed).map((chip) => chip.dataset.show);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const finding of findings) {
    finding.hidden =
      (states.length > 0 && !states.includes(finding.dataset.state)) ||
      (areaChoice.value !== "" && finding.dataset.area !== areaChoice.value) ||
      !words.every((word) => texts.get(finding).includes(word));
  }
  for (const section of sections) {
    section.hidden = !section.querySelector(".finding:not([hidden])");
  }
  const shown = findings.filter((finding) => !finding.hidden);
  status.textContent = `${shown.length} of ${findings.length} findings shown`;
  nameToggle();
}

function nameToggle() {
  const isAllOpen = findings.every((finding) => finding.hidden || finding.open);
  toggle.textContent = isAllOpen ? "Collapse all" : "Expand all";
}

function showTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const finding = target && target.closest(".finding");
  if (!finding) return;
  if (finding.hidden) {
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    areaChoice.value = search.value = "";
    apply();
  }
  finding.open = true;
  finding.scrollIntoView();
}

for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(!isPressed(chip)));
    apply();
  });
}
areaChoice.addEventListener("change", apply);
search.addEventListener("input", apply);
toggle.addEventListener("click", () => {
  const open = toggle.textContent === "Expand all";
  for (const finding of findings) if (!finding.hidden) finding.open = open;
  nameToggle();
});
findings.forEach((finding) => finding.addEventListener("toggle", nameToggle));
window.addEventListener("hashchange", showTarget);

// paper cannot be unfolded
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = findings.filter((finding) => !finding.open);
  for (const finding of folded) finding.open = true;
});
window.addEventListener("afterprint", () => {
  for (const finding of folded) finding.open = false;
});

apply();
showTarget();
