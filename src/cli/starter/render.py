"""Render every scene of the starter set, and write down that it rendered.

    python render.py            render what has changed since rendered.json
    python render.py --all      render everything
    python render.py --check    no rendering: does rendered.json match the files?
    python render.py --frames DIR [NAME ...]   keep the last frame of each as PNG

Needs the pinned release (`pip install 'manim==0.22.*' 'pillow<13'`) and LaTeX,
except for --check, which needs the standard library only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import sys
import tempfile
import traceback
from pathlib import Path

from build import HERE, Row, read_scenes

RECORD = HERE / "rendered.json"
QUALITY = "low_quality"


def render(task: tuple[Row, str | None]) -> dict:
    """Render one scene in a folder of its own; runs in a process of its own."""
    import av
    from manim import tempconfig

    row, frames = task
    result = {"scene": row.scene, "file": row.path.name, "code_sha256": row.sha256}
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "quality": QUALITY,
            "media_dir": folder,
            "verbosity": "ERROR",
            "progress_bar": "none",
            "disable_caching": True,
            "seed": 0,
        }
        try:
            with tempconfig(settings):
                spec = importlib.util.spec_from_file_location(row.path.stem, row.path)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                getattr(module, row.scene)().render()
            movie = next(p for p in Path(folder).rglob(f"{row.scene}.mp4"))
            count, last = 0, None
            with av.open(str(movie)) as container:
                rate = container.streams.video[0].average_rate
                for frame in container.decode(video=0):
                    count, last = count + 1, frame
            if frames:
                last.to_image().save(Path(frames) / f"{row.path.stem}.png")
            return result | {"ok": True, "seconds": round(float(count / rate), 2)}
        except Exception:
            traceback.print_exc()
            return result | {"ok": False, "seconds": 0.0}


def load() -> dict:
    if RECORD.exists():
        return json.loads(RECORD.read_text(encoding="utf-8"))
    return {"manim": "", "quality": QUALITY, "scenes": []}


def save(manim: str, scenes: dict[str, dict]) -> None:
    lines = ",\n".join(json.dumps(scenes[name]) for name in sorted(scenes))
    head = json.dumps({"manim": manim, "quality": QUALITY})[:-1]
    RECORD.write_text(f'{head}, "scenes": [\n{lines}\n]}}\n', encoding="utf-8")


def check(rows: list[Row]) -> int:
    """Every file has a good render of exactly this code, and nothing else is listed."""
    known = {entry["scene"]: entry for entry in load()["scenes"]}
    bad = [f"{name}: has no file" for name in known.keys() - {row.scene for row in rows}]
    for row in rows:
        entry = known.get(row.scene)
        if entry is None:
            bad.append(f"{row.scene}: never rendered")
        elif entry["code_sha256"] != row.sha256:
            bad.append(f"{row.scene}: changed since it was rendered")
        elif not entry["ok"]:
            bad.append(f"{row.scene}: its render failed")
    for line in sorted(bad):
        print(line)
    print(f"{len(rows)} scenes, {len(bad)} problems")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Render the starter scenes.")
    parser.add_argument("names", nargs="*", help="file names without .py")
    parser.add_argument("--all", action="store_true", help="render unchanged scenes too")
    parser.add_argument("--check", action="store_true", help="compare hashes only")
    parser.add_argument("--frames", metavar="DIR", help="keep each last frame here")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    rows = read_scenes()
    if options.check:
        return check(rows)

    import manim  # here, so that the children that are forked have it

    record = load()
    stale = record["manim"] != manim.__version__
    known = {} if stale else {entry["scene"]: entry for entry in record["scenes"]}
    present = {row.scene for row in rows}
    known = {name: entry for name, entry in known.items() if name in present}
    tasks = []
    for row in rows:
        entry = known.get(row.scene, {})
        fresh = entry.get("ok") and entry.get("code_sha256") == row.sha256
        wanted = row.path.stem in options.names if options.names else not fresh
        if wanted or options.all:
            tasks.append((row, options.frames))
    if options.frames:
        Path(options.frames).mkdir(parents=True, exist_ok=True)

    failed = 0
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for done in pool.imap_unordered(render, tasks):
            known[done["scene"]] = done
            failed += not done["ok"]
            print(f"{'ok  ' if done['ok'] else 'FAIL'} {done['scene']} {done['seconds']}s", flush=True)
            save(manim.__version__, known)
    save(manim.__version__, known)
    print(f"{len(tasks)} rendered, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
