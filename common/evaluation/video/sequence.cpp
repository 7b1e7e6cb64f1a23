#include "common/evaluation/video/sequence.h"

#include <algorithm>
#include <array>
#include <set>

namespace desa2va::evaluation {

namespace {

constexpr int kVoid = 255;

std::set<int> objects_in(const IndexedImage& image) {
  std::array<bool, 256> seen{};
  for (const std::uint8_t index : image.indices) seen[index] = true;
  std::set<int> objects;
  for (int i = 1; i < kVoid; ++i)
    if (seen[static_cast<std::size_t>(i)]) objects.insert(i);
  return objects;
}

Mask mask_of(const IndexedImage& image, int object) {
  Mask mask{image.width, image.height, std::vector<std::uint8_t>(image.indices.size())};
  for (std::size_t i = 0; i < mask.pixels.size(); ++i)
    mask.pixels[i] = static_cast<std::uint8_t>(image.indices[i] == object);
  return mask;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace

Result<FrameScore> score_frame(const IndexedImage& truth,
                               const std::optional<IndexedImage>& prediction) {
  const bool have = prediction && !prediction->indices.empty();
  const IndexedImage& found = have ? *prediction : truth;
  const IndexedImage& wanted = truth.indices.empty() ? found : truth;
  if (found.width != wanted.width || found.height != wanted.height)
    return fail(Errc::InvalidArgument,
                "the prediction has {}x{} pixels, the truth {}x{}: masks are never resized here",
                found.width, found.height, wanted.width, wanted.height);
  const auto in_truth = objects_in(truth);
  std::set<int> objects = in_truth;
  const auto predicted = have ? objects_in(found) : std::set<int>();
  objects.insert(predicted.begin(), predicted.end());
  FrameScore out;
  for (const int object : objects) {
    const Mask nothing = Mask::zeros(wanted.width, wanted.height);
    const Mask g = truth.indices.empty() ? nothing : mask_of(truth, object);
    const Mask p = have ? mask_of(found, object) : nothing;
    FrameScore::Object& entry = out.objects[object];
    entry.in_truth = in_truth.contains(object);
    entry.predicted = predicted.contains(object);
    DESA2VA_ASSIGN(entry.score, region_and_boundary(g, p));
  }
  return out;
}

SequenceScore score_sequence(std::span<const FrameScore> frames) {
  std::set<int> objects;
  std::set<int> unknown;
  for (const FrameScore& frame : frames)
    for (const auto& [object, entry] : frame.objects)
      (entry.in_truth ? objects : unknown).insert(object);
  SequenceScore out;
  out.objects.assign(objects.begin(), objects.end());
  std::set_difference(unknown.begin(), unknown.end(), objects.begin(), objects.end(),
                      std::back_inserter(out.unknown));
  for (const int object : out.objects) {
    auto& j = out.j.emplace_back();
    auto& f = out.f.emplace_back();
    for (const FrameScore& frame : frames) {
      const auto found = frame.objects.find(object);
      const JF score = found == frame.objects.end() ? JF{1, 1} : found->second.score;
      j.push_back(score.j);
      f.push_back(score.f);
    }
    out.j_of_object.push_back(mean(j));
    out.f_of_object.push_back(mean(f));
  }
  out.j_mean = mean(out.j_of_object);
  out.f_mean = mean(out.f_of_object);
  return out;
}

void RevosCounts::add(const Mask& truth, const Mask& prediction, const Mask& all) {
  for (std::size_t i = 0; i < truth.pixels.size(); ++i) {
    const bool g = truth.pixels[i] != 0;
    const bool p = prediction.pixels[i] != 0;
    equal += g == p ? 1 : 0;
    wrong += p && !g ? 1 : 0;
  }
  pixels += static_cast<std::int64_t>(truth.pixels.size());
  foreground += all.area();
}

double RevosCounts::accuracy() const {
  return pixels == 0 ? 1 : static_cast<double>(equal) / static_cast<double>(pixels);
}

double RevosCounts::robustness() const {
  if (foreground == 0) return wrong == 0 ? 1 : 0;
  return std::max(1 - static_cast<double>(wrong) / static_cast<double>(foreground), 0.0);
}

}  // namespace desa2va::evaluation
