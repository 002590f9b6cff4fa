import { h } from "./dom.js";

export function startChat(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Chat")), h("div.pane-body"));
  page.part("chat", () => {});
  return {};
}
