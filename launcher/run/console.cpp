#include "launcher/run/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace desa2va::launcher {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 100;
}

bool is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

// UTF-8 code points.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isdigit(c) != 0 ||
           std::string_view("+-.,%e ").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

Console::Console(std::int64_t quiet_ns) : terminal_(is_terminal()), quiet_ns_(quiet_ns) {}

Console::~Console() {
  if (open_) std::fputs("\n", stderr);
}

void Console::clear() {
  if (open_) std::fputs("\r\x1b[K", stderr);
  open_ = false;
}

void Console::progress(const std::string& line, std::int64_t now_ns, bool important) {
  if (line.empty()) return;
  if (terminal_) {
    const std::string shown = line.substr(0, terminal_width() - 1);
    std::fprintf(stderr, "\r%s\x1b[K", shown.c_str());
    std::fflush(stderr);
    open_ = true;
    return;
  }
  if (any_ && !important && now_ns - last_ns_ < quiet_ns_) return;
  any_ = true;
  last_ns_ = now_ns;
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Console::say(const std::string& line) {
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (is_number(row[i]) ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace desa2va::launcher
