"""Makes wrong edits one at a time, and shows which test catches each. See tests/mutation/run."""

import argparse
import collections
import queue
import resource
import sys
import threading
import time

import rows
from scratch import SEEDS, BuildError, Scratch, unit_tests_of

KILLED_PERCENT_LEAST = 95
SIMULATION_SECONDS = 60  # for a mutant that the unit tests let live, and for a planted bug

lock = threading.Lock()


def say(text):
    with lock:
        print(text, flush=True)


class Tally:
    def __init__(self, total):
        self.total, self.done = total, 0
        self.killers = collections.Counter()
        self.survivors, self.errors = [], []

    def note(self, row, verdict, seconds):
        with lock:
            self.done += 1
            print(f"{self.done:3}/{self.total} {row.name:36} {verdict} in {seconds:.1f} s", flush=True)


def try_row(scratch, row, tally, quick):
    began = time.monotonic()
    try:
        scratch.edit(row)
        found = scratch.unit(unit_tests_of(row.edits[0].path, scratch.source))
        if found is not None:
            tally.killers[found[0]] += 1
            verdict = f"killed by {found[0]} ({found[1]})"
        else:
            broken = None if quick else scratch.simulate(SEEDS, SIMULATION_SECONDS, 1)
            if broken is not None:
                tally.killers["simulation"] += 1
                verdict = f"killed by simulation seed {broken[0]} ({broken[1]})"
            else:
                tally.survivors.append(row)
                verdict = "SURVIVED"
    except (BuildError, rows.RowError) as error:
        tally.errors.append(row)
        verdict = f"ERROR of the list ({row.place}): {error}"
    tally.note(row, verdict, time.monotonic() - began)


def prepare(place, number):
    scratch = Scratch(f"{place}/{number}")
    scratch.prepare()
    scratch.keep_unchanged()
    return scratch


def work(scratch, waiting, tally, quick):
    while True:
        try:
            row = waiting.get_nowait()
        except queue.Empty:
            return
        try_row(scratch, row, tally, quick)


def sound(scratch, chosen):
    """The tests must pass before an edit: else each edit would count as caught."""
    names = [name for path in sorted({row.edits[0].path for row in chosen}) for name in unit_tests_of(path)]
    found = scratch.unit(list(dict.fromkeys(names)))
    if found is not None:
        say(f"{found[0]} fails without any edit ({found[1]}): nothing can be said")
    return found is None


def sum_up(tally, seconds):
    killed = sum(tally.killers.values())
    print("\nwhich test kills how many:")
    for name, count in tally.killers.most_common():
        print(f"  {name:24} {count:4}")
    for row in tally.survivors:
        print(f"SURVIVED: {row.name} ({row.place}): {row.wrong}")
    for row in tally.errors:
        print(f"ERROR of the list: {row.name} ({row.place})")
    judged = tally.total
    percent = 100 * killed / judged
    print(f"{killed} of {judged} killed ({percent:.1f} %) in {seconds / 60:.1f} minutes")
    return 0 if percent >= KILLED_PERCENT_LEAST and not tally.errors else 1


def mutate(chosen, jobs, quick, place):
    began = time.monotonic()
    say(f"building {jobs} unchanged copies in {place}")
    scratches = [prepare(place, number) for number in range(1, min(jobs, len(chosen)) + 1)]
    if not sound(scratches[0], chosen):
        return 1
    waiting, tally = queue.Queue(), Tally(len(chosen))
    for row in chosen:
        waiting.put(row)
    threads = [threading.Thread(target=work, args=(scratch, waiting, tally, quick)) for scratch in scratches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scratch in scratches:
        scratch.restore()
    return sum_up(tally, time.monotonic() - began)


def user_seconds():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def find_planted(chosen, place):
    """The simulation alone, two workers, from seed 1."""
    scratch, found = prepare(place, "planted"), 0
    for row in chosen:
        scratch.edit(row)
        scratch.make(["simulate"])
        began, used = time.monotonic(), user_seconds()
        broken = scratch.simulate(1 << 32, SIMULATION_SECONDS, 2)
        wall, user = time.monotonic() - began, user_seconds() - used
        found += broken is not None
        what = f"found by seed {broken[0]} ({broken[1]})" if broken else "NOT FOUND"
        say(f"{row.name:28} {what} in {wall:.1f} s ({user:.1f} s of processor)")
    scratch.restore()
    print(f"{found} of {len(chosen)} planted bugs found within {SIMULATION_SECONDS} s each")
    return 0 if found == len(chosen) else 1


def choose(listed, names):
    unknown = set(names) - {row.name for row in listed}
    if unknown:
        sys.exit(f"there is no row {', '.join(sorted(unknown))}; tests/mutation/run --list names them")
    return [row for row in listed if not names or row.name in names]


def main():
    parser = argparse.ArgumentParser(prog="tests/mutation/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--place", default="build/mutation", help="where the copies lie")
    for flag in ("--planted", "--check", "--list", "--quick"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    try:
        mutants, planted = rows.read_all(False), rows.read_all(True)
    except rows.RowError as error:
        sys.exit(str(error))
    findings = rows.check(mutants + planted)
    for finding in findings:
        print(finding)
    if findings or options.check:
        print(f"{len(mutants)} mutants and {len(planted)} planted bugs, {len(findings)} rows are wrong")
        return 1 if findings else 0
    chosen = choose(planted if options.planted else mutants, options.names)
    if options.list:
        for row in chosen:
            print(f"{row.name:36} {row.edits[0].path:36} {row.wrong}")
        return 0
    if options.planted:
        return find_planted(chosen, options.place)
    return mutate(chosen, options.jobs, options.quick, options.place)


if __name__ == "__main__":
    sys.exit(main())
