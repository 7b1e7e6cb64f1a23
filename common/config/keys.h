#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/config/config.h"

// The table of keys. Each key is declared once, in keys_*.cpp: its field, default (the field's),
// range, unit and meaning together. Parsing, printing, checks and documentation all read the table.
namespace desa2va::config {

// Which values a key takes. Bounds are inclusive unless `above`.
struct Allowed {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool above = false;  // min itself is not allowed
  std::vector<std::string_view> one_of = {};
  std::size_t min_count = 0;     // of list elements
  std::string describe() const;  // ">= 1", "in [0, 1]", "fast | reproducible"; "" for any
};
Allowed any();
Allowed at_least(double min);
Allowed above(double min);
Allowed between(double min, double max);
Allowed one_of(std::vector<std::string_view> values);  // for an enum: its names in order
Allowed elements_at_least(double min, std::size_t min_count = 1);

struct EnumField {  // an enum class over uint8_t whose names are Allowed::one_of, in order
  std::uint8_t* value;
};
struct Visitor;
struct ListField {  // a list of structs
  std::function<std::size_t()> size;
  std::function<void(std::size_t)> resize;
};
using OpenMap = std::map<std::string, std::string, std::less<>>;

using Field =
    std::variant<bool*, std::int64_t*, double*, std::string*, std::optional<std::int64_t>*,
                 std::optional<double>*, std::vector<std::int64_t>*, std::vector<std::string>*,
                 std::span<std::int64_t>, std::span<double>, EnumField, ListField, OpenMap*>;

// One key, bound to its field of one Config, which must outlive it.
struct Key {
  std::string path;  // "train.lr", "data.mixture[0].name"
  Field field;
  Allowed allowed;
  std::string_view unit;     // "" for none
  std::string_view meaning;  // one sentence, no capital, no full stop
};

// Collects the keys of a Config, section by section.
struct Visitor {
  std::vector<Key> keys;
  std::string prefix;

  template <class T>
  void key(std::string_view name, T& field, Allowed allowed, std::string_view unit,
           std::string_view meaning) {
    keys.push_back({prefix + std::string(name), bind(field), std::move(allowed), unit, meaning});
  }
  // A list of structs: its own key, then those of every element there is.
  template <class T>
  void list(std::string_view name, std::vector<T>& items, std::string_view meaning) {
    const std::string path = prefix + std::string(name);
    keys.push_back(
        {path,
         ListField{[&items] { return items.size(); }, [&items](std::size_t n) { items.resize(n); }},
         any(), "", meaning});
    for (std::size_t i = 0; i < items.size(); ++i) {
      section(std::string(name) + "[" + std::to_string(i) + "]",
              [&](Visitor& v) { visit(items[i], v); });
    }
  }
  template <class F>
  void section(std::string_view name, F&& declare) {
    const std::string outer = prefix;
    prefix += std::string(name) + ".";
    declare(*this);
    prefix = outer;
  }

 private:
  template <class T>
  static Field bind(T& field) {
    if constexpr (std::is_enum_v<T>) {
      static_assert(sizeof(T) == 1);
      return EnumField{reinterpret_cast<std::uint8_t*>(&field)};
    } else if constexpr (requires { std::tuple_size<T>::value; }) {
      return std::span(field);
    } else {
      return &field;
    }
  }
};

// The declarations, in the order of --print-config.
void visit(DatasetConfig& item, Visitor& v);
void visit_run(Config& config, Visitor& v);         // preset, run, train, phases, optim, checkpoint
void visit_places(Config& config, Visitor& v);      // services, transport, trace
void visit_data(Config& config, Visitor& v);        // data, prompt, encode, infer, eval
void visit_model(ModelConfig& model, Visitor& v);   // vit, llm, sam2, embed
void visit_method(ModelConfig& model, Visitor& v);  // decoupler, adv, club, fusion, loss, ...

// Every key of `config`, elements of lists included.
std::vector<Key> all_keys(Config& config);

// Which keys may differ when a run goes on.
bool may_differ_on_resume(std::string_view path);

// A key of an earlier version that meant nothing to what a run computes: passed over where a run
// directory or a checkpoint still has it.
bool is_retired(std::string_view path);

// The key's value as YAML on one line ("null" for an absent optional); exact for numbers.
std::string value_text(const Key& key);
// "integer", "number or null", "list of integers", ...
std::string type_text(const Key& key);

}  // namespace desa2va::config
