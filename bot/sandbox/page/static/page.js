// The page: panes, the stream of events, what all panes share.

import { french, h } from "./dom.js";
import { startChat } from "./chat.js";
import { startFaults } from "./faults.js";
import { startFiles } from "./files.js";
import { startJournal } from "./journal.js";
import { startMail } from "./mail.js";
import { startTour } from "./tour.js";

const NARROW = matchMedia("(max-width: 819px), (max-height: 559px)");
const TITLE = document.title;
/** Notices that are shown at once. */
const MOST_NOTICES = 3;
const parts = new Map();
const unread = new Map();
let unseen = 0; // what came while the page was behind another

/** What a pane uses of the page. */
const page = {
  /** `snapshot(data)`: all of it, at each connection; `events`: name -> what to do with the data. */
  part(name, snapshot, events = {}) {
    parts.set(name, { snapshot, events });
  },

  /** Bring a pane before the eyes, with the focus where `focus` says. */
  show(pane, focus = null) {
    document.body.dataset.pane = pane;
    for (const tab of document.querySelectorAll(".tabs button")) {
      tab.setAttribute("aria-current", tab.dataset.pane === pane ? "true" : "false");
    }
    page.badge(pane, 0);
    focus?.focus();
  },

  /** Whether a pane is before the eyes: on a phone, one at a time. */
  shown(pane) {
    return !NARROW.matches || document.body.dataset.pane === pane;
  },

  /** Something new in a pane, which may not be before the eyes. */
  ring(pane) {
    if (document.hidden) titled(unseen + 1);
    if (!page.shown(pane)) page.badge(pane, (unread.get(pane) ?? 0) + 1);
  },

  badge(pane, count) {
    unread.set(pane, count);
    const tab = document.querySelector(`.tabs [data-pane="${pane}"]`);
    tab.dataset.count = count > 99 ? "99+" : String(count);
    tab.toggleAttribute("data-new", count > 0);
  },

  /** A short word at the edge of the screen; `kind`: "" or "wrong". */
  say(text, kind = "") {
    const notices = document.getElementById("notices");
    const words = french(text);
    for (const it of [...notices.children]) if (it.textContent === words) it.remove();
    while (notices.children.length >= MOST_NOTICES) notices.firstElementChild.remove();
    const notice = h(`p.notice.${kind || "plain"}`, {}, words);
    if (notices.matches(":popover-open")) notices.hidePopover();
    notices.showPopover(); // above what is open: a sheet, a picture
    notices.append(notice);
    setTimeout(() => notice.remove(), kind ? 8000 : 4000);
  },

  /** Wait until `check()` gives something true, and return it; throws after `seconds`. */
  async until(check, seconds = 30) {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const found = check();
      if (found) return found;
      if (performance.now() > end) throw new Error("Rien n'est venu : le journal dit ce que fait le robot.");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },

  /** Do something that may fail, and say why it did; returns its result, or undefined. */
  async trying(action) {
    try {
      return await action();
    } catch (error) {
      page.say(error.message, "wrong");
      return undefined;
    }
  },
};

function connect() {
  const state = document.getElementById("state");
  const stream = new EventSource("/events");
  stream.addEventListener("everything", (event) => {
    state.textContent = "";
    const data = JSON.parse(event.data);
    for (const [name, part] of parts) part.snapshot(data[name]);
    document.body.dataset.ready = "";
  });
  for (const part of parts.values()) {
    for (const [name, handle] of Object.entries(part.events)) {
      stream.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  }
  stream.addEventListener("error", () => {
    state.textContent = "La démonstration ne répond plus ; la page attend qu'elle revienne.";
  });
}

/** Notices are under the header, and under the tour while there is one. */
function placeNotices() {
  const panes = document.querySelector(".panes");
  const place = () => document.body.style.setProperty("--panes-top", `${panes.getBoundingClientRect().top}px`);
  new ResizeObserver(place).observe(panes);
}

function titled(count) {
  unseen = count;
  document.title = count ? `(${count > 99 ? "99+" : count}) ${TITLE}` : TITLE;
}

function chooseTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = localStorage.getItem("theme");
  if (kept) document.documentElement.dataset.theme = kept;
  document.getElementById("theme-button").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  });
}

for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => page.show(tab.dataset.pane));
}
document.addEventListener("visibilitychange", () => document.hidden || titled(0));
document.querySelector(".skip").addEventListener("click", () => page.show("chat"));
placeNotices();
chooseTheme();
page.show("chat");
const pane = (name) => document.getElementById(name);
page.chat = startChat(pane("chat"), page);
page.mail = startMail(pane("mail"), page);
page.files = startFiles(pane("files"), page);
startJournal(pane("journal"), page);
page.faults = startFaults(pane("faults"), page);
startTour(pane("tour"), page);
connect();
