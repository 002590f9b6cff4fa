// What is written in the chat: text, replies, changes, files and photos, the menu of commands.

import { h, post } from "./dom.js";

/** Files that a visitor has not at hand: name on the server, what it is, and how it is sent. */
const SAMPLES = [
  ["logo-faux", "Un logo trop petit", "file"],
  ["logo-juste", "Un logo juste", "file"],
  ["logo-juste", "Un logo juste, mais en photo", "photo"],
  ["bandeau", "Un bandeau", "file"],
  ["portabilites", "Une liste de RIO à vérifier", "file"],
];

export function startComposer(page, chat) {
  let commands = [];
  let replying = null; // the message that the text answers
  let editing = null; // the message that the text replaces
  let chosen = -1; // of the suggestions

  const field = h("textarea", {
    id: "chat-field",
    rows: 1,
    "aria-label": "Message",
    placeholder: "Message",
    "aria-controls": "chat-suggestions",
    "aria-expanded": "false",
    role: "combobox",
    "aria-autocomplete": "list",
  });
  const about = h("div.chat-about", { hidden: true });
  const suggestions = h("ul.chat-suggestions", { id: "chat-suggestions", role: "listbox", "aria-label": "Commandes", hidden: true });
  const picker = h("input", { type: "file", hidden: true, multiple: true });
  const attach = h(
    "div.chat-attach",
    { popover: "auto", id: "chat-attach", "aria-label": "Joindre" },
    h("p", {}, "Depuis cet ordinateur"),
    h("button.quiet", { type: "button", onclick: () => pick("file") }, "📄 Envoyer comme fichier"),
    h("button.quiet", { type: "button", onclick: () => pick("photo") }, "🖼️ Envoyer comme photo"),
    h("p", {}, "Ou un essai tout prêt"),
    SAMPLES.map(([name, label, as]) =>
      h("button.quiet", { type: "button", onclick: () => (attach.hidePopover(), chat.sample(name, as)) }, label),
    ),
  );
  const menuButton = h("button.quiet.icon", { type: "button", "aria-label": "Commandes", title: "Commandes", "aria-expanded": "false", onclick: toggleMenu }, "☰");
  const sendButton = h("button.primary.icon", { type: "submit", "aria-label": "Envoyer", title: "Envoyer" }, "➤");
  const zones = h(
    "div.chat-drop",
    { hidden: true },
    dropZone("file", "Comme fichier", "tel quel : pour un logo, un bandeau"),
    dropZone("photo", "Comme photo", "Telegram la recompresse"),
  );
  const element = h(
    "form.chat-composer",
    { onsubmit: submit },
    suggestions,
    about,
    h(
      "div.chat-line",
      {},
      menuButton,
      h("button.quiet.icon", { type: "button", "aria-label": "Joindre", title: "Joindre", popovertarget: "chat-attach" }, "📎"),
      field,
      sendButton,
    ),
    picker,
    attach,
    zones,
  );

  field.addEventListener("input", () => {
    grow();
    suggest(field.value);
  });
  field.addEventListener("keydown", onKey);
  field.addEventListener("blur", hide);
  for (const it of [menuButton, suggestions]) it.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  field.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    chat.sendFile(file, file.type.startsWith("image/") ? "photo" : "file");
  });
  attach.addEventListener("toggle", (event) => event.newState === "open" && placeAbove(attach));

  const pane = document.getElementById("chat");
  let inside = 0;
  pane.addEventListener("dragenter", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    inside += 1;
    zones.hidden = false;
  });
  pane.addEventListener("dragleave", () => {
    inside = Math.max(0, inside - 1);
    if (!inside) zones.hidden = true;
  });
  pane.addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
  pane.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    zones.hidden = true;
  });

  function dropZone(as, title, text) {
    return h(
      "div",
      {
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          for (const file of event.dataTransfer.files) chat.sendFile(file, as);
        },
      },
      h("b", {}, title),
      h("span", {}, text),
    );
  }

  function pick(as) {
    attach.hidePopover();
    picker.accept = as === "photo" ? "image/*" : "";
    picker.onchange = async () => {
      const files = [...picker.files];
      picker.value = "";
      for (const file of files) {
        await chat.sendFile(file, as, field.value.trim());
        field.value = "";
        grow();
      }
    };
    picker.click();
  }

  async function submit(event) {
    event?.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    hide();
    const sent = editing
      ? await page.trying(() => post("/chat/edit", { message_id: editing.id, text }))
      : await chat.send(text, replying?.id ?? null);
    if (!sent) return; // what was written stays
    field.value = "";
    forget();
    grow();
  }

  function onKey(event) {
    const open = !suggestions.hidden;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (open && chosen >= 0) take(suggestions.children[chosen].dataset.command);
      else submit();
    } else if (event.key === "Tab" && open && chosen >= 0) {
      event.preventDefault();
      take(suggestions.children[chosen].dataset.command);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && open) {
      event.preventDefault();
      const count = suggestions.children.length;
      choose((chosen + (event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1) + count) % count);
    } else if (event.key === "Escape") {
      if (open) hide();
      else forget(true);
    } else if (event.key === "ArrowUp" && !field.value) {
      const mine = [...chat.messages().values()].filter((it) => it.mine && it.text && !it.deleted).pop();
      if (mine) edit(mine);
    }
  }

  function suggest(text) {
    const typed = /^\/([a-z0-9_]*)$/i.exec(text);
    if (!typed) return hide();
    return list(commands.filter((it) => it.command.startsWith(typed[1].toLowerCase())));
  }

  function list(found) {
    suggestions.replaceChildren(
      ...found.map((it, index) =>
        h(
          "li",
          {
            id: `chat-suggestion-${index}`,
            role: "option",
            "aria-selected": "false",
            dataset: { command: it.command },
            onclick: () => (hide(), chat.send(`/${it.command}`), (field.value = ""), grow()),
          },
          h("b", {}, `/${it.command}`),
          h("span", {}, it.description),
        ),
      ),
    );
    choose(-1);
    suggestions.hidden = found.length === 0;
    field.setAttribute("aria-expanded", String(!suggestions.hidden));
    menuButton.setAttribute("aria-expanded", String(!suggestions.hidden));
  }

  function choose(index) {
    chosen = index;
    [...suggestions.children].forEach((it, place) => it.setAttribute("aria-selected", String(place === index)));
    suggestions.children[index]?.scrollIntoView({ block: "nearest" });
    if (index >= 0) field.setAttribute("aria-activedescendant", `chat-suggestion-${index}`);
    else field.removeAttribute("aria-activedescendant");
  }

  /** Write the command, for what comes after it. */
  function take(command) {
    field.value = `/${command} `;
    hide();
    field.focus();
  }

  function toggleMenu() {
    if (!suggestions.hidden) return hide();
    if (!commands.length) return page.say("Le robot propose ses commandes une fois le téléphone relié.");
    list(commands);
    return field.focus();
  }

  function hide() {
    suggestions.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    menuButton.setAttribute("aria-expanded", "false");
  }

  function replyTo(message, words) {
    forget();
    replying = message;
    tell("Réponse à", words);
  }

  function edit(message) {
    forget();
    editing = message;
    field.value = message.text;
    tell("Modification de", message.text);
    grow();
  }

  function tell(what, words) {
    about.replaceChildren(
      h("span", {}, h("b", {}, what), " ", words),
      h("button.quiet.icon", { type: "button", "aria-label": "Abandonner", onclick: () => forget(true) }, "✕"),
    );
    about.hidden = false;
    field.focus();
  }

  function forget(withText = false) {
    if (withText && editing) field.value = "";
    replying = null;
    editing = null;
    about.hidden = true;
    grow();
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
  }

  function placeAbove(popover) {
    const line = element.getBoundingClientRect();
    popover.style.left = `${line.left + 8}px`;
    popover.style.top = `${Math.max(8, line.top - popover.offsetHeight - 6)}px`;
  }

  return {
    element,
    focus: () => field.focus(),
    replyTo,
    edit,
    setMenu(menu) {
      commands = menu;
    },
  };
}
