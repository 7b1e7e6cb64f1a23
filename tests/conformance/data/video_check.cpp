// video_check DIR EXPECTED.json: decodes every video that the file describes, from front to back
// and by frame number, and compares every fact of it.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "common/base/checksum.h"
#include "common/datasets/video_facts.h"
#include "common/preprocess/video/reader.h"
#include "tests/conformance/data/fact_check.h"

namespace desa2va::checks {
namespace {

using nlohmann::json;

// Remarks, exception names of another program, and sums that depend on a library's version.
const std::set<std::string> kInformative = {
    "note", "error", "decode_error", "same_as_intact", "frames_of_intact", "crc32_yuv420p_swscale"};

Buffer read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return Buffer::copy_of(as_bytes(text));
}

// Which checksums may be demanded: all, or of a damaged file those of the undamaged frames.
std::vector<std::size_t> demanded_frames(const json& expected, std::size_t count) {
  if (expected.contains("same_as_intact")) return expected["same_as_intact"];
  std::vector<std::size_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

void check_checksums(FactCheck& check, const std::string& name, const std::string& key,
                     const json& expected, const json& found) {
  const json& sums = found.value(key, json::array());
  for (const std::size_t i : demanded_frames(expected, expected[key].size()))
    check.compare(fmt::format("{}.{}[{}]", name, key, i), expected[key][i],
                  i < sums.size() ? sums[i] : json(nullptr));
  if (!expected.contains("same_as_intact")) return;
  // Frames that differ from the undamaged file must be reported as damaged.
  const std::set<std::size_t> intact(expected["same_as_intact"].begin(),
                                     expected["same_as_intact"].end());
  std::set<std::size_t> damaged;
  if (found.contains("damaged_frames"))
    damaged.insert(found["damaged_frames"].begin(), found["damaged_frames"].end());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!intact.contains(i))
      check.require(fmt::format("{}.damaged[{}]", name, i), damaged.contains(i),
                    "differs from the undamaged file and is not reported as damaged");
  }
}

// The same frames again, by number: few of many, the last alone, backwards.
void check_random_access(FactCheck& check, const std::string& name, const Buffer& bytes,
                         const json& sums) {
  auto reader = preprocess::VideoReader::open(bytes);
  if (!reader) return check.require(name, false, reader.error().message());
  auto index = reader->scan();
  if (!index) return check.require(name, false, index.error().message());
  const auto count = static_cast<std::uint32_t>(index->frames.size());
  std::vector<std::uint32_t> few;
  for (std::uint32_t i = count % 7; i < count; i += 7) few.push_back(i);
  const std::vector<std::vector<std::uint32_t>> requests = {
      few, {count - 1}, {count / 2, 0, count / 2, count - 1}, {count / 3}};
  for (const auto& numbers : requests) {
    auto done =
        reader->visit_frames(*index, numbers, [&](const preprocess::Frame& frame) -> Result<void> {
          if (frame.entry().damaged) return {};  // concealment depends on what came before
          DESA2VA_ASSIGN(const auto planes, frame.planes());
          check.compare(fmt::format("{}.by_number[{}]", name, frame.number()), sums[frame.number()],
                        crc32(std::as_bytes(std::span(planes))));
          return {};
        });
    check.require(name + ".by_number", done.has_value(), done ? "" : done.error().message());
  }
}

void check_video(FactCheck& check, const std::filesystem::path& dir, const std::string& name,
                 const json& expected) {
  check.begin(name);
  const Buffer bytes = read_bytes(dir / name);
  const json found = datasets::video_facts(bytes);
  for (const auto& [key, value] : expected.items()) {
    if (kInformative.contains(key)) continue;
    if (key == "crc32_yuv420p" || key == "crc32_native") {
      check_checksums(check, name, key, expected, found);
      if (found.contains(key)) check_random_access(check, name, bytes, found[key]);
    } else {
      check.compare(name + "." + key, value, found.contains(key) ? found[key] : json("nothing"));
    }
  }
  check.finish();
}

}  // namespace
}  // namespace desa2va::checks

int main(int argc, char** argv) {
  using namespace desa2va;
  if (argc != 3) {
    std::cerr << "usage: video_check DIR EXPECTED.json\n";
    return 2;
  }
  const nlohmann::json expected = checks::read_json_or_exit(argv[2]);
  checks::FactCheck check;
  for (const auto& [name, video] : expected.at("videos").items())
    checks::check_video(check, argv[1], name, video);
  return check.report();
}
