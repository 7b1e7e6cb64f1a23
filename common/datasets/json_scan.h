#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/datasets/json_tools.h"

// Annotation files of gigabytes: where their elements lie, found by brackets and quotes alone, so
// that memory holds one element and the rest is parsed later, by whoever needs it.
namespace desa2va::datasets {

inline constexpr std::uint64_t kMaxElementBytes = 256ULL << 20U;
inline constexpr int kMaxNesting = 100;  // of brackets inside one element

struct JsonPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// One element of the file; the views are valid during the visit only.
struct JsonElement {
  std::string_view group;  // depth 2: the key of the outermost object; depth 1: ""
  std::string_view key;    // its own key, "" in an array
  std::string_view text;   // not parsed yet: only brackets and quotes are known to match
  JsonPlace place;
};
using ElementVisitor = std::function<Result<void>(const JsonElement& element)>;

// Visits the elements of the outermost array or object (`depth` 1), or those of the arrays and
// objects in an outermost object (`depth` 2). Corrupt names the file and the byte: a file that
// ends early, brackets that do not match, an element above 256 MiB or nested deeper than 100.
// What the visitor fails with is passed on with the file's name.
Result<void> scan_json(const DataTree& tree, const std::string& path, int depth,
                       const ElementVisitor& visit);

// The text of one element as a value; Corrupt when it is none.
Result<Json> parse_element(std::string_view text);

// Where the bytes come from: some of those at `offset`, at most out.size(); 0 at the end.
using JsonReader = std::function<Result<std::size_t>(std::uint64_t offset, MutableByteSpan out)>;

// A file whose elements are fetched by place. Immutable, for any number of threads.
class JsonFile {
 public:
  static Result<JsonFile> open(const DataTree& tree, const std::string& path);
  // What `read` gives, by as many threads as use the file; `path` names it in messages.
  JsonFile(std::string path, JsonReader read) : path_(std::move(path)), read_(std::move(read)) {}

  Result<Json> read(JsonPlace place) const;
  Result<void> scan(int depth, const ElementVisitor& visit) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  JsonReader read_;
};

// The elements of one object of the file by key: 32 bytes an element. A key that comes twice keeps
// its first place in the order and its last content, as a dictionary of the reference does.
class JsonIndex {
 public:
  // Of the outermost object, or of the object `group` in it; Corrupt when that is an array.
  static Result<JsonIndex> build(const DataTree& tree, const std::string& path,
                                 std::string_view group = {});
  static Result<JsonIndex> build(std::shared_ptr<const JsonFile> file, std::string_view group = {});

  const JsonPlace* find(std::string_view key) const;
  Result<Json> read(JsonPlace place) const { return file_->read(place); }
  std::size_t size() const { return entries_.size(); }
  std::uint64_t duplicates() const { return duplicates_; }

 private:
  struct Entry {
    ContentHash key;
    JsonPlace place;
  };
  explicit JsonIndex(std::shared_ptr<const JsonFile> file) : file_(std::move(file)) {}
  std::shared_ptr<const JsonFile> file_;
  std::vector<Entry> entries_;  // ascending by key
  std::uint64_t duplicates_ = 0;
};

// The same with the keys themselves, in the order of the file; nothing below `group` is Corrupt.
struct JsonEntry {
  std::string key;
  JsonPlace place;
};
struct JsonEntries {
  std::vector<JsonEntry> entries;
  std::uint64_t duplicates = 0;
};
Result<JsonEntries> list_entries(const JsonFile& file, std::string_view group);

}  // namespace desa2va::datasets
