#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/messages/data_to_sam2.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/text/prompt.h"
#include "services/data/media.h"
#include "services/data/sources.h"

// One sample of the stream, made ready: questions and answers, tokens, tiles, frames, masks.
namespace desa2va::data {

// A sample of phases B and C.
struct Part {
  text::Encoded text;
  std::vector<preprocess::Image> tiles;   // vit.image_size a side; none: text only
  std::vector<preprocess::Image> frames;  // sam2.image_size a side; none: no masks
  messages::Masks masks;                  // objects * frames
  std::vector<std::string> texts;         // what each [SEG] stands for; as many as objects
  // Regions asked about, each [g, g] cells of the last tile, 1 inside; g * g tokens a tile.
  std::vector<std::vector<std::uint8_t>> regions = {};
};

// A frame of phase A.
struct FramePart {
  preprocess::Image frame;
  std::vector<messages::Masks> masks;  // one an object
  std::vector<std::string> texts;      // one an object
};

// What became of a sample: ready, or why it cannot be used and must be replaced.
template <class T>
struct Assembled {
  std::optional<T> part;
  std::string unusable = {};
  bool unread = false;  // not of the draw: the sample itself could not be read
};

// Where a sample stands in the stream; its draws depend on this, the sample and the seed alone.
struct Place {
  std::uint64_t seed = 0;
  std::uint64_t repeat = 0;
  std::uint32_t microbatch = 0;
};

// Functions of a sample and its place. One thread (it fills the cache).
class Assembler {
 public:
  // The references must outlive it.
  Assembler(const config::Config& config, const text::Tokenizer& tokenizer,
            const text::PromptTemplate& form, MediaCache& media);

  // A Result's error ends the run: a damaged shard (exit 3), a deadline with data.on_timeout=stop.
  Result<Assembled<Part>> part(const Source& source, const datasets::Sample& sample,
                               const Place& place) const;
  Result<Assembled<FramePart>> frame(const Source& source, const datasets::Sample& sample,
                                     const Place& place) const;

 private:
  Result<Part> image_ref(const Source&, const datasets::Sample&, const Place&) const;
  Result<Part> video_ref(const Source&, const datasets::Sample&, const Place&) const;
  Result<Part> grounded_caption(const Source&, const datasets::Sample&, const Place&) const;
  Result<Part> image_qa(const Source&, const datasets::Sample&) const;
  Result<Part> video_qa(const Source&, const datasets::Sample&, const Place&) const;
  Result<Part> region_qa(const Source&, const datasets::Sample&, const Place&) const;
  Result<FramePart> one_frame(const Source&, const datasets::Sample&, const Place&) const;
  // The one picture of a sample: its tiles go into the part; what stands for it in the text.
  Result<text::ImageBlock> tile_picture(const Source&, const datasets::Sample&, Part& part,
                                        bool with_frame) const;
  Result<std::vector<preprocess::Image>> pictures(const Source&, const datasets::Sample&,
                                                  std::span<const std::uint32_t> frames) const;
  Result<void> check_tokens(const Part& part) const;
  void refer(const datasets::Sample& sample, std::span<const std::uint32_t> objects,
             std::string_view opening, const text::PromptOptions& options, const Place& place,
             Part& part) const;
  text::PromptOptions options(text::Encoder encoder, text::ImageBlock block) const;
  template <class T>
  Result<Assembled<T>> gate(Result<T> made) const;

  const config::Config& config_;
  const text::Tokenizer& tokenizer_;
  const text::PromptTemplate& form_;
  text::PromptTemplate refcoco_form_;
  MediaCache& media_;
};

// Masks of `objects` in `frames` of the sample, object-major, one bit a pixel. Corrupt when a mask
// is missing or a run-length code is broken.
Result<messages::Masks> pack_masks(const datasets::Sample& sample,
                                   std::span<const std::uint32_t> objects,
                                   std::span<const std::uint32_t> frames);

}  // namespace desa2va::data
