#include "common/storage/checkpoint/compare.h"

#include <fmt/ranges.h>

namespace desa2va::checkpoint {
namespace {

std::string how_tensors_differ(const TensorRecord& a, const TensorRecord& b) {
  if (a.dtype != b.dtype) {
    return fmt::format("dtype {} against {}", name(a.dtype), name(b.dtype));
  }
  if (a.shape != b.shape) {
    return fmt::format("shape [{}] against [{}]", fmt::join(a.shape, ", "),
                       fmt::join(b.shape, ", "));
  }
  std::size_t first = a.chunks.size();
  std::size_t count = 0;
  for (std::size_t i = a.chunks.size(); i > 0; --i) {
    if (a.chunks[i - 1].hash == b.chunks[i - 1].hash) continue;
    first = i - 1;
    ++count;
  }
  if (count == 0) return {};
  return fmt::format("{} of {} chunks differ, the first is chunk {}", count, a.chunks.size(),
                     first);
}

// Walks two ascending sequences together: `both(a, b)`, or only(x, "A" or "B").
template <class A, class B, class Name, class Both, class Only>
void walk_together(const A& a, const B& b, Name name, Both both, Only only) {
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() || j != b.end()) {
    if (j == b.end() || (i != a.end() && name(*i) < name(*j))) {
      only(name(*i++), "A");
    } else if (i == a.end() || name(*j) < name(*i)) {
      only(name(*j++), "B");
    } else {
      both(*i++, *j++);
    }
  }
}

}  // namespace

DiffReport diff(const Manifest& a, const Manifest& b) {
  DiffReport report;
  const auto only = [&](const std::string& name, std::string_view side) {
    ++report.compared;
    report.differences.push_back({name, fmt::format("only in {}", side)});
  };
  walk_together(
      a.tensors, b.tensors,
      [](const TensorRecord& tensor) -> const std::string& { return tensor.name; },
      [&](const TensorRecord& left, const TensorRecord& right) {
        ++report.compared;
        auto what = how_tensors_differ(left, right);
        if (!what.empty()) report.differences.push_back({left.name, std::move(what)});
      },
      only);
  const auto first = [](const auto& entry) -> const std::string& { return entry.first; };
  walk_together(
      a.blobs, b.blobs, first,
      [&](const auto& left, const auto& right) {
        ++report.compared;
        if (left.second == right.second) return;
        report.differences.push_back(
            {left.first,
             fmt::format("{} and {} bytes that differ", left.second.size(), right.second.size())});
      },
      only);
  const auto note = [&](std::string name, const auto& left, const auto& right) {
    if (left == right) return;
    report.notes.push_back({std::move(name), fmt::format("{} against {}", left, right)});
  };
  note("step", a.step, b.step);
  note("phase", letter(a.phase), letter(b.phase));
  note("position", a.position, b.position);
  walk_together(
      a.facts, b.facts, first,
      [&](const auto& left, const auto& right) { note(left.first, left.second, right.second); },
      [&](const std::string& name, std::string_view side) {
        report.notes.push_back({name, fmt::format("only in {}", side)});
      });
  return report;
}

}  // namespace desa2va::checkpoint
