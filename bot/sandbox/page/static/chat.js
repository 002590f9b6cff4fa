// The telephone: the technical contact's conversation with the robot.

import { startComposer } from "./composer.js";
import { clock, day, french, h, post, volume } from "./dom.js";
import { richText } from "./richtext.js";

const TECHNICAL = "technique@telecom-exemple.test";
/** Seconds that a touched button shows that it waits. */
const PATIENCE = 15;
/** Pixels from the end within which new messages are followed. */
const NEAR = 120;
/** Pixels that a picture is high in the conversation, at most. */
const PICTURE_HEIGHT = 320;

export function startChat(pane, page) {
  const messages = new Map(); // by id, as they stand now
  const shown = new Map(); // by id, their elements
  const waiting = new Map(); // query id -> the button that was touched

  const list = h("div.chat-list", { role: "log", "aria-label": "Messages", "aria-live": "polite", tabIndex: 0 });
  const down = h("button.chat-down", { type: "button", hidden: true, "aria-label": "Aller au dernier message", onclick: toEnd }, "↓");
  const large = h("dialog.chat-large", { "aria-label": "Image en grand" });
  const alertBox = h("dialog.chat-alert", { "aria-label": "Message du robot" });
  const menu = h("div.chat-actions", { popover: "auto", role: "menu" });
  const welcome = h(
    "div.chat-welcome",
    {},
    h("h3", {}, "Ce téléphone n'est pas encore relié"),
    h("p", {}, "Le robot a envoyé au contact technique un courriel avec un lien à usage unique. L'ouvrir relie ce chat à lui."),
    h("button.primary", { type: "button", onclick: openInvitation }, "Ouvrir ce courriel"),
  );
  const composer = startComposer(page, { send, sendFile, sample, messages: () => messages });

  pane.append(
    h(
      "header.pane-head.chat-head",
      {},
      h("img", { src: "/static/icon.svg", alt: "", width: 36, height: 36 }),
      h("h2", {}, "Robot Origyne", h("small", {}, "le téléphone de Camille, contact technique")),
    ),
    h("div.chat-middle", {}, list, welcome, down),
    h("p.chat-cut", { role: "status" }, french("Le robot est coupé : ce qui lui est écrit l'attend.")),
    composer.element,
    large,
    alertBox,
    menu,
  );

  list.addEventListener("scroll", () => {
    down.hidden = nearEnd();
  });
  list.addEventListener("keydown", (event) => event.key === "Escape" && composer.focus()); // past all that can be touched
  large.addEventListener("click", () => large.close());

  page.part("chat", everything, {
    message(message) {
      const known = messages.has(message.id);
      put(message);
      if (!known && !message.mine) page.ring("chat");
    },
    toast(toast) {
      stopWaiting(toast.query_id);
      if (toast.alert) {
        alertBox.replaceChildren(
          h("p", {}, toast.text),
          h("form", { method: "dialog" }, h("button.primary", {}, "OK")),
        );
        alertBox.showModal();
      } else if (toast.text) {
        page.say(toast.text);
      }
    },
    menu: composer.setMenu,
  });

  function everything(data) {
    messages.clear();
    shown.clear();
    list.replaceChildren();
    for (const message of data.messages) put(message);
    composer.setMenu(data.menu);
    welcome.hidden = messages.size > 0;
    toEnd();
  }

  function put(message) {
    const before = messages.get(message.id);
    if (before && before.revision > message.revision) return;
    const follow = nearEnd() || message.mine;
    messages.set(message.id, message);
    welcome.hidden = true;
    const old = shown.get(message.id);
    if (message.deleted) {
      old?.remove();
      shown.delete(message.id);
      return;
    }
    const made = draw(message);
    shown.set(message.id, made);
    if (old) {
      old.replaceWith(made);
      if (before.revision !== message.revision) made.classList.add("changed");
    } else {
      const last = list.lastElementChild;
      const today = day(message.date * 1000);
      if (!last || last.dataset.day !== today) {
        list.append(h("p.chat-day", { dataset: { day: today } }, today === day(Date.now()) ? "Aujourd'hui" : today));
      }
      made.dataset.day = today;
      list.append(made);
    }
    if (follow) toEnd();
    else down.hidden = false;
  }

  function draw(message) {
    const replied = message.reply_to ? messages.get(message.reply_to) : null;
    const bubble = h(
      "div.chat-bubble",
      {},
      replied && h("button.chat-reply", { type: "button", onclick: () => goTo(replied.id) }, excerpt(replied)),
      message.photo && picture(message),
      message.file && attachment(message),
      message.text && h("div.chat-text", {}, richText(message.text, message.entities, { onCommand: send, onCopy: copy })),
      h("span.chat-meta", {}, message.edited ? "modifié " : "", clock(message.date * 1000)),
    );
    const more = h(
      "button.chat-more.quiet",
      { type: "button", "aria-label": "Que faire de ce message", "aria-haspopup": "menu", onclick: (event) => openMenu(event, message) },
      "⋯",
    );
    return h(
      `article.chat-message.${message.mine ? "mine" : "theirs"}`,
      { dataset: { id: String(message.id), answers: String(message.reply_to ?? "") }, "aria-label": message.mine ? "Vous" : "Le robot" },
      h("div.chat-row", {}, bubble, more),
      message.buttons.length > 0 &&
        h(
          "div.chat-keyboard",
          {},
          message.buttons.map((row) => h("div", {}, row.map((button) => keyboardButton(message, button)))),
        ),
    );
  }

  function keyboardButton(message, button) {
    if (button.url) {
      return h("a.button", { href: button.url, target: "_blank", rel: "noopener noreferrer" }, button.label, " ↗");
    }
    return h("button", { type: "button", onclick: (event) => touch(message.id, button.callback_data, event.currentTarget) }, button.label);
  }

  async function touch(id, data, element) {
    element?.setAttribute("aria-busy", "true");
    const answer = await page.trying(() => post("/chat/press", { message_id: id, button: data }));
    if (!answer) return element?.removeAttribute("aria-busy");
    waiting.set(answer.query_id, element);
    return setTimeout(() => stopWaiting(answer.query_id), PATIENCE * 1000);
  }

  function stopWaiting(query) {
    waiting.get(query)?.removeAttribute("aria-busy");
    waiting.delete(query);
  }

  function picture(message) {
    const { width, height } = message.photo;
    const source = `/chat/files/${message.id}?${message.revision}`;
    const image = h("img", { src: source, alt: "Image envoyée", width, height, loading: "lazy" });
    image.style.width = `${Math.min(width, (PICTURE_HEIGHT * width) / height)}px`; // its place is kept until it is there
    image.style.aspectRatio = `${width} / ${height}`;
    return h(
      "button.chat-photo",
      {
        type: "button",
        "aria-label": "Voir l'image en grand",
        onclick: () => {
          large.replaceChildren(h("img", { src: source, alt: "Image en grand", width, height }), h("form", { method: "dialog" }, h("a.button", { href: source, target: "_blank", rel: "noopener" }, "Dans un onglet ↗"), h("button", { autofocus: true }, "Fermer")));
          large.showModal();
        },
      },
      image,
    );
  }

  function attachment(message) {
    const source = `/chat/files/${message.id}`;
    const extension = message.file.name.includes(".") ? message.file.name.split(".").pop().slice(0, 4) : "…";
    return h(
      "a.chat-file",
      { href: source, target: "_blank", rel: "noopener" },
      /^(png|jpe?g)$/i.test(extension)
        ? h("img.chat-kind", { src: source, alt: "", width: 42, height: 42 })
        : h("span.chat-kind", { "aria-hidden": "true" }, extension),
      h("span", {}, h("b", {}, message.file.name), h("small", {}, volume(message.file.size))),
    );
  }

  function openMenu(event, message) {
    const act = (label, action) =>
      h("button.quiet", { type: "button", role: "menuitem", onclick: () => (menu.hidePopover(), action()) }, label);
    menu.replaceChildren(
      act("Répondre", () => composer.replyTo(message, excerpt(message))),
      ...(message.mine && message.text ? [act("Modifier", () => composer.edit(message))] : []),
      ...(message.text ? [act("Copier le texte", () => copy(message.text))] : []),
    );
    const place = event.currentTarget.getBoundingClientRect();
    menu.showPopover();
    menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.min(place.bottom, innerHeight - menu.offsetHeight - 8)}px`;
    menu.querySelector("button").focus();
  }

  async function send(text, replyTo = null) {
    return page.trying(() => post("/chat/send", { text, reply_to: replyTo }));
  }

  async function sendFile(file, as, caption = "") {
    const form = new FormData();
    form.append("file", file);
    form.append("as", as);
    form.append("caption", caption);
    return page.trying(() => post("/chat/file", form));
  }

  async function sample(name, as) {
    return page.trying(() => post("/chat/sample", { name, as }));
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      page.say("Copié.");
    } catch {
      page.say("Le navigateur n'a pas permis de copier.", "wrong");
    }
  }

  async function openInvitation() {
    const head = await page.trying(() => page.until(() => page.mail.find(TECHNICAL, "relier votre Telegram")));
    if (!head) return;
    page.show("mail");
    await page.mail.open(TECHNICAL, head.uid);
  }

  function goTo(id) {
    const element = shown.get(id);
    if (!element) return;
    element.scrollIntoView({ block: element.offsetHeight > list.clientHeight ? "start" : "center" });
    element.classList.remove("changed");
    requestAnimationFrame(() => element.classList.add("changed"));
  }

  function excerpt(message) {
    const words = message.text || message.file?.name || (message.photo ? "Image" : "");
    return words.length > 80 ? `${words.slice(0, 79)}…` : words;
  }

  function nearEnd() {
    return list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
  }

  function toEnd() {
    list.scrollTop = list.scrollHeight;
    down.hidden = true;
  }

  return {
    /** Send a text; the sent message's number as `message_id`, or undefined. */
    send,
    /** Send a File `as` "file" or "photo". */
    sendFile,
    /** Send one of the samples, `as` "file" or "photo". */
    sample,
    /** The newest message that fits, as the server tells it. */
    find: (fits) => [...messages.values()].reverse().find((message) => !message.deleted && fits(message)),
    /** Touch the button of a message whose label has these words. */
    async press(message, words) {
      const button = message.buttons.flat().find((it) => it.label.includes(words));
      if (!button) throw new Error(`Le message n'a pas de bouton « ${words} ».`);
      const index = message.buttons.flat().indexOf(button);
      return touch(message.id, button.callback_data, shown.get(message.id)?.querySelectorAll(".chat-keyboard > div > *")[index]);
    },
    /** Bring a message before the eyes. */
    goTo,
  };
}
