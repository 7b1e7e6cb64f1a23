#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/random.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/shard_writer.h"

// Our side of bench_shards.py, which makes peers and us take turns.
//
//   bench_shards make DIR FLAT COUNT BYTES   a dataset, and the same media one behind the other in
//                                            a plain file; prints `index offset bytes` of each
//   bench_shards serve DIR FLAT              answers each line of standard input with the
//                                            processor seconds it took:
//       random COUNT ROUND     verified samples with their medium, drawn at random
//       pread COUNT ROUND      the same media out of the plain file, unverified
//       sequential             every sample with its medium, in order
namespace desa2va {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
void expect(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A medium of BYTES/2 to 3 BYTES/2 random bytes, as pictures vary.
Buffer medium(std::uint32_t number, std::size_t bytes) {
  const Random random(number, "bench", "medium");
  const std::size_t size = bytes / 2 + random.below(0, static_cast<std::uint32_t>(bytes));
  Buffer buffer = Buffer::allocate((size + 3) / 4 * 4);
  auto* words = reinterpret_cast<std::uint32_t*>(buffer.mutable_bytes().data());
  std::uint32_t state = random.word(1) | 1U;
  for (std::size_t i = 0; i < buffer.size() / 4; ++i) {
    state ^= state << 13U;  // xorshift32, Marsaglia 2003
    state ^= state >> 17U;
    state ^= state << 5U;
    words[i] = state;
  }
  return buffer;
}

int make(const std::string& dir, const std::string& flat, std::uint32_t count, std::size_t bytes) {
  auto writer = must(shards::ShardWriter::create(dir, {}));
  const int fd = ::open(flat.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  expect(fd >= 0, "open");
  std::uint64_t offset = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Buffer bytes_of = medium(i, bytes);
    shards::SampleRecord record;
    record.key = fmt::format("bench/train/{}", i);
    record.media = {must(writer.media(bytes_of.bytes()))};
    record.payload = Buffer::copy_of(as_bytes(fmt::format("what is in picture {}?", i)));
    must(writer.sample(record, {}));
    expect(::write(fd, bytes_of.data(), bytes_of.size()) == static_cast<ssize_t>(bytes_of.size()),
           "write");
    fmt::print("{} {} {}\n", i, offset, bytes_of.size());
    offset += bytes_of.size();
  }
  ::close(fd);
  must(writer.finish());
  return 0;
}

class Server {
 public:
  Server(const std::string& dir, const std::string& flat)
      : reader_(must(shards::ShardReader::open(dir))), fd_(::open(flat.c_str(), O_RDONLY)) {
    expect(fd_ >= 0, "open");
    std::uint64_t offset = 0;
    for (std::uint64_t i = 0; i < reader_.sample_count(); ++i) {
      const auto size = must(reader_.media(must(reader_.sample(i)).media[0])).size();
      places_.push_back({offset, size});
      offset += size;
    }
  }

  double answer(const std::string& line) {
    std::istringstream in(line);
    std::string what;
    std::uint32_t count = 0;
    std::uint32_t round = 0;
    in >> what >> count >> round;
    std::vector<std::uint32_t> numbers(places_.size());
    for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    if (what != "sequential") {
      Random(7, "bench", "order", round).shuffle(std::span(numbers));
      numbers.resize(std::min<std::size_t>(count, numbers.size()));
    }
    const double start = processor_seconds();
    for (const auto number : numbers) what == "pread" ? read_plain(number) : read_sample(number);
    return processor_seconds() - start;
  }

 private:
  void read_sample(std::uint32_t number) const {
    const auto record = must(reader_.sample(number));
    expect(must(reader_.media(record.media[0])).size() == places_[number].bytes, "size");
  }
  void read_plain(std::uint32_t number) const {
    Buffer buffer = Buffer::allocate(places_[number].bytes);
    expect(
        ::pread(fd_, buffer.mutable_bytes().data(), buffer.size(),
                static_cast<off_t>(places_[number].offset)) == static_cast<ssize_t>(buffer.size()),
        "pread");
  }

  struct Place {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
  };
  shards::ShardReader reader_;
  int fd_;
  std::vector<Place> places_;
};

int serve(const std::string& dir, const std::string& flat) {
  Server server(dir, flat);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{:.9f}\n", server.answer(line));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace desa2va

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 5 && words[0] == "make")
    return desa2va::make(words[1], words[2], static_cast<std::uint32_t>(std::stoul(words[3])),
                         std::stoul(words[4]));
  if (words.size() == 3 && words[0] == "serve") return desa2va::serve(words[1], words[2]);
  fmt::print(stderr, "bench_shards make DIR FLAT COUNT BYTES | serve DIR FLAT\n");
  return 2;
}
