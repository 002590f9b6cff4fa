import { h } from "./dom.js";

export function startMail(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Mail")), h("div.pane-body"));
  page.part("mail", () => {});
  return {};
}
