"""tokenizer.py --peer PROGRAM [--megabytes N] [--seed S] [--vocabulary FOLDER]

Our tokenizer against Hugging Face `tokenizers`: every code point in some surroundings, then N MB of
mixed text. Without a folder (vocab.json, merges.txt, added_tokens.json) a small vocabulary is
trained. Exit 1 on any difference."""

import argparse
import os
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import hf_tokenizer
import numpy
from peer import Peer


def every_code_point():
    """Strings, up to the last plane with letters, that show how a code point is classed and normalised."""
    for start in range(0, 0x32400, 64):
        points = [chr(c) for c in range(start, start + 64) if not 0xD800 <= c <= 0xDFFF]
        for form in ("a{0}b", " {0}{0}\n", "1{0}'s{0}!", "e{0}\u0301\u0334{0}"):
            if points:
                yield "\u20ac".join(form.format(c) for c in points)


def compare(peer, reference, texts, name):
    different = size = 0
    for text in texts:
        data = text.encode()
        size += len(data)
        expected = numpy.array(reference.encode(text, add_special_tokens=False).ids, numpy.int32)
        _, found = peer.ask("encode", payload=data)
        found = numpy.frombuffer(found, numpy.int32)
        if not numpy.array_equal(found, expected):
            different += 1
            if different <= 10:
                shortest = min(len(found), len(expected))
                unequal = numpy.nonzero(found[:shortest] != expected[:shortest])[0]
                at = int(unequal[0]) if len(unequal) else shortest
                before = reference.decode(list(expected[max(0, at - 3):at]),
                                          skip_special_tokens=False)
                print(f"{name}: token {at} after {before!r}: ours {found[at:at + 4]}, "
                      f"theirs {expected[at:at + 4]}")
    print(f"{name}: {size / 1e6:.1f} MB, {different} texts differ")
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--megabytes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary")
    parser.add_argument("--tiktoken", help="a *.tiktoken file, for the published vocabulary")
    options = parser.parse_args()
    peer = Peer(options.peer)
    with tempfile.TemporaryDirectory() as folder:
        if options.tiktoken is not None:
            peer.ask("from_tiktoken", options.tiktoken, folder)
        elif options.vocabulary is None:
            hf_tokenizer.train(folder, options.seed)
        else:
            folder = options.vocabulary
        peer.ask("tokenizer", folder)
        reference, added = hf_tokenizer.load(folder)
    different = compare(peer, reference, every_code_point(), "every code point")
    long_runs = ["a" * 1000000, " " * 300000, "\u0301" * 20000, "ab" * 200000, "\n" * 100000]
    different += compare(peer, reference, long_runs, "long runs")
    different += compare(peer, reference,
                         hf_tokenizer.texts(options.megabytes * 1e6, options.seed, added), "mixed")
    peer.close()
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
