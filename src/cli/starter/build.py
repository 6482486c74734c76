"""Build starter.jsonl from the files in scenes/, and planted.jsonl from both.

    python build.py            write the two files
    python build.py --check    say whether they are what this script would write

A scene file begins with a docstring: the instruction, a blank line, and the
lines `topic:` and `level:`.  What comes after the docstring is the code of the
row.  Nothing but the standard library is needed.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LICENCE = "CC0-1.0"
LEVELS = ("basic", "intermediate", "advanced")


@dataclass(frozen=True)
class Row:
    """One scene file, read."""

    path: Path
    scene: str
    instruction: str
    topic: str
    level: str
    code: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.code.encode()).hexdigest()

    def document(self) -> dict:
        return {
            "id": self.path.stem,
            "instruction": self.instruction,
            "code": self.code,
            "topic": self.topic,
            "level": self.level,
            "scene": self.scene,
            "licence": LICENCE,
        }


def read_scene(path: Path) -> Row:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree)
    if docstring is None:
        raise SystemExit(f"{path.name}: has no docstring")
    prose, _, header = docstring.rpartition("\n\n")
    fields = dict(re.findall(r"^(\w+): (.+)$", header, re.MULTILINE))
    code = "".join(text.splitlines(keepends=True)[tree.body[0].end_lineno :]).lstrip("\n")
    scenes = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(item, ast.FunctionDef) and item.name == "construct" for item in node.body)
    ]
    instruction = " ".join(prose.split())
    if len(scenes) != 1:
        raise SystemExit(f"{path.name}: {len(scenes)} scenes, not one")
    if fields.keys() != {"topic", "level"} or fields["level"] not in LEVELS:
        raise SystemExit(f"{path.name}: topic and level are wanted, got {fields}")
    if not 40 <= len(instruction) <= 400:
        raise SystemExit(f"{path.name}: the instruction has {len(instruction)} characters")
    return Row(path, scenes[0], instruction, fields["topic"], fields["level"], code)


def read_scenes() -> list[Row]:
    return [read_scene(path) for path in sorted((HERE / "scenes").glob("*.py"))]


# ---- what is planted: rows with something to find ----

# id, what to change in the code, the instruction in other words
NEAR = [
    (
        "riemann_refinement",
        [("color=(BLUE, GREEN)", "color=(PURPLE, TEAL)"), ("Write(label))\n", "Write(label))\n        self.wait()\n")],
        "Left Riemann sums for the parabola 4x − x² on [0, 4]: refine from 4 to 8, 16 and 32 bars, show each sum, "
        "and finish with the exact integral 32/3.",
    ),
    (
        "koch_snowflake",
        [("BLUE_B", "GREEN_B"), ("BLUE_E", "GREEN_E"), ("        self.play(Rotate(", "        self.wait()\n        self.play(Rotate(")],
        "Animate four steps of the Koch snowflake in green with the edge count and the perimeter next to it.",
    ),
    (
        "sieve_of_eratosthenes",
        [("(RED, ORANGE, PURPLE, TEAL)", "(MAROON, GOLD, PINK, BLUE)"), ("run_time=1.5)", "run_time=2)\n            self.wait(0.5)")],
        "Find all primes up to 60 with the sieve of Eratosthenes on a grid; the multiples of 2, 3, 5 and 7 get a colour each.",
    ),
    (
        "pendulum_phase_space",
        [("radius=0.22, color=YELLOW", "radius=0.3, color=RED"), ("        self.add(trail)\n", "        self.wait()\n        self.add(trail)\n")],
        "Simulate a damped pendulum with Runge–Kutta and draw its trajectory in the phase plane while it swings.",
    ),
    (
        "de_morgan_venn",
        [("color=BLUE, fill_opacity=0.4", "color=PINK, fill_opacity=0.4"), ("set_color(BLUE)", "set_color(PINK)"),
         ("FadeIn(not_b)", "FadeIn(not_b, run_time=2)")],
        "Compare (A ∪ B)ᶜ with Aᶜ ∩ Bᶜ in two Venn diagrams and see that both shade the same region.",
    ),
    (
        "law_of_cosines_hinge",
        [("color=RED, font_size=36", "color=ORANGE, font_size=36"), ("set_value(90), run_time=2.5)", "set_value(90), run_time=4)\n        self.wait()")],
        "Law of cosines, animated: two sides of a triangle open like a hinge and c² follows the angle.",
    ),
]

# id, new names, the instruction in other words; no name here may stand in a string
RENAMED = [
    (
        "binary_search_array",
        {"BinarySearchArray": "FindByHalving", "data": "numbers", "target": "wanted", "cells": "row", "value": "entry",
         "goal": "heading", "low": "first", "high": "final", "rounds": "attempts", "mid": "centre", "note": "remark",
         "verdict": "message", "dropped": "ruled_out"},
        "Find 37 among fifteen sorted numbers by halving the search range, with two markers for its ends.",
    ),
    (
        "random_walk_fan",
        {"RandomWalkFan": "DriftOfTwenty", "steps": "count", "walkers": "people", "rng": "source", "axes": "frame",
         "labels": "captions", "colors": "palette", "walks": "paths", "walk": "path", "heights": "levels",
         "envelope": "bounds"},
        "Let twenty walkers flip coins for sixty steps and compare their spread with the square root law.",
    ),
]

NO_SCENE = '''\
from manim import *


def lissajous(a, b, delta):
    """A Lissajous curve with frequencies a and b."""
    return ParametricFunction(
        lambda t: np.array([3 * np.sin(a * t + delta), 2 * np.sin(b * t), 0]),
        t_range=[0, TAU, 0.01],
    )


def family(count):
    return VGroup(*[lissajous(3, 2, k * PI / count) for k in range(count)]).arrange_in_grid()
'''


def shingles(code: str, width: int = 5) -> set[tuple[str, ...]]:
    """Runs of lexical tokens, without comments, newlines and indentation."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [t.string for t in tokenize.generate_tokens(io.StringIO(code).readline) if t.type not in silent]
    return {tuple(tokens[k : k + width]) for k in range(len(tokens) - width + 1)}


def jaccard(a: str, b: str) -> float:
    x, y = shingles(a), shingles(b)
    return len(x & y) / len(x | y)


def near(row: Row, changes: list[tuple[str, str]]) -> str:
    code = row.code
    for old, new in changes:
        if code.count(old) != 1:
            raise SystemExit(f"{row.path.name}: {old!r} stands there {code.count(old)} times")
        code = code.replace(old, new)
    similarity = jaccard(code, row.code)
    if not 0.85 <= similarity <= 0.97:
        raise SystemExit(f"{row.path.name}: near-duplicate at {similarity:.3f}")
    return code


def rename(row: Row, names: dict[str, str]) -> str:
    code = row.code
    for old, new in names.items():
        if re.search(rf"\b{new}\b", code):
            raise SystemExit(f"{row.path.name}: {new} is taken")
        code = re.sub(rf"(?<![.\w]){old}\b", new, code)
    ast.parse(code)
    return code


def one_line(code: str, keep_runs: bool) -> str:
    """Every newline a blank; with keep_runs the indentation stays as blanks."""
    text = " ".join(line for line in code.splitlines() if line.strip())
    return text if keep_runs else re.sub(r" +", " ", text)


def misread(text: str) -> str:
    return text.encode("utf-8").decode("cp1252")


# planted/NAME.py: what is wrong with the row made from it, and the fields that make it so
DAMAGE: dict[str, tuple[str, Callable[[Row], dict]]] = {
    "fenced_ellipse_foci": (
        "fenced-code", lambda row: {"code": f"Here is the scene:\n\n```python\n{row.code}```\n"}
    ),
    "fenced_coin_flips": ("fenced-code", lambda row: {"code": f"```\n{row.code}```"}),
    "prefixed_vector_sum": ("literal-newline-prefix", lambda row: {"code": "\\n " + row.code}),
    "prefixed_damped_spring": ("literal-newline-prefix", lambda row: {"code": "\\n " + row.code}),
    "one_line_square_spiral": ("single-line-runs-kept", lambda row: {"code": one_line(row.code, True)}),
    "one_line_prime_bars": ("single-line-single-blanks", lambda row: {"code": one_line(row.code, False)}),
    "tabbed_graph_cycle": ("tabs", lambda row: {"code": row.code.replace("    ", "\t")}),
    "mojibake_seasons": (
        "mojibake", lambda row: {"code": misread(row.code), "instruction": misread(row.instruction)}
    ),
    "spreadsheet_cone_volume": ("spreadsheet-cr", lambda row: {"code": row.code.replace("\n", "_x000D_\n")}),
    "eos_binary_counter": ("eos-token", lambda row: {"code": row.code + "</s>"}),
    "importless_tangent_circles": (
        "missing-import", lambda row: {"code": row.code.replace("from manim import *", "", 1).lstrip("\n")}
    ),
    "placeholder_wave_packet": (
        "placeholder-description", lambda row: {"instruction": f"[PENDING_DESCRIPTION] {row.scene}"}
    ),
    "placeholder_set_difference": (
        "placeholder-description", lambda row: {"instruction": "[PENDING_DESCRIPTION] set difference, chapter 2"}
    ),
    "file_name_log_spiral": ("file-name-description", lambda row: {"instruction": "log_spiral_final_v2.py"}),
    "broken_unclosed_call": (
        "syntax-error", lambda row: {"code": row.code.replace("Create(square))", "Create(square)", 1)}
    ),
    "broken_cut_short": ("syntax-error", lambda row: {"code": row.code.partition("about_edge")[0]}),
    "old_library_title_card": ("manimgl", lambda row: {}),
    "old_library_graph_scene": ("manimgl", lambda row: {}),
    "nameless_orbit": ("missing-instruction", lambda row: {"instruction": None}),
}


def planted(rows: list[Row]) -> str:
    """The text of planted.jsonl; its last two lines are no good rows on purpose."""
    by_id = {row.path.stem: row for row in rows}
    lines: list[str] = []

    def add(document: dict, what: str, of: str | None = None) -> None:
        document = {key: value for key, value in document.items() if value is not None}
        document["id"] = f"planted-{len(lines) + 1:02}"
        document["planted"] = what
        if of is not None:
            document["of"] = of
        lines.append(json.dumps(document, ensure_ascii=False))

    for name in ("inscribed_angle", "odd_numbers_square"):
        add(by_id[name].document(), "exact-duplicate", name)
    # the same code for any reader that looks past the ends of lines
    windows = by_id["benzene_resonance"].document()
    windows["code"] = windows["code"].replace("\n", "  \r\n")
    add(windows, "exact-duplicate", "benzene_resonance")

    for name, changes, instruction in NEAR:
        code = near(by_id[name], changes)
        add(by_id[name].document() | {"code": code, "instruction": instruction}, "near-duplicate", name)
    for name, names, instruction in RENAMED:
        document = by_id[name].document()
        document |= {"code": rename(by_id[name], names), "instruction": instruction, "scene": names[document["scene"]]}
        add(document, "renamed-copy", name)
    for path in sorted((HERE / "planted").glob("*.py")):
        row = read_scene(path)
        what, fields = DAMAGE[path.stem]
        add(row.document() | fields(row), what)

    bare = {"topic": "geometry", "level": "basic", "licence": LICENCE}
    add({"id": "", "instruction": "A regular hexagon rolls along a line.", "code": "", **bare}, "empty-code")
    add({"id": "", "instruction": "A family of Lissajous curves in a grid.", "code": NO_SCENE, **bare}, "no-scene")
    lines.append(json.dumps("planted: a bare string where an object should be"))
    cut = by_id["thales_right_angle"].document() | {"id": f"planted-{len(lines) + 1:02}"}
    lines.append(json.dumps({"planted": "truncated-line"} | cut, ensure_ascii=False)[:300])
    return "\n".join(lines) + "\n"


def closest(rows: list[Row]) -> tuple[float, str, str]:
    """The two most similar scenes of the set."""
    sets = [(row.path.stem, shingles(row.code)) for row in rows]
    return max(
        (len(a & b) / len(a | b), first, second)
        for k, (first, a) in enumerate(sets)
        for second, b in sets[k + 1 :]
    )


def main() -> int:
    rows = read_scenes()
    if len({row.scene for row in rows}) != len(rows):
        raise SystemExit("two scenes have one name")
    similarity, first, second = closest(rows)
    if similarity > 0.4:
        raise SystemExit(f"{first} and {second} are too similar: {similarity:.2f}")
    starter = "".join(json.dumps(row.document(), ensure_ascii=False) + "\n" for row in rows)
    files = {"starter.jsonl": starter, "planted.jsonl": planted(rows)}

    if "--check" in sys.argv[1:]:
        stale = [n for n, text in files.items() if (HERE / n).read_bytes() != text.encode()]
        print("stale: " + ", ".join(stale) if stale else "up to date")
        return 1 if stale else 0
    for name, text in files.items():
        (HERE / name).write_bytes(text.encode())
        print(f"{name}: {text.count(chr(10))} lines")
    for field in ("level", "topic"):
        counts: dict[str, int] = {}
        for row in rows:
            counts[getattr(row, field)] = counts.get(getattr(row, field), 0) + 1
        print(field + ": " + ", ".join(f"{key} {counts[key]}" for key in sorted(counts)))
    print(f"most similar: {first} and {second}, {similarity:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
