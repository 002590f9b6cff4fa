// The mailboxes: tabs, lists, one mail, and what is written.

import { clock, day, get, h, post, volume } from "./dom.js";
import { startMailComposer } from "./mailcomposer.js";

const LINK = /https?:\/\/[^\s<>«»"]+[^\s<>«»".,;:!?)]/g;
/** Attachments that are shown at first. */
const FILES_SHOWN = 5;
/** How much smaller a mail is shown that is too wide. */
const LEAST_ZOOM = 0.75;

export function startMail(pane, page) {
  let owners = []; // whose mailboxes there are
  let forms = {}; // programs that mails are written with: name -> label
  let address = ""; // the mailbox before the eyes
  let current = null; // the mail before the eyes, with its text
  let asText = false; // what is read: the text, though there is HTML
  let under = 0; // counts the mails that were asked for: only the last one is shown
  const mails = new Map(); // "address/uid" -> head
  const rows = new Map(); // of the list, by uid
  const tabs = new Map(); // by address

  const tabList = h("div.mail-tabs", { role: "tablist", "aria-label": "Boîtes aux lettres" });
  const list = h("ul.mail-list", { "aria-label": "Courriels" });
  const reader = h("article.mail-reader", { "aria-label": "Courriel", tabIndex: -1 });
  const nothing = h("p.mail-nothing", {}, "Choisir un courriel pour le lire.");
  const composer = startMailComposer(page, { closed, owner, forms: () => forms });
  const grid = h("div.mail-grid", { id: "mail-grid", role: "tabpanel", dataset: { view: "list" } }, list, nothing, reader, composer.element);
  pane.append(
    h(
      "header.pane-head",
      {},
      h("h2", {}, "Courriel"),
      h("button", { type: "button", onclick: () => write({ from: address, resume: true }, true) }, h("span", { "aria-hidden": "true" }, "✎ "), "Écrire"),
    ),
    tabList,
    h("div.mail-body", {}, grid),
  );

  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...list.querySelectorAll(".mail-row")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  tabList.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = owners[(owners.findIndex((it) => it.address === address) + step + owners.length) % owners.length];
    choose(next.address);
    tabs.get(next.address).focus();
  });
  reader.addEventListener("keydown", (event) => event.key === "Escape" && back());
  new MutationObserver(adapt).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", adapt);

  page.part("mail", everything, {
    mail(head) {
      const known = mails.has(keyOf(head));
      mails.set(keyOf(head), head);
      if (head.address === address) put(head, !known);
      count(head.address);
      if (known) return;
      page.ring("mail");
      if (head.address !== address) flash(tabs.get(head.address));
      if (current && current.address === head.address && current.thread === head.thread) drawThread();
    },
  });

  function everything(data) {
    owners = data.mailboxes;
    forms = data.forms;
    mails.clear();
    for (const head of data.mails) mails.set(keyOf(head), head);
    drawTabs();
    if (current && !mails.has(keyOf(current))) show("list");
    choose(address || owners[0].address, true);
  }

  // -- mailboxes and their lists

  function drawTabs() {
    tabs.clear();
    for (const it of owners) {
      tabs.set(
        it.address,
        h(
          `button.mail-tab${it.minor ? ".minor" : ""}`,
          { type: "button", role: "tab", title: it.address, "aria-controls": "mail-grid", onclick: () => touch(it.address) },
          it.label,
          h("span.mail-count", { hidden: true }),
        ),
      );
    }
    tabList.replaceChildren(...tabs.values());
    for (const it of owners) count(it.address);
  }

  function count(of) {
    const unread = headsOf(of).filter((head) => head.unread).length;
    const badge = tabs.get(of)?.querySelector(".mail-count");
    if (!badge) return;
    badge.hidden = unread === 0;
    badge.replaceChildren(String(unread), h("span.mail-aside", {}, unread === 1 ? " non lu" : " non lus"));
  }

  /** Show a mailbox; the one that is shown shows its list again, where that is hidden. */
  function touch(which) {
    if (which === address && grid.dataset.view !== "list" && singleView()) back();
    else choose(which);
  }

  /** Show a mailbox; `again`: although it is shown. */
  function choose(which, again = false) {
    for (const [each, tab] of tabs) {
      tab.setAttribute("aria-selected", String(each === which));
      tab.tabIndex = each === which ? 0 : -1;
    }
    grid.setAttribute("aria-label", owner(which).label);
    if (which === address && !again) return;
    const another = which !== address;
    address = which;
    tabs.get(which)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const { scrollTop } = list;
    rows.clear();
    list.replaceChildren();
    for (const head of headsOf(which)) put(head);
    if (!rows.size) list.append(h("li.mail-empty", {}, "Rien dans cette boîte pour l'instant."));
    list.scrollTop = another ? 0 : scrollTop;
    if (another) {
      composer.put();
      show("list");
    }
  }

  /** Newest first. */
  function headsOf(which) {
    return [...mails.values()].filter((head) => head.address === which).sort((one, other) => other.uid - one.uid);
  }

  function put(head, fresh = false) {
    list.querySelector(".mail-empty")?.remove();
    const old = rows.get(head.uid);
    const focused = old?.contains(document.activeElement);
    const row = h("li", {}, drawRow(head));
    rows.set(head.uid, row);
    if (old) {
      old.replaceWith(row);
      if (focused) row.firstChild.focus();
    } else {
      const below = [...rows].filter(([uid]) => uid < head.uid).sort(([one], [other]) => other - one)[0]?.[1];
      const { scrollTop, scrollHeight } = list;
      list.insertBefore(row, below ?? null);
      if (scrollTop > 0 && fresh) list.scrollTop = scrollTop + list.scrollHeight - scrollHeight; // what is read stays
    }
    if (fresh) flash(row);
    mark();
  }

  function drawRow(head) {
    return h(
      `button.mail-row${head.unread ? ".unread" : ""}`,
      { type: "button", onclick: () => read(head.address, head.uid, true) },
      head.unread && h("span.mail-aside", {}, "Non lu. "),
      h("span.mail-who", {}, head.name || head.sender),
      h(
        "span.mail-when",
        {},
        head.files.length > 0 && h("span", { role: "img", "aria-label": "Avec pièce jointe", title: head.files.map((file) => file.name).join(", ") }, "📎 "),
        moment(head.date),
      ),
      h("span.mail-subject", {}, head.subject || "(sans objet)"),
      h("span.mail-preview", {}, head.preview),
    );
  }

  function mark() {
    for (const [uid, row] of rows) {
      const here = current?.address === address && current.uid === uid && grid.dataset.view !== "list";
      row.firstChild.setAttribute("aria-current", String(here));
    }
  }

  function flash(element) {
    element?.classList.remove("fresh");
    requestAnimationFrame(() => element?.classList.add("fresh"));
  }

  // -- one mail

  /** Read a mail; `byHand`: the focus follows where the list is hidden by it. */
  async function read(of, uid, byHand = false) {
    under += 1;
    const mine = under;
    const mail = await page.trying(() => get(`${pathOf(of, uid)}`));
    if (!mail || mine !== under) return undefined;
    composer.put();
    current = mail;
    asText = !mail.html;
    drawReader();
    show("reader");
    reader.scrollTop = 0;
    rows.get(uid)?.scrollIntoView({ block: "nearest" });
    if (byHand && singleView()) reader.querySelector(".mail-back").focus();
    if (mails.get(keyOf(mail))?.unread) post(`${pathOf(of, uid)}/seen`).catch(() => {}); // it is read, counted or not
    return mail;
  }

  function drawReader() {
    const to = current.to.replace(/^[^<]*<(.+)>$/, "$1");
    const view = (label, text) =>
      h("button", { type: "button", "aria-pressed": String(asText === text), disabled: !text && !current.html, onclick: () => switchTo(text) }, label);
    reader.replaceChildren(
      h(
        "header.mail-head",
        {},
        h(
          "div.mail-title",
          {},
          h("button.quiet.icon.mail-back", { type: "button", "aria-label": "Retour à la liste", title: "Retour à la liste", onclick: back }, "←"),
          h("h3", {}, current.subject || "(sans objet)"),
        ),
        h(
          "div.mail-from",
          {},
          face(),
          h(
            "p",
            {},
            h("b", {}, current.name || current.sender),
            current.name && h("span", {}, ` ${current.sender}`),
            h("small", {}, `à ${to} · ${moment(current.date, true)}`),
          ),
        ),
        h(
          "div.mail-actions",
          {},
          h("button.primary", { type: "button", onclick: () => reply() }, h("span", { "aria-hidden": "true" }, "↩ "), "Répondre"),
          h("div.mail-thread"),
          h("div.mail-views", { role: "group", "aria-label": "Lire en" }, view("HTML", false), view("Texte", true)),
        ),
        current.files.length > 0 && attachments(),
      ),
      asText ? h("div.mail-text", {}, linked(current.text || "Ce courriel n'a pas de texte.")) : frame(),
    );
    drawThread();
  }

  function face() {
    if (current.sender.startsWith("robot@")) return h("img.mail-face", { src: "/static/icon.svg", alt: "" });
    return h("span.mail-face", { "aria-hidden": "true" }, (current.name || current.sender).slice(0, 1).toUpperCase());
  }

  function attachments() {
    const hidden = current.files.slice(FILES_SHOWN);
    const more = h(
      "li",
      {},
      h(
        "button.quiet",
        {
          type: "button",
          onclick: () => {
            const rest = hidden.map((file) => h("li", {}, chip(file)));
            more.replaceWith(...rest);
            rest[0].firstChild.focus();
          },
        },
        `+ ${hidden.length} autres`,
      ),
    );
    return h(
      "ul.mail-files",
      { "aria-label": "Pièces jointes" },
      current.files.slice(0, FILES_SHOWN).map((file) => h("li", {}, chip(file))),
      hidden.length > 0 && more,
    );
  }

  function chip(file) {
    const extension = file.name.includes(".") ? file.name.split(".").pop().slice(0, 4) : "…";
    return h(
      "a.button.mail-file",
      { href: `${pathOf(current.address, current.uid)}/parts/${file.number}`, target: "_blank", rel: "noopener", title: file.name },
      h("span.mail-kind", { "aria-hidden": "true" }, extension),
      h("span.mail-name", {}, file.name),
      h("small", {}, volume(file.size)),
    );
  }

  function drawThread() {
    const place = reader.querySelector(".mail-thread");
    const thread = headsOf(current.address).filter((head) => head.thread === current.thread).reverse();
    const at = thread.findIndex((head) => head.uid === current.uid);
    if (!place || thread.length < 2) return place?.replaceChildren();
    const step = (label, sign, head) =>
      h("button.quiet.icon", { type: "button", "aria-label": label, title: label, disabled: !head, onclick: () => read(head.address, head.uid, true) }, sign);
    return place.replaceChildren(
      step("Précédent du fil", "‹", thread[at - 1]),
      h("span", {}, `${at + 1} sur ${thread.length}`, h("span.mail-aside", {}, " du fil")),
      step("Suivant du fil", "›", thread[at + 1]),
    );
  }

  function switchTo(text) {
    asText = text;
    drawReader();
    reader.querySelector(`.mail-views button:nth-child(${text ? 2 : 1})`).focus();
  }

  function frame() {
    const element = h("iframe.mail-frame", {
      title: "Contenu du courriel",
      sandbox: "allow-same-origin allow-popups",
      src: `${pathOf(current.address, current.uid)}/html`,
    });
    element.addEventListener("load", () => {
      const inside = element.contentDocument;
      if (!inside?.documentElement) return;
      adapt();
      let width = 0;
      const fit = () => {
        if (width !== element.clientWidth) {
          width = element.clientWidth;
          inside.documentElement.style.zoom = "";
          inside.documentElement.style.zoom = Math.max(LEAST_ZOOM, width / inside.documentElement.scrollWidth);
        }
        element.style.height = `${Math.ceil(inside.documentElement.getBoundingClientRect().height)}px`;
      };
      fit();
      new ResizeObserver(fit).observe(inside.documentElement);
      inside.addEventListener("click", (event) => {
        const link = event.target.closest?.("a[href]");
        if (!link) return;
        event.preventDefault();
        follow(link.href);
      });
      inside.addEventListener("keydown", (event) => event.key === "Escape" && back());
    });
    return element;
  }

  /** The mail's own light or dark is that of the page, which may not be the machine's. */
  function adapt() {
    const inside = reader.querySelector("iframe")?.contentDocument;
    if (!inside) return;
    const theme = document.documentElement.dataset.theme;
    const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    for (const sheet of inside.styleSheets) {
      for (const rule of sheet.cssRules) {
        if (!rule.media) continue;
        rule.asked ??= rule.media.mediaText;
        const asked = /^\(prefers-color-scheme:\s*(dark|light)\)$/.exec(rule.asked);
        if (asked) rule.media.mediaText = (asked[1] === "dark") === dark ? "all" : "not all";
      }
    }
  }

  function linked(text) {
    const pieces = [];
    let end = 0;
    for (const found of text.matchAll(LINK)) {
      pieces.push(text.slice(end, found.index));
      pieces.push(
        h(
          "a",
          {
            href: found[0],
            onclick: (event) => {
              event.preventDefault();
              follow(found[0]);
            },
          },
          found[0],
        ),
      );
      end = found.index + found[0].length;
    }
    return [...pieces, text.slice(end)];
  }

  /** What a link of a mail does, as it does on a machine of its reader's. */
  function follow(href) {
    const url = new URL(href);
    if (url.protocol === "mailto:") {
      const asked = new URLSearchParams(url.search.replaceAll("+", "%2B")); // a sign like any other, RFC 6068
      return write(
        { from: address, to: decodeURIComponent(url.pathname), subject: asked.get("subject") ?? "", text: asked.get("body") ?? "" },
        true,
      );
    }
    if (url.hostname === "t.me") {
      const code = url.searchParams.get("start");
      page.show("chat");
      return code ? page.chat.send(`/start ${code}`) : undefined;
    }
    if (["127.0.0.1", "localhost"].includes(url.hostname)) return window.open(url.href, "_blank", "noopener,noreferrer");
    return page.say(`Le bac à sable n'a pas d'accès à internet : ${url.hostname} ne s'ouvre pas d'ici.`, "wrong");
  }

  // -- writing

  async function reply(text, focus = text === undefined) {
    if (!current) return;
    await composer.reply(current, text, focus);
    show("composer");
    if (focus) composer.focus();
  }

  function write(letter, focus = false) {
    choose(letter.from);
    composer.write(letter);
    show("composer");
    if (focus) composer.focus();
  }

  /** The composer was closed. */
  function closed() {
    if (grid.dataset.view !== "composer") return;
    show(current?.address === address ? "reader" : "list");
    const place = grid.dataset.view === "reader" ? reader.querySelector(".mail-actions .primary") : list.querySelector(".mail-row");
    place?.focus({ preventScroll: true });
  }

  // -- what is before the eyes

  function show(view) {
    if (view === "list") current = null;
    grid.dataset.view = view;
    mark();
  }

  function back() {
    const row = rows.get(current?.uid);
    composer.put();
    show("list");
    row?.firstChild.focus();
  }

  function singleView() {
    return list.offsetParent === null || reader.offsetParent === null;
  }

  function owner(of) {
    return owners.find((it) => it.address === of);
  }

  function keyOf(mail) {
    return `${mail.address}/${mail.uid}`;
  }

  function pathOf(of, uid) {
    return `/mail/${encodeURIComponent(of)}/${uid}`;
  }

  function moment(seconds, whole = false) {
    if (!seconds) return "sans date";
    const at = seconds * 1000;
    if (day(at) === day(Date.now())) return whole ? `aujourd'hui à ${clock(at)}` : clock(at);
    return whole ? `${day(at)} à ${clock(at)}` : day(at);
  }

  return {
    /** Show a mail of a mailbox; resolves once it is read. */
    async open(of, uid) {
      choose(of);
      return read(of, uid);
    },
    /** The newest head of a mailbox whose subject holds these words, or undefined. */
    find: (of, words) => headsOf(of).find((head) => head.subject.toLowerCase().includes(words.toLowerCase())),
    /** Follow the first link of the open mail that begins so. */
    follow(beginning) {
      const link = [...(current?.text ?? "").matchAll(LINK)].map(([found]) => found).find((found) => found.startsWith(beginning));
      if (!link) throw new Error("Ce courriel n'a pas ce lien.");
      return follow(link);
    },
    /** Open a reply to the open mail, with this text. */
    reply,
    /** Send what the composer holds; whether it went. */
    submit: () => composer.submit(),
  };
}
