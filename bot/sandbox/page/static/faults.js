// Faults on request, and their end.

import { french, h, post } from "./dom.js";

const TELEGRAM = [
  ["429", "Trop de messages (429)", "refusé, à refaire 3 secondes plus tard"],
  ["502", "Passerelle en panne (502)", "refusé, à refaire"],
  ["timeout", "Pas de réponse", "rien n'est fait ; le robot attend 45 secondes avant de refaire"],
  ["timeout_after", "Réponse perdue", "le message est montré sans que le robot le sache : il le refait, en double plutôt que perdu"],
];
const SERVERS = [
  ["ftp", "Le FTP", "les fichiers déposés seront lus quand il revient"],
  ["mail", "Le courriel", "ce qui devait partir attend, et part ensuite"],
  ["robot", "Le robot", "tué net, comme par une coupure de courant ; ce qui lui est écrit l'attend"],
];

export function startFaults(pane, page) {
  let state = { telegram: 0, cut: [] };
  const button = document.getElementById("faults-button");
  const waiting = h("p.faults-waiting", { hidden: true }, h("span"), h("button", { type: "button", onclick: () => plan("none") }, "Annuler"));
  const switches = new Map(
    SERVERS.map(([name, label, text]) => [
      name,
      h(
        "button",
        { type: "button", role: "switch", onclick: () => toggle(name) },
        h("span", {}, h("b", {}, label), h("small", {}, french(text))),
        h("span.faults-state"),
      ),
    ]),
  );
  pane.append(
    h("h2", {}, "Pannes"),
    h("p.muted", {}, "Les provoquer, puis regarder dans le journal comment le robot s'en sort."),
    h("h3", {}, "Telegram, au prochain message du robot"),
    h(
      "div.faults-list",
      {},
      TELEGRAM.map(([fault, label, text]) =>
        h("button", { type: "button", dataset: { fault }, onclick: () => plan(fault) }, h("span", {}, h("b", {}, label), h("small", {}, text))),
      ),
    ),
    waiting,
    h("h3", {}, "En marche, ou coupé"),
    h("div.faults-list", {}, [...switches.values()]),
  );

  page.part("faults", show, { faults: show });

  function show(data) {
    state = data;
    const count = state.telegram;
    waiting.hidden = count === 0;
    waiting.firstChild.textContent =
      count === 1 ? "Une panne attend le prochain message du robot." : `${count} pannes attendent les prochains messages du robot.`;
    for (const [name, element] of switches) {
      const up = !state.cut.includes(name);
      element.setAttribute("aria-checked", String(up));
      element.lastChild.textContent = up ? "en marche" : "coupé";
    }
    button.toggleAttribute("data-on", count > 0 || state.cut.length > 0);
    document.body.dataset.cut = state.cut.join(" "); // for panes that say so
  }

  async function plan(fault) {
    const answer = await page.trying(() => post("/faults/telegram", { fault }));
    if (answer) show(answer);
    return answer;
  }

  async function toggle(name, up = state.cut.includes(name)) {
    const answer = await page.trying(() => post(up ? "/faults/restore" : "/faults/cut", { server: name }));
    if (answer) show(answer);
    return answer;
  }

  return {
    /** Let Telegram fail at the robot's next message: "429", "502", "timeout" or "timeout_after"; "none" forgets it. */
    plan,
  };
}
