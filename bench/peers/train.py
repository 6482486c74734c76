"""LoRA training by transformers and PEFT over given batches: `train.py --model DIR --batches FILE --steps N [...]`.

FILE is JSON, a list of micro-batches, each a list of rows `{"ids": [...], "trained_from": N}`: the ids from position N on
are labels. A step takes `--accumulation` micro-batches, the next ones of the list, from its beginning again where it ends;
its loss is the sum over all its labels divided by their number. `--warm` steps come before the measured ones and are
trained like them. Rows are right-padded to the longest of their micro-batch; tensors are made before the clock starts.

Prints JSON: `tokens_per_second` counts real tokens (no padding) of the measured steps over their time, forward, backward,
clipping and AdamW; seconds and loss of each step; peak memory; `others`, the cores that other programs kept
busy meanwhile; `cpu_seconds` of the measured steps, which is what remains comparable on a busy machine.

Settings that are the peer's best, as measured in `README.md` beside this file, are the defaults; `--head all --mask pad
--malloc plain --lora-dtype f32` is what a plain script does.
"""

import argparse
import contextlib
import json
import statistics
import sys

import peer

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def tensors_of(torch, rows, given):
    """A micro-batch: ids, mask, labels, and where in the flat hidden states the labels are predicted from."""
    longest = max(len(row["ids"]) for row in rows)
    ids = torch.full((len(rows), longest), given.pad)
    labels = torch.full((len(rows), longest), -100)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for at, row in enumerate(rows):
        length, start = len(row["ids"]), max(1, row["trained_from"])
        ids[at, :length] = torch.tensor(row["ids"])
        labels[at, start:length] = ids[at, start:length]
        mask[at, :length] = 1
    places = (labels[:, 1:] != -100).nonzero()
    batch = {
        "ids": ids,
        "mask": None if given.mask == "none" else mask,
        "labels": labels,
        "from": places[:, 0] * longest + places[:, 1],
        "to": labels[places[:, 0], places[:, 1] + 1],
    }
    batch = {name: each.to(given.device) if each is not None else None for name, each in batch.items()}
    return {**batch, "real": int(mask.sum()), "trained": len(places), "shape": [len(rows), longest]}


def adapted(torch, given):
    import peft

    base = peer.load(torch, given)
    base.config.use_cache = False
    # PEFT widens adapters to f32 unless told not to.
    widen = given.lora_dtype == "f32"
    if given.adapter:
        model = peft.PeftModel.from_pretrained(base, given.adapter, is_trainable=True, autocast_adapter_dtype=widen)
    else:
        torch.manual_seed(given.seed)
        config = peft.LoraConfig(
            r=given.r, lora_alpha=given.alpha, target_modules=LINEARS, use_rslora=given.rslora, task_type="CAUSAL_LM"
        )
        model = peft.get_peft_model(base, config, autocast_adapter_dtype=widen)
    if given.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()


def summed_loss(torch, model, given):
    """A function from a micro-batch to its loss, summed over its labels."""
    inner = model.get_base_model()
    cross_entropy = torch.nn.functional.cross_entropy

    def over_labels(ids, mask, labels, places, targets):
        hidden = inner.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        chosen = hidden.flatten(0, 1).index_select(0, places)
        return cross_entropy(inner.lm_head(chosen).float(), targets, reduction="sum")

    def over_all(ids, mask, labels, places, targets):
        # As the Trainer calls it: the loss divided by a number that is given, here one.
        return model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, num_items_in_batch=1).loss

    chosen = over_labels if given.head == "labels" else over_all
    if given.compile != "off":
        chosen = torch.compile(chosen, mode=None if given.compile == "default" else given.compile)
    return lambda batch: chosen(batch["ids"], batch["mask"], batch["labels"], batch["from"], batch["to"])


def run(given):
    torch = peer.set_up(given)
    with open(given.batches, encoding="utf-8") as file:
        batches = [tensors_of(torch, rows, given) for rows in json.load(file)]
    model = adapted(torch, given)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=given.lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=given.weight_decay, fused=True
    )
    loss_of = summed_loss(torch, model, given)
    if given.autocast:
        narrowed = lambda: torch.autocast(given.device.split(":")[0], dtype=torch.bfloat16)
    else:
        narrowed = contextlib.nullcontext
    losses, seconds, real, labels = [], [], [], []
    others = peer.Others()
    for step in range(given.warm + given.steps):
        taken = [batches[(step * given.accumulation + at) % len(batches)] for at in range(given.accumulation)]
        count = sum(batch["trained"] for batch in taken)
        before = peer.clock(torch, given.device)
        total = 0.0
        for batch in taken:
            with narrowed():
                loss = loss_of(batch) / count
            loss.backward()
            total = total + loss.detach()
        if given.clip:
            torch.nn.utils.clip_grad_norm_(trained, given.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(total))
        after = peer.clock(torch, given.device)
        if step >= given.warm:
            seconds.append(after - before)
            real.append(sum(batch["real"] for batch in taken))
            labels.append(count)
        else:
            print(f"warm step {step}: {after - before:.2f} s", file=sys.stderr)
            others = peer.Others()
    beside = others.said()
    if given.save:
        model.save_pretrained(given.save)
    each = [tokens / time for tokens, time in zip(real, seconds)]
    padded = sum(batch["shape"][0] * batch["shape"][1] for batch in batches)
    return {
        "tokens_per_second": sum(real) / sum(seconds),
        "tokens_per_second_of_steps": {"min": min(each), "median": statistics.median(each), "max": max(each)},
        "seconds": seconds,
        "tokens": real,
        "trained_tokens": labels,
        "losses": losses,
        **beside,
        "padding": 1.0 - sum(batch["real"] for batch in batches) / padded,
        "trained_parameters": sum(parameter.numel() for parameter in trained),
        **peer.about_the_run(torch, given),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.arguments_of_both(parser)
    parser.add_argument("--batches", required=True)
    parser.add_argument("--steps", type=int, required=True, help="measured steps")
    parser.add_argument("--warm", type=int, default=1, help="steps before them")
    parser.add_argument("--accumulation", type=int, default=1, help="micro-batches a step")
    parser.add_argument("--r", type=int, default=32)
    parser.add_argument("--alpha", type=float, default=64)
    parser.add_argument("--rslora", action="store_true")
    parser.add_argument("--lr", type=float, default=2e-4, help="constant")
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--clip", type=float, default=1.0, help="0: none")
    parser.add_argument("--seed", type=int, default=0, help="of the adapter, where none is given")
    parser.add_argument("--pad", type=int, default=0, help="id that fills rows up")
    parser.add_argument("--lora-dtype", choices=peer.DTYPES, default="f32", help="type of the adapter's weights")
    parser.add_argument("--autocast", action="store_true", help="torch.autocast to bf16")
    parser.add_argument(
        "--head", choices=["labels", "all"], default="labels", help="logits where a label is, or at all positions"
    )
    parser.add_argument(
        "--mask",
        choices=["none", "pad"],
        default="none",
        help="none: right padding needs no mask, attention is causal; pad: a mask as collators make it",
    )
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--save", help="folder for the adapter at the end")
    print(json.dumps(run(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
