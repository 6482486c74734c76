"""Random models of real shapes, and batches, for benches.

    shapes.py model SHAPE DIR [--layers N] [--dtype f32|bf16] [--seed N] [--tokenizer DIR]
    shapes.py batches FILE --vocabulary N [--micro-batches N] [--rows N] [--tokens N] [--trained 0.5] [--ragged] [--seed N]
    shapes.py prompts FILE --vocabulary N [--rows N] [--tokens N] [--ragged] [--seed N]
    shapes.py list

A model is a folder in the layout of Hugging Face, its config as its family publishes it, its weights normal with a
deviation of 0.02 (norms one, biases normal too). `--tokenizer` copies the tokenizer of another folder, whose ids must be in the
vocabulary; a bench that gives ids needs none. Batches are what train.py reads, prompts what generate.py reads; `--ragged`
draws lengths between a quarter and the whole of `--tokens`.
"""

import argparse
import json
import os
import random
import shutil

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "mlp_bias": False}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "use_sliding_window": False}
ALL = {"hidden_act": "silu", "initializer_range": 0.02, "use_cache": True, "attention_dropout": 0.0}


def shape(family, hidden, layers, heads, kv_heads, inter, vocabulary, tied, **more):
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inter,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }
    return {**family, **ALL, **sizes, **more}


SHAPES = {
    "smollm2-135m": shape(
        LLAMA, 576, 30, 9, 3, 1536, 49152, True, rms_norm_eps=1e-5, rope_theta=100000, max_position_embeddings=8192
    ),
    "smollm2-360m": shape(
        LLAMA, 960, 32, 15, 5, 2560, 49152, True, rms_norm_eps=1e-5, rope_theta=100000, max_position_embeddings=8192
    ),
    "qwen2.5-coder-0.5b": shape(
        QWEN2, 896, 24, 14, 2, 4864, 151936, True, rms_norm_eps=1e-6, rope_theta=1000000.0, max_position_embeddings=32768
    ),
    "tinyllama-1.1b": shape(
        LLAMA, 2048, 22, 32, 4, 5632, 32000, False, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=2048
    ),
    "deepseek-coder-1.3b": shape(
        LLAMA,
        2048,
        24,
        16,
        16,
        5504,
        32256,
        False,
        rms_norm_eps=1e-6,
        rope_theta=100000,
        rope_scaling={"factor": 4.0, "type": "linear"},
        max_position_embeddings=16384,
    ),
}


def tensors_of(config):
    """Names and shapes; a norm's has one size, a bias is named so."""
    hidden, inter, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    keys = config["num_key_value_heads"] * (hidden // heads)
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        for name, outs in (("q", hidden), ("k", keys), ("v", keys)):
            yield f"{at}.self_attn.{name}_proj.weight", (outs, hidden)
            if config["model_type"] == "qwen2":
                yield f"{at}.self_attn.{name}_proj.bias", (outs,)
        yield f"{at}.self_attn.o_proj.weight", (hidden, hidden)
        yield f"{at}.mlp.gate_proj.weight", (inter, hidden)
        yield f"{at}.mlp.up_proj.weight", (inter, hidden)
        yield f"{at}.mlp.down_proj.weight", (hidden, inter)
        yield f"{at}.input_layernorm.weight", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (config["vocab_size"], hidden)


def model(given):
    import torch
    from safetensors.torch import save_file

    config = dict(SHAPES[given.shape])
    if given.layers:
        config["num_hidden_layers"] = given.layers
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[given.dtype]
    config["torch_dtype"] = str(dtype).removeprefix("torch.")
    config |= {"bos_token_id": 0, "eos_token_id": 1}
    os.makedirs(given.folder, exist_ok=True)
    generator = torch.Generator().manual_seed(given.seed)
    weights, count = {}, 0
    for name, sizes in tensors_of(config):
        if name.endswith("norm.weight"):
            values = torch.ones(sizes)
        else:
            values = torch.randn(sizes, generator=generator) * 0.02
        weights[name] = values.to(dtype)
        count += values.numel()
    save_file(weights, os.path.join(given.folder, "model.safetensors"), metadata={"format": "pt"})
    names = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
    for name in names if given.tokenizer else ():
        shutil.copy(os.path.join(given.tokenizer, name), given.folder)
    if given.tokenizer:
        with open(os.path.join(given.tokenizer, "config.json"), encoding="utf-8") as file:
            theirs = json.load(file)
        config |= {key: theirs[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if key in theirs}
    with open(os.path.join(given.folder, "config.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(config, indent=2) + "\n")
    print(f"{given.folder}: {count:,} parameters of {given.dtype}")


def lengths(given, generator, count):
    for _ in range(count):
        yield generator.randint(max(2, given.tokens // 4), given.tokens) if given.ragged else given.tokens


def row(given, generator, length):
    return {"ids": [generator.randrange(given.vocabulary) for _ in range(length)]}


def batches(given):
    generator, out = random.Random(given.seed), []
    for _ in range(given.micro_batches):
        rows = [row(given, generator, length) for length in lengths(given, generator, given.rows)]
        for each in rows:
            each["trained_from"] = max(1, round(len(each["ids"]) * (1.0 - given.trained)))
        out.append(rows)
    with open(given.file, "w", encoding="utf-8") as file:
        json.dump(out, file, separators=(",", ":"))


def prompts(given):
    generator = random.Random(given.seed)
    with open(given.file, "w", encoding="utf-8") as file:
        rows = [row(given, generator, length) for length in lengths(given, generator, given.rows)]
        json.dump(rows, file, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("model")
    verb.add_argument("shape", choices=SHAPES)
    verb.add_argument("folder")
    verb.add_argument("--layers", type=int, default=0, help="fewer than the shape has")
    verb.add_argument("--dtype", choices=["f32", "bf16"], default="bf16")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--tokenizer", help="folder of a model whose tokenizer is taken")
    for name in ("batches", "prompts"):
        verb = verbs.add_parser(name)
        verb.add_argument("file")
        verb.add_argument("--vocabulary", type=int, required=True)
        verb.add_argument("--rows", type=int, default=4 if name == "batches" else 16)
        verb.add_argument("--tokens", type=int, default=512 if name == "batches" else 64)
        verb.add_argument("--ragged", action="store_true")
        verb.add_argument("--seed", type=int, default=0)
        if name == "batches":
            verb.add_argument("--micro-batches", type=int, default=4)
            verb.add_argument("--trained", type=float, default=0.5)
    verbs.add_parser("list")
    given = parser.parse_args()
    if given.verb == "list":
        for name, config in SHAPES.items():
            print(name, json.dumps(config))
        return
    {"model": model, "batches": batches, "prompts": prompts}[given.verb](given)


if __name__ == "__main__":
    main()
