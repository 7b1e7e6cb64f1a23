#include "common/datasets/json_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <unordered_map>

namespace desa2va::datasets {

namespace {

// Bytes asked for at once: few at first, since most files are small.
constexpr std::size_t kFirstPiece = 4UL << 10U;
constexpr std::size_t kLargestPiece = 1UL << 20U;
constexpr int kEnd = -1;

bool is_space(int c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// What an element's inside is scanned for; everything else is passed over.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> stops{};
  for (const char c : {'"', '{', '}', '[', ']'}) stops[static_cast<unsigned char>(c)] = true;
  return stops;
}();

// A window of the file that slides on; what lies behind `keep_` is dropped when more is read.
class Scanner {
 public:
  Scanner(const JsonReader& read, const std::string& path, const ElementVisitor& visit)
      : read_(read), path_(path), visit_(visit) {}

  Result<void> document(int depth) {
    if (peek() == 0xEF) DESA2VA_TRY(expect("\xEF\xBB\xBF"));  // a byte order mark
    DESA2VA_TRY(container(depth, {}));
    skip_space();
    if (peek() != kEnd) return bad("the outermost value ends, but the file goes on");
    return {};
  }

 private:
  std::uint64_t offset() const { return base_ + at_; }

  Error bad(std::string_view what) const {
    if (read_error_) return *read_error_;
    return fail(Errc::Corrupt, "{}: byte {}: {}", path_, offset(), what);
  }
  Error ends_early(std::string_view where) const {
    return bad(fmt::format("the file ends early, {}", where));
  }

  // Reads on; false at the end of the file.
  bool fill() {
    const std::size_t dropped = std::min(keep_, at_);
    window_.erase(0, dropped);
    at_ -= dropped;
    base_ += dropped;
    if (keep_ != kNothingKept) keep_ -= dropped;
    const std::size_t before = window_.size();
    window_.resize(before + piece_);
    auto got = read_(base_ + before, std::as_writable_bytes(std::span(window_).subspan(before)));
    if (!got) read_error_ = std::move(got.error()).in(path_);
    window_.resize(before + (got ? *got : 0));
    if (got && *got == piece_) piece_ = std::min(2 * piece_, kLargestPiece);
    return got && *got > 0;
  }

  int peek() {
    if (at_ == window_.size() && !fill()) return kEnd;
    return static_cast<unsigned char>(window_[at_]);
  }

  void skip_space() {
    while (is_space(peek())) ++at_;
  }

  Result<void> expect(std::string_view text) {
    for (const char c : text) {
      if (peek() != static_cast<unsigned char>(c))
        return peek() == kEnd ? ends_early(fmt::format("where '{}' is missing", c))
                              : bad(fmt::format("expected '{}', found '{}'", c, window_[at_]));
      ++at_;
    }
    return {};
  }

  // The array or object here: its elements are visited, or those `depth` - 1 levels below.
  Result<void> container(int depth, std::string_view group) {
    skip_space();
    const int open = peek();
    if (open == kEnd) return ends_early("where a value is expected");
    if (open != '[' && open != '{') return bad("expected an array or an object");
    const char close = open == '[' ? ']' : '}';
    ++at_;
    skip_space();
    if (peek() == close) {
      ++at_;
      return {};
    }
    for (;;) {
      std::string key;
      if (open == '{') {
        DESA2VA_ASSIGN(key, read_key());
      }
      skip_space();
      if (depth == 1) {
        DESA2VA_TRY(element(group, key));
      } else if (peek() == '[' || peek() == '{') {
        DESA2VA_TRY(container(depth - 1, key));
      } else {
        DESA2VA_TRY(skip_value());
      }
      skip_space();
      const int next = peek();
      if (next == kEnd) return ends_early(fmt::format("where ',' or '{}' is expected", close));
      if (next != ',' && next != close) return bad(fmt::format("expected ',' or '{}'", close));
      ++at_;
      if (next == close) return {};
      skip_space();
    }
  }

  Result<std::string> read_key() {
    if (peek() == kEnd) return ends_early("where a key is expected");
    if (peek() != '"') return bad("expected a key in double quotes");
    keep_ = at_;
    DESA2VA_TRY(skip_value());
    DESA2VA_ASSIGN(const Json key, parse_element(kept()).in(path_));
    keep_ = kNothingKept;
    skip_space();
    DESA2VA_TRY(expect(":"));
    return key.get<std::string>();
  }

  Result<void> element(std::string_view group, std::string_view key) {
    keep_ = at_;
    const std::uint64_t begin = offset();
    DESA2VA_TRY(skip_value());
    DESA2VA_TRY(visit_({group, key, kept(), {begin, offset() - begin}}).in(path_));
    keep_ = kNothingKept;
    return {};
  }

  std::string_view kept() const { return std::string_view(window_).substr(keep_, at_ - keep_); }

  Result<void> skip_value() {
    const int first = peek();
    if (first == '"') return skip_string();
    if (first == '{' || first == '[') return skip_nested();
    const std::size_t begin = at_;
    const std::uint64_t from = offset();
    while (peek() != kEnd && std::strchr(",]} \t\r\n", peek()) == nullptr) {
      ++at_;
      if (offset() - from > kMaxElementBytes) return too_large();
    }
    if (peek() == kEnd) return ends_early("inside a value");
    if (at_ == begin && offset() == from) return bad("expected a value");
    return {};
  }

  Result<void> skip_string() {
    const std::uint64_t from = offset();
    ++at_;
    for (;;) {
      const int c = peek();
      if (c == kEnd) return ends_early("inside a string");
      const std::size_t stop = window_.find_first_of("\"\\", at_);
      at_ = std::min(stop, window_.size());
      if (offset() - from > kMaxElementBytes) return too_large();
      if (stop == std::string::npos) continue;
      ++at_;
      if (window_[at_ - 1] == '"') return {};
      if (peek() == kEnd) return ends_early("inside a string");
      ++at_;  // what was escaped
    }
  }

  Result<void> skip_nested() {
    const std::uint64_t from = offset();
    std::string open;
    for (;;) {
      if (peek() == kEnd) return ends_early("inside an element");
      while (at_ < window_.size() && !kStops[static_cast<unsigned char>(window_[at_])]) ++at_;
      if (offset() - from > kMaxElementBytes) return too_large();
      if (at_ == window_.size()) continue;
      const char c = window_[at_];
      if (c == '"') {
        DESA2VA_TRY(skip_string());
        continue;
      }
      if (c == '{' || c == '[') {
        open.push_back(c);
        if (open.size() > kMaxNesting)
          return bad(fmt::format("nested deeper than {} levels", kMaxNesting));
      } else if (open.back() != (c == '}' ? '{' : '[')) {
        return bad(fmt::format("'{}' closes what '{}' opened", c, open.back()));
      } else {
        open.pop_back();
      }
      ++at_;
      if (open.empty()) return {};
    }
  }

  Error too_large() const {
    return bad(fmt::format("an element of more than {}: is this the annotation file?",
                           format_bytes(kMaxElementBytes)));
  }

  static constexpr std::size_t kNothingKept = ~std::size_t{0};

  const JsonReader& read_;
  const std::string& path_;
  const ElementVisitor& visit_;
  std::string window_;
  std::size_t piece_ = kFirstPiece;
  std::size_t at_ = 0;
  std::size_t keep_ = kNothingKept;  // of the element being scanned
  std::uint64_t base_ = 0;           // place of the window in the file
  std::optional<Error> read_error_;
};

// The file `fd`, closed with the last copy of the reader.
JsonReader reader_of(int fd) {
  const std::shared_ptr<const int> owner(new int(fd), [](const int* owned) {
    ::close(*owned);
    delete owned;
  });
  return [owner](std::uint64_t offset, MutableByteSpan out) -> Result<std::size_t> {
    ssize_t got = 0;
    do {
      got = ::pread(*owner, out.data(), out.size(), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(Errc::Unavailable, "cannot be read: {}", std::strerror(errno));
    return static_cast<std::size_t>(got);
  };
}

Result<int> open_file(const DataTree& tree, const std::string& path) {
  DESA2VA_ASSIGN(const std::filesystem::path full, tree.below(path));
  std::error_code error;
  // Asked first: to open a pipe would wait for its writer.
  if (std::filesystem::exists(full, error) && !std::filesystem::is_regular_file(full, error))
    return fail(Errc::InvalidArgument, "{} is no ordinary file", full.string());
  const int fd = ::open(full.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return fd;
  if (errno == ENOENT || errno == ENOTDIR)
    return fail(Errc::NotFound, "missing file: {}", full.string());
  return fail(Errc::InvalidArgument, "cannot open {}: {}", full.string(), std::strerror(errno));
}

// An array where keys are needed.
Error no_keys(std::string_view group) {
  if (group.empty()) return fail(Errc::Corrupt, "the outermost value must be an object with keys");
  return fail(Errc::Corrupt, "\"{}\" must be an object with keys", group);
}

}  // namespace

Result<void> scan_json(const DataTree& tree, const std::string& path, int depth,
                       const ElementVisitor& visit) {
  DESA2VA_ASSIGN(const JsonFile file, JsonFile::open(tree, path));
  return file.scan(depth, visit);
}

Result<Json> parse_element(std::string_view text) {
  // The parser takes a byte 0 for the end, and would pass over what follows it.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    return fail(Errc::Corrupt, "a byte 0 after {} bytes", zero);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::Corrupt, "{}", error.what());
  }
}

Result<JsonFile> JsonFile::open(const DataTree& tree, const std::string& path) {
  DESA2VA_ASSIGN(const int fd, open_file(tree, path));
  return JsonFile(path, reader_of(fd));
}

Result<void> JsonFile::scan(int depth, const ElementVisitor& visit) const {
  return Scanner(read_, path_, visit).document(depth);
}

Result<Json> JsonFile::read(JsonPlace place) const {
  std::string text(place.bytes, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    DESA2VA_ASSIGN(const std::size_t got,
                   read_(place.offset + done, std::as_writable_bytes(std::span(text).subspan(done)))
                       .in(path_));
    if (got == 0) return fail(Errc::Corrupt, "{}: became shorter while it was read", path_);
    done += got;
  }
  return parse_element(text).in(fmt::format("{}: byte {}", path_, place.offset));
}

Result<JsonIndex> JsonIndex::build(const DataTree& tree, const std::string& path,
                                   std::string_view group) {
  DESA2VA_ASSIGN(JsonFile file, JsonFile::open(tree, path));
  return build(std::make_shared<const JsonFile>(std::move(file)), group);
}

Result<JsonIndex> JsonIndex::build(std::shared_ptr<const JsonFile> file, std::string_view group) {
  JsonIndex index(std::move(file));
  auto& entries = index.entries_;
  DESA2VA_TRY(
      index.file_->scan(group.empty() ? 1 : 2, [&](const JsonElement& element) -> Result<void> {
        if (element.group != group) return {};
        if (element.key.empty()) return no_keys(group);
        entries.push_back({content_hash(as_bytes(element.key)), element.place});
        return {};
      }));
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.key < b.key; });
  std::size_t kept = 0;
  for (const Entry& entry : entries) {
    if (kept > 0 && entries[kept - 1].key == entry.key) {
      entries[kept - 1] = entry;
      ++index.duplicates_;
    } else {
      entries[kept++] = entry;
    }
  }
  entries.resize(kept);
  return index;
}

const JsonPlace* JsonIndex::find(std::string_view key) const {
  const ContentHash wanted = content_hash(as_bytes(key));
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), wanted,
      [](const Entry& entry, const ContentHash& hash) { return entry.key < hash; });
  return at != entries_.end() && at->key == wanted ? &at->place : nullptr;
}

Result<JsonEntries> list_entries(const JsonFile& file, std::string_view group) {
  JsonEntries list;
  std::unordered_map<std::string, std::size_t> seen;
  DESA2VA_TRY(file.scan(group.empty() ? 1 : 2, [&](const JsonElement& element) -> Result<void> {
    if (element.group != group) return {};
    const auto [at, first] = seen.emplace(element.key, list.entries.size());
    if (first) {
      list.entries.push_back({at->first, element.place});
    } else {
      list.entries[at->second].place = element.place;
      ++list.duplicates;
    }
    return {};
  }));
  if (list.entries.empty() && !group.empty())
    return fail(Errc::Corrupt, "{}: nothing below \"{}\"", file.path(), group);
  return list;
}

}  // namespace desa2va::datasets
