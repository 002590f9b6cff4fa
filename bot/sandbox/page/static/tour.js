import { h } from "./dom.js";

export function startTour(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Tour")), h("div.pane-body"));
  return {};
}
