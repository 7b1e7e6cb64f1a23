#include "common/runtime/tracing/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/runtime/tracing/ring_format.h"

namespace desa2va::tracing {

using format::load;

struct RingReader::Mapping {
  const std::byte* data = nullptr;
  std::size_t size = 0;
  std::uint64_t capacity = 0;

  Mapping() = default;
  ~Mapping() {
    if (data != nullptr) munmap(const_cast<std::byte*>(data), size);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  template <class T>
  const T& at(std::size_t offset) const {
    return *reinterpret_cast<const T*>(data + offset);
  }
  const format::Facts& facts() const { return at<format::Facts>(0); }
  const format::GaugeWords& gauges() const { return at<format::GaugeWords>(format::kGaugesAt); }

  // Record number `number` (from 1), if it is whole and was not overwritten meanwhile.
  std::optional<format::Record> record(std::uint64_t number) const {
    const auto& slot = (&at<format::Record>(format::kRecordsAt))[(number - 1) % capacity];
    // Each load before the next: if the number is still ours at the end, so are all fields.
    constexpr auto kBefore = std::memory_order_acquire;
    if (load(slot.sequence, kBefore) != number) return std::nullopt;
    format::Record copy{};
    copy.sequence = number;
    copy.what = load(slot.what, kBefore);
    copy.begin_ns = load(slot.begin_ns, kBefore);
    copy.end_ns = load(slot.end_ns, kBefore);
    copy.microbatch = load(slot.microbatch, kBefore);
    copy.trace_id = load(slot.trace_id, kBefore);
    copy.value = load(slot.value, kBefore);
    if (load(slot.sequence) != number) return std::nullopt;
    return copy;
  }

  template <class F>
  void each_record(F&& f) const {
    const std::uint64_t last = load(gauges().written, std::memory_order_acquire);
    for (std::uint64_t n = last > capacity ? last - capacity + 1 : 1; n <= last; ++n)
      if (const auto found = record(n)) f(*found);
  }

  std::string name(std::size_t table, std::uint64_t count, std::uint16_t id) const {
    if (id >= count) return fmt::format("#{}", id);
    const auto& entry = (&at<format::Name>(table))[id];
    return {entry.text, strnlen(entry.text, sizeof entry.text)};
  }
};

RingReader::RingReader(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
RingReader::RingReader(RingReader&&) noexcept = default;
RingReader& RingReader::operator=(RingReader&&) noexcept = default;
RingReader::~RingReader() = default;

Result<RingReader> RingReader::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::NotFound, "trace ring {}: {}", path, std::strerror(errno));
  struct stat status {};
  fstat(fd, &status);
  auto mapping = std::make_unique<Mapping>();
  mapping->size = static_cast<std::size_t>(status.st_size);
  void* data = mapping->size < format::kRecordsAt
                   ? MAP_FAILED
                   : mmap(nullptr, mapping->size, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (data == MAP_FAILED)
    return fail(Errc::Corrupt, "{} is too short for a trace ring ({} bytes)", path, mapping->size);
  mapping->data = static_cast<const std::byte*>(data);
  const format::Facts& facts = mapping->facts();
  mapping->capacity = facts.capacity;
  if (facts.magic != format::kMagic)
    return fail(Errc::Corrupt, "{} is no trace ring of a version we know", path);
  const std::uint64_t room = (mapping->size - format::kRecordsAt) / sizeof(format::Record);
  if (facts.capacity == 0 || facts.capacity > room || facts.span_names > format::kMaxNames ||
      facts.counter_names > format::kMaxNames || facts.role >= kRoles.size()) {
    return fail(Errc::Corrupt, "trace ring {}: its first page contradicts its size", path);
  }
  return RingReader(std::move(mapping));
}

Rank RingReader::rank() const {
  const format::Facts& facts = mapping_->facts();
  return {static_cast<Role>(facts.role), static_cast<int>(facts.rank_index)};
}
std::int64_t RingReader::pid() const {
  return static_cast<std::int64_t>(mapping_->facts().pid);
}
std::int64_t RingReader::opened_ns() const {
  return static_cast<std::int64_t>(mapping_->facts().opened_ns);
}
double RingReader::opened_wall_seconds() const {
  return std::bit_cast<double>(mapping_->facts().opened_wall_seconds);
}

Gauges RingReader::gauges() const {
  const format::GaugeWords& words = mapping_->gauges();
  Gauges gauges;
  gauges.step = load(words.step);
  gauges.phase = static_cast<Phase>(std::min<std::uint64_t>(load(words.phase), 2));
  gauges.progress = load(words.progress);
  gauges.last_ns = static_cast<std::int64_t>(load(words.last_ns));
  for (std::size_t i = 0; i < kCategoryCount; ++i) gauges.busy_ns[i] = load(words.busy_ns[i]);
  return gauges;
}

std::vector<SpanRecord> RingReader::spans(std::size_t limit) const {
  std::vector<SpanRecord> spans;
  const std::uint64_t names = mapping_->facts().span_names;
  mapping_->each_record([&](const format::Record& record) {
    if (((record.what >> 16U) & 0xffffU) != 0) return;
    SpanRecord span;
    span.sequence = record.sequence;
    span.name_id = static_cast<std::uint16_t>(record.what);
    if (span.name_id < names) {
      const auto kind = (&mapping_->at<format::Name>(format::kSpanNamesAt))[span.name_id].category;
      span.category = static_cast<Category>(std::min<std::size_t>(kind, kCategoryCount - 1));
    }
    span.thread = static_cast<std::uint32_t>(record.what >> 32U);
    span.begin_ns = static_cast<std::int64_t>(record.begin_ns);
    span.end_ns = static_cast<std::int64_t>(record.end_ns);
    span.microbatch = record.microbatch;
    span.trace_id = record.trace_id;
    spans.push_back(span);
  });
  if (spans.size() > limit)
    spans.erase(spans.begin(), spans.end() - static_cast<std::ptrdiff_t>(limit));
  return spans;
}

std::vector<CounterRecord> RingReader::counters() const {
  std::vector<CounterRecord> counters;
  mapping_->each_record([&](const format::Record& record) {
    if (((record.what >> 16U) & 0xffffU) != 1) return;
    counters.push_back({record.sequence, static_cast<std::uint16_t>(record.what),
                        static_cast<std::int64_t>(record.begin_ns),
                        std::bit_cast<double>(record.value), record.microbatch});
  });
  return counters;
}

std::uint64_t RingReader::written() const {
  return load(mapping_->gauges().written);
}
std::size_t RingReader::capacity() const {
  return mapping_->capacity;
}

std::string RingReader::span_name(std::uint16_t id) const {
  return mapping_->name(format::kSpanNamesAt, mapping_->facts().span_names, id);
}
std::string RingReader::counter_name(std::uint16_t id) const {
  return mapping_->name(format::kCounterNamesAt, mapping_->facts().counter_names, id);
}

std::string ring_path(const std::string& run_dir, Rank rank) {
  return (std::filesystem::path(run_dir) / "trace" / (to_string(rank) + ".ring")).string();
}

Result<std::vector<RingReader>> open_rings(const std::string& run_dir) {
  const std::filesystem::path folder = std::filesystem::path(run_dir) / "trace";
  std::error_code error;
  std::vector<RingReader> rings;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".ring") continue;
    DESA2VA_ASSIGN(auto ring, RingReader::open(entry.path().string()));
    rings.push_back(std::move(ring));
  }
  if (error)
    return fail(Errc::NotFound, "no trace in {} ({}); was the run made with trace.enabled=false?",
                folder.string(), error.message());
  std::sort(rings.begin(), rings.end(),
            [](const RingReader& a, const RingReader& b) { return a.rank() < b.rank(); });
  return rings;
}

}  // namespace desa2va::tracing
