"""Runs commands of benches by turns and says what each came to: `pair.py --rounds N [--json FILE] NAME=COMMAND NAME=COMMAND ...`.

On a machine whose speed varies, one after the other says little; by turns every command meets the same hours. A COMMAND is
one of train.py, generate.py, or of the bench beside them, written as one argument; each prints JSON. Of all its rounds the steps' tokens
per second are pooled: quartiles, least and most, and each other command's median as a part of the first's.
"""

import argparse
import json
import shlex
import statistics
import subprocess


def measured(command):
    """Tokens per second of the steps of a run, and the run."""
    out = subprocess.run(shlex.split(command), capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(f"{command}\nended with {out.returncode}:\n{out.stderr[-2000:]}")
    said = json.loads(out.stdout)
    said.pop("answers", None)
    if "tokens" in said:
        return [tokens / seconds for tokens, seconds in zip(said["tokens"], said["seconds"])], said
    return [said["new_tokens_per_second"]], said


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for all numbers")
    parser.add_argument("commands", nargs="+", metavar="NAME=COMMAND")
    given = parser.parse_args()
    commands = dict(command.split("=", 1) for command in given.commands)
    speeds = {name: [] for name in commands}
    runs = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            found, said = measured(command)
            speeds[name] += found
            runs[name].append(said)
    first = statistics.median(next(iter(speeds.values())))
    for name, found in speeds.items():
        low, middle, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
        print(
            f"{name}: median {middle:.0f} tokens/s (quartiles {low:.0f} and {high:.0f}, least {min(found):.0f}, most "
            f"{max(found):.0f}, {len(found)} steps); the first is {first / middle:.2f} times as fast"
        )
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"commands": commands, "speeds": speeds, "runs": runs}, file, indent=1)


if __name__ == "__main__":
    main()
