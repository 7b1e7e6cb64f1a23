#include "services/inference/set_files.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include <fmt/format.h>

#include "common/preprocess/image/encode.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxName = 160;

Result<void> write_picture(const fs::path& file, const Buffer& bytes) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out)
    return fail(Errc::Overloaded, "cannot write {}", file.string()).with_exit(ExitCode::Storage);
  return {};
}

// "0.125_mevis_valid_u_b2e7dog00009_1.png"
std::string drawing_name(double score, const std::string& query) {
  std::string id = query.size() > kMaxName ? query.substr(query.size() - kMaxName) : query;
  std::replace_if(
      id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return fmt::format("{:.3f}_{}.png", score, id);
}

bool stays_below(const fs::path& relative) {
  return relative.is_relative() && std::none_of(relative.begin(), relative.end(),
                                                [](const fs::path& part) { return part == ".."; });
}

}  // namespace

Result<void> write_for_server(const fs::path& folder, const std::string& video,
                              const std::string& expression, const std::vector<std::string>& frames,
                              const std::vector<preprocess::Rle>& masks) {
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const fs::path file = fs::path(video) / expression / (frames.at(i) + ".png");
    if (!stays_below(video) || !stays_below(file))
      return fail(Errc::Corrupt, "{}: the sample's names lead out of the folder", file.string())
          .with_exit(ExitCode::Data);
    preprocess::Mask mask = preprocess::decode_rle(masks[i]);
    for (std::uint8_t& pixel : mask.pixels) pixel = pixel != 0 ? 255 : 0;
    DESA2VA_ASSIGN(const Buffer png,
                   preprocess::encode_grey_png({mask.width, mask.height, std::move(mask.pixels)}));
    DESA2VA_TRY(write_picture(folder / "Annotations" / file, png));
  }
  return {};
}

WorstCases::WorstCases(const fs::path& folder, std::size_t most)
    : folder_(folder / "worst"), most_(most) {}

bool WorstCases::wants(double score, const std::string& query) const {
  if (most_ == 0) return false;
  return files_.size() < most_ || drawing_name(score, query) < *files_.rbegin();
}

Result<void> WorstCases::keep(double score, const std::string& query,
                              const preprocess::Image& drawing) {
  const std::string name = drawing_name(score, query);
  DESA2VA_ASSIGN(const Buffer png, preprocess::encode_png(drawing));
  DESA2VA_TRY(write_picture(folder_ / name, png));
  files_.insert(name);
  if (files_.size() <= most_) return {};
  std::error_code error;
  fs::remove(folder_ / *files_.rbegin(), error);
  files_.erase(std::prev(files_.end()));
  return {};
}

}  // namespace desa2va::inference
