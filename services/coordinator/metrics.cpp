#include "services/coordinator/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace desa2va::coordinator {
namespace {

// Numbers that are no loss: probabilities of the discriminators, cosines, the share of the gate.
bool is_method(std::string_view name) {
  constexpr std::array kNames = {"cos", "alpha", "club_fit"};
  return name.starts_with("disc_") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.17g}", value) : "null";
}

std::string object(const std::map<std::string, double>& values) {
  std::string out = "{";
  for (const auto& [name, value] : values)
    out += fmt::format("{}\"{}\":{}", out.size() > 1 ? "," : "", name, number(value));
  return out + "}";
}

}  // namespace

std::string to_json(const StepMetrics& m, const std::string& time_json) {
  return fmt::format(
      "{{\"step\":{},\"phase\":\"{}\",\"lr\":{},\"grad_norm\":{},\"loss\":{},\"method\":{},"
      "\"samples\":{},\"skipped\":{},\"time\":{}}}",
      m.step, letter(m.phase), number(m.learning_rate), number(m.grad_norm), object(m.loss),
      object(m.method), m.samples, m.skipped, time_json);
}

void DataFigures::add(Rank rank, const messages::Figures& figures) {
  for (const auto& [name, value] : figures.values) {
    const bool level = name == "ready" || name == "ahead" || name == "ready_bytes";
    if (level)
      levels_[name][rank] = value;
    else
      sums_[name] += value;
  }
}

std::string DataFigures::take() {
  if (sums_.empty()) return {};
  std::string out = "\"data\":{";
  const auto add = [&](const std::string& name, double value) {
    out += fmt::format("{}\"{}\":{:.6g}", out.ends_with('{') ? "" : ",", name, value);
  };
  for (const auto& [name, value] : sums_) add(name, value);
  for (const auto& [name, ranks] : levels_) {
    double sum = 0;
    for (const auto& [rank, value] : ranks) sum += value;
    add(name, sum);
  }
  sums_.clear();
  levels_.clear();
  return out + "}";
}

void StepSum::add(std::uint64_t microbatch, Rank rank, const messages::Losses& losses) {
  parts_.insert_or_assign({microbatch, rank}, losses);
}

void StepSum::finish(std::int64_t microbatches, StepMetrics& into) const {
  std::map<std::string, std::uint64_t> count;
  for (const auto& [key, losses] : parts_) {
    for (const auto& [name, value] : losses.values) {
      auto& sums = is_method(name) ? into.method : into.loss;
      sums[name] += value;
      ++count[name];
    }
    into.samples += losses.samples;
  }
  for (auto& [name, sum] : into.loss) sum /= static_cast<double>(microbatches);
  for (auto& [name, sum] : into.method) sum /= static_cast<double>(count[name]);
}

}  // namespace desa2va::coordinator
