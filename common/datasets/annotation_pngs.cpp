#include "common/datasets/annotation_pngs.h"

#include <filesystem>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "common/preprocess/image/decode.h"

namespace desa2va::datasets {

namespace {

CodedMask mask_of_object(const preprocess::IndexedImage& png, std::uint8_t object) {
  preprocess::Mask mask = preprocess::Mask::zeros(png.width, png.height);
  for (std::size_t i = 0; i < png.indices.size(); ++i)
    mask.pixels[i] = png.indices[i] == object ? 1 : 0;
  return coded(preprocess::encode_rle(mask));
}

}  // namespace

Result<void> AnnotationPngs::load(Sample& sample) {
  tracks_.clear();
  auto source = nlohmann::json::parse(sample.source);
  source["png_sizes"] = nlohmann::json::array();
  for (std::size_t frame = 0; frame < sample.media.size(); ++frame) {
    const std::string name = std::filesystem::path(sample.media[frame].path).stem().string();
    auto bytes = tree_.read(fmt::format("{}/{}/{}.png", folder_, sample.id, name));
    if (!bytes && bytes.error().code() == Errc::InvalidArgument) return std::move(bytes.error());
    if (!bytes) {
      source["png_sizes"].push_back(nullptr);
      continue;
    }
    auto png = preprocess::decode_indices(bytes->bytes());
    if (!png) {
      sample.mark_broken(fmt::format("mask of frame {}: {}", name, png.error().message()));
      continue;
    }
    source["png_sizes"].push_back({png->width, png->height});
    for (const std::uint8_t object :
         std::set<std::uint8_t>(png->indices.begin(), png->indices.end())) {
      if (object == 0) continue;
      MaskTrack& track = tracks_[std::to_string(object)];
      track.resize(sample.media.size());
      track[frame].masks.push_back(mask_of_object(*png, object));
    }
    // Frames where an object is absent have a size too, and it is told the same way.
    MaskTrack& background = tracks_["0"];
    background.resize(sample.media.size());
    background[frame].masks.push_back(coded(preprocess::empty_rle(png->height, png->width)));
  }
  sample.source = source.dump();
  return {};
}

Result<void> AnnotationPngs::set(Sample& sample, Expression& expression, const Json& raw) const {
  const auto find = [&](const std::string& object) {
    const auto found = tracks_.find(object);
    return found == tracks_.end() ? nullptr : &found->second;
  };
  const MaskTrack* track = find(text_of(raw.at("obj_id")));
  const MaskTrack* background = find("0");
  MaskTrack joined(sample.media.size());
  for (std::size_t frame = 0; frame < joined.size(); ++frame) {
    if (track != nullptr && !(*track)[frame].masks.empty()) {
      joined[frame] = (*track)[frame];
    } else if (background != nullptr) {
      joined[frame] = (*background)[frame];
    }
  }
  const std::array<const MaskTrack*, 1> tracks = {&joined};
  return set_masks(sample, expression, tracks);
}

Result<void> import_png_split(const DataTree& tree, const VideoSplit& split,
                              const std::string& folder, const ImportRequest& request,
                              ImportSink& sink) {
  const MasksOfVideo masks_of = [&](const Json&) -> VideoMasks {
    auto pngs = std::make_shared<AnnotationPngs>(tree, folder);
    return {[pngs](Sample& sample, Expression& expression, const Json& raw) {
              return pngs->set(sample, expression, raw);
            },
            [pngs](Sample& sample, const Json&) { return pngs->load(sample); }};
  };
  return import_video_split(tree, split, masks_of, {{"annotations", folder}}, request, sink);
}

Result<void> import_counted_split(const DataTree& tree, VideoSplit split,
                                  const std::string& mask_file, const ImportRequest& request,
                                  ImportSink& sink) {
  nlohmann::json pickle;
  DESA2VA_ASSIGN(const MaskTracks tracks, read_pickled_tracks(tree, mask_file, pickle));
  split.mask_file = mask_file;
  std::uint64_t expressions = 0;  // of the videos so far
  const MasksOfVideo masks_of = [&](const Json& video) -> VideoMasks {
    const std::uint64_t first = expressions;
    expressions += video.at("expressions").size();
    auto masks = [&, counter = first](Sample& sample, Expression& expression,
                                      const Json&) mutable -> Result<void> {
      const std::string key = std::to_string(counter++);
      const auto track = tracks.find(key);
      if (track == tracks.end())
        return fail(Errc::Corrupt, "expression {} is number {}, which {} lacks", expression.id, key,
                    mask_file);
      auto source = nlohmann::json::parse(expression.source);
      source["mask_key"] = key;
      expression.source = source.dump();
      const std::array<const MaskTrack*, 1> selected = {&track->second};
      return set_masks(sample, expression, selected);
    };
    return {std::move(masks), {}};
  };
  return import_video_split(tree, split, masks_of,
                            {{"mask_tracks", tracks.size()}, {"pickle", pickle}}, request, sink);
}

}  // namespace desa2va::datasets
