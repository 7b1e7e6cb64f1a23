#include "common/config/keys.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace desa2va::config {
namespace {

// Shortest text that reads back as the same double; always recognisable as a number.
std::string number_text(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

// Plain where YAML keeps it a string, else in double quotes.
std::string scalar_text(std::string_view text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./+").find(c) != std::string_view::npos;
  };
  const bool word = !text.empty() && std::all_of(text.begin(), text.end(), plain) &&
                    text.front() != '-' && text != "null" && text != "true" && text != "false";
  if (word) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string element_text(std::int64_t value) {
  return std::to_string(value);
}
std::string element_text(double value) {
  return number_text(value);
}
std::string element_text(const std::string& value) {
  return scalar_text(value);
}

template <class Range>
std::string sequence_text(const Range& values) {
  std::string out = "[";
  for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + element_text(value);
  return out + "]";
}

struct TextOf {
  const Allowed& allowed;
  std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
  std::string operator()(const std::int64_t* v) const { return std::to_string(*v); }
  std::string operator()(const double* v) const { return number_text(*v); }
  std::string operator()(const std::string* v) const { return scalar_text(*v); }
  template <class T>
  std::string operator()(const std::optional<T>* v) const {
    return v->has_value() ? element_text(**v) : "null";
  }
  template <class T>
  std::string operator()(const std::vector<T>* v) const {
    return sequence_text(*v);
  }
  template <class T>
  std::string operator()(std::span<T> v) const {
    return sequence_text(v);
  }
  std::string operator()(EnumField v) const { return std::string(allowed.one_of[*v.value]); }
  std::string operator()(const ListField& v) const { return fmt::format("{} elements", v.size()); }
  std::string operator()(const OpenMap* v) const {
    std::string out = "{";
    for (const auto& [name, value] : *v)
      out += (out.size() > 1 ? ", " : "") + name + ": " + scalar_text(value);
    return out + "}";
  }
};

struct TypeOf {
  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const std::int64_t*) const { return "an integer"; }
  std::string operator()(const double*) const { return "a number"; }
  std::string operator()(const std::string*) const { return "a text"; }
  std::string operator()(const std::optional<std::int64_t>*) const { return "an integer or null"; }
  std::string operator()(const std::optional<double>*) const { return "a number or null"; }
  std::string operator()(const std::vector<std::int64_t>*) const { return "a list of integers"; }
  std::string operator()(const std::vector<std::string>*) const { return "a list of texts"; }
  std::string operator()(std::span<std::int64_t> v) const {
    return fmt::format("a list of {} integers", v.size());
  }
  std::string operator()(std::span<double> v) const {
    return fmt::format("a list of {} numbers", v.size());
  }
  std::string operator()(EnumField) const { return "a word"; }
  std::string operator()(const ListField&) const { return "a list of mappings"; }
  std::string operator()(const OpenMap*) const { return "a mapping of names to values"; }
};

}  // namespace

Allowed any() {
  return {};
}
Allowed at_least(double min) {
  return {.min = min};
}
Allowed above(double min) {
  return {.min = min, .above = true};
}
Allowed between(double min, double max) {
  return {.min = min, .max = max};
}
Allowed one_of(std::vector<std::string_view> values) {
  return {.one_of = std::move(values)};
}
Allowed elements_at_least(double min, std::size_t min_count) {
  return {.min = min, .min_count = min_count};
}

std::string Allowed::describe() const {
  if (!one_of.empty()) return fmt::format("{}", fmt::join(one_of, " | "));
  const bool low = min > std::numeric_limits<double>::lowest();
  const bool high = max < std::numeric_limits<double>::max();
  if (low && high) return fmt::format("in [{}, {}]", number_text(min), number_text(max));
  if (low) return fmt::format("{} {}", above ? ">" : ">=", number_text(min));
  return "";
}

std::string value_text(const Key& key) {
  return std::visit(TextOf{key.allowed}, key.field);
}
std::string type_text(const Key& key) {
  return std::visit(TypeOf{}, key.field);
}

std::vector<Key> all_keys(Config& config) {
  Visitor visitor;
  visit_run(config, visitor);
  visit_model(config.model, visitor);
  visit_method(config.model, visitor);
  visit_data(config, visitor);
  visit_places(config, visitor);
  return std::move(visitor.keys);
}

bool is_retired(std::string_view path) {
  return path == "eval.every_steps" || path == "eval.count_missing";
}

bool may_differ_on_resume(std::string_view path) {
  constexpr std::array<std::string_view, 4> kSections = {"services.", "transport.", "trace.",
                                                         "checkpoint."};
  constexpr std::array<std::string_view, 3> kKeys = {"run.mode", "run.dir", "train.stop_after"};
  return std::any_of(kSections.begin(), kSections.end(),
                     [&](std::string_view section) { return path.starts_with(section); }) ||
         std::find(kKeys.begin(), kKeys.end(), path) != kKeys.end();
}

}  // namespace desa2va::config
