#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What a process can be doing, and the names of its spans and counters.
namespace desa2va::tracing {

// How a role's time splits. Every span belongs to one.
enum class Category : std::uint8_t {
  Compute,
  WaitInput,   // nothing has arrived that it could work on
  WaitCredit,  // it has something to send and the receiver's window is full
  Transport,   // encoding, decoding, copying, checksums
  Commit,      // norms, reduction, optimizer, and waiting for the coordinator's word
  Storage,     // writing checkpoints and shards
};
inline constexpr std::size_t kCategoryCount = 6;
inline constexpr std::array<std::string_view, kCategoryCount> kCategoryNames = {
    "compute", "waiting for input", "waiting for credit", "transport", "commit", "storage"};
constexpr std::string_view name(Category category) {
  return kCategoryNames[static_cast<std::size_t>(category)];
}

// In the order of flow. A name is added here when some service writes it; ring files carry the
// table, so an old file reads well with a newer program.
enum class Span : std::uint16_t {
  WaitInput,
  WaitCredit,
  WaitCommit,  // every role
  Encode,
  Decode,
  Send,
  Receive,
  Prepare,
  Reduce,
  OptimizerStep,
  Save,
  Load,
  Startup,
  ReadSample,
  DecodeMedia,
  Tokenize,
  Pack,  // data
  MllmForward,
  MllmText,
  MllmBackward,  // mllm
  DecouplerForward,
  DecouplerBackward,
  Adversaries,
  Club,  // decoupler
  Sam2Encode,
  Sam2Decode,
  Sam2Backward,  // sam2
  Decide,
  WriteMetrics,
  Evaluate,  // coordinator, evaluation
  kCount
};

enum class Counter : std::uint16_t {
  OpenMicrobatches,
  QueueDepth,
  InFlightBytes,
  ResidentBytes,
  Loss,
  kCount
};

struct SpanInfo {
  std::string_view name;
  Category category;
};
inline constexpr std::array<SpanInfo, static_cast<std::size_t>(Span::kCount)> kSpans = {{
    {"wait for input", Category::WaitInput},
    {"wait for credit", Category::WaitCredit},
    {"wait for commit", Category::Commit},
    {"encode", Category::Transport},
    {"decode", Category::Transport},
    {"send", Category::Transport},
    {"receive", Category::Transport},
    {"prepare", Category::Commit},
    {"reduce", Category::Commit},
    {"optimizer step", Category::Commit},
    {"save", Category::Storage},
    {"load", Category::Storage},
    {"startup", Category::Compute},
    {"read sample", Category::Compute},
    {"decode media", Category::Compute},
    {"tokenize", Category::Compute},
    {"pack", Category::Compute},
    {"mllm forward", Category::Compute},
    {"mllm text", Category::Compute},
    {"mllm backward", Category::Compute},
    {"decoupler forward", Category::Compute},
    {"decoupler backward", Category::Compute},
    {"adversaries", Category::Compute},
    {"club", Category::Compute},
    {"sam2 encode", Category::Compute},
    {"sam2 decode", Category::Compute},
    {"sam2 backward", Category::Compute},
    {"decide", Category::Compute},
    {"write metrics", Category::Storage},
    {"evaluate", Category::Compute},
}};
constexpr const SpanInfo& info(Span span) {
  return kSpans[static_cast<std::size_t>(span)];
}

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::kCount)> kCounters =
    {"open microbatches", "queue depth", "in flight bytes", "resident bytes", "loss"};

}  // namespace desa2va::tracing
