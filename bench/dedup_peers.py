"""Near-duplicates by other tools: `dedup_peers.py CORPUS TRUTH FOLDER [--peers A,B] [--rows N] [--runs N]`.

CORPUS is JSON Lines with a column `code`. TRUTH has a line `left TAB right TAB similarity` for each pair of rows (from 0)
whose sets of shingles are at least 0.85 alike: five consecutive tokens, a token being a match of `TOKEN`, sets compared
without a sketch. FOLDER keeps a virtual environment for each peer with pinned packages, made where it is missing, and for
gaoya a build of `gaoya.rs` (it needs cargo). `--rows N` takes the first N rows. `--runs N` measures N times and prints the
fastest.

Every peer gets the same texts in memory, the same tokens, and two processes or threads where it can use them. Measured is
the way from texts to pairs (or clusters, or flagged rows): `sketch_seconds` tokenises and makes the sketches,
`query_seconds` indexes them and asks for what is alike. Reading the corpus and starting Python are not in it. `peak_mb` is
the most memory of all processes of the peer, texts included, shared pages counted once. `load` is the load average of the
machine as the measurement began, `others` the cores that other programs kept busy while the peer ran.

Prints a line of JSON for each peer, with `error` where it could not be installed or run. Some have two lines: datasketch
is asked with the same sketches in two ways, rensa makes two kinds of sketches. `recall` and `precision` are of pairs; for a
tool that gives clusters, of all the pairs within them; for one that flags rows, of the rows that are in a true pair.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time

THRESHOLD = 0.85
PROCESSES = 2
PERMUTATIONS = 128
BATCH = 1000
TOKEN = re.compile(r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]", re.ASCII)

# What `pip` installs for each peer.
PACKAGES = {
    "shingles": [],
    "datasketch": ["datasketch==2.0.0", "numpy==2.4.6", "scipy==1.17.1", "xxhash==3.8.2"],
    "rensa": ["rensa==0.5.0", "numpy==2.4.6"],
    "gaoya": [],
    "gaoya-python": ["gaoya==0.2.2"],
    "text-dedup": ["text-dedup==0.4.0", "datasets==5.2.0", "numpy==2.4.6", "xxhash==3.8.2", "setuptools==69.5.1"],
    "datatrove": ["datatrove[io,processing]==0.10.1", "numpy==2.4.6", "xxhash==3.8.2"],
}
GAOYA_CRATES = 'gaoya = "=0.2.0"\nrayon = "1.12"\nserde_json = "1"\nfnv = "1"\n'

TEXTS = []


def shingles(text):
    """The set of shingles of a text, each as its five tokens with blanks between."""
    tokens = TOKEN.findall(text)
    if len(tokens) < 5:
        return {" ".join(tokens)} if tokens else set()
    return set(map(" ".join, zip(tokens, tokens[1:], tokens[2:], tokens[3:], tokens[4:])))


def in_processes(function):
    """What `function` gives for each batch of rows, in order, worked out in two processes that share the texts."""
    import multiprocessing

    # Two processes with a thread each.
    threads = os.environ.get("RAYON_NUM_THREADS")
    os.environ["RAYON_NUM_THREADS"] = "1"
    batches = [range(at, min(at + BATCH, len(TEXTS))) for at in range(0, len(TEXTS), BATCH)]
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        yield from pool.imap(function, batches)
    if threads is not None:
        os.environ["RAYON_NUM_THREADS"] = threads


def version_of(package):
    import importlib.metadata

    return importlib.metadata.version(package)


# None -----------------------------------------------------------------------------------------------------------------


def shingles_batch(rows):
    return sum(len(shingles(TEXTS[row])) for row in rows)


def shingles_alone(_folder):
    begin = time.perf_counter()
    count = sum(in_processes(shingles_batch))
    version = "CPython " + ".".join(map(str, sys.version_info[:3]))
    note = f"no tool: tokens and shingles in two processes, as the tools that Python feeds get them; {count} shingles"
    yield "shingles alone", version, time.perf_counter() - begin, 0.0, None, [], note


# datasketch -----------------------------------------------------------------------------------------------------------


def datasketch_batch(rows):
    """Hash values of a batch. xxhash in place of SHA-1, as its manual advises a faster hash function."""
    import numpy
    import xxhash
    from datasketch import MinHash

    sets = ([each.encode() for each in shingles(TEXTS[row])] for row in rows)
    made = MinHash.generator(sets, num_perm=PERMUTATIONS, hashfunc=xxhash.xxh32_intdigest)
    return numpy.stack([each.hashvalues for each in made])


def datasketch(_folder):
    from datasketch import LeanMinHash, MinHashLSH

    begin = time.perf_counter()
    sketches = [
        LeanMinHash(seed=1, hashvalues=values, scheme="affine32")
        for batch in in_processes(datasketch_batch)
        for values in batch
    ]
    sketched = time.perf_counter() - begin
    for name, settings, checked in (
        ("datasketch", {"threshold": THRESHOLD}, False),
        ("datasketch, 16 bands", {"params": (16, 8)}, True),
    ):
        begin = time.perf_counter()
        index = MinHashLSH(num_perm=PERMUTATIONS, **settings)
        for row, sketch in enumerate(sketches):
            index.insert(row, sketch, check_duplication=False)
        pairs = []
        for row, sketch in enumerate(sketches):
            for other in index.query(sketch):
                if other < row and (not checked or sketch.jaccard(sketches[other]) >= THRESHOLD):
                    pairs.append((other, row))
        note = f"MinHash of {PERMUTATIONS}, xxh32, two processes; MinHashLSH of {index.b} bands of {index.r}, one process"
        note += f"; pairs whose sketches are {THRESHOLD} alike" if checked else "; pairs as the index gives them"
        yield name, version_of("datasketch"), sketched, time.perf_counter() - begin, "pairs", pairs, note


# rensa ----------------------------------------------------------------------------------------------------------------


def shingle_list(text):
    """Shingles in their order, repeated ones too: the sketch is the same, and making a set takes longer."""
    tokens = TOKEN.findall(text)
    if len(tokens) < 5:
        return [" ".join(tokens)] if tokens else []
    return list(map(" ".join, zip(tokens, tokens[1:], tokens[2:], tokens[3:], tokens[4:])))


def rensa_batch(rows):
    from rensa import RMinHash

    return RMinHash.from_token_sets([shingle_list(TEXTS[row]) for row in rows], num_perm=PERMUTATIONS, seed=42)


def rensa(_folder):
    from rensa import RMinHash, RMinHashLSH

    begin = time.perf_counter()
    sketches = [each for batch in in_processes(rensa_batch) for each in batch]
    sketched = time.perf_counter() - begin
    begin = time.perf_counter()
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    index.insert_many(sketches)
    pairs = []
    for row, found in enumerate(index.query_all(sketches)):
        pairs += [(o, row) for o in found if o < row and sketches[row].jaccard(sketches[o]) >= THRESHOLD]
    yield (
        "rensa",
        version_of("rensa"),
        sketched,
        time.perf_counter() - begin,
        "pairs",
        pairs,
        f"R-MinHash of {PERMUTATIONS} by from_token_sets, two processes; RMinHashLSH of 16 bands, insert_many and query_all;"
        f" pairs whose sketches are {THRESHOLD} alike",
    )
    del sketches, index
    begin = time.perf_counter()
    sets = map(shingle_list, TEXTS)
    matrix = RMinHash.digest_matrix_from_token_sets_rho(sets, num_perm=PERMUTATIONS, seed=42, probes=4)
    sketched = time.perf_counter() - begin
    begin = time.perf_counter()
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=8)
    flags = index.query_duplicate_flags_matrix_one_shot(matrix)
    rows = [row for row, flag in enumerate(flags) if flag]
    yield (
        "rensa, rho",
        version_of("rensa"),
        sketched,
        time.perf_counter() - begin,
        "rows",
        rows,
        f"its fastest sketch: rho of {PERMUTATIONS} with 4 probes, one process (its matrix cannot be passed between two),"
        " one-shot flags of 8 bands, as in its own benchmark; it samples the shingles; rows flagged, no pairs",
    )


# gaoya ----------------------------------------------------------------------------------------------------------------


def gaoya_python(_folder):
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=THRESHOLD,
        num_bands=16,
        band_size=8,
        num_hashes=PERMUTATIONS,
        analyzer=lambda text: list(shingles(text)),
        id_container="smallvec",
    )
    begin = time.perf_counter()
    for at in range(0, len(TEXTS), BATCH):
        batch = TEXTS[at : at + BATCH]
        index.par_bulk_insert_docs(list(range(at, at + len(batch))), batch)
    inserted = time.perf_counter() - begin
    begin = time.perf_counter()
    pairs = []
    for at in range(0, len(TEXTS), BATCH):
        for row, found in enumerate(index.par_bulk_query(TEXTS[at : at + BATCH]), at):
            pairs += [(other, row) for other in found if other < row]
    note = "MinHashStringIndex of 32 bits, 16 bands of 8, smallvec, by par_bulk_insert_docs and par_bulk_query with its own"
    note += " analyzer; a query takes texts, so each is tokenised and sketched twice: sketch_seconds is insertion"
    yield "gaoya, Python", version_of("gaoya"), inserted, time.perf_counter() - begin, "pairs", pairs, note


def build_gaoya(folder):
    """The program of `gaoya.rs`, built where it is missing."""
    crate = os.path.join(folder, "gaoya")
    os.makedirs(os.path.join(crate, "src"), exist_ok=True)
    source = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "gaoya.rs"), encoding="utf-8").read()
    manifest = '[package]\nname = "gaoya-peer"\nversion = "0.1.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n'
    for path, text in (("Cargo.toml", manifest + GAOYA_CRATES), ("src/main.rs", source)):
        path = os.path.join(crate, path)
        if not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    command = ["cargo", "build", "--release", "--quiet", "--manifest-path", os.path.join(crate, "Cargo.toml")]
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(crate, "target")}
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    return os.path.join(crate, "target", "release", "gaoya-peer")


# text-dedup -----------------------------------------------------------------------------------------------------------


class Tokens:
    """What text-dedup splits texts with, in place of its expression for words."""

    def split(self, text):
        return TOKEN.findall(text)


def text_dedup(folder):
    import shutil

    import datasets
    import text_dedup.minhash as module

    place = os.path.join(folder, "text-dedup-data")
    shutil.rmtree(place, ignore_errors=True)
    # It works on a data set on disk only; making that is not measured.
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(place)
    module.NON_ALPHA = Tokens()
    timers = []
    made = module.Timer
    module.Timer = lambda: timers.append(made()) or timers[-1]
    options = {
        "path": place,
        "output": place + "-out",
        "column": "text",
        "num_proc": PROCESSES,
        "ngram": 5,
        "min_length": 1,
        "num_perm": PERMUTATIONS,
        "threshold": THRESHOLD,
        "hash_func": "xxh3",
        "hash_bits": 32,
        "batch_size": 10000,
    }
    command = ["--local"] + [word for name, value in options.items() for word in (f"--{name}", str(value))]
    datasets.disable_caching()
    module.main(command, standalone_mode=False)
    times = timers[0].elapsed_times
    clusters = {}
    for row in list(module.uf.parent):
        clusters.setdefault(module.uf.find(row), []).append(row)
    b, r = module.optimal_param(THRESHOLD, PERMUTATIONS, false_positive_weight=0.5, false_negative_weight=0.5)
    note = f"its minhash command, {PERMUTATIONS} permutations, xxh3 of 32 bits, {b} bands of {r} as it chooses, two processes;"
    note += " MinHashing and Clustering by its own clock, its loading, filtering and saving not counted"
    note += f" (with them {times['Total']:.1f} s); it lowers case; clusters, not checked"
    found = list(clusters.values())
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(place + "-out", ignore_errors=True)
    yield "text-dedup", version_of("text-dedup"), times["MinHashing"], times["Clustering"], "clusters", found, note


# datatrove ------------------------------------------------------------------------------------------------------------


def datatrove(folder):
    import shutil
    import struct

    from datatrove.data import Document
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.dedup import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.text import TextNormConfig
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Common(WordTokenizer):
        def __init__(self):
            super().__init__()

        def word_tokenize(self, text):
            return TOKEN.findall(text)

        def sent_tokenize(self, text):
            return [text]

        def span_tokenize(self, text):
            return [(0, len(text))]

    class Texts(PipelineStep):
        name = "texts in memory"

        def run(self, data=None, rank=0, world_size=1):
            for row in range(rank, len(TEXTS), world_size):
                yield Document(text=TEXTS[row], id=str(row))

    place = os.path.join(folder, "datatrove-data")
    shutil.rmtree(place, ignore_errors=True)
    off = TextNormConfig(*[False] * 7)
    # (1 / 9) ^ (1 / 13) is 0.845, by the formula that it gives for the threshold.
    config = MinhashConfig(
        n_grams=5,
        num_buckets=9,
        hashes_per_bucket=13,
        norm_config=off,
        hash_config=HashConfig(precision=64, hash_fc="xxhash"),
    )

    def at(name):
        return os.path.join(place, name)

    def run(name, pipeline, tasks):
        workers = min(tasks, PROCESSES)
        LocalPipelineExecutor(pipeline, tasks, workers, logging_dir=at(f"log-{name}"), start_method="fork").run()

    begin = time.perf_counter()
    run("1", [Texts(), MinhashDedupSignature(at("signatures"), config=config, language=Common())], PROCESSES)
    sketched = time.perf_counter() - begin
    begin = time.perf_counter()
    # All of a file in one read: the default of five lines is slower.
    buckets = MinhashDedupBuckets(at("signatures"), at("buckets"), config=config, lines_to_buffer=-1)
    run("2", [buckets], config.num_buckets)
    run("3", [MinhashDedupCluster(at("buckets"), at("clusters"), config=config, save_cluster_id=True)], 1)
    asked = time.perf_counter() - begin
    clusters = {}
    for rank in range(PROCESSES):
        path = at(f"clusters/{rank:06d}.clusters")
        if os.path.exists(path):
            for row, cluster in struct.iter_unpack("<2I", open(path, "rb").read()):
                clusters.setdefault(cluster, []).append(row * PROCESSES + rank)
    shutil.rmtree(place, ignore_errors=True)
    note = "signatures, buckets and clusters by the local executor with two tasks at a time; 9 buckets of 13 hashes of 64 bits"
    note += " by xxhash, no normalisation of texts; its files on disk are in the time; clusters, not checked"
    yield "datatrove", version_of("datatrove"), sketched, asked, "clusters", list(clusters.values()), note


# Measuring ------------------------------------------------------------------------------------------------------------

PEERS = {
    "shingles": shingles_alone,
    "datasketch": datasketch,
    "rensa": rensa,
    "gaoya": None,
    "gaoya-python": gaoya_python,
    "text-dedup": text_dedup,
    "datatrove": datatrove,
}

COLUMNS = (
    "peer version rows seconds sketch_seconds query_seconds peak_mb recall precision pairs flagged load others note"
)


def read_texts(path, rows):
    texts = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if len(texts) == rows:
                break
            texts.append(json.loads(line)["code"])
    return texts


def work(peer, corpus, rows, folder, out):
    """Runs a peer in this process and writes what it gave to a file."""
    TEXTS.extend(read_texts(corpus, rows))
    load = os.getloadavg()[0]
    answers = []
    for name, version, sketched, asked, kind, found, note in PEERS[peer](folder):
        answers.append(
            {
                "peer": name,
                "version": version,
                "sketch_seconds": sketched,
                "query_seconds": asked,
                "load": load,
                "kind": kind,
                "found": found,
                "note": note,
                "rows": len(TEXTS),
            }
        )
    with open(out, "w", encoding="utf-8") as file:
        json.dump(answers, file)


def processes_below(top):
    """A process and all that it started."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    parents.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
            except OSError:
                pass
    found = [top]
    for pid in found:
        found += parents.get(pid, [])
    return found


def memory_mb(top):
    """Memory of a process and those below it; of pages that they share each has its part."""
    kilobytes = 0
    for pid in processes_below(top):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
                kilobytes += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return kilobytes * 1024 / 1e6


def busy_seconds():
    """Seconds that all cores together were not idle."""
    with open("/proc/stat", encoding="utf-8") as file:
        ticks = [int(each) for each in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Processor seconds of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def watched(command, environment):
    """Runs a command; gives the most memory that was seen, how many cores others kept busy, and why it failed, if so."""
    peak, done = 0.0, threading.Event()
    begin, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    with open(os.devnull, "rb") as nothing:
        process = subprocess.Popen(
            command, env=environment, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def watch():
        nonlocal peak
        while True:
            peak = max(peak, memory_mb(process.pid))
            if done.wait(0.3):
                break

    thread = threading.Thread(target=watch)
    thread.start()
    said, _ = process.communicate()
    done.set()
    thread.join()
    others = (busy_seconds() - busy - (own_seconds() - own)) / (time.perf_counter() - begin)
    reason = None
    if process.returncode != 0:
        lines = [line for line in said.splitlines() if line.strip()]
        reason = lines[-1][-300:] if lines else f"exit status {process.returncode}"
        print(said[-4000:], file=sys.stderr)
    return peak, others, reason


def environment_of(peer, folder):
    """The Python of a peer, in a virtual environment that is made where it is missing."""
    packages = PACKAGES[peer]
    if not packages:
        return sys.executable
    place = os.path.join(folder, f"venv-{peer}")
    python, made = os.path.join(place, "bin", "python"), os.path.join(place, "made.json")
    if not os.path.exists(made) or json.load(open(made, encoding="utf-8")) != packages:
        print(f"making a virtual environment for {peer} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True, stdout=sys.stderr)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError("cannot be installed: " + done.stdout.strip().splitlines()[-1][-300:])
        with open(made, "w", encoding="utf-8") as file:
            json.dump(packages, file)
    return python


def judged(answer, truth):
    """What a peer gave beside what is true, with its list of findings counted."""
    found, kind = answer.pop("found"), answer.pop("kind")
    if kind is None:
        return answer
    if kind == "rows":
        wanted, got = {row for pair in truth for row in pair}, set(found)
    elif kind == "clusters":
        wanted, got = truth, set()
        for cluster in found:
            cluster = sorted(cluster)
            got.update((left, right) for at, left in enumerate(cluster) for right in cluster[at + 1 :])
    else:
        wanted, got = truth, {tuple(sorted(pair)) for pair in found}
    both = len(wanted & got)
    answer["recall"] = round(both / max(len(wanted), 1), 4)
    answer["precision"] = round(both / max(len(got), 1), 4)
    answer["pairs" if kind != "rows" else "flagged"] = len(got)
    return answer


def measure(peer, arguments):
    """One run of a peer: its answers, unjudged."""
    folder = arguments.folder
    out = os.path.join(folder, f"{peer}.json")
    if os.path.exists(out):
        os.remove(out)
    environment = {
        **os.environ,
        "RAYON_NUM_THREADS": str(PROCESSES),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONHASHSEED": "0",
    }
    given = [arguments.corpus, str(arguments.rows), folder, out]
    if peer == "gaoya":
        command = [build_gaoya(folder), *given]
    else:
        command = [environment_of(peer, folder), os.path.abspath(__file__), "--work", peer, *given]
    peak, others, reason = watched(["nice", "-n", "5", *command], environment)
    if reason:
        raise RuntimeError(reason)
    answers = json.load(open(out, encoding="utf-8"))
    os.remove(out)
    for answer in answers:
        answer["seconds"] = answer["sketch_seconds"] + answer["query_seconds"]
        answer["peak_mb"] = peak
        answer["others"] = max(others, 0.0)
    return answers


def main():
    if sys.argv[1:2] == ["--work"]:
        _, _, peer, corpus, rows, folder, out = sys.argv
        return work(peer, corpus, int(rows), folder, out)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("truth")
    parser.add_argument("folder")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rows", type=int, default=1 << 31)
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    arguments.folder = os.path.abspath(arguments.folder)
    os.makedirs(arguments.folder, exist_ok=True)
    truth = set()
    with open(arguments.truth, encoding="utf-8") as file:
        for line in file:
            left, right = map(int, line.split("\t")[:2])
            if max(left, right) < arguments.rows:
                truth.add((left, right))
    for peer in arguments.peers.split(","):
        best = {}
        try:
            for _ in range(arguments.runs):
                for answer in measure(peer, arguments):
                    before = best.get(answer["peer"])
                    if before is None or answer["seconds"] < before["seconds"]:
                        best[answer["peer"]] = answer
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(json.dumps({"peer": peer, "error": str(error)}), flush=True)
        for answer in best.values():
            answer = judged(answer, truth)
            answer = {name: answer[name] for name in COLUMNS.split() if name in answer}
            for name in ("seconds", "sketch_seconds", "query_seconds", "load", "others"):
                answer[name] = round(answer[name], 2)
            answer["peak_mb"] = round(answer["peak_mb"])
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
