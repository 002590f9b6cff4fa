// What somebody writes from a mailbox: a reply or a new mail, as the mail program of his choice writes it.

import { get, h, post, volume } from "./dom.js";

const ROBOT = "robot@telecom-exemple.test";

/** Files that a visitor has not at hand: name on the server, what it is. */
const SAMPLES = [
  ["logo-juste", "Un logo juste"],
  ["logo-faux", "Un logo trop petit"],
  ["bandeau", "Un bandeau"],
  ["portabilites", "Une liste de RIO à vérifier"],
];

export function startMailComposer(page, mail) {
  const kept = new Map(); // what was begun, by what it answers
  let open = null; // { key, from, answered, to, subject, text, form, files }

  const title = h("h3");
  const to = h("input", { type: "text", inputMode: "email", autocomplete: "off", spellcheck: false, required: true });
  const subject = h("input", { type: "text", autocomplete: "off" });
  const text = h("textarea", { "aria-label": "Texte du courriel", placeholder: "Bonjour," });
  const form = h("select", { "aria-label": "Écrire comme", onchange: changeForm });
  const files = h("ul.mail-files", { "aria-label": "Pièces jointes", hidden: true });
  const quoted = h("pre");
  const quote = h("details.mail-quote", { hidden: true }, h("summary", { title: "Texte cité" }, h("span", { "aria-hidden": "true" }, "•••"), h("span.mail-aside", {}, "Texte cité")), quoted);
  const send = h("button.primary", { type: "submit" }, "Envoyer");
  const picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => (attach([...picker.files]), (picker.value = "")) });
  const menu = h(
    "div.mail-attach",
    { popover: "auto", id: "mail-attach", "aria-label": "Joindre" },
    h("button.quiet", { type: "button", onclick: () => (menu.hidePopover(), picker.click()) }, "📄 Depuis cet ordinateur…"),
    h("p", {}, "Ou un essai tout prêt"),
    SAMPLES.map(([name, label]) => h("button.quiet", { type: "button", onclick: () => (menu.hidePopover(), attach([{ sample: name, name: label }])) }, label)),
  );
  const clip = h("button", { type: "button", popovertarget: "mail-attach", title: "Joindre" }, h("span", { "aria-hidden": "true" }, "📎"), h("span.mail-word", {}, " Joindre"));
  const element = h(
    "form.mail-composer",
    { onsubmit: (event) => (event.preventDefault(), submit()), "aria-label": "Écrire un courriel" },
    h(
      "div.mail-title",
      {},
      title,
      h("button.quiet.icon", { type: "button", "aria-label": "Fermer, en gardant le brouillon", title: "Fermer (le brouillon est gardé)", onclick: () => close() }, "✕"),
    ),
    h("label.mail-field", {}, h("span", {}, "À"), to),
    h("label.mail-field", {}, h("span", {}, "Objet"), subject),
    h("div.mail-paper", {}, text, quote),
    files,
    h(
      "div.mail-foot",
      {},
      send,
      clip,
      h("label.mail-as", {}, h("span", {}, "Écrire comme"), form),
      h("button.quiet.icon", { type: "button", "aria-label": "Jeter le brouillon", title: "Jeter le brouillon", onclick: discard }, "🗑"),
    ),
    picker,
    menu,
  );

  text.addEventListener("input", grow);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.matches(":popover-open") || close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) (event.preventDefault(), submit());
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    const place = clip.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(8, place.top - menu.offsetHeight - 6)}px`;
  });
  for (const name of ["dragenter", "dragover"]) {
    element.addEventListener(name, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      element.classList.add("over");
    });
  }
  element.addEventListener("dragleave", (event) => !element.contains(event.relatedTarget) && element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    attach([...event.dataTransfer.files]);
  });
  text.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    attach([...event.clipboardData.files]);
  });

  async function reply(head, words) {
    const key = `${head.address}/${head.uid}`;
    const before = kept.get(key);
    put();
    const program = before?.form ?? mail.owner(head.address).form;
    const about = await page.trying(() => get(`/mail/${encodeURIComponent(head.address)}/${head.uid}/quote?form=${program}`));
    if (!about) return;
    const letter = before ?? { key, from: head.address, answered: head, form: program, to: about.to, subject: about.subject, text: "", files: [] };
    draw({ ...letter, text: words ?? letter.text, quote: about.text });
  }

  /** `resume`: go on with what was begun there, if anything was. */
  function write({ from, to: whom = ROBOT, subject: what = "", text: words = "", files: given = [], resume = false }) {
    put();
    const key = `${from}/new`;
    const program = mail.owner(from).form;
    draw((resume && kept.get(key)) || { key, from, answered: null, form: program, to: whom, subject: what, text: words, files: [...given], quote: "" });
  }

  function draw(letter) {
    open = letter;
    const { name, address } = mail.owner(letter.from);
    title.replaceChildren(letter.answered ? "Répondre" : "Nouveau courriel", h("small", {}, ` de ${name}`));
    title.title = address;
    form.replaceChildren(...Object.entries(mail.forms()).map(([program, label]) => h("option", { value: program }, label)));
    form.value = letter.form;
    to.value = letter.to;
    subject.value = letter.subject;
    text.value = letter.text;
    quote.hidden = !letter.answered;
    quote.open = false;
    quoted.textContent = letter.quote;
    drawFiles();
    requestAnimationFrame(grow);
  }

  /** Keep what is written for later, if anything is. */
  function put() {
    if (!open) return;
    const letter = { ...open, to: to.value, subject: subject.value, text: text.value };
    if (letter.text.trim() || letter.files.length) kept.set(letter.key, letter);
    else kept.delete(letter.key);
    open = null;
  }

  function close() {
    put();
    mail.closed();
  }

  function discard() {
    text.value = "";
    open.files = [];
    close();
  }

  async function changeForm() {
    const letter = open;
    const chosen = form.value;
    letter.form = chosen;
    if (!letter.answered) return;
    const { address, uid } = letter.answered;
    const about = await page.trying(() => get(`/mail/${encodeURIComponent(address)}/${uid}/quote?form=${chosen}`));
    if (!about || open !== letter || letter.form !== chosen) return;
    if (subject.value === letter.subject) subject.value = letter.subject = about.subject;
    quoted.textContent = letter.quote = about.text;
  }

  function attach(more) {
    open.files.push(...more);
    drawFiles();
  }

  function drawFiles() {
    files.hidden = open.files.length === 0;
    files.replaceChildren(
      ...open.files.map((file, place) =>
        h(
          "li.button.mail-file",
          {},
          h("span.mail-name", {}, file.name),
          file.size !== undefined && h("small", {}, volume(file.size)),
          h("button.quiet.icon", { type: "button", "aria-label": `Retirer ${file.name}`, title: "Retirer", onclick: () => (open.files.splice(place, 1), drawFiles()) }, "✕"),
        ),
      ),
    );
  }

  async function submit() {
    if (!open || send.disabled) return false;
    const { key, from, answered } = open; // another may be open once it is sent
    const body = new FormData();
    body.append("to", to.value);
    body.append("subject", subject.value);
    body.append("text", text.value);
    body.append("form", form.value);
    for (const file of open.files) file.sample ? body.append("sample", file.sample) : body.append("file", file);
    const whose = `/mail/${encodeURIComponent(from)}`;
    send.disabled = true;
    const sent = await page.trying(() => post(answered ? `${whose}/${answered.uid}/reply` : `${whose}/write`, body));
    send.disabled = false;
    if (!sent) return false; // what is written stays
    page.say("Courriel envoyé.");
    if (open?.key === key) {
      open = null;
      mail.closed();
    }
    kept.delete(key);
    return true;
  }

  function grow() {
    text.style.flex = "none"; // else it is as high as its place, whatever it holds
    text.style.height = "auto";
    text.style.height = `${Math.max(text.scrollHeight + 2, 120)}px`;
    text.style.flex = "";
  }

  return {
    element,
    reply,
    write,
    put,
    submit,
    /** Where one begins to write. */
    focus() {
      const place = open?.to ? text : to;
      place.focus();
      if (place === text) text.setSelectionRange(open.answered ? 0 : text.value.length, text.value.length);
    },
  };
}
