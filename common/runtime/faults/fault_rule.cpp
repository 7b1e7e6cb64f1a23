#include <algorithm>
#include <array>
#include <charconv>

#include "common/runtime/faults/fault_endpoint.h"

namespace desa2va::faults {
namespace {

constexpr std::array<std::string_view, 5> kFaultNames = {"delay", "lose", "duplicate", "corrupt",
                                                         "die"};
constexpr std::string_view kForm =
    "a fault is written FROM->TO:delay|lose|duplicate|corrupt|die@NUMBER[xAMOUNT], "
    "as in \"mllm->decoupler:corrupt@3\"";

bool parse_count(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

// "sam2" or "sam2-1".
bool names_a_rank(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (!role_from(text.substr(0, dash))) return false;
  if (dash == std::string_view::npos) return true;
  int index = 0;
  const std::string_view digits = text.substr(dash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return error == std::errc() && end == digits.data() + digits.size() && index >= 0;
}

bool matches(const std::string& pattern, Rank rank) {
  return pattern == name(rank.role) || pattern == to_string(rank);
}

}  // namespace

Result<FaultRule> FaultRule::parse(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(Errc::InvalidArgument, "fault \"{}\": {}; {}", text, what, kForm)
        .with_exit(ExitCode::Usage);
  };
  const std::size_t arrow = text.find("->");
  const std::size_t colon = text.find(':');
  const std::size_t at = text.find('@');
  if (arrow == std::string_view::npos || colon == std::string_view::npos ||
      at == std::string_view::npos || arrow > colon || colon > at) {
    return wrong("not of that form");
  }
  FaultRule rule;
  rule.from = text.substr(0, arrow);
  rule.to = text.substr(arrow + 2, colon - arrow - 2);
  for (const std::string& end : {rule.from, rule.to})
    if (!names_a_rank(end)) return wrong(fmt::format("\"{}\" is no role or rank", end));
  const std::string_view fault = text.substr(colon + 1, at - colon - 1);
  const auto* found = std::find(kFaultNames.begin(), kFaultNames.end(), fault);
  if (found == kFaultNames.end()) return wrong(fmt::format("\"{}\" is no fault", fault));
  rule.fault = static_cast<Fault>(found - kFaultNames.begin());
  std::string_view number = text.substr(at + 1);
  if (const std::size_t x = number.find('x'); x != std::string_view::npos) {
    if (!parse_count(number.substr(x + 1), rule.amount)) return wrong("AMOUNT is 1 or more");
    number = number.substr(0, x);
  }
  if (!parse_count(number, rule.at)) return wrong("NUMBER is 1 or more");
  return rule;
}

bool FaultRule::applies_to(Rank sender, Rank receiver) const {
  return matches(from, sender) && matches(to, receiver);
}

}  // namespace desa2va::faults
