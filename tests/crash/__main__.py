"""`python -m tests.crash`: every flow, cut at every point; ends with 1 where anything was lost, or doubled unmarked."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.flows import FLOWS, IDLE
from tests.crash.matrix import Run, Undisturbed, disturbed, kills_idle, kills_of, undisturbed
from tests.crash.stage import Kill, prepare

#: What the whole must come to.
FEWEST_KILLS, FEWEST_POINTS = 200, 40


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--jobs", type=int, default=3, help="runs at the same moment")
    parser.add_argument("--flow", action="append", help="only these flows")
    parser.add_argument("--every", type=int, default=1, help="only every so many of the kills")
    parser.add_argument("--first", type=int, default=0, help="from this one on, so that a whole can be run in parts")
    chosen = parser.parse_args()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="origyne-crash-"))
    prepared = await prepare(folder / "prepared")
    room = asyncio.Semaphore(chosen.jobs)
    flows = [flow for flow in (IDLE, *FLOWS) if flow is IDLE or not chosen.flow or flow.name in chosen.flow]

    async def model_of(number: int) -> Undisturbed:
        async with room:
            return await undisturbed(prepared, flows[number], folder / f"undisturbed-{number}")

    models = await asyncio.gather(*map(model_of, range(len(flows))))
    idle = models[0]
    plan = [(model, [kill]) for model in models[1:] for kill in kills_of(model, idle)]
    plan += [(idle, [kill]) for kill in kills_idle(idle)]
    random.Random(0).shuffle(plan)  # a fault shows early, whichever flow it is in
    plan = plan[chosen.first :: chosen.every]
    print(f"{len(plan)} runs, after {time.monotonic() - began:.0f} s", flush=True)
    done = 0

    async def run(number: int, model: Undisturbed, kills: list[Kill]) -> Run:
        nonlocal done
        # Every fifth dies once more while it recovers, at the same point.
        again = [Kill(kills[0].point, alone=kills[0].alone)] if number % 5 == 0 else []
        async with room:
            made = await disturbed(prepared, model, kills + again, folder / f"run-{number}")
        done += 1
        if made.is_wrong:
            print(f"WRONG, see {folder / f'run-{number}'}: {made}", flush=True)
        elif done % 25 == 0:
            print(f"{done} runs, after {time.monotonic() - began:.0f} s", flush=True)
        return made

    runs = await asyncio.gather(*(run(number, model, kills) for number, (model, kills) in enumerate(plan)))
    print(_report(runs, time.monotonic() - began))
    enough = chosen.flow or chosen.every > 1 or (_kills(runs) >= FEWEST_KILLS and _points(runs) >= FEWEST_POINTS)
    return 0 if enough and not any(made.is_wrong for made in runs) else 1


def _report(runs: list[Run], seconds: float) -> str:
    lines = ["", f"{'flow':<18}{'points':>8}{'kills':>8}{'lost':>8}{'doubled':>10}{'uncertain':>11}{'not hit':>9}"]
    names = list(dict.fromkeys(made.flow.name for made in runs))
    for name in [*names, "all"]:
        of_it = [made for made in runs if name in (made.flow.name, "all")]
        lost = sum(len(made.difference.lost) + bool(made.fault) for made in of_it)
        doubled = sum(len(made.difference.doubled) for made in of_it)
        marked = sum(len(made.difference.marked) for made in of_it)
        missed = sum(not made.killed for made in of_it)
        row = f"{name:<18}{_points(of_it):>8}{_kills(of_it):>8}{lost:>8}{doubled:>10}{marked:>11}{missed:>9}"
        lines.append(row)
    lines += ["", "Marked uncertain, and there twice:"]
    for made in runs:
        for where, what in made.difference.marked:
            lines.append(
                f"  {made.flow.name}, killed at {', '.join(made.killed)}: {where}: {' '.join(what.split())[:100]}"
            )
    lines += ["", f"{seconds / 60:.1f} minutes"]
    return "\n".join(lines)


def _kills(runs: list[Run]) -> int:
    return sum(len(made.killed) for made in runs)


def _points(runs: list[Run]) -> int:
    return len({point for made in runs for point in made.killed})


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
