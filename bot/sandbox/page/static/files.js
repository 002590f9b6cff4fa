// The operator's FTP: its tree, and what the operator does next.

import { breakable, clock, day, french, get, h, post, settle, volume } from "./dom.js";

const PLAYS = [
  ["hour", "Heure suivante", "les états des lignes, parfois des CDR"],
  ["day", "Jour suivant", "ses états et ses CDR, jusqu'à 20\u00a0h"],
  ["month", "Mois suivant", "la fin du mois, puis ses factures"],
];
const CARD = "application/x-origyne-play";
const LINE = "06 39 98 00 01";

export function startFiles(pane, page) {
  const folders = new Map(); // path -> its items
  const fresh = new Map(); // path -> names that came since that folder was left
  let at = ""; // the open folder
  let asked = 0; // counts the folders that were asked for: only the last one is shown
  let playing = null;
  let reached = true;

  const crumbs = h("nav.files-crumbs", { "aria-label": "Dossier ouvert" });
  const list = h("ul.files-list", { "aria-label": "Contenu du dossier", onkeydown: byArrows });
  const hint = h("div.files-hint", { "aria-hidden": "true" }, h("p"));
  const down = h("p.files-down", { hidden: true }, french("Le FTP ne répond pas. Ce que l'opérateur dépose attend : le robot le lira au retour."));
  const picker = h("input", { type: "file", multiple: true, hidden: true, onchange: picked });
  const dropButton = h("button.files-drop", { type: "button", title: "Déposer un fichier dans ce dossier", onclick: () => picker.click() }, "Déposer ", h("span", {}, "un fichier "), "ici");
  const middle = h("div.files-middle", {}, down, crumbs, list, hint);
  const preview = h("dialog.files-preview", { "aria-labelledby": "files-preview-name" });
  const operatorClock = h("small.files-clock", { title: "Où en sont les livraisons de l'opérateur" });
  const cards = new Map(PLAYS.map(([what, label, text]) => [what, card(what, label, text)]));
  const line = lineForm();

  pane.append(
    h("header.pane-head.files-head", {}, h("h2", {}, "FTP de l'opérateur"), dropButton, picker),
    middle,
    h(
      "section.files-play",
      { "aria-label": "Jouer l'opérateur" },
      h("h3", {}, "Jouer l'opérateur ", operatorClock),
      h("div.files-cards", {}, [...cards.values()]),
      line.element,
    ),
    preview,
  );
  preview.addEventListener("click", (event) => event.target === preview && preview.close());
  acceptDrops();

  page.part("files", everything, { folder: changed, operator: showOperator, ftp: showReached });

  function everything(data) {
    folders.clear();
    for (const folder of data.folders) folders.set(folder.path, folder.items);
    if (!folders.has(at)) at = "";
    line.setStatuses(data.statuses);
    showOperator(data.operator);
    showReached(data.reached);
    draw();
  }

  /** A folder as it is now. */
  function changed({ path, items }) {
    const before = folders.get(path);
    const known = new Set(before?.map(mark));
    const isNew = Boolean(before) || fresh.get(parent(path))?.has(name(path));
    const came = isNew ? items.filter((item) => !known.has(mark(item))) : [];
    folders.set(path, items);
    if (came.length) {
      if (!fresh.has(path)) fresh.set(path, new Set());
      for (const item of came) fresh.get(path).add(item.name);
      page.ring("files");
    }
    if (path === at || at === "" || path.startsWith(`${at}/`)) draw();
  }

  function showOperator({ clock: words, asked }) {
    operatorClock.textContent = words;
    line.setAsked(asked);
    cards.get("hour").toggleAttribute("data-waiting", asked.length > 0);
  }

  function showReached(now) {
    reached = now;
    down.hidden = reached;
  }

  // -- the tree

  function draw() {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    drawCrumbs();
    const items = [...(folders.get(at) ?? [])].sort(inOrder);
    const nothing = h("li.files-empty", {}, folders.size ? "Ce dossier est vide." : "Première lecture du FTP…");
    settle(list, items.length ? items.map(row) : [nothing]);
    dropButton.hidden = at === "";
    if (focused !== null && !list.contains(document.activeElement)) focusOn(focused);
  }

  function drawCrumbs() {
    const parts = at ? at.split("/") : [];
    const places = ["", ...parts.map((_, place) => parts.slice(0, place + 1).join("/"))];
    crumbs.hidden = at === "";
    settle(crumbs, [
      h(
        "ol",
        {},
        places.map((path) =>
          h(
            "li",
            {},
            path === at
              ? h("b", { "aria-current": "page" }, name(path) || "FTP")
              : h("button.quiet", { type: "button", onclick: () => page.trying(() => open(path)) }, name(path) || "FTP"),
          ),
        ),
      ),
    ]);
  }

  function row(item) {
    const path = at ? `${at}/${item.name}` : item.name;
    const isNew = fresh.get(at)?.has(item.name);
    const properties = { dataset: { name: item.name, path } };
    if (item.kind === "folder") {
      const count = filesUnder(path);
      const news = newUnder(path);
      return h(
        "li",
        {},
        h(
          `button.files-row${news ? ".files-new" : ""}`,
          { ...properties, type: "button", dataset: { name: item.name, folder: path }, onclick: () => page.trying(() => open(path)) },
          h("span.files-icon", { dataset: { kind: "folder" } }),
          h("span.files-name", {}, item.name),
          news > 0 && h("span.files-news", { title: "Arrivés depuis la dernière visite" }, `+${news}`),
          h("span.files-count", {}, count === 0 ? "vide" : count === 1 ? "1 fichier" : `${count} fichiers`),
        ),
      );
    }
    const kind = kindOf(item.name);
    const inside = [
      h("span.files-icon", { dataset: { kind } }),
      h(
        "span.files-name",
        {},
        item.name,
        h(
          "small",
          {},
          isNew && h("span.files-news", {}, "nouveau"),
          `${day(item.at * 1000)} à ${clock(item.at * 1000)} · ${volume(item.size)}`,
        ),
      ),
    ];
    const classes = `files-row${isNew ? ".files-new" : ""}`;
    const href = address(path);
    if (kind === "pdf") return h("li", {}, h(`a.${classes}`, { ...properties, href, target: "_blank", title: "Ouvrir dans un onglet" }, inside));
    if (kind === "other") return h("li", {}, h(`a.${classes}`, { ...properties, href, download: item.name, title: "Télécharger" }, inside));
    return h("li", {}, h(`button.${classes}`, { ...properties, type: "button", title: "Aperçu", onclick: () => show(path, item) }, inside));
  }

  /** Open a folder, as it is on the server now. */
  async function open(path) {
    asked += 1;
    const mine = asked;
    const folder = await read(path);
    if (mine !== asked) return; // another one was opened meanwhile
    const hadFocus = list.contains(document.activeElement) || crumbs.contains(document.activeElement);
    const left = at;
    if (path !== at) fresh.delete(at);
    at = path;
    if (path !== left) list.scrollTop = 0;
    changed(folder);
    draw();
    if (hadFocus) focusOn(left.startsWith(path ? `${path}/` : "") ? left.slice(path ? path.length + 1 : 0).split("/")[0] : null);
  }

  /** A folder's content; while the FTP is away, as it was last seen. */
  async function read(path) {
    try {
      return await get(`/files/folder?path=${encodeURIComponent(path)}`);
    } catch (error) {
      if (reached || !folders.has(path)) throw error;
      return { path, items: folders.get(path) };
    }
  }

  function focusOn(wanted) {
    const rows = [...list.querySelectorAll(".files-row")];
    const found = rows.find((it) => it.dataset.name === wanted) ?? rows[0] ?? crumbs.querySelector("button");
    found?.focus({ preventScroll: wanted === null });
  }

  function byArrows(event) {
    const rows = [...list.querySelectorAll(".files-row")];
    const place = rows.indexOf(document.activeElement);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) rows[to]?.focus();
    else if (event.key === "ArrowRight" && document.activeElement.dataset.folder) document.activeElement.click();
    else if ((event.key === "ArrowLeft" || event.key === "Backspace") && at) page.trying(() => open(parent(at)));
    else return;
    event.preventDefault();
  }

  function filesUnder(path) {
    return (folders.get(path) ?? []).reduce((sum, it) => sum + (it.kind === "file" ? 1 : filesUnder(`${path}/${it.name}`)), 0);
  }

  function newUnder(path) {
    return (folders.get(path) ?? []).reduce(
      (sum, it) => sum + (it.kind === "file" ? Number(fresh.get(path)?.has(it.name) ?? false) : newUnder(`${path}/${it.name}`)),
      0,
    );
  }

  // -- a file's content

  async function show(path, item) {
    let inside;
    let about = volume(item.size);
    if (kindOf(item.name) === "image") {
      inside = h("img", { src: address(path), alt: `Aperçu de ${item.name}` });
      inside.addEventListener("error", (event) => event.target.replaceWith(h("p.files-empty", {}, "Ce fichier n'est pas une image lisible.")));
    } else {
      const table = await page.trying(() => get(`/files/table?path=${encodeURIComponent(path)}`));
      if (!table) return;
      inside = tableOf(table);
      about = `${tableWords(table)} · ${table.encoding} · ${about}`;
    }
    preview.replaceChildren(
      h(
        "header",
        {},
        h("h3", { id: "files-preview-name" }, breakable(item.name)),
        h("button.icon.quiet", { type: "button", "aria-label": "Fermer l'aperçu", onclick: () => preview.close() }, "✕"),
      ),
      h("div.files-content", { tabIndex: 0, autofocus: true, role: "region", "aria-label": "Contenu du fichier" }, inside),
      h("footer", {}, h("span.muted", {}, about), h("a.button", { href: address(path), download: item.name }, "Télécharger")),
    );
    preview.showModal();
  }

  // -- the operator

  function card(what, label, text) {
    return h(
      "button.files-card",
      {
        type: "button",
        draggable: true,
        dataset: { what },
        title: `Livrer ${text} : toucher, ou faire glisser sur le FTP`,
        onclick: () => play(what),
        ondragstart(event) {
          event.dataTransfer.setData(CARD, what);
          event.dataTransfer.effectAllowed = "copy";
          pane.dataset.dragged = what;
        },
        ondragend() {
          delete pane.dataset.dragged;
        },
      },
      h("b", {}, label),
      h("small", {}, text),
    );
  }

  async function play(what) {
    if (playing) return undefined;
    playing = what;
    const focused = document.activeElement;
    for (const [name, element] of cards) {
      element.disabled = true;
      element.setAttribute("aria-busy", String(name === what));
    }
    const done = await page.trying(() => post("/files/play", { what }));
    for (const element of cards.values()) {
      element.disabled = false;
      element.removeAttribute("aria-busy");
    }
    if ([...cards.values()].includes(focused)) focused.focus();
    playing = null;
    if (!done) return undefined;
    showOperator(done);
    page.say(`L'opérateur a déposé ${done.words}.`);
    return done;
  }

  async function changeLine(msisdn, status) {
    const done = await page.trying(() => post("/files/line", { msisdn, status }));
    if (done) showOperator(done);
    return done;
  }

  function lineForm() {
    const number = h("input", { type: "tel", name: "msisdn", value: LINE, autocomplete: "off", required: true });
    const status = h("select", { name: "status" });
    const asked = h("p.files-asked", { role: "status" });
    const element = h(
      "details.files-line",
      {},
      h("summary", {}, "Changer une ligne"),
      h(
        "form",
        {
          async onsubmit(event) {
            event.preventDefault();
            await changeLine(number.value, status.value);
          },
        },
        h("label", {}, "Numéro", number),
        h("label", {}, "État", status),
        h("button", {}, "Changer"),
      ),
      asked,
    );
    return {
      element,
      setStatuses(statuses) {
        const chosen = status.value || "Suspendue";
        status.replaceChildren(...statuses.map((it) => h("option", { value: it }, it)));
        status.value = chosen;
      },
      setAsked(changes) {
        asked.textContent = changes.length
          ? french(`Pour l'heure suivante : ${changes.map((it) => `${it.msisdn}, ${it.status}`).join(" ; ")}.`)
          : "";
      },
    };
  }

  // -- what is dragged here: a card, or files of the desktop

  function acceptDrops() {
    middle.addEventListener("dragover", (event) => {
      const words = meaning(event);
      if (!words) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      hint.firstChild.textContent = words;
      middle.toggleAttribute("data-over", true);
      markTarget(event);
    });
    middle.addEventListener("dragleave", (event) => {
      if (!middle.contains(event.relatedTarget)) endDrag();
    });
    middle.addEventListener("drop", (event) => {
      if (!meaning(event)) return;
      event.preventDefault();
      const what = event.dataTransfer.getData(CARD);
      const folder = folderUnder(event);
      const files = [...event.dataTransfer.files];
      endDrag();
      if (what) play(what);
      else if (folder) upload(folder, files);
    });
  }

  function meaning(event) {
    const types = [...event.dataTransfer.types];
    if (types.includes(CARD)) {
      const [, label] = PLAYS.find(([what]) => what === pane.dataset.dragged) ?? ["", "la suite"];
      return french(`Lâcher ici : ${label.toLowerCase()}`);
    }
    if (!types.includes("Files")) return "";
    const folder = folderUnder(event);
    return folder ? `Lâcher pour déposer dans ${folder}` : "Choisir un dossier où déposer";
  }

  function folderUnder(event) {
    return event.target.closest?.("[data-folder]")?.dataset.folder ?? at;
  }

  function markTarget(event) {
    const target = event.dataTransfer.types.includes("Files") ? event.target.closest?.("[data-folder]") : null;
    for (const it of list.querySelectorAll("[data-target]")) it.toggleAttribute("data-target", it === target);
    target?.toggleAttribute("data-target", true);
  }

  function endDrag() {
    middle.removeAttribute("data-over");
    for (const it of list.querySelectorAll("[data-target]")) it.removeAttribute("data-target");
  }

  async function picked() {
    await upload(at, [...picker.files]);
    picker.value = "";
  }

  async function upload(folder, files) {
    for (const file of files) {
      const form = new FormData();
      form.append("folder", folder);
      form.append("file", file, file.name);
      const done = await page.trying(() => post("/files/drop", form));
      if (done) page.say(`${file.name} est déposé dans ${folder}.`);
    }
  }

  return {
    /** Open a folder ("Personnalisation", "Factures/Clients"; "" for the root). */
    open: (path) => page.trying(() => open(path)),
    /** Let the operator deliver its next "hour", "day" or "month"; what it wrote, or undefined. */
    play,
    /** Give a line a state of the operator's ("Active", "Suspendue"…), told with its next hour; undefined if refused. */
    changeLine,
  };
}

function mark(item) {
  return item.kind === "folder" ? item.name : `${item.name} ${item.size} ${item.at}`;
}

/** Folders by name, then files, the newest first. */
function inOrder(one, other) {
  if (one.kind !== other.kind) return one.kind === "folder" ? -1 : 1;
  return (one.kind === "file" && other.at - one.at) || one.name.localeCompare(other.name, "fr", { numeric: true });
}

function parent(path) {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function name(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

function address(path) {
  return `/files/file?path=${encodeURIComponent(path)}`;
}

function kindOf(file) {
  const ending = file.slice(file.lastIndexOf(".") + 1).toLowerCase();
  if (ending === "csv" || ending === "txt") return "table";
  if (["png", "jpg", "jpeg", "gif", "webp"].includes(ending)) return "image";
  return ending === "pdf" ? "pdf" : "other";
}

function tableOf({ columns, rows }) {
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, columns.map((it) => h("th", { scope: "col" }, it)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((it) => h("td", {}, it))))),
  );
}

function tableWords({ rows, total }) {
  const all = total.toLocaleString("fr-FR");
  if (rows.length < total) return `les ${rows.length} premières lignes sur ${all}`;
  return total < 2 ? `${all} ligne` : `${all} lignes`;
}
