"""/upload: only a right picture reaches the FTP, and what was there is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.bot_desk import BotDesk
from bot.desk import open_desk
from bot.desk.outbox import Outbox
from bot.sandbox import pictures
from handlers.answer import Answer
from handlers.ask import SentFile
from handlers.command import Context
from tests.handlers.conftest import Say, words
from tests.peers.ftp import FtpPeer

LOGO = SentFile("logo.png", pictures.logo())
FOLDER = "Personnalisation"


def on_the_ftp(peer: FtpPeer) -> dict[str, bytes]:
    folder = peer.root / FOLDER
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


@pytest.mark.parametrize(
    ("what", "content", "name"),
    [
        ("logo", pictures.logo(), "logo.png"),
        ("logo", pictures.logo(kind="JPEG"), "logo.jpg"),
        ("bandeau", pictures.banner(), "bandeau.png"),
        ("bandeau", pictures.banner(kind="JPEG"), "bandeau.jpg"),
    ],
)
async def test_a_right_picture_is_put_in_its_place(
    say: Say, uploading: Context, embedded_ftp: FtpPeer, what: str, content: bytes, name: str
) -> None:
    answer = await say(f"upload {what}", files=(SentFile("image.bin", content),), context=uploading)
    assert answer.title == f"✅ {what.capitalize()} déposé : {FOLDER}/{name}"
    assert on_the_ftp(embedded_ftp) == {name: content}


async def test_the_former_picture_is_kept_beside(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    former = pictures.logo(kind="PNG", dpi=300)
    other = pictures.logo() + b"\x00"  # bytes after the end of a PNG change nothing of the picture
    await say("upload logo", files=(SentFile("a.png", former),), context=uploading)
    await say("upload logo", files=(SentFile("b.png", other),), context=uploading)
    kept = on_the_ftp(embedded_ftp)
    assert kept.pop("logo.png") == other
    assert list(kept.values()) == [former]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pictures.logo(96, 95), "96 × 95 pixels, il en faut exactement 95 × 95"),
        (pictures.logo(dpi=72), "densité de 72 dpi, il faut 300 dpi"),
        (pictures.logo(dpi=None), "densité absente du fichier, il faut 300 dpi"),
        (b"GIF89a", "n'est pas une image"),
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


async def test_a_wrong_picture_never_replaces_a_right_one(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    await say("upload logo", files=(LOGO,), context=uploading)
    wrong = await say("upload logo", files=(SentFile("logo.png", pictures.logo(dpi=72)),), context=uploading)
    assert wrong.refused
    assert on_the_ftp(embedded_ftp) == {"logo.png": LOGO.content}


async def test_all_faults_are_told_at_once(say: Say) -> None:
    answer = await say("upload logo", files=(SentFile("logo.png", pictures.logo(90, 95, dpi=72)),))
    assert sum(line.startswith("•") for line in answer.lines) == 2


async def test_a_photo_is_refused_with_how_to_send_a_file(say: Say) -> None:
    answer = await say("upload logo", files=(SentFile("photo.jpg", pictures.logo(), as_photo=True),))
    assert answer.refused
    assert "comme photo" in answer.title
    assert "📎" in words(answer)


async def test_several_files_are_refused(say: Say) -> None:
    answer = await say("upload logo", files=(LOGO, LOGO))
    assert answer.refused
    assert answer.title.startswith("2 fichiers reçus")


async def test_a_name_that_lies_about_the_format_does_not_matter(
    say: Say, uploading: Context, embedded_ftp: FtpPeer
) -> None:
    await say("upload logo", files=(SentFile("logo.png", pictures.logo(kind="JPEG")),), context=uploading)
    assert list(on_the_ftp(embedded_ftp)) == ["logo.jpg"]


async def test_a_name_with_a_path_leads_nowhere_else(say: Say, uploading: Context, embedded_ftp: FtpPeer) -> None:
    await say("upload logo", files=(SentFile("../../Factures/logo.png", LOGO.content),), context=uploading)
    assert [path.name for path in embedded_ftp.root.iterdir()] == [FOLDER]


async def test_when_the_ftp_is_down_it_says_so_and_waits_for_the_file_again(
    say: Say, context: Context, tmp_path: Path
) -> None:
    desk = open_desk(tmp_path)
    down = replace(context, desk=BotDesk(context.settings, desk, Outbox(desk)))
    answer = await say("upload logo", files=(LOGO,), context=down)
    assert answer.refused
    assert answer.title == "Le logo est bon, mais le dépôt sur le FTP a échoué."
    assert answer.awaits_file == "upload logo"


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
    assert not (await say("upload logo", files=(LOGO,), context=uploading)).awaits_file
