#include "services/inference/media.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/video/reader.h"
#include "common/runtime/exec/bounded_queue.h"
#include "common/runtime/exec/thread.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using preprocess::Image;

constexpr std::size_t kDecodedAhead = 4;  // frames of a video file

std::string frame_name(std::int64_t number) {
  return fmt::format("{:05}", number);
}

Result<Image> read_picture(const fs::path& file) {
  DESA2VA_ASSIGN(const Buffer bytes, map_file(file));
  auto image = preprocess::decode_image(bytes.bytes());
  if (!image) return std::move(image.error()).in(file.string()).with_exit(ExitCode::Data);
  return image;
}

class Picture final : public Media {
 public:
  Picture(Image image, std::string name) : image_(std::move(image)), name_(std::move(name)) {}
  MediaKind kind() const override { return MediaKind::Image; }
  Result<std::optional<MediaFrame>> next() override {
    if (std::exchange(given_, true)) return std::optional<MediaFrame>();
    return std::optional<MediaFrame>({image_, name_, false});
  }
  Result<std::int64_t> count() override { return std::int64_t{1}; }
  Result<std::vector<Image>> pick(const std::vector<std::int64_t>& numbers) override {
    return std::vector<Image>(numbers.size(), image_);
  }

 private:
  Image image_;
  std::string name_;
  bool given_ = false;
};

bool is_picture_name(const fs::path& file) {
  std::string extension = file.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 4> kNames = {".jpg", ".jpeg", ".png", ".gif"};
  return std::ranges::find(kNames, extension) != kNames.end();
}

class Folder final : public Media {
 public:
  explicit Folder(std::vector<fs::path> files) : files_(std::move(files)) {}
  MediaKind kind() const override { return MediaKind::Video; }
  Result<std::optional<MediaFrame>> next() override {
    if (next_ == files_.size()) return std::optional<MediaFrame>();
    const fs::path& file = files_[next_++];
    DESA2VA_ASSIGN(Image image, read_picture(file));
    return std::optional<MediaFrame>({std::move(image), file.stem().string(), false});
  }
  Result<std::int64_t> count() override { return static_cast<std::int64_t>(files_.size()); }
  Result<std::vector<Image>> pick(const std::vector<std::int64_t>& numbers) override {
    std::vector<Image> images;
    for (const auto number : numbers) {
      DESA2VA_ASSIGN(Image image, read_picture(files_.at(static_cast<std::size_t>(number))));
      images.push_back(std::move(image));
    }
    return images;
  }

 private:
  std::vector<fs::path> files_;
  std::size_t next_ = 0;
};

// Frames of a file: decoded by a thread of its own, a few ahead of the consumer.
class VideoFile final : public Media {
 public:
  VideoFile(fs::path file, Buffer bytes, preprocess::VideoReader reader)
      : file_(std::move(file)), bytes_(std::move(bytes)), reader_(std::move(reader)) {}
  ~VideoFile() override {
    queue_.close();  // a decoder that waits for space gives up
  }

  MediaKind kind() const override { return MediaKind::Video; }
  preprocess::Rational rate() const override {
    const auto rate = reader_.info().average_rate;
    if (rate.numerator < 1 || rate.denominator < 1) return {24, 1};
    const double value = static_cast<double>(rate.numerator) / rate.denominator;
    return value < 0.1 || value > 240 ? preprocess::Rational{24, 1} : rate;
  }

  std::int64_t announced() const override { return reader_.info().header_frames; }

  Result<std::optional<MediaFrame>> next() override {
    if (!thread_.joinable()) thread_ = exec::start_thread("decode", [this](auto) { decode(); });
    auto frame = queue_.pop();
    if (frame) return std::optional<MediaFrame>(std::move(*frame));
    thread_.join();  // what it left behind may be read now
    thread_ = std::jthread([] {});
    if (failure_) return *failure_;
    return std::optional<MediaFrame>();
  }

  Result<std::int64_t> count() override {
    DESA2VA_TRY(scan_once());
    return static_cast<std::int64_t>(index_->frames.size());
  }

  Result<std::vector<Image>> pick(const std::vector<std::int64_t>& numbers) override {
    DESA2VA_TRY(scan_once());
    std::vector<std::uint32_t> wanted(numbers.begin(), numbers.end());
    return second_->frames(*index_, wanted).in(file_.string());
  }

 private:
  void decode() {
    bool wanted = true;
    const auto done = reader_.scan([&](const preprocess::Frame& frame) -> Result<void> {
      DESA2VA_ASSIGN(Image image, frame.rgb());
      wanted = queue_.push({std::move(image), frame_name(frame.number()), frame.entry().damaged});
      if (!wanted) return Error(Errc::Cancelled, "nobody wants more frames");
      return {};
    });
    if (!done && wanted) failure_ = Error(done.error()).in(file_.string());
    queue_.close();
  }

  // A reader of its own, so that the stream goes on where it is.
  Result<void> scan_once() {
    if (index_) return {};
    DESA2VA_ASSIGN(second_, preprocess::VideoReader::open(bytes_));
    DESA2VA_ASSIGN(index_, second_->scan());
    return {};
  }

  fs::path file_;
  Buffer bytes_;
  preprocess::VideoReader reader_;
  std::optional<preprocess::VideoReader> second_;
  std::optional<preprocess::VideoIndex> index_;
  exec::BoundedQueue<MediaFrame> queue_{kDecodedAhead};
  std::optional<Error> failure_;
  std::jthread thread_;  // last: joins before the queue goes
};

Result<std::unique_ptr<Media>> open_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_directory(error) && is_picture_name(entry.path())) files.push_back(entry.path());
  }
  if (error)
    return fail(Errc::NotFound, "{}: {}", folder.string(), error.message())
        .with_exit(ExitCode::Usage);
  if (files.empty())
    return fail(Errc::InvalidArgument,
                "{}: no frames; a folder that stands for a video holds .jpg, .jpeg, .png or .gif "
                "files",
                folder.string())
        .with_exit(ExitCode::Usage);
  std::ranges::sort(files, [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  for (std::size_t i = 1; i < files.size(); ++i) {
    if (files[i].stem() == files[i - 1].stem())
      return fail(Errc::InvalidArgument, "{}: {} and {} would have the same mask file",
                  folder.string(), files[i - 1].filename().string(), files[i].filename().string())
          .with_exit(ExitCode::Usage);
  }
  return std::unique_ptr<Media>(std::make_unique<Folder>(std::move(files)));
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (!digit(a[0]) || !digit(b[0])) {
      if (a[0] != b[0]) return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]);
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    const auto number = [&](std::string_view& text) {
      while (!text.empty() && text[0] == '0') text.remove_prefix(1);
      const auto end = std::ranges::find_if_not(text, digit) - text.begin();
      const auto digits = text.substr(0, static_cast<std::size_t>(end));
      text.remove_prefix(digits.size());
      return digits;
    };
    const auto left = number(a);
    const auto right = number(b);
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  if (a.size() != b.size()) return a.size() < b.size();
  return whole_a < whole_b;  // "01" and "1"
}

Result<Buffer> map_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(Errc::NotFound, "{}: {}", file.string(), std::strerror(errno))
        .with_exit(ExitCode::Usage);
  struct stat facts {};
  const bool regular = ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* address = nullptr;
  if (regular && size > 0) address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (!regular)
    return fail(Errc::InvalidArgument, "{}: not a file", file.string()).with_exit(ExitCode::Usage);
  if (size == 0) return Buffer();
  if (address == MAP_FAILED)
    return fail(Errc::Unavailable, "{}: {}", file.string(), std::strerror(errno));
  std::shared_ptr<const void> owner(address, [size](void* mapped) { ::munmap(mapped, size); });
  return Buffer::wrap({static_cast<const std::byte*>(address), size}, std::move(owner));
}

Result<std::unique_ptr<Media>> open_picture(const fs::path& file) {
  if (fs::is_directory(file))
    return fail(Errc::InvalidArgument, "{}: a folder; a folder of frames is given with --video",
                file.string())
        .with_exit(ExitCode::Usage);
  auto image = read_picture(file);
  if (!image) {
    if (image.error().code() != Errc::Corrupt) return std::move(image.error());
    return Error(Errc::Corrupt,
                 image.error().message() +
                     "; a picture is JPEG, PNG or GIF, a video is given with --video")
        .with_exit(ExitCode::Data);
  }
  return std::unique_ptr<Media>(std::make_unique<Picture>(std::move(*image), frame_name(0)));
}

Result<std::unique_ptr<Media>> open_video(const fs::path& file) {
  if (fs::is_directory(file)) return open_folder(file);
  DESA2VA_ASSIGN(Buffer bytes, map_file(file));
  auto reader = preprocess::VideoReader::open(bytes);
  if (!reader) return std::move(reader.error()).in(file.string()).with_exit(ExitCode::Data);
  return std::unique_ptr<Media>(
      std::make_unique<VideoFile>(file, std::move(bytes), std::move(*reader)));
}

Result<void> Lookahead::fill(std::size_t count) {
  while (!ended_ && waiting_.size() < count) {
    DESA2VA_ASSIGN(auto frame, media_.next());
    ended_ = !frame;
    if (frame) waiting_.push_back(std::move(*frame));
  }
  return {};
}

Result<std::optional<MediaFrame>> Lookahead::next() {
  DESA2VA_TRY(fill(1));
  if (waiting_.empty()) return std::optional<MediaFrame>();
  std::optional<MediaFrame> frame = std::move(waiting_.front());
  waiting_.pop_front();
  return frame;
}

}  // namespace desa2va::inference
