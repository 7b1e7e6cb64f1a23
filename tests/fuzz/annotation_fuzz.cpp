#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/datasets/json_scan.h"

namespace {

using desa2va::datasets::Json;

// Deeper than the scanner allows inside an element.
bool too_deep(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    deepest = std::max(deepest, depth);
  }
  return deepest > desa2va::datasets::kMaxNesting;
}

}  // namespace

// The scanner that looks at brackets and quotes alone finds what a parser of the whole file finds,
// and refuses what it refuses.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace desa2va::datasets;
  static const int fd = ::memfd_create("annotation", 0);
  static const DataTree tree("/proc/self/fd");
  static const std::string path = std::to_string(fd);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Json whole = Json::parse(text, nullptr, /*allow_exceptions=*/false);

  Json found = whole.is_object() ? Json::object() : Json::array();
  const auto done = stream_json(
      tree, path, 1, [&](const std::string& key, Json& element) -> desa2va::Result<void> {
        if (found.is_object()) {
          found[key] = element;  // the last of equal keys counts
        } else {
          found.push_back(element);
        }
        return {};
      });
  if (!whole.is_structured()) {
    if (done) std::abort();
  } else if (!done) {
    if (!too_deep(text)) std::abort();
  } else if (found != whole) {
    std::abort();
  }
  static_cast<void>(stream_json(tree, path, 2, [](const std::string&, Json&) {
    return desa2va::Result<void>();
  }));
  if (const auto index = JsonIndex::build(tree, path); index && !done) {
    // What only looks like an element is found when it is read.
    static_cast<void>(index->find("a"));
  }
  return 0;
}
