#pragma once

#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

// The commands of preprocess_peer, by subject.
namespace desa2va::interop {

struct Request {
  std::vector<std::string> arguments;
  Buffer payload;

  int number(std::size_t i) const { return std::stoi(arguments.at(i)); }
};

struct Reply {
  std::int64_t nanoseconds = 0;  // processor time of the work alone, without moving payloads
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

// In processor time of this thread: what others do on the machine matters less.
template <class Work>
auto timed(std::int64_t& nanoseconds, Work&& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  };
  const std::int64_t start = now();
  auto result = work();
  nanoseconds = now() - start;
  return result;
}

}  // namespace desa2va::interop
