"""The written scenario of the demo: each step is played for real, and checked."""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from bot.mail.faults import MailError
from bot.sandbox.botapi import Phone
from bot.sandbox.botapi.world import Message
from bot.sandbox.house import (
    ACCOUNTING,
    ADMIN,
    BOT,
    CONTACT,
    GUEST,
    GUEST_NAME,
    SERVICE,
    STAFF,
    TECHNICAL,
    Sandbox,
)
from bot.sandbox.operator import CLIENT_INVOICES, PERSONALISATION, SUSPENDED
from bot.sandbox.pictures import PROFILE, logo
from core import rio
from core.folders import PARIS
from core.numbers import show
from core.profile import show as show_field
from handlers import french

#: Seconds that a step may take before it is held to have failed.
PATIENCE = 30.0

Step = tuple[str, Callable[[], Awaitable[None]]]

LINE = "0639980001"
CLIENT = "Dupont BTP"


class StepFailed(Exception):
    """What was expected did not happen."""


class Play:
    """Plays the scenario and prints what each person sees."""

    def __init__(self, sandbox: Sandbox, console: Console) -> None:
        self._box = sandbox
        self._console = console
        self._shown: set[str] = set()
        self._step = 0
        self._guest = sandbox.api.phone(user_id=700_000_002, first_name=GUEST_NAME.split()[0])

    async def open(self) -> bool:
        """What comes before anybody can ask: the first pass, and the chat bound to its person."""
        return await self._steps(self._opening)

    async def run(self) -> bool:
        """Every step in turn; whether each really happened."""
        began = time.monotonic()
        steps = [
            *self._opening,
            ("Une facture de l'opérateur arrive : la comptabilité reçoit le PDF", self._invoice),
            ("Une ligne est suspendue : Camille est prévenue", self._line_change),
            ("Camille demande l'état de la ligne, son historique, et l'exporte", self._status),
            ("Camille parcourt les lignes et les clients", self._lists),
            ("Camille a un client au téléphone : sa carte SIM et son PUK", self._puk),
            ("Camille vérifie des RIO, un par un puis en liste", self._rio),
            ("Camille demande la consommation d'un client, avec son image et son tableur", self._conso),
            ("Camille demande le détail d'une ligne", self._cdr),
            ("Camille reprend une facture et un document", self._papers),
            ("Camille regarde si tout va bien", self._state),
            ("Camille règle ce qui lui est signalé", self._alerts),
            ("Camille ouvre le compte : le profil de la société, question par question", self._profile),
            ("Camille dépose le logo : le mauvais est corrigé, et vu sur une facture avant son dépôt", self._logo),
            ("Le robot dessine le bandeau d'après le profil", self._banner),
            ("Le dossier est complet : il part chez l'opérateur", self._dossier),
            ("Camille prend les modèles et les outils", self._tools),
            ("La comptabilité pose une question par courriel", self._mailed_question),
            ("Camille interroge l'équipe, qui répond par courriel", self._team),
            ("Camille devient administratrice, et invite Léa", self._invitation),
            ("Camille demande les numéros entiers d'une ligne, et dit pourquoi", self._whole_numbers),
            ("Camille regarde qui a demandé quoi, et retire ses droits à Léa", self._rights),
            ("Un inconnu écrit au robot", self._stranger),
        ]
        if not await self._steps(steps):
            return False
        told = f"✓ Les {len(steps)} étapes ont vraiment eu lieu, en {time.monotonic() - began:.0f} secondes."
        self._console.print()
        self._console.print(Text(told, style="bold green"))
        return True

    @property
    def _opening(self) -> list[Step]:
        return [
            ("Première lecture du FTP de l'opérateur", self._first_sync),
            ("Camille relie son Telegram", self._enrolment),
        ]

    async def _steps(self, steps: list[Step]) -> bool:
        for number, (title, step) in enumerate(steps, 1):
            self._console.print()
            self._console.print(Rule(Text(f"{number}. {title}", style="bold"), align="left", style="dim"))
            try:
                await step()
            except (StepFailed, TimeoutError, MailError, LookupError, OSError) as error:
                self._console.print(Text(f"✗ Étape manquée : {error}", style="bold red"))
                self._console.print(Text(f"Journal du service :\n{_end_of(self._box)}", style="dim"))
                return False
        return True

    # -- steps

    async def _first_sync(self) -> None:
        operator = self._box.operator
        self._tell(
            f"Sur le FTP : {len(operator.clients)} clients, {len(operator.lines)} lignes, "
            f"{french.whole(len(operator.cdrs))} communications, {len(operator.invoices)} factures."
        )
        digest = await self._mail_to(TECHNICAL, "Première lecture")
        _expect(f"{len(operator.lines)} lignes" in _text(digest), "les lignes lues ne sont pas toutes annoncées")
        self.show_mail(digest, 12)
        invoices = await self._mail_to(ACCOUNTING, "relevé de facturation")
        self.show_mail(invoices, 0)

    async def _enrolment(self) -> None:
        mail = await self._mail_to(TECHNICAL, "relier votre Telegram")
        found = re.search(r"/start (\S+)", _text(mail))
        _expect(found is not None, "le courriel ne contient pas de code")
        assert found
        self.show_mail(mail, 0)
        answer = await self._chat(f"/start {found[1]}", "/start ••••••")
        _expect("Bonjour" in answer.text, "le chat n'est pas relié")

    async def _invoice(self) -> None:
        path = self._box.operator.deliver_operator_invoice(self._box.operator.months[-1])
        self._tell(f"L'opérateur dépose {path.parent.parent.name}/{path.parent.name}/{path.name}")
        mail = await self._mail_to(
            ACCOUNTING, f"facture Origyne {french.of_month(_number(self._box.operator.months[-1]))}"
        )
        attached = [part.get_content() for part in mail.iter_attachments() if part.get_filename() == path.name]
        _expect(attached == [path.read_bytes()], "le PDF joint n'est pas celui du FTP")
        self.show_mail(mail, 8)

    async def _line_change(self) -> None:
        self._box.operator.change_line(LINE, status=SUSPENDED)
        nine = datetime(self._box.today.year, self._box.today.month, self._box.today.day, 9, tzinfo=PARIS)
        path = self._box.operator.deliver_status(nine)
        self._tell(f"L'opérateur dépose {path.name}, où le {show(LINE)} est suspendu.")
        notice = await self._box.phone.wait(lambda message: "changement de ligne" in message.text, timeout=PATIENCE)
        _expect(show(LINE) in notice.text and "suspendue" in notice.text, "le changement n'est pas dit dans le chat")
        self.show_message(notice)
        mail = await self._mail_to(TECHNICAL, "1 changement de ligne")
        self.show_mail(mail, 0)

    async def _status(self) -> None:
        answer = await self._chat(f"/status {LINE}")
        _expect("suspendue" in answer.text and CLIENT in answer.text, "l'état n'est pas le bon")
        _expect("état au" in answer.text, "l'état n'est pas daté")
        history = await self._press(answer, "Historique")
        _expect("suspendue · Active → Suspendue" in history.text, "le changement n'est pas dans l'historique")
        await self._press(answer, "Exporter", file=".xlsx")

    async def _lists(self) -> None:
        lines = await self._chat("/lignes dupont suspendues")
        _expect(show(LINE) in lines.text, "la ligne suspendue manque")
        every = await self._chat("/lignes")
        second = await self._press(every, "2/50 ▶")
        _expect(second.message_id == every.message_id, "la page n'est pas tournée sur place")
        clients = await self._chat("/clients")
        _expect(CLIENT in clients.text, "un client manque")

    async def _puk(self) -> None:
        card = self._box.operator.line(LINE).iccid
        sim = await self._chat(f"/sim {card[-6:]}")
        _expect(show(LINE) in sim.text, "la carte n'est pas celle de la ligne")
        puk = next(sim.puk1 for sim in self._box.operator.sims if sim.iccid == card)
        asked = await self._press(sim, "PUK")
        _expect(puk not in asked.text, "le PUK est montré sans avoir été confirmé")
        answer = await self._press(asked, "Montrer le code", says="Code PUK", hidden=True)
        _expect(f"<tg-spoiler>{puk}</tg-spoiler>" in answer.html, "le PUK n'est pas le bon")
        await self._chat("/sim")

    async def _rio(self) -> None:
        code = "01EB0R1SO" + rio.key("01EB0R1SO", LINE)
        right = await self._chat(f"/rio {code} {LINE}")
        _expect("RIO correct" in right.text, "un RIO juste est dit faux")
        misread = code[:4] + "O" + code[5:]  # the usual copying error
        wrong = await self._chat(f"/rio check {misread} {show(LINE)}")
        _expect("RIO faux" in wrong.text and code in wrong.text, "un RIO faux est dit juste")
        listed = f"Nom;RIO;Numéro\r\nAccueil;{code};{show(LINE)}\r\nAtelier;{misread};{show(LINE)}\r\n"
        answer = await self._send_file("portabilités.csv", listed.encode("cp1252"))
        _expect("1 juste" in answer.caption and "1 faux" in answer.caption, "la liste n'est pas jugée")
        annotated = answer.document.content.decode("utf-8-sig") if answer.document else ""
        _expect("Faux" in annotated, "la liste n'est pas annotée")

    async def _conso(self) -> None:
        month = self._box.operator.months[-2]
        expected = self._box.operator.usage(CLIENT, month)
        answer = await self._chat(f"/conso Dupont {french.month(_number(month))}")
        for figure in (
            french.euros(expected.amount),
            french.duration(expected.voice_seconds),
            french.volume(expected.data_bytes),
        ):
            _expect(figure in answer.text, f"{figure} manque dans la réponse")
        picture = await self._box.phone.wait(lambda message: message.photo is not None, timeout=PATIENCE)
        self.show_message(picture)
        await self._press(answer, "Tableur", file=".xlsx")
        mistyped = await self._chat(f"conso dupnt btp {self._box.operator.months[-3]}")
        _expect(CLIENT in mistyped.text, "une faute de frappe perd le client")
        await self._box.phone.wait(lambda message: message.photo is not None, timeout=PATIENCE)

    async def _cdr(self) -> None:
        answer = await self._chat(f"/cdr {LINE}")
        _expect(_ends(answer, ".xlsx"), "le tableur manque")

    async def _papers(self) -> None:
        month = self._box.operator.months[-2]
        answer = await self._chat(f"/factures {CLIENT} {month}")
        sent = await self._press(answer, next(label for label in answer.labels if label.startswith("📄")), file=".pdf")
        (path,) = (self._box.operator.root / CLIENT_INVOICES / month).glob(f"*{CLIENT}*")
        _expect(sent.document is not None and sent.document.content == path.read_bytes(), "ce n'est pas ce PDF")
        documents = await self._chat("/documents")
        await self._press(documents, next(label for label in documents.labels if "Kbis" in label), file=".pdf")

    async def _state(self) -> None:
        if "Passe terminée" not in (await self._chat("/sync")).text:  # one that lasts is told of once it has ended
            ended = await self._box.phone.wait(lambda it: "Passe terminée" in it.text, timeout=PATIENCE)
            self.show_message(ended)
        _expect("AccountStatus" in (await self._chat("/etat")).text, "l'état du robot ne dit pas les dossiers")
        await self._chat("/rejets")

    async def _alerts(self) -> None:
        answer = await self._chat("/alertes")
        off = await self._press(answer, "🔔 documents")
        _expect("🔕 documents" in off.text, "l'alerte n'est pas coupée")
        await self._chat("/alertes silence 20h à 8h")
        await self._chat("/aide conso")

    async def _profile(self) -> None:
        dossier = await self._chat("/dossier")
        _expect("⬜ Profil" in dossier.text, "ce qui manque n'est pas dit")
        question = await self._press(dossier, "Remplir le profil")
        _expect("adresse" in question.text, "la première question n'est pas la bonne")
        question = await self._chat(PROFILE.address)
        wrong = await self._chat("123 456 782 00011")
        _expect("mal copié" in wrong.text, "un SIRET faux est pris")
        question = await self._chat(show_field("siret", PROFILE.siret))
        question = await self._press(question, show_field("vat", PROFILE.vat))
        question = await self._chat(show_field("phone", PROFILE.phone))
        question = await self._press(question, "appel non surtaxé")
        asked = await self._chat(SERVICE)
        _expect("code est parti" in asked.text, "aucun code n'est envoyé")
        code = _code(await self._mail_to(SERVICE, "confirmer cette adresse"))
        answer = await self._chat(code, "••• •••")
        _expect("est vérifiée" in answer.text, "le bon code est refusé")
        await self._chat("/profil vérifier compta")
        mail = await self._mail_to(ACCOUNTING, "confirmer cette adresse")
        self.show_mail(mail, 0)
        self._console.print(Text(f"✉  {ACCOUNTING} → {BOT}", style="magenta"))
        self._console.print(Text(f"   Objet : Re: {mail['Subject']}\n   ••• •••"))
        await self._box.write_mail(ACCOUNTING, f"Re: {mail['Subject']}", _code(mail), answers=mail)
        self.show_message(await self._box.phone.wait(lambda it: "a confirmé" in it.text, timeout=PATIENCE))

    async def _logo(self) -> None:
        placed = self._box.operator.root / PERSONALISATION / "logo.png"
        await self._chat("/upload logo")
        refused = await self._send_file("logo-site.png", logo(190, 190, dpi=72))
        _expect("190 × 190" in refused.text and "72 dpi" in refused.text, "un défaut n'est pas dit")
        _expect("Version corrigée" in refused.text, "aucune version corrigée n'est proposée")
        page = await self._box.phone.wait(lambda it: _ends(it, ".pdf"), timeout=PATIENCE)
        self.show_message(page)
        _expect(not placed.exists(), "le logo est déposé avant d'être accepté")
        accepted = await self._press(refused, "✅ Déposer la version corrigée")
        _expect("déposé" in accepted.text and placed.exists(), "le logo accepté n'est pas déposé")
        self._tell(f"Sur le FTP : {PERSONALISATION}/logo.png, {placed.stat().st_size} octets.")

    async def _banner(self) -> None:
        made = await self._chat("/bandeau creer")
        _expect(show_field("siret", PROFILE.siret) in made.text, "le bandeau ne dit pas le SIRET")
        accepted = await self._press(made, "✅ Déposer")
        placed = self._box.operator.root / PERSONALISATION / "bandeau.png"
        _expect("déposé" in accepted.text and placed.exists(), "le bandeau accepté n'est pas déposé")

    async def _dossier(self) -> None:
        dossier = await self._chat("/dossier")
        _expect("complet" in dossier.text, "le dossier n'est pas complet")
        asked = await self._press(dossier, "Préparer l'envoi à Origyne")
        await self._press(asked, "✅ Envoyer")
        mail = await self._mail_to(ADMIN, "dossier d'ouverture de compte")
        _expect(len(list(mail.iter_attachments())) == 2, "les deux images ne sont pas jointes")
        self.show_mail(mail, 8)

    async def _tools(self) -> None:
        sum_of = await self._chat("/duree 1:23:45 + 59 min")
        _expect("2 h 22 min 45 s" in sum_of.text.replace("\u00a0", " "), "le calcul est faux")
        _expect("12/03/2028" in (await self._chat("12/03/2026 + 24 mois")).text, "la fin d'engagement est fausse")
        _expect(_ends(await self._chat("/rio modele"), ".xlsx"), "le modèle de RIO manque")
        await self._chat(f"/marketing client {CLIENT}")
        self.show_message(await self._box.phone.wait(lambda it: _ends(it, ".docx"), timeout=PATIENCE))

    async def _mailed_question(self) -> None:
        month = self._box.operator.months[-2]
        question = f"conso DUPONT {month}"
        self._console.print(Text(f"✉  {ACCOUNTING} → {BOT}", style="magenta"))
        self._console.print(Text(f"   Objet : Question\n   {question}"))
        sent = await self._box.write_mail(ACCOUNTING, "Question", f"Bonjour,\n\n{question}\n\nMerci !\n")
        mail = await self._mail_to(ACCOUNTING, "Re: Question")
        expected = french.euros(self._box.operator.usage(CLIENT, month).amount)
        _expect(mail["In-Reply-To"] == sent, "la réponse n'est pas dans le fil de la question")
        _expect(expected in _text(mail), f"{expected} manque dans la réponse")
        self.show_mail(mail, 12)

    async def _team(self) -> None:
        await self._chat("/contact Qui suit le portage de Dupont ?")
        question = await self._mail_to(STAFF, "Qui suit le portage de Dupont")
        self.show_mail(question, 6)
        text = "Moi ; il est prévu pour lundi.\n\nDominique\n"
        self._console.print(Text(f"✉  {STAFF} → {BOT}", style="magenta"))
        self._console.print(Text(f"   Objet : Re: {question['Subject']}\n   {text.splitlines()[0]}"))
        quoted = "".join(f"> {line}\n" for line in _text(question).splitlines())
        reply = f"{text}\nLe 24/11/2026 à 10:05, Télécom Exemple a écrit :\n{quoted}"
        await self._box.write_mail(STAFF, f"Re: {question['Subject']}", reply, answers=question)
        shown = await self._box.phone.wait(lambda it: "prévu pour lundi" in it.text, timeout=PATIENCE)
        self.show_message(shown)
        _expect("Qui suit" not in shown.text, "la question citée revient dans le chat")
        self._console.print(Text(f"📱 {CONTACT.split()[0]} › Merci, je préviens le client   ↩︎", style="cyan"))
        self._box.phone.send("Merci, je préviens le client", reply_to=shown)
        self.show_message(await self._box.phone.wait(lambda it: "Transmis" in it.text, timeout=PATIENCE))
        self.show_mail(await self._mail_to(STAFF, "Re: "), 4)

    async def _invitation(self) -> None:
        await self._type("people", "roles", "technique", "technique", "admin")
        asked = await self._chat(f"/inviter {GUEST_NAME} {GUEST} comptabilité")
        invited = await self._press(asked, "Inviter", says="Invitation envoyée")
        _expect("Invitation envoyée" in invited.text, "personne n'est invité")
        mail = await self._mail_to(GUEST, "votre accès")
        found = re.search(r"/start (\S+)", _text(mail))
        _expect(found is not None, "le courriel ne contient pas de code")
        assert found
        self.show_mail(mail, 0)
        answer = await self._chat(f"/start {found[1]}", "/start ••••••", by=self._guest)
        _expect("est relié" in answer.text, "le chat n'est pas relié")
        self.show_mail(await self._mail_to(GUEST, "un Telegram est relié"), 5)
        refused = await self._chat(f"/puk {LINE}", by=self._guest)
        _expect("n'est pas ouverte à votre rôle" in refused.text, "un PUK est montré à qui n'y a pas droit")

    async def _whole_numbers(self) -> None:
        month = self._box.operator.months[-2]
        asked = await self._chat(f"/cdr {LINE} {month} complet")
        _expect("motif" in asked.text, "aucun motif n'est demandé")
        asked = await self._chat("litige sur la facture, demande écrite du titulaire")
        await self._press(asked, "Préparer le fichier", file=".xlsx")
        mail = await self._mail_to(TECHNICAL, "mot de passe d'un fichier")
        _expect("Mot de passe :" in _text(mail), "le mot de passe manque")
        self.show_mail(mail, 0)

    async def _rights(self) -> None:
        log = await self._chat("/audit Léa")
        _expect("/puk · refusé" in log.text, "le refus n'est pas dans l'audit")
        asked = await self._chat("/retirer lea-bernard")
        gone = await self._press(asked, "Retirer", says="n'a plus de droits")
        _expect("n'a plus de droits" in gone.text, "les droits restent")
        answer = await self._chat(f"/status {LINE}", by=self._guest)
        _expect("robot est privé" in answer.text, "qui n'a plus de droits apprend quelque chose")
        whole = await self._type("audit", "verify")
        _expect("est entier" in whole, "l'audit n'est pas entier")

    async def _stranger(self) -> None:
        stranger = self._box.api.phone(user_id=700_000_666, first_name="Inconnu")
        self._console.print(Text(f"📱 Inconnu › /status {LINE}", style="cyan"))
        answer = await stranger.ask(f"/status {LINE}", timeout=PATIENCE)
        self.show_message(answer)
        _expect("robot est privé" in answer.text and "Dupont" not in answer.text, "un inconnu apprend quelque chose")

    # -- what people see

    async def _chat(self, text: str, shown: str = "", by: Phone | None = None) -> Message:
        phone = by or self._box.phone
        self._console.print(Text(f"📱 {phone.user.first_name} › {shown or text}", style="cyan"))
        answer = await phone.ask(text, timeout=PATIENCE)
        self.show_message(answer)
        return answer

    async def _type(self, *words: str) -> str:
        self._console.print(Text(f"$ origyne-bot {' '.join(words)}", style="cyan"))
        printed = await self._box.type(*words)
        for line in printed.splitlines():
            self._tell(line)
        return printed

    async def _press(
        self, message: Message, button: str, *, file: str = "", says: str = "", hidden: bool = False
    ) -> Message:
        """Touch a button, and what it brings: a new message, the same one changed, a text with these words, or a file
        that ends so."""
        self._console.print(Text(f"📱 {CONTACT.split()[0]} › [ {button} ]", style="cyan"))
        phone = self._box.phone
        phone.press(message, button)
        answer = await phone.wait(lambda it: _ends(it, file) and says in it.text, timeout=PATIENCE)
        self.show_message(answer, hidden=hidden)
        return answer

    async def _send_file(self, name: str, content: bytes) -> Message:
        self._console.print(Text(f"📱 {CONTACT.split()[0]} › 📎 {name}", style="cyan"))
        self._box.phone.send_file(name, content)
        answer = await self._box.phone.wait(1, timeout=PATIENCE)
        self.show_message(answer)
        return answer

    async def _mail_to(self, address: str, words: str) -> EmailMessage:
        """The first mail to this address, not shown yet, with these words in its subject."""

        def fits(raw: bytes) -> bool:
            message = _parsed(raw)
            return words.lower() in str(message["Subject"]).lower() and str(message["Message-ID"]) not in self._shown

        try:
            message = _parsed(await self._box.mail.wait_for(address, fits, PATIENCE))
        except TimeoutError:
            raise StepFailed(f"aucun courriel « {words} » n'est arrivé à {address}") from None
        self._shown.add(str(message["Message-ID"]))
        return message

    def _tell(self, text: str) -> None:
        self._console.print(Text(f"   {text}", style="dim"))

    def show_message(self, message: Message, *, hidden: bool = False) -> None:
        """:param hidden: show codes as the telephone does before they are touched."""
        text = message.text or message.caption
        if hidden:
            for code in re.findall(r"<tg-spoiler>(.*?)</tg-spoiler>", message.html):
                text = text.replace(code, "▒" * len(code))
        attached = message.document.name if message.document else "image" if message.photo else ""
        lines = [*([f"📎 {attached}"] if attached else []), *text.split("\n")]
        first, *rest = filter(None, lines)
        self._console.print(Text("🤖 ", style="green").append(first, "bold"))
        for line in rest:
            self._console.print(Text(f"   {line}"))
        if message.labels:
            rows = [[button.label for button in row] for row in message.buttons]
            for row in rows:
                self._console.print(Text("   " + "  ".join(f"[ {label} ]" for label in row), style="cyan"))

    def show_mail(self, mail: EmailMessage, most_lines: int) -> None:
        self._console.print(Text(f"✉  {mail['From'].addresses[0].addr_spec} → {mail['To']}", style="magenta"))
        self._console.print(Text(f"   Objet : {mail['Subject']}", style="bold"))
        body = re.split(r"\r?\n-- \r?\n", _text(mail))[0]
        lines = [line for line in body.split("\n") if line.strip()]
        for line in lines[:most_lines]:
            self._console.print(Text(f"   │ {line}"))
        if most_lines and len(lines) > most_lines:
            self._console.print(Text(f"   │ … ({len(lines) - most_lines} autres lignes)", style="dim"))
        for part in mail.iter_attachments():
            size = french.volume(len(part.get_payload(decode=True)))
            self._console.print(Text(f"   📎 {part.get_filename()} ({size})"))


def _ends(message: Message, ending: str) -> bool:
    """Whether this is a text, or a file whose name ends so."""
    if not ending:
        return bool(message.text)
    return message.document is not None and message.document.name.endswith(ending)


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise StepFailed(otherwise)


def _parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part else ""


def _code(mail: EmailMessage) -> str:
    found = re.search(r"Votre code : (\d{3} \d{3})", _text(mail))
    _expect(found is not None, "le courriel ne contient pas de code")
    assert found
    return found[1]


def _number(month: str) -> int:
    return int(month.replace("-", ""))


def _end_of(sandbox: Sandbox) -> str:
    return "\n".join(sandbox.log.read_text("utf-8", "replace").splitlines()[-20:])
