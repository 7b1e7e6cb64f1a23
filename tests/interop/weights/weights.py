"""Published weights in, trained weights out, against transformers, safetensors and peft.

weights.py BIN: makes a small model in the published layout with transformers itself, imports it and
a training checkpoint with `desa2va`, exports it, and compares what both sides compute.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig
from transformers.models.internvl.modeling_internvl import InternVLVisionModel

BIN = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(os.environ.get("DESA2VA_SOURCE_DIR", "."))
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<quad>", "</quad>",
         "<ref>", "</ref>", "<box>", "</box>"]
OURS = ["[SEG]", "<p>", "</p>", "<vp>", "</vp>"]
WIDTH, LAYERS, VIT, VIT_LAYERS, SIDE, RANK = 64, 3, 32, 2, 56, 8
TARGETS = {"self_attn": ["q_proj", "k_proj", "v_proj", "o_proj"], "mlp": ["gate_proj", "up_proj", "down_proj"]}


def command(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def close(what, got, expected, tolerance):
    got, expected = got.double(), expected.double()
    if got.shape != expected.shape:
        sys.exit(f"{what}: {tuple(got.shape)} against {tuple(expected.shape)}")
    error = ((got - expected).abs().max() / expected.abs().max().clamp(min=1e-6)).item()
    print(f"{what}: largest error {error:.3g} (allowed {tolerance:g})")
    if not error <= tolerance:
        sys.exit(f"{what} differs")


def equal(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r} against {expected!r}")
    print(f"{what}: equal")


def byte_letters():
    kept = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    letters, next_letter = {}, 256
    for b in range(256):
        letters[b] = chr(b) if b in kept else chr(next_letter)
        next_letter += b not in kept
    return letters


def write_tokenizer(folder):
    letters = byte_letters()
    vocabulary = {letters[b]: b for b in range(256)}
    merges = [("t", "h"), ("th", "e"), (letters[32], "the"), ("c", "a"), ("ca", "t")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    added = {token: len(vocabulary) + i for i, token in enumerate(ADDED)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "added_tokens.json").write_text(json.dumps(added))
    decoder = {str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False,
                        "single_word": False, "special": True} for t, i in added.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": decoder, "bos_token": None,
         "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None}))
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<|im_end|>",
                                                                "pad_token": "<|endoftext|>"}))
    return added


def vision_to_published(state):
    """transformers' names of InternViT -> the published ones."""
    out = {}
    out["embeddings.class_embedding"] = state["embeddings.cls_token"]
    out["embeddings.position_embedding"] = state["embeddings.position_embeddings"]
    for part in ("weight", "bias"):
        out[f"embeddings.patch_embedding.{part}"] = state[f"embeddings.patch_embeddings.projection.{part}"]
    for i in range(VIT_LAYERS):
        old, new = f"encoder.layer.{i}.", f"encoder.layers.{i}."
        for part in ("weight", "bias"):
            qkv = [state[f"{old}attention.{name}_proj.{part}"] for name in "qkv"]
            out[f"{new}attn.qkv.{part}"] = torch.cat(qkv)
            out[f"{new}attn.proj.{part}"] = state[f"{old}attention.projection_layer.{part}"]
            out[f"{new}norm1.{part}"] = state[f"{old}layernorm_before.{part}"]
            out[f"{new}norm2.{part}"] = state[f"{old}layernorm_after.{part}"]
            out[f"{new}mlp.fc1.{part}"] = state[f"{old}mlp.fc1.{part}"]
            out[f"{new}mlp.fc2.{part}"] = state[f"{old}mlp.fc2.{part}"]
        out[f"{new}ls1"], out[f"{new}ls2"] = state[f"{old}lambda_1"], state[f"{old}lambda_2"]
    return out


def published_to_vision(state):
    out = {"embeddings.cls_token": state["embeddings.class_embedding"],
           "embeddings.position_embeddings": state["embeddings.position_embedding"]}
    for part in ("weight", "bias"):
        out[f"embeddings.patch_embeddings.projection.{part}"] = state[f"embeddings.patch_embedding.{part}"]
    for i in range(VIT_LAYERS):
        new, old = f"encoder.layer.{i}.", f"encoder.layers.{i}."
        for part in ("weight", "bias"):
            for name, value in zip("qkv", state[f"{old}attn.qkv.{part}"].chunk(3)):
                out[f"{new}attention.{name}_proj.{part}"] = value
            out[f"{new}attention.projection_layer.{part}"] = state[f"{old}attn.proj.{part}"]
            out[f"{new}layernorm_before.{part}"] = state[f"{old}norm1.{part}"]
            out[f"{new}layernorm_after.{part}"] = state[f"{old}norm2.{part}"]
            out[f"{new}mlp.fc1.{part}"] = state[f"{old}mlp.fc1.{part}"]
            out[f"{new}mlp.fc2.{part}"] = state[f"{old}mlp.fc2.{part}"]
        out[f"{new}lambda_1"], out[f"{new}lambda_2"] = state[f"{old}ls1"], state[f"{old}ls2"]
    return out


def vision_config():
    return InternVLVisionConfig(hidden_size=VIT, num_hidden_layers=VIT_LAYERS, num_attention_heads=2,
                                intermediate_size=48, image_size=[SIDE, SIDE], patch_size=[14, 14],
                                attention_bias=True, use_qk_norm=False, norm_type="layer_norm",
                                layer_norm_eps=1e-6, hidden_act="gelu", layer_scale_init_value=0.1,
                                use_absolute_position_embeddings=True)


def language_config(rows):
    return Qwen2Config(vocab_size=rows, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
                       num_key_value_heads=2, intermediate_size=96, rope_theta=1e6, rms_norm_eps=1e-6,
                       tie_word_embeddings=False)


def randomised(state):
    return {k: (torch.randn_like(v) * (0.15 if v.dim() > 1 else 0.1) +
                (1 if "norm" in k and k.endswith("weight") else 0)) for k, v in state.items()}


def write_published(folder, rows):
    language = randomised(Qwen2ForCausalLM(language_config(rows)).state_dict())
    vision = vision_to_published(randomised(InternVLVisionModel(vision_config()).state_dict()))
    tensors = {f"language_model.{k}": v for k, v in language.items()}
    tensors |= {f"vision_model.{k}": v for k, v in vision.items()}
    for name, shape in {"0.weight": [4 * VIT], "0.bias": [4 * VIT], "1.weight": [WIDTH, 4 * VIT],
                        "1.bias": [WIDTH], "3.weight": [WIDTH, WIDTH], "3.bias": [WIDTH]}.items():
        tensors[f"mlp1.{name}"] = torch.randn(shape) * 0.1 + (1 if name == "0.weight" else 0)
    tensors = {k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items()}
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({k: tensors[k] for k in part}, folder / file, metadata={"format": "pt"})
    index = {"metadata": {"total_size": sum(v.numel() * 2 for v in tensors.values())},
             "weight_map": {k: f for f, part in halves.items() for k in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    vision_json = {"architectures": ["InternVisionModel"], "hidden_size": VIT, "image_size": SIDE, "patch_size": 14,
                   "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": VIT_LAYERS,
                   "layer_norm_eps": 1e-6, "norm_type": "layer_norm", "qkv_bias": True,
                   "qk_normalization": False, "hidden_act": "gelu"}
    language_json = language_config(rows).to_dict() | {"architectures": ["Qwen2ForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(
        {"architectures": ["InternVLChatModel"], "model_type": "internvl_chat", "downsample_ratio": 0.5,
         "dynamic_image_size": True, "force_image_size": SIDE, "min_dynamic_patch": 1, "max_dynamic_patch": 6,
         "ps_version": "v2", "select_layer": -1, "template": "internvl2_5", "use_thumbnail": True,
         "llm_config": language_json, "vision_config": vision_json}))
    return tensors


def write_sam(path):
    names = json.loads((SOURCE / "tests/golden/cases/sam2/names_tiny_20.json").read_text())
    state = {name: torch.randn(shape) * 0.02 for name, shape in names.items()}
    torch.save({"model": state}, path)
    return state


def write_trained(path, rows):
    """What the reference trainer saves."""
    shapes = {"q_proj": (WIDTH, WIDTH), "k_proj": (WIDTH // 2, WIDTH), "v_proj": (WIDTH // 2, WIDTH),
              "o_proj": (WIDTH, WIDTH), "gate_proj": (96, WIDTH), "up_proj": (96, WIDTH), "down_proj": (WIDTH, 96)}
    state = {}
    for i in range(LAYERS):
        for block, names in TARGETS.items():
            for name in names:
                base = f"mllm.model.language_model.base_model.model.model.layers.{i}.{block}.{name}."
                out, width = shapes[name]
                state[base + "lora_A.default.weight"] = torch.randn(RANK, width) * 0.2
                state[base + "lora_B.default.weight"] = torch.randn(out, RANK) * 0.2
    for name in ("model.embed_tokens", "lm_head"):
        state[f"mllm.model.language_model.base_model.model.{name}.weight"] = torch.randn(rows, WIDTH) * 0.2
    state["decoupler.linear_vision.weight"] = torch.randn(256, 256) * 0.1
    state["decoupler.linear_vision.bias"] = torch.randn(256) * 0.1
    torch.save({"state_dict": state, "meta": {"epoch": 1}}, path)
    return state


def pixel_shuffle(x):
    """(N, tokens, C) -> (N, tokens / 4, 4 C), as version 2 of the published code."""
    n, side = x.shape[0], int(x.shape[1] ** 0.5)
    x = x.reshape(n, side, side, -1)
    x = x.reshape(n, side, side // 2, -1).permute(0, 2, 1, 3).contiguous()
    x = x.reshape(n, side // 2, side // 2, -1).permute(0, 2, 1, 3).contiguous()
    return x.reshape(n, (side // 2) ** 2, -1)


def load_export(folder):
    index = folder / "model.safetensors.index.json"
    files = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {"model.safetensors"}
    tensors = {}
    for file in files:
        with safe_open(folder / file, framework="pt") as opened:
            equal(f"{file} metadata", opened.metadata(), {"format": "pt"})
            tensors |= {name: opened.get_tensor(name) for name in opened.keys()}
    return tensors


def part(tensors, prefix):
    return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}


def compare_models(tensors, folder, inputs, ours):
    rows = json.loads((folder / "config.json").read_text())["llm_config"]["vocab_size"]
    language = Qwen2ForCausalLM(language_config(rows)).eval()
    language.load_state_dict(part(tensors, "language_model."), strict=True)
    vision = InternVLVisionModel(vision_config()).eval()
    vision.load_state_dict(published_to_vision(part(tensors, "vision_model.")), strict=True)
    mlp1 = torch.nn.Sequential(torch.nn.LayerNorm(4 * VIT), torch.nn.Linear(4 * VIT, WIDTH), torch.nn.GELU(),
                               torch.nn.Linear(WIDTH, WIDTH))
    mlp1.load_state_dict(part(tensors, "mlp1."), strict=True)
    images = mlp1(pixel_shuffle(vision(inputs["tiles"]).last_hidden_state[:, 1:]))
    close("image embeddings", ours["image_embeds"], images, 1e-4)
    embeds = language.get_input_embeddings()(inputs["ids"])
    embeds[inputs["ids"] == inputs["tokens"][0]] = images.reshape(-1, WIDTH)
    length = inputs["ids"].shape[1]
    mask = (torch.arange(length) < inputs["lengths"][:, None]).long()
    logits = language(inputs_embeds=embeds, attention_mask=mask).logits
    real = mask.bool()
    close("logits", ours["logits"][real], logits[real], 1e-4)
    projector = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 256))
    projector.load_state_dict(part(tensors, "text_hidden_fcs."), strict=True)
    close("visual prompts through the folded projector", projector(ours["seg_hidden"]), ours["h_v"], 1e-4)
    return logits, real, embeds, mask


def main(work):
    torch.manual_seed(0)
    published, run = work / "internvl", work / "run"
    published.mkdir()
    added = write_tokenizer(published)
    rows = max(added.values()) + 1
    originals = write_published(published, rows)
    sam = write_sam(work / "sam2.pt")
    trained = write_trained(work / "trained.pth", rows + len(OURS))
    sizes = ["club.hidden=8"]
    command(BIN / "desa2va", "ckpt", "import", "--internvl", published, "--sam2", work / "sam2.pt", "--checkpoint",
            work / "trained.pth", "--to", run, *sizes)

    export = work / "export"
    command(BIN / "desa2va", "ckpt", "export", run, "--to", export, "--dtype", "f32", "--shard-size", "100MB")
    tensors = load_export(export)
    equal("number of tensors", len(tensors), len(originals) + len(sam) + 4)
    fuser = "grounding_encoder.sam2_model.memory_encoder.fuser.layers.0."
    equal("fuser name", f"{fuser}g_weight" in tensors and f"{fuser}gamma" not in tensors, True)
    for name, value in sam.items():
        new = "grounding_encoder.sam2_model." + name.replace("layers.0.gamma", "layers.0.g_weight").replace(
            "layers.1.gamma", "layers.1.g_weight")
        if not torch.equal(tensors[new], value):
            sys.exit(f"{new} is not what was imported")

    seg, context = rows, added["<IMG_CONTEXT>"]
    ids = torch.randint(0, 256, (2, 24))
    ids[0, 2:6] = context
    ids[0, [10, 15]] = seg
    ids[1, 7] = seg
    inputs = {"ids": ids, "lengths": torch.tensor([24, 17]), "tiles": torch.randn(1, 3, SIDE, SIDE),
              "tiles_per_sample": torch.tensor([1, 0]), "tokens": torch.tensor([context, seg])}
    save_file(inputs, work / "in.safetensors")
    command(BIN / "weights_logits", run, work / "in.safetensors", work / "ours")
    ours = load_file(work / "ours/model.safetensors")
    with torch.no_grad():
        logits, real, embeds, mask = compare_models(tensors, export, inputs, ours)

        base = Qwen2ForCausalLM(language_config(rows + len(OURS))).eval()
        state = {k: v.float() for k, v in part(originals, "language_model.").items()}
        for name in ("model.embed_tokens", "lm_head"):
            state[f"{name}.weight"] = trained[f"mllm.model.language_model.base_model.model.{name}.weight"]
        base.load_state_dict(state, strict=True)
        command(BIN / "desa2va", "ckpt", "export", run, "--format", "peft", "--to", work / "adapter")
        adapted = PeftModel.from_pretrained(base, work / "adapter").eval()
        again = adapted(inputs_embeds=embeds, attention_mask=mask).logits
        close("logits with the adapter in peft", again[real], logits[real], 1e-4)

    command(BIN / "desa2va", "ckpt", "export", run, "--to", work / "half")
    half = load_export(work / "half")
    untouched = [k for k in originals if "_proj" not in k and "embed_tokens" not in k and "lm_head" not in k]
    equal("untouched bf16 tensors", all(torch.equal(half[k], originals[k]) for k in untouched), True)

    for kind in (True, False):
        tokenizer = AutoTokenizer.from_pretrained(export, use_fast=kind)
        equal(f"added tokens (fast={kind})", tokenizer.convert_tokens_to_ids(OURS), list(range(rows, rows + 5)))
        the, cat = 257, 260  # merges 2 and 5 of the vocabulary above
        equal(f"tokens of a text (fast={kind})", tokenizer("the cat[SEG]")["input_ids"], [the, 32, cat, rows])
    print("passed")


with tempfile.TemporaryDirectory(prefix="desa2va-interop-") as folder:
    main(pathlib.Path(folder))
