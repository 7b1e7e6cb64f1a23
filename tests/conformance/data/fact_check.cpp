#include "tests/conformance/data/fact_check.h"

#include <cstdlib>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

namespace desa2va::checks {

namespace {

using nlohmann::json;

std::string shorten(const json& value) {
  std::string text = value.dump();
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  return text;
}

}  // namespace

void FactCheck::compare(const std::string& path, const json& expected, const json& found) {
  if (expected.is_object() && found.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      if (found.contains(key)) {
        compare(path + "." + key, value, found[key]);
      } else {
        ++facts_;
        disagree(path + "." + key, fmt::format("expected {}, found nothing", shorten(value)));
      }
    }
    return;
  }
  if (expected.is_array() && found.is_array() && expected.size() == found.size() &&
      !expected.empty()) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      compare(fmt::format("{}[{}]", path, i), expected[i], found[i]);
    return;
  }
  ++facts_;
  if (expected != found)
    disagree(path, fmt::format("expected {}, found {}", shorten(expected), shorten(found)));
}

void FactCheck::require(const std::string& path, bool holds, const std::string& what) {
  ++facts_;
  if (!holds) disagree(path, what);
}

void FactCheck::begin(std::string subject) {
  subject_ = std::move(subject);
  subject_start_ = facts_;
}

void FactCheck::finish() {
  const std::size_t facts = facts_ - subject_start_;
  if (facts == 0) disagree(subject_, "nothing was compared");
  lines_.push_back(fmt::format("{:<32} {:>8} facts", subject_, facts));
}

void FactCheck::skip(const std::string& subject, const std::string& why, bool allowed) {
  lines_.push_back(fmt::format("{:<32}  skipped: {}", subject, why));
  if (!allowed) ++disagreements_;
}

void FactCheck::disagree(const std::string& path, const std::string& what) {
  ++disagreements_;
  std::cout << path << ": " << what << '\n';
}

int FactCheck::report() const {
  for (const std::string& line : lines_) std::cout << line << '\n';
  std::cout << facts_ << " facts compared, " << disagreements_ << " disagreements\n";
  return disagreements_ == 0 ? 0 : 1;
}

json read_json_or_exit(const std::string& path) {
  std::ifstream file(path);
  json value = json::parse(file, nullptr, false);
  if (!file || value.is_discarded()) {
    std::cerr << path << ": cannot be read as JSON\n";
    std::exit(2);
  }
  return value;
}

}  // namespace desa2va::checks
