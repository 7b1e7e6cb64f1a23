#include "common/runtime/tracing/tracer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/runtime/exec/thread.h"
#include "common/runtime/tracing/ring_format.h"

namespace desa2va::tracing {

using format::add;
using format::store;

// The mapped file. Slots are given out by an atomic count, so threads never write the same one
// unless the ring wraps around within one write.
class RingWriter {
 public:
  RingWriter(void* mapping, std::size_t size, std::uint64_t capacity)
      : mapping_(static_cast<std::byte*>(mapping)), size_(size), capacity_(capacity) {}
  ~RingWriter() { munmap(mapping_, size_); }
  RingWriter(const RingWriter&) = delete;
  RingWriter& operator=(const RingWriter&) = delete;

  format::Facts& facts() { return at<format::Facts>(0); }
  format::GaugeWords& gauges() { return at<format::GaugeWords>(format::kGaugesAt); }
  format::Name* names(std::size_t offset) { return &at<format::Name>(offset); }

  void append(std::uint64_t what, std::int64_t begin_ns, std::int64_t end_ns,
              std::uint64_t microbatch, std::uint64_t trace_id, double value) {
    const std::uint64_t index = add(gauges().written, 1);
    auto& record = (&at<format::Record>(format::kRecordsAt))[index % capacity_];
    // Each store after the one before: who sees a field of this record sees that it is not whole.
    constexpr auto kAfter = std::memory_order_release;
    store(record.sequence, 0);
    store(record.what, what | (std::uint64_t{exec::thread_id()} << 32U), kAfter);
    store(record.begin_ns, static_cast<std::uint64_t>(begin_ns), kAfter);
    store(record.end_ns, static_cast<std::uint64_t>(end_ns), kAfter);
    store(record.microbatch, microbatch, kAfter);
    store(record.trace_id, trace_id, kAfter);
    store(record.value, std::bit_cast<std::uint64_t>(value), kAfter);
    store(record.sequence, index + 1, kAfter);
    store(gauges().last_ns, static_cast<std::uint64_t>(end_ns));
  }

 private:
  template <class T>
  T& at(std::size_t offset) {
    return *reinterpret_cast<T*>(mapping_ + offset);
  }

  std::byte* mapping_;
  std::size_t size_;
  std::uint64_t capacity_;
};

namespace {

// The innermost open span of this thread, whatever tracer it belongs to.
thread_local Scope* innermost_scope = nullptr;

template <class Table, class Text, class Kind>
void write_names(format::Name* out, const Table& table, Text text, Kind kind) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::string_view name = text(table[i]);
    std::memcpy(out[i].text, name.data(), std::min(name.size(), sizeof out[i].text - 1));
    out[i].category = kind(table[i]);
  }
}

void fill_facts(RingWriter& ring, Rank rank, const Clock& clock, std::uint64_t capacity) {
  format::Facts& facts = ring.facts();
  facts.role = static_cast<std::uint64_t>(rank.role);
  facts.rank_index = static_cast<std::uint64_t>(rank.index);
  facts.pid = static_cast<std::uint64_t>(getpid());
  facts.opened_ns = static_cast<std::uint64_t>(clock.now_ns());
  facts.opened_wall_seconds = std::bit_cast<std::uint64_t>(clock.wall_seconds());
  facts.capacity = capacity;
  facts.span_names = kSpans.size();
  facts.counter_names = kCounters.size();
  static_assert(kSpans.size() <= format::kMaxNames && kCounters.size() <= format::kMaxNames);
  write_names(
      ring.names(format::kSpanNamesAt), kSpans, [](const SpanInfo& span) { return span.name; },
      [](const SpanInfo& span) { return static_cast<std::uint8_t>(span.category); });
  write_names(
      ring.names(format::kCounterNamesAt), kCounters, [](std::string_view name) { return name; },
      [](std::string_view) { return std::uint8_t{0}; });
  facts.magic = format::kMagic;
}

}  // namespace

Scope::Scope(Tracer& tracer, Span span, std::uint64_t microbatch, std::uint64_t trace_id)
    : tracer_(tracer.enabled() ? &tracer : nullptr),
      microbatch_(microbatch),
      trace_id_(trace_id),
      span_(span) {
  if (tracer_ == nullptr) return;
  parent_ = innermost_scope;
  innermost_scope = this;
  begin_ns_ = tracer_->clock_->now_ns();
}

Scope::~Scope() {
  if (tracer_ == nullptr) return;
  const std::int64_t end_ns = tracer_->clock_->now_ns();
  innermost_scope = parent_;
  if (parent_ != nullptr && parent_->tracer_ == tracer_) parent_->nested_ns_ += end_ns - begin_ns_;
  RingWriter& ring = *tracer_->ring_;
  add(ring.gauges().busy_ns[static_cast<std::size_t>(info(span_).category)],
      static_cast<std::uint64_t>(end_ns - begin_ns_ - nested_ns_));
  ring.append(static_cast<std::uint64_t>(span_), begin_ns_, end_ns, microbatch_, trace_id_, 0);
}

Tracer::Tracer() = default;
Tracer::Tracer(std::unique_ptr<RingWriter> ring, const Clock& clock)
    : ring_(std::move(ring)), clock_(&clock) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

Result<Tracer> Tracer::open(const std::string& path, Rank rank, const Clock& clock,
                            std::size_t ring_bytes) {
  const std::string context = "open trace ring " + path;
  const std::size_t overhead = format::kRecordsAt + 64 * sizeof(format::Record);
  if (ring_bytes < overhead) {
    return fail(Errc::InvalidArgument, "{}: trace.ring_bytes is {} and must be at least {}",
                context, ring_bytes, overhead);
  }
  const std::uint64_t capacity = (ring_bytes - format::kRecordsAt) / sizeof(format::Record);
  const std::size_t size = format::kRecordsAt + capacity * sizeof(format::Record);
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);

  // Made aside and renamed when its facts are in it: a reader never meets half a file, and one
  // that still reads the ring of the process before keeps it.
  const std::string making = path + ".making";
  const int fd = ::open(making.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Errc::Unavailable, "{}: {}", context, std::strerror(errno));
  const int no_space = posix_fallocate(fd, 0, static_cast<off_t>(size));
  void* mapping =
      no_space != 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int reason = no_space != 0 ? no_space : errno;
  close(fd);
  if (mapping == MAP_FAILED) {
    unlink(making.c_str());
    return fail(no_space == ENOSPC ? Errc::Overloaded : Errc::Unavailable, "{}: {}", context,
                std::strerror(reason));
  }
  auto ring = std::make_unique<RingWriter>(mapping, size, capacity);
  fill_facts(*ring, rank, clock, capacity);
  if (rename(making.c_str(), path.c_str()) != 0)
    return fail(Errc::Unavailable, "{}: {}", context, std::strerror(errno));
  return Tracer(std::move(ring), clock);
}

void Tracer::record(Span span, std::int64_t begin_ns, std::int64_t end_ns, std::uint64_t microbatch,
                    std::uint64_t trace_id) {
  if (!ring_) return;
  add(ring_->gauges().busy_ns[static_cast<std::size_t>(info(span).category)],
      static_cast<std::uint64_t>(end_ns - begin_ns));
  ring_->append(static_cast<std::uint64_t>(span), begin_ns, end_ns, microbatch, trace_id, 0);
}

void Tracer::counter(Counter counter, double value, std::uint64_t microbatch) {
  if (!ring_) return;
  const std::int64_t now = clock_->now_ns();
  constexpr std::uint64_t kIsCounter = std::uint64_t{1} << 16U;
  ring_->append(static_cast<std::uint64_t>(counter) | kIsCounter, now, now, microbatch, 0, value);
}

void Tracer::set_step(std::uint64_t step, Phase phase) {
  if (!ring_) return;
  store(ring_->gauges().step, step);
  store(ring_->gauges().phase, static_cast<std::uint64_t>(phase));
}

void Tracer::progress() {
  if (ring_) add(ring_->gauges().progress, 1);
}

}  // namespace desa2va::tracing
