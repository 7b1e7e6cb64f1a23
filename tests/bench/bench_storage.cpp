#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/storage/checkpoint/part_writer.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/shard_writer.h"
#include "tests/support/temp_dir.h"

// Storage against plain files, in the same run: absolute numbers of a shared machine say little,
// ratios of neighbours say more. Each pair is measured alternately; medians are printed.
//
//   bench_storage [MEDIA_MIB=256] [CHECKPOINT_MIB=512] [ROUNDS=5]
namespace desa2va {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message());
}

void expect(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

double seconds_of(const std::function<void()>& work) {
  const SystemClock clock;
  const auto start = clock.now_ns();
  work();
  return static_cast<double>(clock.now_ns() - start) * 1e-9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs both alternately and prints throughput of each and the ratio of the medians.
void compare(const char* name, double mib, int rounds, const std::function<void(int)>& ours,
             const std::function<void(int)>& plain) {
  std::vector<double> a;
  std::vector<double> b;
  for (int round = 0; round < rounds; ++round) {
    b.push_back(seconds_of([&] { plain(round); }));
    a.push_back(seconds_of([&] { ours(round); }));
  }
  fmt::print("{:44} {:8.0f} MiB/s  plain {:8.0f} MiB/s  ratio {:.2f}\n", name, mib / median(a),
             mib / median(b), median(b) / median(a));
}

Buffer noise(std::size_t size, std::uint32_t seed) {
  Buffer buffer = Buffer::allocate(size);
  const Random random(seed, "bench", "noise");
  auto* words = reinterpret_cast<std::uint32_t*>(buffer.mutable_bytes().data());
  for (std::size_t i = 0; i < size / 4; ++i) words[i] = random.word(i);
  return buffer;
}

class PlainFile {
 public:
  PlainFile(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags, 0644)) {
    expect(fd_ >= 0, "open");
  }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;
  ~PlainFile() { ::close(fd_); }

  void write(ByteSpan bytes) {
    while (!bytes.empty()) {
      const auto written =
          ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), 1U << 20U));
      expect(written > 0, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void read(std::uint64_t offset, MutableByteSpan bytes) {
    while (!bytes.empty()) {
      const auto got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      expect(got > 0, "pread");
      offset += static_cast<std::uint64_t>(got);
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }
  void sync() { expect(::fdatasync(fd_) == 0, "fdatasync"); }

 private:
  int fd_;
};

// Media of 100 KB in random order, page cache warm: verified read against pread of the same bytes.
void bench_media(std::uint64_t mib, int rounds) {
  constexpr std::size_t kMediumBytes = 100000;
  const auto count = static_cast<std::uint32_t>((mib << 20U) / kMediumBytes);
  const test::TempDir dir;
  const Buffer source = noise(kMediumBytes + 4UL * count, 1);
  const auto medium = [&](std::uint32_t i) {
    return source.bytes().subspan(4UL * i, kMediumBytes);
  };
  std::vector<ContentHash> hashes(count);
  const double ingest = seconds_of([&] {
    auto writer = must(shards::ShardWriter::create(dir / "d", {}));
    for (std::uint32_t i = 0; i < count; ++i) hashes[i] = must(writer.media(medium(i)));
    must(writer.finish());
  });
  PlainFile flat(dir / "flat", O_RDWR | O_CREAT | O_TRUNC);
  const double plain_write = seconds_of([&] {
    for (std::uint32_t i = 0; i < count; ++i) flat.write(medium(i));
    flat.sync();
  });
  const double total = static_cast<double>(count) * kMediumBytes / (1 << 20);
  fmt::print("{:44} {:8.0f} MiB/s  plain {:8.0f} MiB/s  ratio {:.2f}\n",
             "shards: write, hash and publish", total / ingest, total / plain_write,
             plain_write / ingest);

  const auto reader = must(shards::ShardReader::open(dir / "d"));
  std::vector<std::uint32_t> order(count);
  for (std::uint32_t i = 0; i < count; ++i) order[i] = i;
  const auto shuffle = [&](int round) {
    Random(7, "bench", "order", static_cast<std::uint32_t>(round)).shuffle(std::span(order));
  };
  compare(
      "shards: random verified read of 100 KB, warm", total, rounds,
      [&](int) {
        for (const auto i : order)
          expect(must(reader.media(hashes[i])).size() == kMediumBytes, "size");
      },
      [&](int round) {
        shuffle(round);
        for (const auto i : order) {
          Buffer buffer = Buffer::allocate(kMediumBytes);
          flat.read(std::uint64_t{i} * kMediumBytes, buffer.mutable_bytes());
        }
      });
}

// One rank's save and load of f32 tensors of 16 MiB, synced, against write + fdatasync and pread.
void bench_checkpoint(std::uint64_t mib, int rounds) {
  constexpr std::int64_t kRows = 4096;
  constexpr std::int64_t kColumns = 1024;
  const auto count = std::max<std::uint64_t>(1, mib / 16);
  const test::TempDir dir;
  std::vector<HostTensor> tensors;
  for (std::uint64_t i = 0; i < count; ++i) {
    tensors.push_back(
        {DType::F32, {kRows, kColumns}, noise(16U << 20U, static_cast<std::uint32_t>(i))});
  }
  const double total = static_cast<double>(count) * 16;
  auto catalog = must(checkpoint::Catalog::open(dir / "store"));
  const auto save = [&](std::uint64_t step, checkpoint::KnownChunks known) {
    auto writer =
        must(checkpoint::PartWriter::create(dir / "store", "mllm-0", step, std::move(known)));
    for (std::uint64_t i = 0; i < count; ++i)
      must(writer.add(fmt::format("t{:05}", i), tensors[i]));
    checkpoint::Manifest manifest;
    manifest.step = step;
    must(manifest.add(must(writer.finish())));
    must(catalog.commit(manifest));
    return manifest;
  };
  checkpoint::Manifest last;
  compare(
      "checkpoint: save of new tensors, synced", total, rounds,
      [&](int round) {
        last = save(static_cast<std::uint64_t>(round) + 1, {});
        must(catalog.gc(1));
      },
      [&](int) {
        PlainFile flat(dir / "flat", O_WRONLY | O_CREAT | O_TRUNC);
        for (const auto& tensor : tensors) flat.write(tensor.data.bytes());
        flat.sync();
      });
  PlainFile flat(dir / "flat", O_RDONLY);
  const auto read_plain = [&](int) {
    for (std::uint64_t i = 0; i < count; ++i) {
      Buffer buffer = Buffer::allocate(16U << 20U);
      flat.read(i * (16U << 20U), buffer.mutable_bytes());
    }
  };
  const auto reader = must(checkpoint::CheckpointReader::open(dir / "store", last));
  compare(
      "checkpoint: verified load, warm", total, rounds,
      [&](int) {
        for (const auto& tensor : last.tensors)
          expect(must(reader.read(tensor.name)).numel() > 0, "load");
      },
      read_plain);
  compare(
      "checkpoint: save of unchanged tensors (hashed)", total, rounds,
      [&](int round) { save(100 + static_cast<std::uint64_t>(round), known_chunks(last)); },
      read_plain);
}

}  // namespace
}  // namespace desa2va

int main(int argc, char** argv) {
  const auto number = [&](int i, long otherwise) {
    return argc > i ? std::strtol(argv[i], nullptr, 10) : otherwise;
  };
  const int rounds = static_cast<int>(std::max(1L, number(3, 5)));
  desa2va::bench_media(static_cast<std::uint64_t>(number(1, 256)), rounds);
  desa2va::bench_checkpoint(static_cast<std::uint64_t>(number(2, 512)), rounds);
  return 0;
}
