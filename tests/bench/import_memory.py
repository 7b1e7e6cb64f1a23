#!/usr/bin/env python3
"""How much memory `desa2va ckpt import` and `ckpt export` need for a model of true size.

import_memory.py BIN FOLDER [--size 1b|4b] [--sparse]: writes an InternVL2.5 of the published shapes (1.9 or
7.4 GB) and a SAM-2 large below FOLDER, of pseudo-random bytes or, with --sparse, holes; imports and exports it
with BIN/desa2va; prints the largest resident memory of each. Fails above 1.5 GB. Needs no package.
"""
import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import time

SIZES = {"1b": (896, 24, 14, 4864), "4b": (2048, 36, 16, 11008)}
ROWS, VIT, LIMIT_KIB = 151674, 1024, 1_500_000_000 // 1024


def shapes(size):
    width, layers, heads, inner = SIZES[size]
    kv = width // heads * 2
    out = {"vision_model.embeddings.class_embedding": [1, 1, VIT],
           "vision_model.embeddings.position_embedding": [1, 1025, VIT],
           "vision_model.embeddings.patch_embedding.weight": [VIT, 3, 14, 14],
           "vision_model.embeddings.patch_embedding.bias": [VIT]}
    for i in range(24):
        for name, shape in {"norm1.weight": [VIT], "norm1.bias": [VIT], "norm2.weight": [VIT], "norm2.bias": [VIT],
                            "attn.qkv.weight": [3 * VIT, VIT], "attn.qkv.bias": [3 * VIT], "ls1": [VIT], "ls2": [VIT],
                            "attn.proj.weight": [VIT, VIT], "attn.proj.bias": [VIT], "mlp.fc1.weight": [4 * VIT, VIT],
                            "mlp.fc1.bias": [4 * VIT], "mlp.fc2.weight": [VIT, 4 * VIT], "mlp.fc2.bias": [VIT]}.items():
            out[f"vision_model.encoder.layers.{i}.{name}"] = shape
    for name, shape in {"0.weight": [4096], "0.bias": [4096], "1.weight": [width, 4096], "1.bias": [width],
                        "3.weight": [width, width], "3.bias": [width]}.items():
        out[f"mlp1.{name}"] = shape
    model = "language_model.model."
    out[model + "embed_tokens.weight"] = out["language_model.lm_head.weight"] = [ROWS, width]
    for i in range(layers):
        for name, shape in {"input_layernorm.weight": [width], "post_attention_layernorm.weight": [width],
                            "self_attn.q_proj.weight": [width, width], "self_attn.q_proj.bias": [width],
                            "self_attn.k_proj.weight": [kv, width], "self_attn.k_proj.bias": [kv],
                            "self_attn.v_proj.weight": [kv, width], "self_attn.v_proj.bias": [kv],
                            "self_attn.o_proj.weight": [width, width], "mlp.gate_proj.weight": [inner, width],
                            "mlp.up_proj.weight": [inner, width], "mlp.down_proj.weight": [width, inner]}.items():
            out[f"{model}layers.{i}.{name}"] = shape
    out[model + "norm.weight"] = [width]
    return out


def write(path, tensors, dtype, bytes_each, block):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors.items():
        size = bytes_each
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        end = file.tell() + at
        while block and file.tell() < end:  # the block's length shares no factor with that of a chunk
            file.write(block[:end - file.tell()])
        file.truncate(end)
    return at


def measure(*words):
    begin = time.time()
    child = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)  # of this child alone
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{words}: exit code {child.returncode}")
    peak = usage.ru_maxrss
    print(f"{words[1]} {words[2]}: {said.splitlines()[0]}\n  {time.time() - begin:.0f} s, at most {peak / 1024:.0f} MiB resident")
    if peak > LIMIT_KIB:
        sys.exit(f"more than the {LIMIT_KIB // 1024} MiB allowed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=SIZES, default="4b")
    parser.add_argument("--sparse", action="store_true")
    given = parser.parse_args()
    block = b"" if given.sparse else bytes(b & 0xBF if i % 2 else b for i, b in enumerate(
        random.Random(1).randbytes((1 << 22) + 2)))  # no infinite or undefined bf16
    model = given.folder / "internvl"
    model.mkdir(parents=True, exist_ok=True)
    tensors = shapes(given.size)
    names = list(tensors)
    index, total = {}, 0
    for i, part in enumerate((names[:len(names) // 2], names[len(names) // 2:]), 1):
        file = f"model-{i:05}-of-00002.safetensors"
        total += write(model / file, {n: tensors[n] for n in part}, "BF16", 2, block)
        index |= {n: file for n in part}
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": index}))
    width, layers, heads, inner = SIZES[given.size]
    (model / "config.json").write_text(json.dumps({
        "llm_config": {"architectures": ["Qwen2ForCausalLM"], "hidden_size": width, "num_hidden_layers": layers,
                       "num_attention_heads": heads, "num_key_value_heads": 2, "intermediate_size": inner},
        "vision_config": {"hidden_size": VIT}}))
    source = pathlib.Path(__file__).resolve().parents[2]
    sam = json.loads((source / "tests/golden/cases/sam2/names_large_20.json").read_text())
    write(given.folder / "sam2.safetensors", sam, "F32", 4, block)
    print(f"{len(tensors)} tensors, {total:,} bytes, and SAM-2 large")
    measure(given.bin / "desa2va", "ckpt", "import", "--internvl", model, "--sam2", given.folder / "sam2.safetensors",
            "--to", given.folder / "run", "--replace")
    measure(given.bin / "desa2va", "ckpt", "export", given.folder / "run", "--to", given.folder / "export", "--replace")


if __name__ == "__main__":
    main()
