#!/usr/bin/env python3
"""Where a training run begins: our data stream and Hugging Face's way, taking turns.

    bench_stream.py BENCH_STREAM [--samples 1200000] [--rounds 7]

BENCH_STREAM is build/release/bin/bench_stream; run in the environment that `./dev interop` makes. Two things:

start   until the first microbatch is known. Ours opens a dataset of conversations and makes it, tokens included. The
        peer reads the same conversations (from JSON, as published, or from a pickle with the lengths beside them) and
        asks transformers' LengthGroupedSampler for its first index; it does not read or tokenize a sample.
order   every index of an epoch of 1,000,000 samples, grouped by length (LengthGroupedSampler, lengths given) or as
        they come (torch's DistributedSampler).

Processor seconds, one thread each. Printed: medians, the median ratio and the interval that holds the true median with
at least 95 % (order statistics).
"""
import argparse
import json
import os
import pickle
import statistics
import subprocess
import tempfile

from bench_shards import Ours, interval, timed


def conversations(count):
    return [{"id": str(i), "conversations": [
        {"from": "human", "value": f"What is said of {i}?"},
        {"from": "gpt", "value": "That it is a number." + " Yes." * (i % 40)}]} for i in range(count)]


def lengths_of(records):  # as LLaVA's dataset counts them
    return [sum(len(turn["value"].split()) for turn in record["conversations"]) for record in records]


def peers(folder, samples):
    import torch
    from torch.utils.data import DistributedSampler
    from transformers.trainer_pt_utils import LengthGroupedSampler

    torch.set_num_threads(1)
    records = conversations(samples)
    with open(os.path.join(folder, "train.json"), "w") as out:
        json.dump(records, out)
    with open(os.path.join(folder, "train.pickle"), "wb") as out:
        pickle.dump((records, lengths_of(records)), out, protocol=pickle.HIGHEST_PROTOCOL)
    del records

    def from_json():
        with open(os.path.join(folder, "train.json")) as file:
            records = json.load(file)
        next(iter(LengthGroupedSampler(64, lengths=lengths_of(records))))

    def from_pickle():
        with open(os.path.join(folder, "train.pickle"), "rb") as file:
            _, lengths = pickle.load(file)
        next(iter(LengthGroupedSampler(64, lengths=lengths)))

    lengths = [100 + i * 2654435761 % 2 ** 32 % 4000 for i in range(1_000_000)]
    grouped = LengthGroupedSampler(64, lengths=lengths)
    plain = DistributedSampler(range(len(lengths)), num_replicas=1, rank=0)
    return {"start, JSON": from_json, "start, pickle": from_pickle,
            "order, grouped": lambda: sum(1 for _ in grouped), "order, plain": lambda: sum(1 for _ in plain)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--samples", type=int, default=1_200_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    ours = Ours([options.program, "serve", str(options.samples)])
    with tempfile.TemporaryDirectory(prefix="bench-stream-") as folder:
        contenders = peers(folder, options.samples)
        lines = {"start, JSON": "start", "start, pickle": "start", "order, grouped": "grouped", "order, plain": "order"}
        taken = {name: ([], []) for name in contenders}
        for round in range(-1, options.rounds):  # the first one warms up
            for name, theirs in contenders.items():
                for which in ((0, 1) if round % 2 == 0 else (1, 0)):
                    seconds = timed(theirs) if which else ours.ask(lines[name])
                    if round >= 0:
                        taken[name][which].append(seconds)
    ours.close()
    for name, (mine, other) in taken.items():
        ratios = [b / a for a, b in zip(mine, other)]
        low, high = interval(ratios)
        print(f"{name:16} ours {statistics.median(mine):7.4f} s  peer {statistics.median(other):8.4f} s  ratio "
              f"{statistics.median(ratios):7.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
