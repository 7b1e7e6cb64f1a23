"""resize.py --peer PROGRAM [--count N] [--seed S]: our resize against Pillow's, byte for byte.

Pillow up to version 12 always shrinks or stretches rows first, then columns; from 13 on it takes
the cheaper order, which changes bytes. Published weights were trained with the former, so here the
two axes are asked for one after the other, which gives the same in every version.
"""

import argparse
import random
import sys

import numpy
from peer import Peer
from PIL import Image

EXTREME = [(1, 1, 448, 448), (1, 20000, 448, 448), (20000, 1, 448, 448), (1, 20000, 3, 5),
           (3, 7, 1, 1), (4032, 31, 448, 2), (640, 480, 640, 200), (640, 480, 77, 480)]


def sizes(count, rng):
    yield from EXTREME
    for i in range(count):
        most = rng.choice([8, 40, 300, 1200 if i % 50 == 0 else 300])
        yield tuple(rng.randint(1, most) for _ in range(4))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    values = numpy.random.default_rng(options.seed)
    peer = Peer(options.peer)
    compared = different = 0
    for width, height, to_width, to_height in sizes(options.count, rng):
        pixels = values.integers(0, 256, (height, width, 3), dtype=numpy.uint8)
        if rng.random() < 0.3:  # edges of black and white overshoot most
            pixels = numpy.where(pixels > 127, 255, 0).astype(numpy.uint8)
        rows = Image.fromarray(pixels).resize((to_width, height), Image.BICUBIC)
        expected = rows.resize((to_width, to_height), Image.BICUBIC).tobytes()
        for kernels in ("auto", "portable"):
            _, found = peer.ask("resize", width, height, to_width, to_height, kernels,
                                payload=pixels.tobytes())
            compared += 1
            if found != expected:
                different += 1
                if different <= 10:
                    print(f"{kernels}: {width}x{height} to {to_width}x{to_height} differs")
    peer.close()
    print(f"{compared} pictures resized, {different} differ from Pillow")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
