"""The Qwen2 tokenizer of Hugging Face `tokenizers`, built from a folder with vocab.json, merges.txt
and added_tokens.json; and texts to try it with."""

import glob
import json
import random
import sysconfig

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

PIECES = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def load(folder):
    with open(f"{folder}/vocab.json", encoding="utf-8") as file:
        vocabulary = json.load(file)
    with open(f"{folder}/merges.txt", encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    with open(f"{folder}/added_tokens.json", encoding="utf-8") as file:
        added = json.load(file)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, fuse_unk=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    by_id = sorted(added.items(), key=lambda item: item[1])
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True)
                                  for text, _ in by_id])
    for text, number in by_id:
        assert tokenizer.token_to_id(text) == number, (text, number)
    return tokenizer, [text for text, _ in by_id]


def train(folder, seed):
    """A small vocabulary of the same form, written to the folder."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=4000, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts(1_000_000, seed, ["[SEG]"]), trainer)
    tokenizer.model.save(folder)
    first = tokenizer.get_vocab_size()
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>",
             "[SEG]", "<p>", "</p>", "<vp>", "</vp>"]
    with open(f"{folder}/added_tokens.json", "w", encoding="utf-8") as file:
        json.dump({name: first + i for i, name in enumerate(names)}, file)


# Ranges that hold the scripts people write, symbols, marks and what breaks tokenizers.
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF),
          (0x900, 0xDFF), (0xE00, 0xEFF), (0x10A0, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F),
          (0x20A0, 0x2BFF), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
          (0xF900, 0xFAFF), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF),
          (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0x2F800, 0x2FA1D), (0xE0000, 0xE007F)]
SPECIAL_RUNS = [" ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "'s", "'LL", "'\u017f", "''", "1", "a",
                "\u0301", "\u0345\u0300", "\u200d", "\U0001f468\u200d\U0001f469", "!", "->", "\u4e00"]


def random_text(rng, length):
    """Random Unicode: runs of one script, of any code point, of one thing over and over."""
    parts = []
    size = 0
    while size < length:
        kind = rng.random()
        if kind < 0.5:
            low, high = rng.choice(RANGES)
            part = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 30)))
        elif kind < 0.6:
            part = "".join(chr(c) for c in (rng.randint(0, 0x10FFFF) for _ in range(20))
                           if not 0xD800 <= c <= 0xDFFF)
        elif kind < 0.8:
            part = rng.choice(SPECIAL_RUNS) * rng.randint(1, 8 if rng.random() < 0.95 else 600)
        else:
            part = rng.choice(["", " "]) + "".join(
                rng.choice("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789.,;'_-")
                for _ in range(rng.randint(1, 40)))
        parts.append(part)
        size += len(part)
    return "".join(parts)


class Prose:
    """Files that every machine has: programs, documentation, translations."""

    def __init__(self, rng):
        roots = [sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"],
                 "/usr/share/doc", "/usr/share/common-licenses", "/usr/share/perl"]
        self.paths = []
        for root in roots:
            for pattern in ("**/*.py", "**/*.txt", "**/*.md", "**/*.json", "**/*.rst", "**/copyright",
                            "**/*.pm", "**/*.pod", "*"):
                self.paths += glob.glob(f"{root}/{pattern}", recursive=True)
        self.paths = sorted(set(self.paths))
        self.rng = rng

    def text(self, length):
        for _ in range(100):
            try:
                with open(self.rng.choice(self.paths), encoding="utf-8") as file:
                    text = file.read(8 * length)
            except (OSError, UnicodeDecodeError):
                continue
            if text:
                start = self.rng.randint(0, max(0, len(text) - length))
                return text[start:start + length]
        return random_text(self.rng, length)


def texts(total_bytes, seed, added):
    """Texts of together so many bytes: three quarters prose, a quarter random, added tokens in it."""
    rng = random.Random(seed)
    prose = Prose(rng)
    done = 0
    while done < total_bytes:
        length = rng.choice([20, 300, 5000, 60000])
        text = prose.text(length) if rng.random() < 0.75 else random_text(rng, length)
        if rng.random() < 0.2:
            at = rng.randint(0, len(text))
            text = text[:at] + rng.choice(added) + text[at:]
        done += len(text.encode())
        yield text
