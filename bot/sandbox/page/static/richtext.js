// A message's text with its entities, as Telegram shows it. Offsets are in UTF-16 units, as JavaScript's own.

import { h } from "./dom.js";

const COMMAND_OR_ADDRESS = /(?<![\w/@<>])\/[A-Za-z0-9_]{1,64}(?![\w/@<>])|https?:\/\/[^\s<>«»"]+[^\s<>«»".,;:!?)]/g;

/** Nodes; `onCommand(command)` is called when a command in the text is touched, `onCopy(text)` for code. */
export function richText(text, entities, { onCommand, onCopy }) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return inside(0, text.length, sorted);

  function inside(start, end, within) {
    const nodes = [];
    let place = start;
    for (let index = 0; index < within.length; ) {
      const entity = within[index];
      const stop = Math.min(entity.offset + entity.length, end);
      let next = index + 1;
      while (next < within.length && within[next].offset < stop) next += 1;
      nodes.push(...plain(text.slice(place, entity.offset)));
      nodes.push(styled(entity, inside(entity.offset, stop, within.slice(index + 1, next)), text.slice(entity.offset, stop)));
      place = stop;
      index = next;
    }
    nodes.push(...plain(text.slice(place, end)));
    return nodes;
  }

  function styled(entity, children, words) {
    switch (entity.type) {
      case "bold":
        return h("strong", {}, children);
      case "italic":
        return h("em", {}, children);
      case "underline":
        return h("u", {}, children);
      case "strikethrough":
        return h("s", {}, children);
      case "code":
        return h("button.chat-code", { type: "button", title: "Copier", onclick: () => onCopy(words) }, words);
      case "pre":
        return h("pre", {}, words);
      case "text_link":
        return link(entity.url, children);
      case "blockquote":
        return h("blockquote", {}, children);
      case "bot_command":
        return h("button.chat-command", { type: "button", onclick: () => onCommand(words) }, words);
      case "spoiler":
        return spoiler(children);
      default:
        return h("span", {}, children);
    }
  }

  function plain(words) {
    const nodes = [];
    let place = 0;
    for (const found of words.matchAll(COMMAND_OR_ADDRESS)) {
      nodes.push(words.slice(place, found.index));
      const [it] = found;
      nodes.push(
        it.startsWith("/")
          ? h("button.chat-command", { type: "button", onclick: () => onCommand(it) }, it)
          : link(it, [it]),
      );
      place = found.index + it.length;
    }
    nodes.push(words.slice(place));
    return nodes;
  }
}

function link(url, children) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);
}

/** Hidden until it is touched. */
function spoiler(children) {
  const shown = h("span", {}, children);
  shown.inert = true;
  const cover = h("span.chat-spoiler", { role: "button", tabIndex: 0, "aria-label": "Montrer ce qui est caché" }, shown);
  const reveal = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    shown.inert = false;
    cover.classList.add("shown");
    for (const name of ["role", "tabindex", "aria-label"]) cover.removeAttribute(name);
    cover.removeEventListener("click", reveal);
    cover.removeEventListener("keydown", reveal);
  };
  cover.addEventListener("click", reveal);
  cover.addEventListener("keydown", reveal);
  return cover;
}
