"""pictures.py --peer PROGRAM [--count N] [--seed S]: our reading of JPEG, PNG and GIF files against
Pillow's `Image.open(file).convert("RGB")`, byte for byte, over generated files of every kind; broken
files must be refused, whatever Pillow makes of them without being told to go on."""

import argparse
import io
import random
import struct
import sys
import zlib

import numpy
from peer import Peer, Refused
from PIL import Image, ImageFile

ImageFile.LOAD_TRUNCATED_IMAGES = False


def noise(rng, shape):
    values = numpy.random.default_rng(rng.randint(0, 1 << 30))
    if rng.random() < 0.5:
        return values.integers(0, 256, shape, dtype=numpy.uint8)
    ramp = numpy.linspace(0, 255, shape[1])[None, :] + numpy.linspace(0, 90, shape[0])[:, None]
    ramp = ramp if len(shape) == 2 else ramp[..., None] * numpy.linspace(0.4, 1, shape[2])
    return (ramp + values.integers(0, 12, shape)).astype(numpy.uint8)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def jpeg(rng, size):
    width, height = size
    mode = rng.choice(["RGB", "RGB", "L", "CMYK"])
    channels = {"RGB": 3, "L": 1, "CMYK": 4}[mode]
    pixels = noise(rng, (height, width, channels) if channels > 1 else (height, width))
    options = {"quality": rng.choice([20, 75, 95, 100]), "progressive": rng.random() < 0.4,
               "optimize": rng.random() < 0.3}
    if mode == "RGB":
        options["subsampling"] = rng.choice([0, 1, 2])
        if rng.random() < 0.2:
            options["keep_rgb"] = True
            del options["subsampling"]
    if rng.random() < 0.3:
        options["exif"] = exif(rng.randint(1, 8))
    if rng.random() < 0.2:
        options["restart_marker_rows"] = rng.randint(1, 3)
    return f"JPEG {mode} {options}", saved(Image.fromarray(pixels, mode), "JPEG", **options)


def chunk(name, data):
    return (struct.pack(">I", len(data)) + name + data
            + struct.pack(">I", zlib.crc32(name + data)))


def raw_png(rng, size):
    """Depths, colour types and chunks that Pillow does not write; with and without interlace."""
    width, height = size
    color, depths = rng.choice([(0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]),
                                (4, [8, 16]), (6, [8, 16])])
    depth = rng.choice(depths)
    interlaced = rng.random() < 0.4
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    passes = ([(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
               (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)])
    colors = rng.randint(1, 1 << depth) if color == 3 else 0
    rows = b""
    for x0, y0, dx, dy in passes:
        columns = len(range(x0, width, dx))
        if columns == 0:
            continue
        for _ in range(y0, height, dy):
            if color == 3:
                bits = "".join(format(rng.randrange(colors), f"0{depth}b") for _ in range(columns))
                bits += "0" * (-len(bits) % 8)
                row = int(bits, 2).to_bytes(len(bits) // 8, "big")
            else:
                row = rng.randbytes((columns * channels * depth + 7) // 8)
            rows += bytes([0]) + row
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color,
                                                              0, 0, int(interlaced)))
    if rng.random() < 0.3:
        data += chunk(b"gAMA", struct.pack(">I", 45455))
    if color == 3:
        data += chunk(b"PLTE", rng.randbytes(3 * colors))
        if rng.random() < 0.4:
            data += chunk(b"tRNS", rng.randbytes(rng.randint(1, colors)))
    elif color in (0, 2) and rng.random() < 0.3:
        data += chunk(b"tRNS", b"\x00\x05" * channels)
    if rng.random() < 0.2:
        data += chunk(b"tEXt", b"Comment\x00made for a test")
    packed = zlib.compress(rows)
    cut = rng.randint(0, len(packed))
    data += chunk(b"IDAT", packed[:cut]) + chunk(b"IDAT", packed[cut:]) + chunk(b"IEND", b"")
    return f"PNG colour {color} depth {depth} interlaced {interlaced}", data


def png(rng, size):
    width, height = size
    mode = rng.choice(["RGB", "L", "RGBA", "LA", "P", "1", "I;16"])
    if mode == "I;16":
        pixels = noise(rng, (height, width)).astype(numpy.uint16) * rng.choice([1, 257])
        image = Image.fromarray(pixels)
    elif mode in ("P", "1"):
        image = Image.fromarray(noise(rng, (height, width, 3))).convert(mode)
    else:
        channels = {"RGB": 3, "L": 1, "RGBA": 4, "LA": 2}[mode]
        pixels = noise(rng, (height, width, channels) if channels > 1 else (height, width))
        image = Image.fromarray(pixels, mode)
    return f"PNG {mode}", saved(image, "PNG")


def gif(rng, size):
    width, height = size
    image = Image.fromarray(noise(rng, (height, width, 3))).convert("P", colors=rng.choice([2, 17, 256]))
    return "GIF", saved(image, "GIF", interlace=rng.randint(0, 1))


def pillow(data):
    try:
        return Image.open(io.BytesIO(data)).convert("RGB"), ""
    except Exception as error:  # every exception of its many readers means "broken"
        return None, f"{type(error).__name__}: {error}"


class Comparison:
    def __init__(self, peer):
        self.peer = peer
        self.compared = self.different = self.broken = 0
        self.stricter = {}

    def complain(self, name, what):
        self.different += 1
        if self.different <= 20:
            print(f"{name}: {what}")

    def check(self, name, data, broken=False):
        expected, why = pillow(data)
        self.compared += 1
        try:
            fields, found = self.peer.ask("image", payload=data)
        except Refused as refusal:
            if expected is None:
                self.broken += 1
            elif broken:  # Pillow shows what there is of it
                self.stricter[refusal.args[1].split(":")[0]] = (
                    self.stricter.get(refusal.args[1].split(":")[0], 0) + 1)
            else:
                self.complain(name, f"refused: {refusal.args[1]}")
            return
        if expected is None:
            self.complain(name, f"Pillow refuses it ({why})")
        elif (int(fields[0]), int(fields[1])) != expected.size or found != expected.tobytes():
            self.complain(name, f"{fields} differs from {expected.size}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    peer = Peer(options.peer)
    comparison = Comparison(peer)
    for i in range(options.count):
        size = rng.choice([(1, 1), (1, rng.randint(1, 300)), (rng.randint(1, 300), 1)]
                          + [(rng.randint(1, 90), rng.randint(1, 90))] * 9)
        name, data = rng.choice([jpeg, jpeg, png, raw_png, gif])(rng, size)
        comparison.check(f"{i} {name} {size}", data)
        if i % 5 == 0:
            comparison.check(f"{i} {name} {size} cut", data[:rng.randint(0, len(data) - 1)], True)
    for kind in (jpeg, png):
        comparison.check("1 x 20000", kind(rng, (1, 20000))[1])
        comparison.check("20000 x 1", kind(rng, (20000, 1))[1])
    peer.close()
    print(f"{comparison.compared} files, {comparison.broken} refused by both, "
          f"{comparison.different} differ from Pillow; refused by us alone: {comparison.stricter}")
    return 1 if comparison.different else 0


if __name__ == "__main__":
    sys.exit(main())
