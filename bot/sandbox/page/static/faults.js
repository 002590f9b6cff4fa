import { h } from "./dom.js";

export function startFaults(pane, page) {
  pane.append(h("header.pane-head", {}, h("h2", {}, "Faults")), h("div.pane-body"));
  page.part("faults", () => {});
  return {};
}
