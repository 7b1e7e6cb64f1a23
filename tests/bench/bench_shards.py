#!/usr/bin/env python3
"""Reading samples: DeSa2VA's shards, plain pread, MosaicML Streaming and WebDataset, taking turns.

    bench_shards.py BENCH_SHARDS [--samples 2000] [--bytes 100000] [--rounds 15]

BENCH_SHARDS is build/release/bin/bench_shards; run in the environment that `./dev interop` makes. Every round
measures each contender once, in an order that rotates, with the page cache warm; a ratio is formed within a round.
Times are processor seconds, so a busy machine disturbs less. Printed: the median ratio and the interval that holds
the true median with at least 95 % (order statistics). Our reads are verified against the content hash; those of the
peers are not verified at all, as is their default.
"""
import argparse
import io
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time


def make_peers(folder, flat, places):
    """The same samples as a WebDataset tar and as MosaicML shards; what cannot be imported is None."""
    data = open(flat, "rb")

    def media(i):
        data.seek(places[i][0])
        return data.read(places[i][1])

    tar_path = os.path.join(folder, "wds.tar")
    with tarfile.open(tar_path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for i in range(len(places)):
            for suffix, content in (("jpg", media(i)), ("txt", f"what is in picture {i}?".encode())):
                info = tarfile.TarInfo(f"{i:08}.{suffix}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    mds_path = os.path.join(folder, "mds")
    try:
        from streaming import MDSWriter

        with MDSWriter(out=mds_path, columns={"key": "str", "jpg": "bytes", "txt": "str"}) as out:
            for i in range(len(places)):
                out.write({"key": f"bench/train/{i}", "jpg": media(i), "txt": f"what is in picture {i}?"})
    except ImportError as error:
        print(f"MosaicML Streaming is not here: {error}", file=sys.stderr)
        mds_path = None
    return tar_path, mds_path


class Ours:
    """A program that says "ready" and answers lines with seconds."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def interval(values):
    """Order statistics that enclose the median with at least 95 %."""
    values = sorted(values)
    n = len(values)
    k = 0
    while k < n // 2 and 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n <= 0.05:
        k += 1
    return values[max(k - 1, 0)], values[n - 1 - max(k - 1, 0)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="bench-shards-")
    try:
        run(options, folder)
    finally:
        shutil.rmtree(folder)


def run(options, folder):
    dataset, flat = os.path.join(folder, "shards"), os.path.join(folder, "flat")
    made = subprocess.run([options.program, "make", dataset, flat, str(options.samples), str(options.bytes)],
                          check=True, capture_output=True, text=True)
    places = [tuple(map(int, line.split()[1:])) for line in made.stdout.splitlines()]
    mib = sum(size for _, size in places) / 2 ** 20
    tar_path, mds_path = make_peers(folder, flat, places)
    ours = Ours([options.program, "serve", dataset, flat])
    contenders = {
        "pread": lambda round: ours.ask(f"pread {len(places)} {round}"),
        "ours random": lambda round: ours.ask(f"random {len(places)} {round}"),
        "ours sequential": lambda round: ours.ask("sequential"),
    }

    import webdataset

    def read_tar():
        count = 0
        for sample in webdataset.WebDataset(tar_path, shardshuffle=False, empty_check=False):
            count += len(sample["jpg"]) > 0
        assert count == len(places)

    contenders["webdataset sequential"] = lambda round: timed(read_tar)
    if mds_path:
        from streaming import StreamingDataset
        from streaming.base.util import clean_stale_shared_memory

        clean_stale_shared_memory()  # a killed run leaves locks that the next would wait for
        mds = StreamingDataset(local=mds_path, shuffle=False, batch_size=1)

        def read_mds(round):
            order = list(range(len(places)))
            random.Random(round).shuffle(order)
            return timed(lambda: [len(mds[i]["jpg"]) for i in order])

        contenders["mosaicml random"] = read_mds

    names = list(contenders)
    seconds = {name: [] for name in names}
    for round in range(-1, options.rounds):  # the first one warms up
        shift = round % len(names)
        for name in names[shift:] + names[:shift]:
            taken = contenders[name](round + 1)
            if round >= 0:
                seconds[name].append(taken)
    ours.close()

    print(f"{len(places)} samples, {mib:.0f} MiB, {options.rounds} rounds")
    for name in names:
        middle = statistics.median(seconds[name])
        print(f"  {name:24} {mib / middle:8.0f} MiB/s {1e6 * middle / len(places):8.1f} us a sample")
    print(f"{'ratio of speeds':44} {'median':>7}  95 % interval   goal")
    pairs = [("ours random", "pread", 0.5), ("ours random", "mosaicml random", 2.0),
             ("ours sequential", "webdataset sequential", 1.2)]
    for a, b, goal in pairs:
        if b not in seconds:
            continue
        ratios = [y / x for x, y in zip(seconds[a], seconds[b])]
        low, high = interval(ratios)
        print(f"  {a + ' / ' + b:42} {statistics.median(ratios):7.2f}  {low:.2f} - {high:.2f}   >= {goal}")


if __name__ == "__main__":
    main()
