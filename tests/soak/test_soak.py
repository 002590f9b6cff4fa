"""The soak in small: some days of the operator's, one burst of faults after the other, and every check at the end."""

from pathlib import Path

import pytest

from tests.soak.faults import QUICK
from tests.soak.run import soak


@pytest.mark.timeout(300)
async def test_days_of_deliveries_under_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    report = await soak(tmp_path, 24, seed=1, lines=60, clients=5)
    assert report.violations == [], str(report)
    assert len(report.faults) == len(QUICK), str(report)
