#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace desa2va::inference {

// The words after the verb, each "--name" or "--name=value": `desa2va` writes them, so this only
// has to be exact, not kind.
class Words {
 public:
  Words(int argc, char** argv) : words_(argv + (argc > 2 ? 2 : argc), argv + argc) {}

  // Each take_* looks whether `word` is that option and stores its value.
  class Option {
   public:
    explicit Option(std::string_view word) : word_(word) {}
    void flag(std::string_view name, bool& into) {
      if (word_ == name) into = known_ = true;
    }
    void text(std::string_view name, std::string& into) {
      if (const auto value = of(name)) into = *value;
    }
    void texts(std::string_view name, std::vector<std::string>& into) {
      if (const auto value = of(name)) into.emplace_back(*value);
    }
    template <class T>
    void number(std::string_view name, T& into) {
      const auto value = of(name);
      if (!value) return;
      const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), into);
      known_ = error == std::errc() && end == value->data() + value->size();
    }
    template <class T>
    void number(std::string_view name, std::optional<T>& into) {
      T value{};
      const bool before = known_;
      number(name, value);
      if (known_ && !before) into = value;
    }
    bool known() const { return known_; }

   private:
    std::optional<std::string_view> of(std::string_view name) {
      if (!word_.starts_with(name) || word_.size() == name.size() || word_[name.size()] != '=')
        return std::nullopt;
      known_ = true;
      return word_.substr(name.size() + 1);
    }
    std::string_view word_;
    bool known_ = false;
  };

  // `take` asks the Option for every name there is.
  template <class F>
  Result<void> each(std::string_view command, F&& take) const {
    for (const std::string_view word : words_) {
      Option option(word);
      take(option);
      if (!option.known())
        return fail(Errc::InvalidArgument, "'{}' is not understood; use `desa2va {} --help`", word,
                    command)
            .with_exit(ExitCode::Usage);
    }
    return {};
  }

 private:
  std::vector<std::string_view> words_;
};

}  // namespace desa2va::inference
