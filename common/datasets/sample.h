#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/checksum.h"
#include "common/base/result.h"
#include "common/preprocess/masks/rle.h"

// What one training or evaluation sample is, whatever the layout of the set it comes from: the
// value an importer produces, a shard keeps and the data service reads. Pixels are not in it;
// media are named by the hash of their file.
namespace desa2va::datasets {

enum class SampleKind : std::uint8_t {
  ImageRef,  // one picture, expressions with one mask each
  VideoRef,  // frames (a folder of pictures, or one video file), expressions with masks per frame
  ImageQa,   // a conversation about one picture, or about none (media empty)
  VideoQa,   // a conversation about a video file
  Gcg,       // one picture, one answer whose phrases have masks
  RegionQa,  // one picture, a conversation about regions given by masks
};
std::string_view name(SampleKind kind);

enum class MediaKind : std::uint8_t { Image, Video };

// One media file of the sample.
struct MediaRef {
  ContentHash hash;  // of the file's bytes; zero where it is missing or unusable
  MediaKind kind = MediaKind::Image;
  std::string path;  // below the root of import, for people and logs
  int width = 0;     // as shown, upright; 0 where it cannot be decoded
  int height = 0;
  std::uint32_t rgb_crc32 = 0;  // pictures only: CRC-32 of the decoded RGB bytes
  std::uint32_t frames = 1;     // of a video: how many it shows
};

// A mask in COCO's compressed run-length code.
struct CodedMask {
  int height = 0;
  int width = 0;
  std::string counts;
};

// Something a sentence names (or a region, or a phrase of an answer).
struct Expression {
  std::string id;
  std::vector<std::string> texts;        // as they enter a question; where several, one is drawn
  std::vector<std::string> short_texts;  // Ref-SAV's short captions, verbatim
  bool verbatim = false;                 // the text is a question by itself: no template around it
  std::optional<std::pair<std::uint32_t, std::uint32_t>>
      span;  // GCG: [begin, end) in the caption, code points
  // Per frame of the sample (ImageRef: one), at the size of that frame; an absent object has a
  // mask of zeros. Empty where the split has no masks. May be longer than the frames that can be
  // drawn (an annotation longer than its video).
  std::vector<CodedMask> masks;
  // What the set says besides (ids, counts): a JSON object for tools; training does not read it.
  std::string source = "{}";
};

struct Turn {
  std::string question;  // may hold "<image>": the place of the picture block
  std::string answer;
};

enum class SampleStatus : std::uint8_t {
  Ok,
  Warned,  // usable, `reason` says what was mended (a mask of the wrong size, ...)
  Broken   // never to be trained on: a substitute is taken
};
std::string_view name(SampleStatus status);

struct Sample {
  std::string dataset;  // "mevis", "refcoco+", "refsav", "llava", ...
  std::string split;  // "train", "val", ...; a part of the set ("grandf", "short_form") for others
  std::string id;     // unique within (dataset, split): video, image id or entry number
  SampleKind kind = SampleKind::ImageQa;
  std::vector<MediaRef> media;  // one picture, one video file, or one picture per frame
  // Of one video file: the frames that may be drawn, by number in the file; empty: all.
  std::vector<std::uint32_t> frames;
  std::vector<Expression> expressions;
  // ReVOS: per frame all that could be meant, which its evaluation needs.
  std::vector<CodedMask> foreground;
  std::string caption;  // GCG: the text the spans point into
  std::vector<Turn> turns;
  SampleStatus status = SampleStatus::Ok;
  std::string reason;
  std::string source = "{}";  // as in Expression

  // Frames that may be drawn: `frames` where given, else all that the media have.
  std::uint32_t drawable_frames() const;

  // Adds to the reason. What is broken stays so, and what broke it is named first.
  void warn(std::string_view what);
  void mark_broken(std::string_view what);
};

// "mevis/train/a1f3judo0001".
std::string describe(const Sample& sample);

CodedMask coded(const preprocess::Rle& rle);
Result<preprocess::Rle> decoded(const CodedMask& mask);

// Canonical bytes (schemas/sample.capnp): equal samples give equal bytes. Reading checks every
// field and has limits (64 MiB a sample), so foreign bytes do no harm.
Buffer encode_sample(const Sample& sample);
Result<Sample> decode_sample(ByteSpan bytes);

}  // namespace desa2va::datasets
