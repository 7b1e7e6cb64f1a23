#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/index.h"

// What a user points at: a picture, a video file, or a folder of frames, as frames in order.
namespace desa2va::inference {

struct MediaFrame {
  preprocess::Image image;
  std::string name;      // "00012"; of a folder: the file's name without its extension
  bool damaged = false;  // decoded with errors: what it shows is the decoder's guess
};

enum class MediaKind : std::uint8_t { Image, Video };

// Frames come one after another, decoded as they are asked for; a bounded number is held, however
// long the video. Belongs to one thread.
class Media {
 public:
  virtual ~Media() = default;

  virtual MediaKind kind() const = 0;
  virtual preprocess::Rational rate() const { return {24, 1}; }  // frames a second
  // How many frames the container announces, 0: it does not say. May be wrong.
  virtual std::int64_t announced() const { return 0; }
  // The next frame; empty at the end. Corrupt names the file.
  virtual Result<std::optional<MediaFrame>> next() = 0;
  // How many frames there are. A video file is decoded once for it, the first time.
  virtual Result<std::int64_t> count() = 0;
  // Frames by number, ascending numbers; leaves `next` where it is.
  virtual Result<std::vector<preprocess::Image>> pick(const std::vector<std::int64_t>& numbers) = 0;
};

// JPEG, PNG, GIF (first picture). NotFound; Corrupt with exit 3 for what is none.
Result<std::unique_ptr<Media>> open_picture(const std::filesystem::path& file);
// A video file, or a folder of pictures in the order of their names, numbers in them compared as
// numbers ("2.jpg" before "10.jpg"); files that are no pictures by name are left out.
Result<std::unique_ptr<Media>> open_video(const std::filesystem::path& file_or_folder);

// "a2" before "a10": digits by value, the rest by byte.
bool natural_less(std::string_view a, std::string_view b);

// Looks ahead: the first frames are wanted before it is known how many there are.
class Lookahead {
 public:
  explicit Lookahead(Media& media) : media_(media) {}

  // Reads until `count` frames wait or the media ends.
  Result<void> fill(std::size_t count);
  const std::deque<MediaFrame>& waiting() const { return waiting_; }
  Result<std::optional<MediaFrame>> next();

 private:
  Media& media_;
  std::deque<MediaFrame> waiting_;
  bool ended_ = false;
};

// The file's bytes, mapped. NotFound names it; a folder is InvalidArgument.
Result<Buffer> map_file(const std::filesystem::path& file);

}  // namespace desa2va::inference
