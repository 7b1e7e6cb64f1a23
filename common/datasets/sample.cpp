#include "common/datasets/sample.h"

#include <algorithm>

#include <fmt/format.h>

namespace desa2va::datasets {

std::string_view name(SampleKind kind) {
  switch (kind) {
    case SampleKind::ImageRef:
      return "image_ref";
    case SampleKind::VideoRef:
      return "video_ref";
    case SampleKind::ImageQa:
      return "image_qa";
    case SampleKind::VideoQa:
      return "video_qa";
    case SampleKind::Gcg:
      return "gcg";
    case SampleKind::RegionQa:
      return "region_qa";
  }
  return "?";
}

std::string_view name(SampleStatus status) {
  switch (status) {
    case SampleStatus::Ok:
      return "ok";
    case SampleStatus::Warned:
      return "warned";
    case SampleStatus::Broken:
      return "broken";
  }
  return "?";
}

std::uint32_t Sample::drawable_frames() const {
  if (!frames.empty()) return static_cast<std::uint32_t>(frames.size());
  std::uint32_t all = 0;
  for (const MediaRef& one : media) all += one.frames;
  return all;
}

void Sample::warn(std::string_view what) {
  if (status == SampleStatus::Ok) status = SampleStatus::Warned;
  if (!reason.empty()) reason += "; ";
  reason += what;
}

void Sample::mark_broken(std::string_view what) {
  if (status != SampleStatus::Broken) reason.clear();  // what is broken comes first
  status = SampleStatus::Broken;
  if (!reason.empty()) reason += "; ";
  reason += what;
}

std::string describe(const Sample& sample) {
  return fmt::format("{}/{}/{}", sample.dataset, sample.split, sample.id);
}

CodedMask coded(const preprocess::Rle& rle) {
  return CodedMask{rle.height, rle.width, preprocess::rle_to_string(rle)};
}

Result<preprocess::Rle> decoded(const CodedMask& mask) {
  return preprocess::rle_from_string(mask.height, mask.width, mask.counts);
}

}  // namespace desa2va::datasets
