// The time line: what people did, and what the robot did of it.

import { breakable, clock, french, h } from "./dom.js";

const KINDS = {
  person: "Une personne",
  operator: "L'opérateur",
  read: "Fichiers lus",
  event: "Nouvelles",
  notice: "Avis",
  answer: "Réponse",
  fault: "Panne",
  recovery: "Rétabli",
};
const FILTERS = [
  ["Tout", () => true],
  ["Dépôts", (it) => ["operator", "read", "event"].includes(it.kind) || (it.kind === "person" && it.chain.startsWith("d"))],
  ["Avis", (it) => ["event", "notice"].includes(it.kind)],
  ["Réponses", (it) => it.kind === "answer" || (it.kind === "person" && !it.chain.startsWith("d"))],
  ["Pannes", (it) => ["fault", "recovery"].includes(it.kind)],
];
/** Entries that are shown. */
const MOST = 500;

export function startJournal(pane, page) {
  let entries = []; // the newest first
  let fits = FILTERS[0][1];

  const list = h("ol.journal-list", { "aria-label": "Ce qui s'est passé, le plus récent d'abord", tabIndex: 0 });
  const empty = h("p.journal-empty", {}, "Rien de tel encore.");
  const chips = h(
    "div.journal-chips",
    { role: "group", "aria-label": "Ne montrer que" },
    FILTERS.map(([label, test], place) =>
      h("button", { type: "button", "aria-pressed": String(place === 0), onclick: (event) => choose(event.currentTarget, test) }, label),
    ),
  );

  pane.append(
    h("header.pane-head.journal-head", {}, h("h2", {}, "Journal ", h("small", {}, "ce que fait le robot, et en combien de temps"))),
    chips,
    h("div.pane-body", {}, list, empty),
  );
  list.addEventListener("pointerover", (event) => light(event.target.closest("li")?.dataset.chain));
  list.addEventListener("pointerleave", () => light(""));

  page.part("journal", everything, { entry: add });

  function everything(data) {
    entries = [...data].sort(newestFirst);
    list.replaceChildren(...entries.map(row));
    link();
  }

  function add(entry) {
    if (entries.some((it) => it.id === entry.id)) return;
    const place = entries.findIndex((it) => newestFirst(entry, it) < 0);
    const element = row(entry);
    element.classList.add("journal-new");
    entries.splice(place < 0 ? entries.length : place, 0, entry);
    list.insertBefore(element, place < 0 ? null : list.children[place]);
    if (entries.length > MOST) {
      entries.pop();
      list.lastElementChild.remove();
    }
    link();
  }

  function row(entry) {
    return h(
      "li.journal-entry",
      { dataset: { kind: entry.kind, chain: entry.chain } },
      h("time", { datetime: new Date(entry.at * 1000).toISOString() }, clock(entry.at * 1000, true)),
      h("span.journal-icon", { role: "img", "aria-label": KINDS[entry.kind], title: KINDS[entry.kind] }),
      h("span.journal-text", {}, breakable(french(entry.text))),
      entry.delay !== null && h("span.journal-delay", {}, delayWords(entry)),
    );
  }

  /** Hide what the filter leaves out, and join what follows from the same thing. */
  function link() {
    let above = null;
    for (const [place, entry] of entries.entries()) {
      const element = list.children[place];
      element.hidden = !fits(entry);
      if (element.hidden) continue;
      const joined = Boolean(entry.chain) && above?.dataset.chain === entry.chain;
      element.toggleAttribute("data-joined-up", joined);
      above?.toggleAttribute("data-joined-down", joined);
      above = element;
    }
    above?.removeAttribute("data-joined-down");
    empty.hidden = above !== null;
  }

  function light(chain) {
    for (const it of list.children) it.toggleAttribute("data-lit", Boolean(chain) && it.dataset.chain === chain);
  }

  function choose(chip, test) {
    for (const it of chips.children) it.setAttribute("aria-pressed", String(it === chip));
    fits = test;
    link();
  }
}

function newestFirst(one, other) {
  return other.at - one.at || other.id - one.id;
}

/** en 13 ms, après 1,4 s, après 2 min */
function delayWords({ kind, delay }) {
  const word = kind === "answer" ? "en" : "après";
  if (delay < 0.9995) return `${word} ${Math.max(1, Math.round(delay * 1000))}\u00a0ms`;
  if (delay < 100) return `${word} ${delay.toLocaleString("fr-FR", { maximumFractionDigits: 1 })}\u00a0s`;
  return `${word} ${Math.round(delay / 60)}\u00a0min`;
}
