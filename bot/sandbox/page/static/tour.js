// The guided tour: ten steps, each of which does the thing for real.

import { french, h } from "./dom.js";

const ACCOUNTING = "compta@telecom-exemple.test";
const TECHNICAL = "technique@telecom-exemple.test";
const STAFF = "equipe@telecom-exemple.test";
const LINE = "0639980001";
/** Seconds that a step may take. */
const PATIENCE = 60;

export function startTour(bar, page) {
  let at = -1; // the step; -1: no tour
  let under = 0; // counts what was begun: what ends after another began is not shown
  const tourButton = document.getElementById("tour-button");

  const steps = [
    {
      title: "Relier le téléphone",
      text: "Le robot n'obéit qu'aux personnes qu'il connaît. Il a envoyé au contact technique un lien à usage unique : l'ouvrir relie son Telegram.",
      async run() {
        if (page.chat.find((it) => it.text.includes("ce chat est relié"))) return "Ce téléphone est déjà relié.";
        const head = await until(() => page.mail.find(TECHNICAL, "relier votre Telegram"));
        page.show("mail");
        await page.mail.open(TECHNICAL, head.uid);
        await page.mail.follow("https://t.me/");
        page.show("chat");
        await until(() => page.chat.find((it) => it.text.includes("ce chat est relié")));
        await until(() => page.mail.find(TECHNICAL, "première lecture")); // before it, the robot knows no line
        return "Le lien du courriel a ouvert la conversation : le robot connaît Camille.";
      },
      pane: "chat",
    },
    {
      title: "L'état d'une ligne",
      text: "Un client appelle : sa ligne marche-t-elle ? Un numéro suffit, avec ou sans /status.",
      async run() {
        page.show("chat");
        const answer = await ask(LINE);
        page.chat.goTo(answer.id);
        return "État, client, forfait, dernier trafic, et de quel fichier cela vient : chaque réponse est datée.";
      },
      pane: "chat",
    },
    {
      title: "Une heure de livraisons",
      text: "L'opérateur change l'état de la ligne et dépose son heure sur le FTP. Personne ne demande rien : le robot prévient.",
      async run() {
        const before = await ask(LINE);
        const suspended = before.text.includes("suspendue");
        const seen = newest();
        page.show("files");
        await page.files.changeLine(LINE, suspended ? "Active" : "Suspendue");
        await page.files.play("hour");
        const notice = await until(() => newerThan(seen, (it) => it.text.includes("changement") && it.text.includes("06 39 98 00 01")));
        page.show("chat");
        page.chat.goTo(notice.id);
        return "Le fichier est lu et le changement annoncé : le journal dit en combien de secondes.";
      },
      pane: "chat",
    },
    {
      title: "La consommation d'un client",
      text: "« Combien a consommé Dupont le mois dernier ? » : la réponse, son graphique, et le tableur d'un bouton.",
      async run() {
        page.show("chat");
        const answer = await ask("/conso Dupont mois dernier");
        const picture = await until(() => newerThan(answer.id, (it) => it.photo));
        page.chat.goTo(picture.id);
        return "Les montants viennent des CDR de l'opérateur, au centime. Le graphique s'ouvre en grand.";
      },
      pane: "chat",
    },
    {
      title: "Des RIO vérifiés en liste",
      text: "Un tableur de portabilités, envoyé tel quel dans le chat : chaque RIO est contrôlé avec sa clé.",
      async run() {
        page.show("chat");
        const sent = await page.chat.sample("portabilites", "file");
        const answer = await until(() => page.chat.find((it) => it.reply_to === sent?.message_id && it.file));
        page.chat.goTo(answer.id);
        return "Le fichier revient annoté : ce qui est faux, pourquoi, et le RIO sans doute voulu.";
      },
      pane: "chat",
    },
    {
      title: "Un code PUK",
      text: "Un PUK donne la main sur une ligne : le robot demande confirmation, cache le code, puis efface le message.",
      async run() {
        page.show("chat");
        const asked = await ask(`/puk ${LINE}`);
        await page.chat.press(asked, "Montrer le code");
        const shown = await until(() => newerThan(asked.id - 1, (it) => it.entities.some((entity) => entity.type === "spoiler")));
        page.chat.goTo(shown.id);
        return "Toucher le code pour le lire. Il sera effacé dans cinq minutes, et la demande est notée dans l'audit.";
      },
      pane: "chat",
    },
    {
      title: "Le logo, corrigé",
      text: "Origyne veut un logo de 95 × 95 pixels à 300 dpi. En voici un faux : le robot le voit, le corrige, et le dépose.",
      async run() {
        page.show("chat");
        await ask("/upload logo");
        const sent = await page.chat.sample("logo-faux", "file");
        const refused = await until(() => page.chat.find((it) => it.reply_to === sent?.message_id && has(it, "version corrigée")));
        const seen = newest();
        await page.chat.press(refused, "Déposer la version corrigée");
        await until(() => newerThan(seen, (it) => it.text.includes("déposé")) ?? changed(refused, (it) => it.text.includes("déposé")));
        await page.files.open("Personnalisation");
        page.show("files");
        return "Le logo corrigé est sur le FTP, dans Personnalisation.";
      },
      pane: "files",
    },
    {
      title: "La facture, et une réponse",
      text: "Le mois finit : l'opérateur dépose sa facture. La comptabilité la reçoit avec son PDF, et répond d'une phrase.",
      async run() {
        const before = page.mail.find(ACCOUNTING, "facture")?.uid ?? 0;
        page.show("files");
        await page.files.play("month");
        const invoice = await until(() => newMail(ACCOUNTING, "facture", before));
        page.show("mail");
        await page.mail.open(ACCOUNTING, invoice.uid);
        await page.mail.reply("Bonjour,\n\nconso Dupont mois dernier\n\nMerci !");
        const last = page.mail.find(ACCOUNTING, "")?.uid ?? 0;
        await page.mail.submit();
        const answer = await until(() => newMail(ACCOUNTING, "Re:", last));
        await page.mail.open(ACCOUNTING, answer.uid);
        return "La réponse est dans le même fil, avec un tableur. Les mots cités, eux, n'ont rien déclenché.";
      },
      pane: "mail",
    },
    {
      title: "L'équipe répond dans le chat",
      text: "Camille demande à l'équipe. Celle-ci répond de sa boîte aux lettres, et ce qu'elle écrit arrive dans le chat.",
      async run() {
        page.show("chat");
        const before = page.mail.find(STAFF, "")?.uid ?? 0;
        await ask("/contact Qui suit le portage de Dupont ?");
        const question = await until(() => newMail(STAFF, "", before));
        page.show("mail");
        await page.mail.open(STAFF, question.uid);
        const seen = newest();
        await page.mail.reply("Moi ; il est prévu pour lundi.\n\nDominique");
        await page.mail.submit();
        const shown = await until(() => newerThan(seen, (it) => it.text.includes("prévu pour lundi")));
        page.show("chat");
        page.chat.goTo(shown.id);
        return "La réponse est sous la question, sans le texte cité. Répondre ici repart vers l'équipe.";
      },
      pane: "chat",
    },
    {
      title: "Une panne, et son retour",
      text: "Telegram va refuser le prochain message du robot. La question est posée quand même : rien ne doit se perdre.",
      async run() {
        await page.faults.plan("502");
        page.show("chat");
        const answer = await ask(`/status ${LINE}`);
        page.chat.goTo(answer.id);
        return "Refusée une fois, la réponse est repartie, et n'est arrivée qu'une fois. Le journal montre les deux essais.";
      },
      pane: "chat",
    },
  ];

  tourButton.addEventListener("click", () => (at < 0 ? go(0) : quit()));

  function go(number) {
    at = number;
    under += 1;
    tourButton.setAttribute("aria-pressed", "true");
    if (at >= steps.length) return finish();
    const step = steps[at];
    draw(step, step.text, [primary("Faire", () => run(step)), plain("Passer", () => go(at + 1))]);
    return undefined;
  }

  async function run(step) {
    under += 1;
    const mine = under;
    draw(step, "C'est en cours…", [plain("Passer", () => go(at + 1))], "busy");
    let said;
    let wrong = false;
    try {
      said = await step.run();
    } catch (error) {
      said = error.message;
      wrong = true;
    }
    if (mine !== under) return; // skipped, or left
    page.show(step.pane);
    glow(step.pane);
    const next = at + 1 < steps.length ? "Suivant" : "Terminer";
    const buttons = wrong
      ? [primary("Réessayer", () => run(step)), plain("Passer", () => go(at + 1))]
      : [primary(next, () => go(at + 1))];
    draw(step, said, buttons, wrong ? "wrong" : "done");
  }

  function finish() {
    draw(
      { title: "La visite est finie" },
      "Tout est resté en place : écrire au robot, jouer l'opérateur, provoquer des pannes. Les guides d'une page disent le reste.",
      [primary("Fermer", quit)],
      "done",
    );
  }

  function quit() {
    at = -1;
    under += 1;
    bar.replaceChildren();
    bar.hidden = true;
    tourButton.setAttribute("aria-pressed", "false");
    tourButton.focus();
  }

  function draw(step, text, buttons, state = "") {
    bar.hidden = false;
    bar.dataset.state = state;
    bar.replaceChildren(
      h(
        "section.tour-bar",
        { "aria-label": "Visite guidée" },
        h(
          "div.tour-words",
          {},
          h("h2", {}, at < steps.length && h("span.tour-count", {}, `${at + 1}/${steps.length}`), step.title),
          h("p", { role: "status" }, state === "done" && "✓ ", french(text)),
        ),
        h("div.tour-buttons", {}, buttons, at < steps.length && plain("Quitter", quit)),
        h("progress", { max: steps.length, value: Math.min(at + (state === "done" ? 1 : 0), steps.length), "aria-label": "Avancement de la visite" }),
      ),
    );
    bar.querySelector("button").focus({ preventScroll: true });
  }

  // -- what steps are made of

  async function ask(text) {
    const sent = await page.chat.send(text);
    if (!sent) throw new Error("Le message n'est pas parti.");
    return until(() => page.chat.find((it) => !it.mine && it.reply_to === sent.message_id));
  }

  function until(check) {
    return page.until(check, PATIENCE);
  }

  function newest() {
    return page.chat.find(() => true)?.id ?? 0;
  }

  function newerThan(id, fits) {
    return page.chat.find((it) => !it.mine && it.id > id && fits(it));
  }

  /** The message as it stands now, if it changed and fits. */
  function changed(message, fits) {
    return page.chat.find((it) => it.id === message.id && it.revision > message.revision && fits(it));
  }

  function has(message, words) {
    return message.buttons.flat().some((it) => it.label.includes(words));
  }

  function newMail(address, words, before) {
    const head = page.mail.find(address, words);
    return head && head.uid > before ? head : undefined;
  }

  function glow(pane) {
    const element = document.getElementById(pane);
    element.classList.remove("glow");
    requestAnimationFrame(() => element.classList.add("glow"));
  }

  function primary(label, action) {
    return h("button.primary", { type: "button", onclick: action }, label);
  }

  function plain(label, action) {
    return h("button", { type: "button", onclick: action }, label);
  }

  bar.hidden = true;
}
