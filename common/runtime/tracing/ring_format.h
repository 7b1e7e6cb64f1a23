#pragma once

#include <atomic>
#include <cstdint>

#include "common/runtime/tracing/categories.h"

// The ring file, version 1: one page of facts, one page of gauges, the name tables, then records.
// Little-endian; every field that changes is an aligned 64-bit word, written and read atomically.
namespace desa2va::tracing::format {

inline constexpr std::uint64_t kMagic = 0x31474e4952413244;  // "D2ARING1"
inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kNameBytes = 32;
inline constexpr std::size_t kMaxNames = 120;  // of each table; two tables fill two pages

struct Facts {
  std::uint64_t magic;
  std::uint64_t role;
  std::uint64_t rank_index;
  std::uint64_t pid;
  std::uint64_t opened_ns;            // CLOCK_MONOTONIC
  std::uint64_t opened_wall_seconds;  // bits of a double
  std::uint64_t capacity;             // records
  std::uint64_t span_names;           // entries of each table
  std::uint64_t counter_names;
};

struct GaugeWords {
  std::uint64_t written;  // records begun; record i (from 1) is in slot (i - 1) mod capacity
  std::uint64_t step;
  std::uint64_t phase;
  std::uint64_t progress;
  std::uint64_t last_ns;
  std::uint64_t busy_ns[kCategoryCount];
};

struct Name {
  char text[kNameBytes - 1];  // zero-terminated
  std::uint8_t category;      // of a span
};
static_assert(sizeof(Name) == kNameBytes);

// `sequence` is 0 while the record is being written and its number when it is whole.
struct Record {
  std::uint64_t sequence;
  std::uint64_t what;  // name id | kind << 16 (0 span, 1 counter) | thread << 32
  std::uint64_t begin_ns;
  std::uint64_t end_ns;
  std::uint64_t microbatch;
  std::uint64_t trace_id;
  std::uint64_t value;  // bits of a double, of a counter
  std::uint64_t reserved;
};
static_assert(sizeof(Record) == 64);

inline constexpr std::size_t kGaugesAt = kPage;
inline constexpr std::size_t kSpanNamesAt = 2 * kPage;
inline constexpr std::size_t kCounterNamesAt = 3 * kPage;
inline constexpr std::size_t kRecordsAt = 4 * kPage;

inline std::uint64_t load(const std::uint64_t& word,
                          std::memory_order order = std::memory_order_relaxed) {
  return std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(word)).load(order);
}
inline void store(std::uint64_t& word, std::uint64_t value,
                  std::memory_order order = std::memory_order_relaxed) {
  std::atomic_ref<std::uint64_t>(word).store(value, order);
}
inline std::uint64_t add(std::uint64_t& word, std::uint64_t value) {
  return std::atomic_ref<std::uint64_t>(word).fetch_add(value, std::memory_order_relaxed);
}

}  // namespace desa2va::tracing::format
