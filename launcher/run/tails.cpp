#include "launcher/run/tails.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace desa2va::launcher {
namespace {

constexpr std::int64_t kTailBytes = 262144;
// Of each kind, events that are told one by one.
constexpr std::uint64_t kTold = 5;

std::string told_once_more(std::uint64_t count, const std::string& sentence,
                           std::string_view kind) {
  if (count < kTold) return sentence;
  if (count == kTold)
    return fmt::format("{} (more of the kind \"{}\" are in events.jsonl)", sentence, kind);
  return "";
}

}  // namespace

std::vector<std::string> LineTail::poll() {
  std::ifstream in(path_, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::int64_t size = in.tellg();
  if (size < read_) read_ = 0;
  if (size == read_) return {};
  const std::int64_t start = std::max(read_, size - kTailBytes);
  const bool at_line = start == read_;
  in.seekg(start);
  std::string text(static_cast<std::size_t>(size - start), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));

  std::vector<std::string> lines;
  std::size_t begin = at_line ? 0 : text.find('\n') + 1;  // the first line may be half
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  read_ = start + static_cast<std::int64_t>(begin);
  return lines;
}

Result<StepLine> parse_step_line(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_unsigned())
    return fail(Errc::NotFound, "no step");
  StepLine out;
  out.step = json["step"];
  const std::string phase = json.value("phase", "?");
  if (!phase.empty()) out.phase = phase.front();
  if (const auto loss = json.find("loss"); loss != json.end() && loss->is_object()) {
    const auto total = loss->find("total");
    if (total != loss->end() && total->is_number()) out.loss = total->get<double>();
  }
  const auto samples = json.find("samples");
  if (samples != json.end() && samples->is_number_unsigned()) out.samples = *samples;
  out.skipped = json.value("skipped", false);
  return out;
}

std::vector<StepLine> MetricsTail::poll() {
  std::vector<StepLine> fresh;
  for (const std::string& text : lines_.poll()) {
    const auto line = parse_step_line(text);
    if (!line || line->step <= last_) continue;
    last_ = line->step;
    fresh.push_back(*line);
  }
  return fresh;
}

WarningTail::WarningTail(const std::string& path)
    : lines_(path, [&] {
        std::error_code missing;
        const auto size = std::filesystem::file_size(path, missing);
        return missing ? std::int64_t{0} : static_cast<std::int64_t>(size);
      }()) {}

std::vector<std::string> WarningTail::poll() {
  std::vector<std::string> told;
  for (const std::string& line : lines_.poll()) {
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object()) continue;
    const auto text = [&](const char* key) {
      const auto found = event.find(key);
      if (found == event.end()) return std::string("?");
      return found->is_string() ? found->get<std::string>() : found->dump();
    };
    const std::string kind = text("event");
    std::string sentence;
    if (kind == "checkpoint_failed") {
      sentence =
          fmt::format("no checkpoint of step {}: {}; training goes on, the last one is intact",
                      text("step"), text("reason"));
    } else if (kind == "save_failed") {
      sentence = "a part of the checkpoint could not be written: " + text("message");
    } else if (kind == "substitute" && text("on_record") != "true") {
      sentence = told_once_more(++substitutes_,
                                fmt::format("{}/{} was replaced by {}: {}", text("dataset"),
                                            text("key"), text("substitute"), text("reason")),
                                kind);
    } else if (kind == "skip") {
      sentence = told_once_more(
          ++skips_,
          fmt::format("step {} was skipped: not finite: {}", text("step"), text("tensor")), kind);
    } else if (kind == "bits_may_differ") {
      sentence = fmt::format(
          "{} was {} at the checkpoint and is {} now: bits may differ from a run "
          "without a stop",
          text("fact"), text("checkpoint"), text("now"));
    }
    if (!sentence.empty()) told.push_back(std::move(sentence));
  }
  return told;
}

}  // namespace desa2va::launcher
