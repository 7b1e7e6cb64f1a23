"""peers.py --peer PROGRAM [--rounds N] [--work FOLDER] [--video FILE] [--tiktoken FILE] [--only NAME]

Our decoding, resize and tokenizer beside PyAV, the ffmpeg program, Pillow and Hugging Face
`tokenizers`: one thread each, alternating in one run, in processor seconds. A ratio is the peer's
time by ours; printed are the median over the rounds and the interval that holds it in 19 of 20
cases. Videos and vocabulary are made where none are given; a peer that is missing is left out."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../interop/preprocess"))

from peer import Peer


def median_with_interval(ratios):
    """Median and the order statistics around it (sign test, 95 %)."""
    ordered = sorted(ratios)
    n = len(ordered)
    k = max(0, int((n - 1.96 * n ** 0.5) / 2))
    return ordered[n // 2], ordered[k], ordered[n - 1 - k]


class Bench:
    def __init__(self, options):
        self.options = options
        self.peer = Peer(options.peer)

    def wanted(self, name):
        return self.options.only is None or self.options.only in name

    def ours(self, *request, payload=b""):
        fields, _ = self.peer.ask(*request, payload=payload)
        self.fields = fields
        return self.peer.nanoseconds * 1e-9

    def compare(self, name, goal, ours, theirs):
        if not self.wanted(name):
            return
        ours(), theirs()  # caches warm, pools filled
        mine, other = [], []
        for i in range(self.options.rounds):
            for which in ((0, 1) if i % 2 == 0 else (1, 0)):
                (other if which else mine).append(theirs() if which else ours())
        middle, low, high = median_with_interval([b / a for a, b in zip(mine, other)])
        print(f"{name:58} ours {sorted(mine)[len(mine) // 2] * 1e3:9.2f} ms  peer "
              f"{sorted(other)[len(other) // 2] * 1e3:9.2f} ms  ratio {middle:5.2f} "
              f"[{low:.2f}, {high:.2f}]  goal {goal}", flush=True)


def processor_time(work):
    start = time.process_time()
    work()
    return time.process_time() - start


# ---- video -------------------------------------------------------------------------------------


def ffmpeg_program(path):
    def run():
        arguments = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", path,
                     "-filter_threads", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null"]
        child = os.posix_spawnp("ffmpeg", arguments, os.environ)
        _, status, usage = os.wait4(child, 0)
        assert status == 0, status
        return usage.ru_utime + usage.ru_stime
    return run


def opened(path):
    import av
    container = av.open(path)
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return container, stream


# What our conversion computes (swscale.h): bicubic, full chroma both ways, accurate, bit-exact.
SAME_PIXELS = 0x4 | 0x2000 | 0x4000 | 0x40000 | 0x80000


def pyav_all(path, wanted=None, interpolation=None):
    def work():
        container, stream = opened(path)
        for i, frame in enumerate(container.decode(stream)):
            if wanted is None or i in wanted:
                frame.to_ndarray(format="rgb24", interpolation=interpolation)
        container.close()
    return lambda: processor_time(work)


def pyav_seek_each(path, pts):
    def work():
        container, stream = opened(path)
        for target in pts:
            container.seek(target, stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts >= target:
                    frame.to_ndarray(format="rgb24")
                    break
        container.close()
    return lambda: processor_time(work)


# All their names, so that --only can leave out making the videos.
VIDEO_COMPARISONS = (": all frames, ffmpeg program: all frames, PyAV, the same pixels: 5 frames, 32 frames, "
                     "PyAV seeks each, PyAV in one full pass")


def bench_video(bench, name, path):
    import av  # noqa: F401
    fields, _ = bench.peer.ask("video", path)
    count = int(fields[0])
    container, stream = opened(path)
    pts = [frame.pts for frame in container.decode(stream)]
    container.close()
    assert len(pts) == count, (len(pts), count)

    rng = random.Random(1)

    def every(n):  # as loaders sample: one at random of each n-th part
        return [rng.randrange(i * count // n, (i + 1) * count // n) for i in range(n)]

    if shutil.which("ffmpeg"):
        bench.compare(f"{name}: all frames, ffmpeg program", ">= 1.0", lambda: bench.ours("all"),
                      ffmpeg_program(path))
    else:
        print("skipped: no ffmpeg program in PATH")
    bench.compare(f"{name}: all frames, PyAV", ">= 1.05", lambda: bench.ours("all"), pyav_all(path))
    bench.compare(f"{name}: all frames, PyAV, the same pixels", "-", lambda: bench.ours("all"),
                  pyav_all(path, interpolation=SAME_PIXELS))
    for n, goal in ((5, ">= 1.5"), (32, ">= 3")):
        numbers = every(n)
        listed = ",".join(map(str, numbers))
        bench.compare(f"{name}: {n} frames, PyAV seeks each", goal,
                      lambda listed=listed: bench.ours("sample", listed),
                      pyav_seek_each(path, [pts[i] for i in numbers]))
        if bench.wanted(name):
            bench.ours("sample", listed)
            print(f"{name}: {n} frames cost {bench.fields[1]} packets of {fields[1]}")
    numbers = every(32)
    bench.compare(f"{name}: 32 frames, PyAV in one full pass", ">= 1.4",
                  lambda: bench.ours("sample", ",".join(map(str, numbers))),
                  pyav_all(path, set(numbers)))


# ---- pictures and text -------------------------------------------------------------------------


def bench_pictures(bench):
    import io

    import numpy
    from PIL import Image
    values = numpy.random.default_rng(1)
    for width, height, to_width, to_height in ((1920, 1080, 448, 448), (640, 480, 448, 448),
                                               (1280, 720, 1024, 1024), (640, 480, 1344, 896)):
        smooth = values.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=numpy.uint8)
        image = Image.fromarray(smooth).resize((width, height), Image.BICUBIC)
        pixels = image.tobytes()
        bench.compare(
            f"resize {width}x{height} to {to_width}x{to_height}, Pillow", ">= 1.5",
            lambda: bench.ours("resize", width, height, to_width, to_height, "auto", payload=pixels),
            lambda: processor_time(lambda: image.resize((to_width, to_height), Image.BICUBIC)))
    for kind, goal in (("JPEG", "-"), ("PNG", "-")):
        file = io.BytesIO()
        image.save(file, kind)
        data = file.getvalue()
        bench.compare(f"{kind} of 640x480 to RGB, Pillow", goal,
                      lambda: bench.ours("image", payload=data),
                      lambda: processor_time(
                          lambda: Image.open(io.BytesIO(data)).convert("RGB").load()))


def bench_text(bench, folder):
    import hf_tokenizer
    if bench.options.tiktoken:
        bench.peer.ask("from_tiktoken", bench.options.tiktoken, folder)
    else:
        hf_tokenizer.train(folder, 1)
    bench.peer.ask("tokenizer", folder)
    reference, added = hf_tokenizer.load(folder)
    prose = hf_tokenizer.Prose(random.Random(3))
    texts = [prose.text(4000) for _ in range(100)]
    data = [text.encode() for text in texts]
    size = sum(map(len, data)) / 1e6

    def ours():
        return sum(bench.ours("encode", payload=text) for text in data)

    def theirs():
        return processor_time(lambda: [reference.encode(text, add_special_tokens=False)
                                       for text in texts])

    bench.compare(f"tokenizer, {size:.2f} MB of prose and programs, Hugging Face", ">= 3", ours,
                  theirs)
    mixed = list(hf_tokenizer.texts(300_000, 5, added))
    mixed_data = [text.encode() for text in mixed]
    bench.compare("tokenizer, 0.3 MB of mixed and random Unicode, Hugging Face", ">= 3",
                  lambda: sum(bench.ours("encode", payload=text) for text in mixed_data),
                  lambda: processor_time(lambda: [reference.encode(text, add_special_tokens=False)
                                                  for text in mixed]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--work", help="where made videos are kept between runs")
    parser.add_argument("--video", action="append", default=[], help="a file of yours (repeatable)")
    parser.add_argument("--tiktoken", help="the published vocabulary instead of a small one")
    parser.add_argument("--only", help="comparisons whose name contains this")
    options = parser.parse_args()
    bench = Bench(options)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or temporary
        os.makedirs(work, exist_ok=True)
        videos = [(os.path.basename(path), path) for path in options.video]
        for gop in (30, 250):
            name = f"1280x720, group of {gop}"
            if not bench.wanted(name + VIDEO_COMPARISONS):
                continue
            path = os.path.join(work, f"gop{gop}.mp4")
            if not os.path.exists(path):
                bench.peer.ask("make_video", path, 1280, 720, 300, gop)
            videos.append((name, path))
        for name, path in videos:
            bench_video(bench, name, path)
        bench_pictures(bench)
        bench_text(bench, temporary)
    bench.peer.close()


if __name__ == "__main__":
    main()
