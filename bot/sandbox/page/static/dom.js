// Making elements, and asking the page's server.

/**
 * An element: `h("button.primary", { onclick, "aria-label": "…" }, "Envoyer")`.
 * Properties that are functions or known to the element are set as such, others become attributes; null and false are left out.
 * Children: nodes, texts, arrays of them; null and false are left out.
 */
export function h(kind, properties = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (typeof value === "function" || (name in element && typeof value !== "string")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make `parent` hold these elements in this order. Those that are there already as they are wanted stay: what a finger or
 * the focus is on is not taken away. */
export function settle(parent, wanted) {
  const old = new Set(parent.children);
  const settled = wanted.map((element) => {
    const same = [...old].find((it) => it.isEqualNode(element));
    old.delete(same);
    return same ?? element;
  });
  for (const it of old) it.remove();
  settled.forEach((element, place) => {
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
}

/** What the server answers to a POST of an object (JSON) or of FormData; throws an Error with a French message. */
export async function post(path, body = {}) {
  const form = body instanceof FormData;
  return ask(path, {
    method: "POST",
    headers: form ? {} : { "Content-Type": "application/json" },
    body: form ? body : JSON.stringify(body),
  });
}

/** What the server answers to a GET; throws an Error with a French message. */
export async function get(path) {
  return ask(path, {});
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("La démonstration ne répond plus : a-t-elle été arrêtée dans son terminal ?");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `La page a reçu une erreur (${answer.status}) : la recharger.`);
  return said;
}

/** A text whose lines do not begin with a sign that stands after a space in French, nor end with «. */
export function french(text) {
  return text.replace(/ (?=[:;?!»])|(?<=«) /g, "\u00a0");
}

/** Nodes of a text that holds names of files: they may be broken where their parts meet. */
export function breakable(text) {
  return text.split(/(?<=\S[_/])/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));
}

/** 23,4 Ko */
export function volume(bytes) {
  const units = ["octets", "Ko", "Mo", "Go"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toLocaleString("fr-FR", { maximumFractionDigits: unit ? 1 : 0 })}\u00a0${units[unit]}`;
}

/** 14:05, of a Date or of milliseconds; the clock of Paris, as everywhere in the assistant. */
export function clock(at, seconds = false) {
  const shown = { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Paris" };
  return new Date(at).toLocaleTimeString("fr-FR", seconds ? { ...shown, second: "2-digit" } : shown);
}

/** 26/11, of a Date or of milliseconds. */
export function day(at) {
  return new Date(at).toLocaleDateString("fr-FR", { day: "2-digit", month: "2-digit", timeZone: "Europe/Paris" });
}
