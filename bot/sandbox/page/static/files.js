import { h } from "./dom.js";

export function startFiles(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Files")), h("div.pane-body"));
  page.part("files", () => {});
  return {};
}
