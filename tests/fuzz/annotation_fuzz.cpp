#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/datasets/json_scan.h"

// A JSON file. The scanner that looks at brackets and quotes alone finds what a parser of the whole
// file finds and refuses what it refuses, in whatever pieces the bytes arrive.
namespace {

using namespace desa2va;
using datasets::Json;

void require(bool holds) {
  if (!holds) std::abort();
}

// Deeper than the scanner allows inside an element.
bool too_deep(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    deepest = std::max(deepest, depth);
  }
  return deepest > datasets::kMaxNesting;
}

// `piece` bytes at once.
datasets::JsonFile file_over(std::string_view text, std::size_t piece) {
  return {"input", [text, piece](std::uint64_t offset, MutableByteSpan out) -> Result<std::size_t> {
            const ByteSpan rest =
                as_bytes(text).subspan(std::min<std::size_t>(offset, text.size()));
            const std::size_t count = std::min({rest.size(), out.size(), piece});
            std::copy_n(rest.data(), count, out.data());
            return count;
          }};
}

struct Found {
  Json value;
  std::string failure;  // "" where there is none
  bool operator==(const Found&) const = default;
};

// `like` tells an object from an array, which the elements alone do not.
Found elements(const datasets::JsonFile& file, const Json& like) {
  Found found{like.is_object() ? Json::object() : Json::array(), ""};
  const auto done =
      datasets::stream_json(file, 1, [&](const std::string& key, Json& element) -> Result<void> {
        if (found.value.is_object()) {
          found.value[key] = element;  // the last of equal keys counts
        } else {
          found.value.push_back(element);
        }
        return {};
      });
  if (!done) found.failure = done.error().message();
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Json whole = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto file = std::make_shared<const datasets::JsonFile>(file_over(text, size + 1));
  const Found found = elements(*file, whole);
  // The parser takes a byte 0 for the end of the text.
  if (!whole.is_structured() || text.find('\0') != std::string_view::npos) {
    require(!found.failure.empty());
  } else if (!found.failure.empty()) {
    require(too_deep(text));
  } else {
    require(found.value == whole);
  }
  require(elements(file_over(text, 1 + size % 7), whole) == found);
  static_cast<void>(
      datasets::stream_json(*file, 2, [](const std::string&, Json&) { return Result<void>(); }));
  if (const auto index = datasets::JsonIndex::build(file); index && !found.failure.empty()) {
    // What only looks like an element is found when it is read.
    if (const auto* place = index->find("a")) static_cast<void>(index->read(*place));
  }
  return 0;
}
