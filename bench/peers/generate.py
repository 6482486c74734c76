"""Batched greedy generation by transformers: `generate.py --model DIR --prompts FILE --new-tokens N [...]`.

FILE is JSON, a list of prompts `{"ids": [...]}`. They are taken `--batch` at a time, in the order of their lengths, and
left-padded to the longest where lengths differ. Each answer ends at a token of `--stop`, or after N tokens. With
`--adapter` PEFT loads an adapter; `--merge` adds it into the weights first, which is the faster way.

Prints JSON: `new_tokens_per_second` counts the tokens of answers, end tokens included and padding not, over the time of
prefill and decoding; seconds of each batch; the answers' ids in the order of FILE.
"""

import argparse
import json

import peer


def run(given):
    torch = peer.set_up(given)
    with open(given.prompts, encoding="utf-8") as file:
        prompts = [prompt["ids"] for prompt in json.load(file)]
    model = peer.load(torch, given)
    if given.adapter:
        import peft

        model = peft.PeftModel.from_pretrained(model, given.adapter)
        model = model.merge_and_unload() if given.merge else model
    model.eval()
    if given.compile != "off":
        model.forward = torch.compile(model.forward, mode=None if given.compile == "default" else given.compile)
    # The model's own settings would sample or stop where it was not asked to.
    model.generation_config.eos_token_id = given.stop or None
    settings = {"max_new_tokens": given.new_tokens, "do_sample": False, "num_beams": 1, "pad_token_id": given.pad}
    if given.cache == "static":
        settings["cache_implementation"] = "static"
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    groups = [order[at : at + given.batch] for at in range(0, len(order), given.batch)]

    def answer(group):
        longest = max(len(prompts[at]) for at in group)
        ids = torch.full((len(group), longest), given.pad)
        mask = torch.zeros((len(group), longest), dtype=torch.long)
        for row, at in enumerate(group):
            ids[row, longest - len(prompts[at]) :] = torch.tensor(prompts[at])
            mask[row, longest - len(prompts[at]) :] = 1
        with torch.inference_mode():
            out = model.generate(input_ids=ids.to(given.device), attention_mask=mask.to(given.device), **settings)
        return out[:, longest:].cpu().tolist()

    for _ in range(given.warm):
        answer(groups[0])
    answers, seconds = [None] * len(prompts), []
    others = peer.Others()
    for group in groups:
        before = peer.clock(torch, given.device)
        found = answer(group)
        seconds.append(peer.clock(torch, given.device) - before)
        for at, ids in zip(group, found):
            end = next((place + 1 for place, token in enumerate(ids) if token in given.stop), len(ids))
            answers[at] = ids[:end]
    beside = others.said()
    count = sum(map(len, answers))
    return {
        "new_tokens_per_second": count / sum(seconds),
        "new_tokens": count,
        "prompt_tokens": sum(map(len, prompts)),
        "seconds": seconds,
        "answers": answers,
        **beside,
        **peer.about_the_run(torch, given),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.arguments_of_both(parser)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--new-tokens", type=int, required=True)
    parser.add_argument("--batch", type=int, default=16, help="prompts at a time")
    parser.add_argument("--cache", choices=["dynamic", "static"], default="dynamic")
    parser.add_argument("--stop", type=int, nargs="*", default=[], help="ids that end an answer")
    parser.add_argument("--pad", type=int, default=0)
    parser.add_argument("--warm", type=int, default=1, help="times that the first batch is answered before the clock starts")
    parser.add_argument("--merge", action="store_true", help="add the adapter into the weights")
    print(json.dumps(run(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
