"""What train.py and generate.py share: settings of torch, loading, and what is said about the run."""

import importlib.metadata
import os
import platform
import resource
import sys
import time

DTYPES = ("f32", "bf16")


def arguments_of_both(parser):
    parser.add_argument("--model", required=True, help="folder of a model in the layout of Hugging Face")
    parser.add_argument("--dtype", choices=DTYPES, default="f32", help="type of the base's weights")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--attn", default="sdpa", help="attention of transformers: sdpa, eager, flash_attention_2")
    parser.add_argument(
        "--compile", choices=["off", "default", "reduce-overhead", "max-autotune"], default="off", help="torch.compile"
    )
    parser.add_argument(
        "--matmul",
        choices=["highest", "high", "medium"],
        default="highest",
        help="torch.set_float32_matmul_precision: below highest, f32 products are no f32 any more (TF32 or bf16 inside)",
    )
    parser.add_argument(
        "--malloc",
        choices=["plain", "keep", "huge"],
        default="keep",
        help="glibc gives freed memory back to the system (plain), keeps it (keep), or keeps it in huge pages (huge)",
    )
    parser.add_argument("--adapter", help="folder of a PEFT adapter to begin with")


def keep_memory(how):
    """Starts this program again with the allocator told so, since glibc reads its settings once."""
    wanted = {}
    if how in ("keep", "huge"):
        wanted = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_ARENA_MAX": "2"}
    if how == "huge":
        wanted |= {"THP_MEM_ALLOC_ENABLE": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    if wanted and any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def set_up(given):
    """Torch with the threads and precision asked for; nothing is fetched from anywhere."""
    keep_memory(given.malloc)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.set_float32_matmul_precision(given.matmul)
    if given.compile != "off":
        torch._dynamo.config.cache_size_limit = 64
        # Constants of the program, as the position a graph is cut at, do not become a graph each.
        torch._dynamo.config.allow_unspec_int_on_nn_module = True
    return torch


def torch_type(torch, name):
    return {"f32": torch.float32, "bf16": torch.bfloat16}[name]


def load(torch, given):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        given.model, dtype=torch_type(torch, given.dtype), attn_implementation=given.attn
    )
    return model.to(given.device)


def wait(torch, device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def clock(torch, device):
    wait(torch, device)
    return time.perf_counter()


class Others:
    """How many cores other programs keep busy from its making until it is asked: numbers want that near nought."""

    def __init__(self):
        self.busy, self.own, self.since = self.now()

    @staticmethod
    def now():
        try:
            with open("/proc/stat", encoding="utf-8") as file:
                user, nice, system, _idle, _waiting, *rest = map(int, file.readline().split()[1:])
        except (OSError, ValueError):
            return None, 0.0, time.perf_counter()
        times = os.times()
        busy = (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")
        return busy, times.user + times.system, time.perf_counter()

    def said(self):
        """What the report says: the others' cores, and the processor time of this program."""
        busy, own, at = self.now()
        others = None
        if busy is not None and self.busy is not None:
            others = round(max(0.0, (busy - self.busy - (own - self.own)) / (at - self.since)), 2)
        return {"others": others, "cpu_seconds": round(own - self.own, 2)}


def about_the_run(torch, given):
    """Settings, versions, memory and machine: what a number needs beside it."""
    processor = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processor = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    out = {
        "settings": vars(given),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
        "threads": torch.get_num_threads(),
        "processor": processor,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if given.device.startswith("cuda"):
        out["gpu"] = torch.cuda.get_device_name()
        out["peak_gpu_mb"] = torch.cuda.max_memory_allocated() // (1 << 20)
    return out
