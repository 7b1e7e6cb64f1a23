// preprocess_peer: our preprocessing as a service on standard input and output, for the Python
// programs that compare it with its peers (tests/interop) and time it beside them (tests/bench).
//
// A request is a line `COMMAND ARGUMENT...`, its last argument the number of bytes that follow; an
// answer is `ok NANOSECONDS FIELD... BYTES` and so many bytes, or `error CODE MESSAGE`.
#include <functional>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "tests/interop/preprocess/commands.h"

namespace desa2va::interop {
namespace {

constexpr std::size_t kLargestPayload = std::size_t{1} << 31;

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table = [] {
    std::map<std::string, Command> all;
    add_image_commands(all);
    add_text_commands(all);
    add_video_commands(all);
    return all;
  }();
  return table;
}

Result<Reply> answer(const std::string& line) {
  std::istringstream words(line);
  Request request;
  std::string name;
  words >> name;
  for (std::string word; words >> word;) request.arguments.push_back(word);
  const auto command = commands().find(name);
  if (command == commands().end() || request.arguments.empty())
    return fail(Errc::InvalidArgument, "no such command: {}", line);
  const std::size_t size = std::stoull(request.arguments.back());
  request.arguments.pop_back();
  if (size > kLargestPayload) return fail(Errc::InvalidArgument, "payload of {} bytes", size);
  request.payload = Buffer::allocate(size);
  std::cin.read(reinterpret_cast<char*>(request.payload.mutable_bytes().data()),
                static_cast<std::streamsize>(size));
  return command->second(request);
}

int serve() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const auto reply = answer(line);
    if (!reply) {
      std::string message = reply.error().message();
      for (char& c : message) c = c == '\n' ? ' ' : c;
      std::cout << fmt::format("error {} {}\n", name(reply.error().code()), message);
    } else {
      std::cout << fmt::format("ok {}", reply->nanoseconds);
      for (const std::string& field : reply->fields) std::cout << ' ' << field;
      std::cout << ' ' << reply->payload.size() << '\n';
      std::cout.write(reinterpret_cast<const char*>(reply->payload.data()),
                      static_cast<std::streamsize>(reply->payload.size()));
    }
    std::cout.flush();
  }
  return 0;
}

}  // namespace
}  // namespace desa2va::interop

int main() {
  return desa2va::interop::serve();
}
