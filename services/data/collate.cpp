#include "services/data/collate.h"

#include <algorithm>
#include <map>

#include "services/data/planes.h"

namespace desa2va::data {

namespace {

using preprocess::Image;

HostTensor numbers(const std::vector<std::int64_t>& values) {
  return HostTensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

// Rows of different length as one matrix, padded at the right.
HostTensor padded(std::span<const std::vector<std::int64_t>> rows, std::int64_t padding) {
  std::size_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, row.size());
  HostTensor tensor = HostTensor::empty(
      DType::I64, {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(longest)});
  auto out = tensor.mutable_values<std::int64_t>();
  std::fill(out.begin(), out.end(), padding);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(),
              out.begin() + static_cast<std::ptrdiff_t>(i * longest));
  }
  return tensor;
}

// Pictures of `side` x `side` as [n, 3, side, side]; a null one stays zero.
HostTensor planes(std::span<const Image* const> images, std::int64_t side) {
  HostTensor tensor =
      HostTensor::empty(DType::U8, {static_cast<std::int64_t>(images.size()), 3, side, side});
  auto out = tensor.mutable_values<std::uint8_t>();
  const auto area = static_cast<std::size_t>(side * side);
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::uint8_t* to = out.data() + i * 3 * area;
    if (images[i] == nullptr) {
      std::fill(to, to + 3 * area, std::uint8_t{0});
      continue;
    }
    to_planes(*images[i], to);
  }
  return tensor;
}

HostTensor region_cells(const config::Config& config, std::span<const std::uint8_t> cells) {
  const std::int64_t side = config.model.vit.grid() / 2;
  const auto count = static_cast<std::int64_t>(cells.size()) / (side * side);
  return HostTensor::of<std::uint8_t>({count, side, side}, cells);
}

}  // namespace

void set_real_texts(const text::Tokenizer& tokenizer, std::span<const std::string> texts,
                    std::int64_t max_tokens, messages::Batch& batch) {
  std::vector<std::vector<std::int64_t>> rows;
  std::vector<std::int64_t> lengths;
  for (const std::string& text : texts) {
    std::vector<std::int64_t> ids = tokenizer.encode(text);
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(max_tokens)));
    if (ids.empty()) ids.push_back(tokenizer.special().endoftext);
    lengths.push_back(static_cast<std::int64_t>(ids.size()));
    rows.push_back(std::move(ids));
  }
  batch.real_text_ids = padded(rows, 0);
  batch.real_text_lengths = numbers(lengths);
}

messages::Batch collate_batch(const config::Config& config, const text::Tokenizer& tokenizer,
                              std::span<const Part> parts) {
  messages::Batch batch;
  std::vector<std::vector<std::int64_t>> ids, labels;
  std::vector<std::int64_t> lengths, tiles_per_sample, seg_counts, regions_per_sample;
  std::vector<std::uint8_t> regions;
  std::vector<const Image*> tiles;
  std::vector<std::string> texts;
  for (const Part& part : parts) {
    ids.push_back(part.text.ids);
    labels.push_back(part.text.labels);
    lengths.push_back(static_cast<std::int64_t>(part.text.ids.size()));
    seg_counts.push_back(static_cast<std::int64_t>(part.texts.size()));
    for (const Image& tile : part.tiles) tiles.push_back(&tile);
    tiles_per_sample.push_back(static_cast<std::int64_t>(part.tiles.size()));
    texts.insert(texts.end(), part.texts.begin(), part.texts.end());
    regions_per_sample.push_back(static_cast<std::int64_t>(part.regions.size()));
    for (const auto& cells : part.regions)
      regions.insert(regions.end(), cells.begin(), cells.end());
  }
  batch.ids = padded(ids, 0);
  batch.labels = padded(labels, text::kIgnoredLabel);
  batch.lengths = numbers(lengths);
  batch.tiles_per_sample = numbers(tiles_per_sample);
  batch.tiles = planes(tiles, config.model.vit.image_size);
  batch.seg_counts = numbers(seg_counts);
  batch.regions_per_sample = numbers(regions_per_sample);
  batch.regions = region_cells(config, regions);
  set_real_texts(tokenizer, texts, config.model.decoupler.real_text_max_tokens, batch);
  return batch;
}

messages::Frames collate_frames(const config::Config& config, std::span<const Part> parts) {
  messages::Frames out;
  std::vector<const Image*> frames;
  std::vector<std::int64_t> frames_per_sample, object_counts, samples;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (part.frames.empty()) continue;
    for (const Image& frame : part.frames) frames.push_back(&frame);
    frames_per_sample.push_back(static_cast<std::int64_t>(part.frames.size()));
    object_counts.push_back(static_cast<std::int64_t>(part.texts.size()));
    samples.push_back(static_cast<std::int64_t>(i));
    out.masks.push_back(part.masks);
  }
  out.frames = planes(frames, config.model.sam2.image_size);
  out.frames_per_sample = numbers(frames_per_sample);
  out.object_counts = numbers(object_counts);
  out.samples = numbers(samples);
  out.object_frame = numbers({});
  out.object_text = numbers({});
  return out;
}

PhaseAMessages collate_phase_a(const config::Config& config, const text::Tokenizer& tokenizer,
                               std::span<const FramePart> parts) {
  PhaseAMessages out;
  std::vector<const Image*> frames;
  std::vector<std::int64_t> ones, object_counts, samples, object_frame, object_text;
  std::vector<std::string> texts;
  std::map<std::string, std::int64_t> rows;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const FramePart& part = parts[i];
    frames.push_back(&part.frame);
    ones.push_back(1);
    object_counts.push_back(static_cast<std::int64_t>(part.texts.size()));
    samples.push_back(static_cast<std::int64_t>(i));
    for (std::size_t o = 0; o < part.texts.size(); ++o) {
      const auto [row, is_new] =
          rows.emplace(part.texts[o], static_cast<std::int64_t>(texts.size()));
      if (is_new) texts.push_back(part.texts[o]);
      object_frame.push_back(static_cast<std::int64_t>(i));
      object_text.push_back(row->second);
      out.frames.masks.push_back(part.masks[o]);
    }
  }
  out.frames.frames = planes(frames, config.model.sam2.image_size);
  out.frames.frames_per_sample = numbers(ones);
  out.frames.object_counts = numbers(object_counts);
  out.frames.samples = numbers(samples);
  out.frames.object_frame = numbers(object_frame);
  out.frames.object_text = numbers(object_text);

  out.batch.ids = padded({}, 0);
  out.batch.labels = padded({}, 0);
  out.batch.lengths = numbers({});
  out.batch.tiles_per_sample = numbers({});
  out.batch.tiles = planes({}, config.model.vit.image_size);
  out.batch.seg_counts = numbers({});
  out.batch.regions_per_sample = numbers({});
  out.batch.regions = region_cells(config, {});
  set_real_texts(tokenizer, texts, config.model.decoupler.real_text_max_tokens, out.batch);
  return out;
}

}  // namespace desa2va::data
