#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

// The commands of preprocess_peer, by subject.
namespace desa2va::interop {

struct Request {
  std::vector<std::string> arguments;
  Buffer payload;

  int number(std::size_t i) const { return std::stoi(arguments.at(i)); }
};

struct Reply {
  std::int64_t nanoseconds = 0;  // of the work alone, without moving payloads
  std::vector<std::string> fields;
  Buffer payload;
};

using Command = std::function<Result<Reply>(const Request&)>;
using Commands = std::map<std::string, Command>;

//   image                              file -> width height, RGB
//   resize W H w h auto|portable       RGB -> RGB
void add_image_commands(Commands& commands);
//   tokenizer FOLDER                   loads it
//   from_tiktoken FILE FOLDER          the published vocabulary, in files
//   encode                             text -> ids, 32 bits each
void add_text_commands(Commands& commands);
//   make_video PATH W H FRAMES GOP     writes an H.264 MP4
//   video PATH                         reads and scans it -> frames packets
//   all                                opens from the index, decodes all to RGB -> frames packets
//   sample I,J,K...                    the same of some frames
void add_video_commands(Commands& commands);

template <class Work>
auto timed(std::int64_t& nanoseconds, Work&& work) {
  const SystemClock clock;
  const std::int64_t start = clock.now_ns();
  auto result = work();
  nanoseconds = clock.now_ns() - start;
  return result;
}

}  // namespace desa2va::interop
