"""/duree: what is told of durations and dates, with the steps."""

import re
from dataclasses import replace
from datetime import datetime

import pytest

from bot.telegram.drawing import draw
from core.folders import PARIS
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import Context
from handlers.understand import understand
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Say, words


def plain(answer: Answer) -> str:
    return words(answer).replace("\u00a0", " ").replace("\u202f", " ").strip()


async def test_a_sum_is_answered_with_its_step_and_in_other_units(say: Say) -> None:
    assert plain(await say("/duree 1:23:45 + 59 min")) == (
        "2 h 22 min 45 s\n1 h 23 min 45 s + 59 min = 2 h 22 min 45 s\nSoit 2:22:45 · 8 565 s · 142,75 min · ≈ 2,3792 h"
    )


async def test_a_duration_is_turned_into_hours(say: Say) -> None:
    assert plain(await say("/duree 3725 s")) == (
        "1 h 02 min 05 s\n3725 s = 1 × 3 600 s + 2 × 60 s + 5 s\nSoit 1:02:05 · 3 725 s · ≈ 62,08 min · ≈ 1,0347 h"
    )


async def test_a_product_and_a_division_are_answered(say: Say) -> None:
    assert plain(await say("/duree 2h15 x 3")).startswith("6 h 45 min\n2 h 15 min × 3 = 6 h 45 min\n")
    assert plain(await say("/duree 10 h / 4")).startswith("2 h 30 min\n10 h ÷ 4 = 2 h 30 min\n")


async def test_what_lasts_more_than_a_day_is_told_in_days_too(say: Say) -> None:
    assert "· 27 h · 1 j 3 h" in plain(await say("/duree 1 j 3 h"))


async def test_a_duration_over_another_is_a_number_and_a_share(say: Say) -> None:
    assert plain(await say("/duree 10 min / 1 h")) == "≈ 0,1667\n10 min ÷ 1 h ≈ 0,1667\nSoit ≈ 16,67 %"


async def test_a_rounded_result_says_that_the_calculation_is_exact(say: Say) -> None:
    told = plain(await say("/duree 10 min / 7"))
    assert told.startswith("≈ 1 min 25,714 s\n")
    assert told.endswith("Le calcul est exact, seul l'affichage est arrondi.")
    assert "arrondi" not in plain(await say("/duree 10 min / 8"))


async def test_a_negative_result_has_a_minus(say: Say) -> None:
    assert plain(await say("/duree 45 min - 59 min")).startswith("−14 min\n45 min − 59 min = −14 min\n")


async def test_the_unit_that_is_asked_for_comes_first(say: Say) -> None:
    assert plain(await say("/duree 2h15 en minutes")).startswith("135 min, soit 2 h 15 min\n")


async def test_a_column_is_added_up_with_its_count_and_its_mean(say: Say) -> None:
    assert plain(await say("/duree\nDurée\n0:01:23\n0:02:10\n0:00:45")) == (
        "4 min 18 s au total, pour 3 durées\n"
        "« Durée » : un titre, non compté\n"
        "1 min 23 s + 2 min 10 s + 45 s = 4 min 18 s\n"
        "Moyenne : 1 min 26 s\n"
        "De 45 s à 2 min 10 s\n"
        "Soit 0:04:18 · 258 s · 4,3 min · ≈ 0,0717 h"
    )


async def test_a_mean_that_is_rounded_says_so(say: Say) -> None:
    told = plain(await say("/duree 1 s; 1 s; 2 s"))
    assert "Moyenne : ≈ 1,333 s\n" in told
    assert told.endswith("Le calcul est exact, seul l'affichage est arrondi.")


async def test_two_parts_are_told_with_a_button_for_the_other_reading(say: Say) -> None:
    answer = await say("/duree 1:23 + 2:10")
    assert answer.title.replace("\u00a0", " ") == "3 h 33 min"
    assert plain(answer).splitlines()[1] == "1:23 lu comme 1 h 23 min (heures:minutes) ; les autres de même"
    (button,) = answer.buttons
    assert button.label == "Lire en minutes:secondes"
    other = await say(button.command)
    assert plain(other).splitlines()[:2] == [
        "3 min 33 s",
        "1:23 lu comme 1 min 23 s (minutes:secondes) ; les autres de même",
    ]
    (back,) = other.buttons
    assert (await say(back.command)) == answer


async def test_two_parts_beside_three_parts_are_told_too(say: Say) -> None:
    answer = await say("/duree 0:01:23 + 2:10")
    assert "2:10 lu comme 2 h 10 min (heures:minutes)\n" in plain(answer)
    assert len(answer.buttons) == 1


async def test_a_pasted_column_keeps_its_lines_behind_the_button(say: Say) -> None:
    (button,) = (await say("/duree\n1:23\n2:10\n0:45")).buttons
    assert "\n" not in button.command
    assert plain(await say(button.command)).startswith("4 min 18 s au total, pour 3 durées")


async def test_what_has_one_reading_has_no_button(say: Say) -> None:
    assert (await say("/duree 0:01:23 + 59 min")).buttons == ()


async def test_a_number_without_unit_is_asked_about_with_buttons(say: Say) -> None:
    answer = await say("/duree 1:23:00 + 59")
    assert answer.refused
    assert plain(answer) == "« 59 » quoi ? Écrire 59 min, ou 59 s."
    assert [button.label for button in answer.buttons] == ["En minutes", "En secondes"]
    assert [plain(await say(button.command)).splitlines()[0] for button in answer.buttons] == [
        "2 h 22 min",
        "1 h 23 min 59 s",
    ]


async def test_a_fault_is_told_with_where_to_find_examples(say: Say) -> None:
    answer = await say("/duree 1:75 + 2:10")
    assert answer.refused
    assert plain(answer) == "« 1:75 » : 75 minutes, il en faut 59 au plus.\nDes exemples : /duree"


@pytest.mark.parametrize("text", ["/duree", "/durée", "duree", "durée :", "calculatrice"])
async def test_nothing_to_calculate_shows_three_examples(say: Say, text: str) -> None:
    answer = await say(text)
    assert answer.refused
    examples = [line.removeprefix("Exemple : ") for line in answer.lines if line.startswith("Exemple : ")]
    assert len(examples) == 3
    for example in examples:
        assert not (await say(example)).refused


async def test_a_period_is_answered_with_its_days_month_by_month(say: Say) -> None:
    assert plain(await say("/duree du 12/03/2026 au 05/11/2026")) == (
        "238 jours, du 12/03/2026 au 05/11/2026\n"
        "Du jeudi 12 mars 2026 au jeudi 5 novembre 2026\n"
        "mars 19 + avril 30 + mai 31 + juin 30 + juillet 31 + août 31 + septembre 30 + octobre 31 + novembre 5"
        " = 238 jours\n"
        "239 jours en comptant le premier et le dernier\n"
        "Soit 34 semaines, ou 7 mois et 24 jours\n"
        "171 jours du lundi au vendredi, bornes et jours fériés compris"
    )


async def test_a_long_period_is_told_year_by_year(say: Say) -> None:
    told = plain(await say("/duree du 12/03/2026 au 12/09/2029"))
    assert "2026 : 294 + 2027 : 365 + 2028 : 366 + 2029 : 255 = 1 280 jours\n" in told
    assert "Soit 182 semaines et 6 jours, ou 3 ans 6 mois\n" in told
    assert told.endswith("Il reste 1 023 jours (aujourd'hui : 24/11/2026).")


async def test_dates_in_the_wrong_order_are_turned_and_that_is_told(say: Say) -> None:
    told = plain(await say("/duree du 05/11/2026 au 12/03/2026"))
    assert told.startswith("238 jours, du 12/03/2026 au 05/11/2026\nLa fin était avant le début")
    assert "avant le début" not in plain(await say("/duree 05/11/2026 - 12/03/2026"))


async def test_a_commitment_is_answered_with_its_last_day_and_what_is_left(say: Say) -> None:
    assert plain(await say("/duree 12/03/2026 + 24 mois")) == (
        "Dimanche 12 mars 2028\n"
        "12/03/2026 + 24 mois = 12/03/2028, de quantième à quantième\n"
        "Si l'engagement commence le 12/03/2026, le dernier jour est le samedi 11 mars 2028 : 731 jours\n"
        "Il reste 473 jours (aujourd'hui : 24/11/2026)."
    )


async def test_a_month_that_is_too_short_is_told_with_the_rule(say: Say) -> None:
    told = plain(await say("/duree 31/01/2026 + 1 mois"))
    assert told.startswith(
        "Samedi 28 février 2026\n"
        "31/01/2026 + 1 mois = 28/02/2026\n"
        "Février 2026 n'a pas de 31 : c'est le dernier jour du mois qui compte, le 28 "
        "(code de procédure civile, art. 641).\n"
        "Si l'engagement commence le 31/01/2026, le dernier jour est le samedi 28 février 2026 : 29 jours"
    )


async def test_months_and_days_are_told_in_their_order(say: Say) -> None:
    told = plain(await say("/duree 12/03/2026 + 1 mois 10 jours"))
    assert (
        "12/03/2026 + 1 mois 10 jours = 22/04/2026\n"
        "Les mois d'abord, jusqu'au 12/04/2026, puis les jours (code de procédure civile, art. 641).\n"
    ) in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12/03/2026 + 6 mois", "Fini depuis 74 jours (aujourd'hui : 24/11/2026)."),
        ("25/11/2025 + 12 mois", "Le dernier jour est aujourd'hui, 24/11/2026."),
        ("26/11/2025 + 12 mois", "Il reste 1 jour (aujourd'hui : 24/11/2026)."),
        ("01/12/2026 + 12 mois", "Début dans 7 jours (aujourd'hui : 24/11/2026)."),
        ("aujourd'hui + 24 mois", "Il reste 730 jours (aujourd'hui : 24/11/2026)."),
        ("12/03/2028 - 1 jour", "Dans 473 jours (aujourd'hui : 24/11/2026)."),
        ("aujourd'hui - 1 jour", "Il y a 1 jour (aujourd'hui : 24/11/2026)."),
    ],
)
async def test_where_today_stands_is_told(say: Say, text: str, told: str) -> None:
    assert plain(await say(f"/duree {text}")).splitlines()[-1] == told


async def test_a_date_alone_is_told_with_its_weekday(say: Say) -> None:
    assert plain(await say("/duree demain")) == (
        "Mercredi 25 novembre 2026\nDans 1 jour (aujourd'hui : 24/11/2026).\nSemaine 48, 329e jour de l'année"
    )


async def test_a_first_of_the_month_is_written_1er(say: Say) -> None:
    told = plain(await say("/duree 01/01/2027"))
    assert told.startswith("Vendredi 1er janvier 2027\n")
    assert told.endswith("Semaine 53, 1er jour de l'année")


async def test_a_missing_year_is_told(say: Say) -> None:
    assert "Sans année : lu 2026.\n" in plain(await say("/duree 1er avril + 2 ans"))


async def test_today_is_that_of_paris(context: Context) -> None:
    # Half past midnight in Paris on the first of December is still November in UTC.
    late = int(datetime(2026, 12, 1, 0, 30, tzinfo=PARIS).timestamp())
    asked = Ask("duree", "aujourd'hui + 1 jour", TECHNICIAN, "chat")
    answer = await registry.answer(asked, replace(context, now=lambda: late))
    assert answer.title == "Mercredi 2 décembre 2026"


async def test_a_wrong_date_is_told(say: Say) -> None:
    answer = await say("/duree 31/02/2026 + 1 mois")
    assert answer.refused
    assert plain(answer).startswith("« 31/02/2026 » n'existe pas : février 2026 a 28 jours.")


async def test_everyone_may_calculate_in_a_group_and_by_mail(context: Context) -> None:
    for door in ("chat", "mail", "terminal"):
        answer = await registry.answer(Ask("duree", "1:23:45 + 59 min", ACCOUNTANT, door, private=False), context)
        assert not answer.refused


async def test_an_answer_fits_one_telegram_message_however_long_the_column(say: Say) -> None:
    answer = await say("/duree\n" + "\n".join(["0:01:23"] * 1000))
    assert len(draw([answer])) == 1
    assert answer.title.replace("\u202f", " ").replace("\u00a0", " ") == "23 h 03 min 20 s au total, pour 1 000 durées"


async def test_nothing_of_a_calculation_is_taken_for_a_number_to_copy(say: Say) -> None:
    for text in ("1:23:45 + 59 min", "du 12/03/2026 au 05/11/2026", "0639980001 s"):
        (message,) = draw([await say(f"/duree {text}")])
        assert not re.search("<code>", message.html)


@pytest.mark.parametrize("word", ["calcul", "calcule", "calculer", "Durée"])
def test_everyday_words_name_it_where_one_speaks_to_the_robot(context: Context, word: str) -> None:
    assert understand(f"{word} 2h15 x 3", context.telecom) == ("duree", "2h15 x 3")


def test_in_a_mail_only_its_name_names_it() -> None:
    assert understand("duree 2h15 x 3") == ("duree", "2h15 x 3")
    assert understand("calcule 2h15 x 3") is None
