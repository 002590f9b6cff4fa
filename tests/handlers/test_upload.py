"""/upload and /bandeau: only a right picture that a person accepted reaches the FTP; what was there is kept."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.bot_desk import BotDesk
from bot.desk import open_desk
from bot.desk.outbox import Outbox
from bot.sandbox import pictures
from core.pictures import BANNER, check
from core.pictures import LOGO as LOGO_RULE
from core.preview import LOGO_PLACE
from core.profile import ON_BANNER
from handlers.answer import Answer
from handlers.ask import Person, SentFile
from handlers.command import Context
from tests.handlers.conftest import TECHNICIAN, Say, words
from tests.peers.ftp import FtpPeer

LOGO = SentFile("logo.png", pictures.logo())
FOLDER = "Personnalisation"


def on_the_ftp(peer: FtpPeer) -> dict[str, bytes]:
    folder = peer.root / FOLDER
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def token_in(answer: Answer, label: str = "Déposer") -> str:
    """The command behind the button that takes the picture."""
    return next(button.command for button in answer.buttons if label in button.label)


# Right ones


@pytest.mark.parametrize(
    ("what", "content", "name"),
    [
        ("logo", pictures.logo(), "logo.png"),
        ("logo", pictures.logo(kind="JPEG"), "logo.jpg"),
        ("bandeau", pictures.banner(), "bandeau.png"),
        ("bandeau", pictures.banner(kind="JPEG"), "bandeau.jpg"),
    ],
)
async def test_a_right_picture_is_put_in_its_place_once_it_is_accepted(
    say: Say, uploading: Context, embedded_ftp: FtpPeer, what: str, content: bytes, name: str
) -> None:
    shown = await say(f"upload {what}", files=(SentFile("image.bin", content),), context=uploading)
    assert shown.title == f"✅ {what.capitalize()} conforme : image.bin"
    assert on_the_ftp(embedded_ftp) == {}
    answer = await say(token_in(shown), context=uploading)
    assert answer.title == f"✅ {what.capitalize()} déposé : {FOLDER}/{name}"
    assert on_the_ftp(embedded_ftp) == {name: content}


async def test_it_is_shown_on_an_invoice_first(say: Say) -> None:
    answer = await say("upload logo", files=(LOGO,))
    page, document = answer.files
    assert (page.name, document.name) == ("Aperçu facture.png", "Aperçu facture.pdf")
    assert document.content.startswith(b"%PDF")
    with Image.open(io.BytesIO(page.content)) as shown, Image.open(io.BytesIO(LOGO.content)) as logo:
        left, top = LOGO_PLACE
        assert shown.crop((left, top, left + 95, top + 95)).convert("RGB").tobytes() == logo.convert("RGB").tobytes()


async def test_the_banners_text_is_read_and_told(say: Say) -> None:
    answer = await say("upload bandeau", files=(SentFile("bandeau.png", pictures.banner()),))
    assert "123 456 782 00010" in words(answer)


async def test_the_former_picture_is_kept_beside(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    former = pictures.logo(kind="JPEG", dpi=300)
    for content in (former, LOGO.content):
        shown = await say("upload logo", files=(SentFile("a.png", content),), context=uploading)
        answer = await say(token_in(shown), context=uploading)
    assert "L'ancien est gardé à côté" in words(answer)
    kept = on_the_ftp(embedded_ftp)
    assert kept.pop("logo.png") == LOGO.content
    assert "logo.jpg" not in kept  # two logos under live names would leave the operator to choose
    assert list(kept.values()) == [former]


async def test_what_is_abandoned_cannot_be_put_any_more(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    shown = await say("upload logo", files=(LOGO,), context=uploading)
    assert (await say(token_in(shown, "Abandonner"), context=uploading)).title.startswith("Abandonné")
    assert (await say(token_in(shown), context=uploading)).refused
    assert on_the_ftp(embedded_ftp) == {}


async def test_a_second_touch_puts_it_no_second_time(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    shown = await say("upload logo", files=(LOGO,), context=uploading)
    await say(token_in(shown), context=uploading)
    again = await say(token_in(shown), context=uploading)
    assert again.title == "✅ Logo déposé : Personnalisation/logo.png"
    assert list(on_the_ftp(embedded_ftp)) == ["logo.png"]


async def test_nobody_accepts_what_another_sent(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    shown = await say("upload logo", files=(LOGO,), context=uploading)
    staff = Person("equipe:equipe@telecom.example", "Équipe", frozenset({"équipe"}))
    assert (await say(token_in(shown), person=staff, context=uploading)).refused
    assert on_the_ftp(embedded_ftp) == {}


# Wrong ones


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pictures.logo(96, 95), "96 × 95 pixels, il en faut exactement 95 × 95"),
        (pictures.logo(dpi=72), "densité de 72 dpi, il faut 300 dpi"),
        (pictures.logo(dpi=None), "densité absente du fichier, il faut 300 dpi"),
        (b"GIF89a", "image"),
        (pictures.logo()[:200], "tronqué"),
    ],
)
async def test_a_wrong_picture_is_refused_with_its_reason(
    say: Say, uploading: Context, embedded_ftp: FtpPeer, content: bytes, reason: str
) -> None:
    answer = await say("upload logo", files=(SentFile("logo.png", content),), context=uploading)
    assert answer.refused
    assert reason in words(answer)
    assert on_the_ftp(embedded_ftp) == {}


async def test_a_wrong_density_is_mended_and_offered(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    wrong = pictures.logo(dpi=72)
    answer = await say("upload logo", files=(SentFile("logo.png", wrong),), context=uploading)
    assert any(line.startswith("→ densité") for line in answer.lines)
    assert answer.files[0].name == "logo corrigé.png"
    done = await say(token_in(answer, "version corrigée"), context=uploading)
    assert not done.refused
    (placed,) = on_the_ftp(embedded_ftp).values()
    assert placed == answer.files[0].content
    assert check(placed, LOGO_RULE).faults == ()


async def test_what_cannot_be_mended_is_offered_nothing(say: Say) -> None:
    answer = await say("upload bandeau", files=(LOGO,))
    assert answer.refused
    assert not answer.buttons


async def test_a_picture_that_would_show_wrong_can_be_put_as_it_is_or_mended(
    say: Say, uploading: Context, embedded_ftp: FtpPeer
) -> None:
    cmyk = io.BytesIO()
    Image.open(io.BytesIO(LOGO.content)).convert("CMYK").save(cmyk, "JPEG", dpi=(300, 300))
    answer = await say("upload logo", files=(SentFile("logo.jpg", cmyk.getvalue()),), context=uploading)
    assert not answer.refused
    assert "CMJN" in words(answer)
    await say(token_in(answer, "telle quelle"), context=uploading)
    assert on_the_ftp(embedded_ftp) == {"logo.jpg": cmyk.getvalue()}


async def test_a_wrong_picture_never_replaces_a_right_one(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    shown = await say("upload logo", files=(LOGO,), context=uploading)
    await say(token_in(shown), context=uploading)
    wrong = await say("upload logo", files=(SentFile("logo.png", pictures.logo(dpi=72)),), context=uploading)
    assert wrong.refused
    assert "Le logo en place n'a pas changé." in words(wrong)
    assert on_the_ftp(embedded_ftp) == {"logo.png": LOGO.content}


async def test_all_faults_are_told_at_once(say: Say) -> None:
    answer = await say("upload logo", files=(SentFile("logo.png", pictures.logo(90, 95, dpi=72)),))
    assert sum(line.startswith("•") for line in answer.lines) == 2


async def test_a_photo_is_refused_with_how_to_send_a_file(say: Say) -> None:
    answer = await say("upload logo", files=(SentFile("photo.jpg", pictures.logo(), as_photo=True),))
    assert answer.refused
    assert "comme photo" in answer.title
    assert "Sur un téléphone" in words(answer)
    assert "Sur un ordinateur" in words(answer)


# Which one is meant


async def test_of_several_files_the_one_that_is_called_so_is_meant(say: Say) -> None:
    files = (SentFile("signature.png", b"x"), SentFile("Notre Logo.png", LOGO.content))
    assert (await say("upload logo", files=files)).title == "✅ Logo conforme : Notre Logo.png"


async def test_several_files_without_a_name_are_refused(say: Say) -> None:
    answer = await say("upload logo", files=(SentFile("a.png", LOGO.content), SentFile("b.png", LOGO.content)))
    assert answer.refused
    assert answer.title.startswith("2 fichiers reçus")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (pictures.logo(190, 190), "❌ Logo refusé"),
        (pictures.logo(), "✅ Logo conforme"),
        (pictures.banner(dpi=72), "❌ Bandeau refusé"),
    ],
)
async def test_a_picture_without_a_word_is_known_by_its_proportions(say: Say, content: bytes, title: str) -> None:
    assert (await say("upload", files=(SentFile("image.png", content),))).title.startswith(title)


async def test_a_picture_of_other_proportions_is_asked_about_and_not_sent_again(say: Say) -> None:
    asked = await say("upload", files=(SentFile("image.png", pictures.logo(300, 95)),))
    assert [button.label for button in asked.buttons] == ["C'est le logo", "C'est le bandeau"]
    answer = await say(asked.buttons[1].command)
    assert answer.title == "❌ Bandeau refusé : image.png"


async def test_a_name_that_lies_about_the_format_does_not_matter(
    say: Say, uploading: Context, embedded_ftp: FtpPeer
) -> None:
    shown = await say("upload logo", files=(SentFile("logo.png", pictures.logo(kind="JPEG")),), context=uploading)
    await say(token_in(shown), context=uploading)
    assert list(on_the_ftp(embedded_ftp)) == ["logo.jpg"]


async def test_a_name_with_a_path_leads_nowhere_else(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    shown = await say("upload logo", files=(SentFile("../../Factures/logo.png", LOGO.content),), context=uploading)
    await say(token_in(shown), context=uploading)
    assert [path.name for path in embedded_ftp.root.iterdir()] == [FOLDER]


async def test_when_the_ftp_is_down_it_says_so_and_a_touch_tries_again(
    say: Say, context: Context, uploading: Context, tmp_path: Path, embedded_ftp: FtpPeer
) -> None:
    desk = open_desk(tmp_path)
    down = replace(context, desk=BotDesk(context.settings, desk, Outbox(desk)))
    shown = await say("upload logo", files=(LOGO,), context=down)
    answer = await say(token_in(shown), context=down)
    assert answer.refused
    assert answer.title == "Le logo est bon, mais le dépôt sur le FTP a échoué."
    (retry,) = answer.buttons
    assert not (await say(retry.command, context=uploading)).refused
    assert on_the_ftp(embedded_ftp) == {"logo.png": LOGO.content}


@pytest.mark.parametrize(
    ("text", "awaited"),
    [("upload logo", "upload logo"), ("/upload LOGO", "upload logo"), ("upload bandeau", "upload bandeau")],
)
async def test_without_a_file_it_says_the_rules_and_waits(say: Say, text: str, awaited: str) -> None:
    answer = await say(text)
    assert answer.awaits_file == awaited
    assert "300 dpi" in words(answer)


async def test_the_rules_are_those_of_the_picture(say: Say) -> None:
    def rule(answer: Answer) -> str:
        return next(line for line in answer.lines if line.startswith("Il faut"))

    assert "95 × 95" in rule(await say("upload logo"))
    assert "760 × 95" in rule(await say("upload bandeau"))


@pytest.mark.parametrize("text", ["/upload", "upload facture"])
async def test_another_word_asks_which_picture(say: Say, text: str) -> None:
    answer = await say(text)
    assert answer.refused
    assert answer.title == "Quelle image : le logo ou le bandeau ?"


async def test_a_refusal_waits_for_a_better_file(say: Say) -> None:
    answer = await say("upload bandeau", files=(LOGO,))
    assert answer.awaits_file == "upload bandeau"


async def test_a_success_waits_for_nothing_more(say: Say, uploading: Context) -> None:
    shown = await say("upload logo", files=(LOGO,), context=uploading)
    assert not (await say(token_in(shown), context=uploading)).awaits_file


# The banner from the profile


async def test_a_banner_needs_the_profile_and_says_what_is_missing(say: Say) -> None:
    answer = await say("bandeau creer")
    assert answer.refused
    assert "SIRET : /profil siret" in words(answer)
    assert answer.buttons[0].command == "profil suite"


async def test_a_banner_made_from_the_profile_is_right_and_is_put_once_accepted(
    say: Say, uploading: Context, embedded_ftp: FtpPeer
) -> None:
    for name in ON_BANNER:
        uploading.desk.set_profile(TECHNICIAN, name, pictures.PROFILE.value(name))
    shown = await say("bandeau creer vert", context=uploading)
    made = shown.files[0]
    assert made.name == "bandeau.png"
    assert check(made.content, BANNER).faults == ()
    await say(token_in(shown), context=uploading)
    assert on_the_ftp(embedded_ftp) == {"bandeau.png": made.content}
