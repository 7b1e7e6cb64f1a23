#include "common/evaluation/files/mask_source.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "common/evaluation/files/json_input.h"
#include "common/preprocess/image/decode.h"
#include "common/preprocess/masks/rle.h"

namespace desa2va::evaluation {

namespace fs = std::filesystem;
using preprocess::IndexedImage;
using preprocess::Rle;

const MaskSource::Sequence* MaskSource::find(const std::string& name) const {
  const auto found =
      std::lower_bound(sequences_.begin(), sequences_.end(), name,
                       [](const Sequence& s, const std::string& n) { return s.name < n; });
  return found == sequences_.end() || found->name != name ? nullptr : &*found;
}

namespace {

class PngTree final : public MaskSource {
 public:
  static Result<std::unique_ptr<MaskSource>> open(const fs::path& root) {
    auto tree = std::make_unique<PngTree>();
    tree->root_ = root;
    std::map<std::string, std::vector<std::string>> found;
    DESA2VA_ASSIGN(const auto files, files_below(root, {".png"}));
    for (const fs::path& file : files) {
      const fs::path folder = file.lexically_relative(root).parent_path();
      found[folder.empty() ? "." : folder.generic_string()].push_back(file.stem().string());
    }
    if (found.empty())
      return fail(
          Errc::NotFound,
          "{}: the folder holds no PNG; wanted is {}/<sequence>/<frame>.png, or a JSON file "
          "of masks",
          root.string(), root.string());
    for (auto& [name, frames] : found) {
      std::sort(frames.begin(), frames.end());
      tree->sequences_.push_back({name, std::move(frames)});
    }
    return tree;
  }

  Result<IndexedImage> frame(const Sequence& sequence, std::size_t position) const override {
    const std::string path = describe(sequence, position);
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(Errc::NotFound, "{}: cannot be read", path);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    DESA2VA_ASSIGN(const auto info, preprocess::probe_image(as_bytes(bytes)).in(path));
    if (info.format == preprocess::ImageFormat::Png && info.mode != "P" && info.mode != "L" &&
        info.mode != "1")
      return fail(Errc::Corrupt,
                  "{}: a PNG of mode {}: wanted is an indexed one (mode P) whose index is the "
                  "object's number",
                  path, info.mode);
    DESA2VA_ASSIGN(IndexedImage image, preprocess::decode_indices(as_bytes(bytes)).in(path));
    if (info.mode == "L") binary_to_object(image);
    return image;
  }

  std::string describe(const Sequence& sequence, std::size_t position) const override {
    return (root_ / sequence.name / (sequence.frames[position] + ".png"))
        .lexically_normal()
        .string();
  }
  bool one_object() const override { return false; }

 private:
  // The layout for the servers of MeViS and Ref-YouTube-VOS: one object, 255 where it is.
  static void binary_to_object(IndexedImage& image) {
    const bool binary = std::all_of(image.indices.begin(), image.indices.end(),
                                    [](std::uint8_t v) { return v == 0 || v == 255; });
    if (!binary) return;
    for (std::uint8_t& value : image.indices) value = value == 0 ? 0 : 1;
  }

  fs::path root_;
};

// Masks of one object as run lengths, all in memory.
class CodedMasks final : public MaskSource {
 public:
  explicit CodedMasks(fs::path file) : file_(std::move(file)) {}

  Result<void> add(const std::string& name, const Json& frames) {
    std::vector<std::optional<Rle>> masks;
    for (const Json& one : frames) {
      if (one.is_null() || (one.is_array() && one.empty())) {
        masks.emplace_back();
        continue;
      }
      DESA2VA_ASSIGN(masks.emplace_back(),
                     mask_in(one, fmt::format("{}: mask {}", name, masks.size())));
    }
    return add(name, std::move(masks));
  }

  Result<void> add(const std::string& name, std::vector<std::optional<Rle>> masks) {
    if (masks_.contains(name)) return fail(Errc::Corrupt, "{} is there twice", name);
    masks_[name] = std::move(masks);
    return {};
  }

  Result<std::unique_ptr<MaskSource>> finish(std::unique_ptr<CodedMasks> self) {
    if (masks_.empty())
      return fail(Errc::Corrupt,
                  "{}: no masks found; wanted is {{video: {{expression: {{\"prediction_masks\": "
                  "[...]}}}}}}",
                  file_.string());
    for (const auto& [name, masks] : masks_)
      sequences_.push_back({name, std::vector<std::string>(masks.size())});
    return std::unique_ptr<MaskSource>(std::move(self));
  }

  Result<IndexedImage> frame(const Sequence& sequence, std::size_t position) const override {
    const auto& masks = masks_.at(sequence.name);
    if (masks[position]) {
      preprocess::Mask mask = preprocess::decode_rle(*masks[position]);
      return IndexedImage{mask.width, mask.height, std::move(mask.pixels)};
    }
    // Absent here: an empty mask of the size of the others, if there are any.
    const auto other = std::find_if(masks.begin(), masks.end(), [](const auto& m) { return !!m; });
    if (other == masks.end()) return IndexedImage{};
    const auto pixels =
        static_cast<std::size_t>((*other)->width) * static_cast<std::size_t>((*other)->height);
    return IndexedImage{(*other)->width, (*other)->height, std::vector<std::uint8_t>(pixels)};
  }

  std::string describe(const Sequence& sequence, std::size_t position) const override {
    return fmt::format("{}: {}: mask {}", file_.string(), sequence.name, position);
  }
  bool one_object() const override { return true; }

 private:
  fs::path file_;
  std::map<std::string, std::vector<std::optional<Rle>>> masks_;
};

// {name: {...}} down to a list of masks, or an object that has one under a known name.
Result<void> collect(const Json& value, const std::string& name, int depth, CodedMasks& into) {
  if (value.is_array()) return into.add(name, value);
  if (const Json* masks = member(value, {"prediction_masks", "masks", "gt_masks", "masks_rle"})) {
    if (!masks->is_array())
      return fail(Errc::Corrupt, "{}: masks are a list, one entry a frame", name);
    return into.add(name, *masks);
  }
  if (!value.is_object() || depth == 0)
    return fail(Errc::Corrupt, "{}: wanted is {{\"prediction_masks\": [...]}}",
                name.empty() ? "the document" : name);
  for (const auto& [key, below] : value.items())
    DESA2VA_TRY(collect(below, name.empty() ? key : name + "/" + key, depth - 1, into));
  return {};
}

Result<std::unique_ptr<MaskSource>> open_json(const fs::path& path) {
  auto masks = std::make_unique<CodedMasks>(path);
  DESA2VA_ASSIGN(const Json document, read_json_file(path));
  DESA2VA_TRY(reading(path, [&] { return collect(document, "", 2, *masks); }));
  auto& reference = *masks;
  return reference.finish(std::move(masks));
}

// MeViS and ReVOS: expressions that select mask tracks.
Result<std::unique_ptr<MaskSource>> open_expressions(const fs::path& expressions,
                                                     const fs::path& tracks) {
  auto masks = std::make_unique<CodedMasks>(tracks);
  DESA2VA_ASSIGN(const Json document, read_json_file(expressions));
  DESA2VA_ASSIGN(const Json dictionary, read_json_file(tracks));
  DESA2VA_TRY(reading(expressions, [&]() -> Result<void> {
    for (const auto& [video, entry] : document.at("videos").items()) {
      const std::size_t frames = entry.at("frames").size();
      for (const auto& [id, expression] : entry.at("expressions").items()) {
        const std::string name = video + "/" + id;
        std::vector<std::optional<Rle>> joined(frames);
        for (const Json& annotation : expression.at("anno_id")) {
          const Json& track = dictionary.at(datasets::text_of(annotation));
          for (std::size_t i = 0; i < std::min(frames, track.size()); ++i) {
            if (track[i].is_null()) continue;
            DESA2VA_ASSIGN(Rle mask, mask_in(track[i], fmt::format("{}: mask {}", name, i)));
            if (joined[i]) {
              const std::array both = {*joined[i], mask};
              DESA2VA_ASSIGN(mask, preprocess::unite(both).in(name));
            }
            joined[i] = std::move(mask);
          }
        }
        DESA2VA_TRY(masks->add(name, std::move(joined)));
      }
    }
    return {};
  }));
  auto& reference = *masks;
  return reference.finish(std::move(masks));
}

}  // namespace

Result<std::unique_ptr<MaskSource>> open_masks(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    return fail(Errc::NotFound, "{}: there is no such file or folder", path.string());
  if (!fs::is_directory(path, error)) {
    if (path.extension() == ".png")
      return fail(Errc::InvalidArgument, "{}: wanted is the folder above the sequences, or JSON",
                  path.string());
    return open_json(path);
  }
  const fs::path expressions = path / "meta_expressions.json";
  const fs::path tracks = path / "mask_dict.json";
  if (fs::exists(expressions, error) && fs::exists(tracks, error))
    return open_expressions(expressions, tracks);
  if (fs::exists(path / "results.json", error)) return open_json(path / "results.json");
  return PngTree::open(path);
}

}  // namespace desa2va::evaluation
