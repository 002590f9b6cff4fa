"""The soak in small: some days of the operator's, one burst of faults after the other, and every check at the end."""

from pathlib import Path

import pytest

from tests.soak.faults import QUICK
from tests.soak.run import soak
from tests.soak.watch import Usage, growths


@pytest.mark.timeout(600)
async def test_days_of_deliveries_under_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    report = await soak(tmp_path, 24, seed=1, lines=60, clients=5)
    assert report.violations == [], str(report)
    assert len(report.faults) == len(QUICK), str(report)


@pytest.mark.parametrize(
    ("an_hour", "descriptors", "flat"), [(0, 0, True), (20, 0, True), (120, 0, False), (0, 60, False)]
)
def test_a_process_that_grows_with_age_is_told_from_one_that_only_warms_up(
    an_hour: float, descriptors: float, flat: bool
) -> None:
    """Megabytes and descriptors an hour, over half an hour that begins with the libraries being loaded."""

    def usage(at: float) -> Usage:
        loaded = 60 + 40 * min(1.0, at / 300)
        return Usage(at, 7, "service", loaded + an_hour * at / 3600, 20 + int(descriptors * at / 3600), 6)

    (growth,) = growths([usage(at) for at in range(0, 1800, 10)], 600)
    assert growth.is_flat is flat, growth


def test_a_process_that_did_not_live_long_is_not_judged() -> None:
    assert growths([Usage(at, 7, "service", at, 20, 6) for at in range(0, 500, 10)], 600) == []
