import { h } from "./dom.js";

export function startJournal(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Journal")), h("div.pane-body"));
  page.part("journal", () => {});
  return {};
}
