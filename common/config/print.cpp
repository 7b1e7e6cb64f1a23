#include <algorithm>

#include "common/config/keys.h"
#include "common/config/load.h"

namespace desa2va::config {
namespace {

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t start = 0;;) {
    const std::size_t dot = path.find('.', start);
    parts.emplace_back(path.substr(start, dot - start));
    if (dot == std::string_view::npos) return parts;
    start = dot + 1;
  }
}

// Writes keys in table order as nested YAML; "data.mixture[1].name" opens a list element.
class Printer {
 public:
  explicit Printer(const Loaded& loaded, bool with_origin)
      : loaded_(loaded), with_origin_(with_origin) {}

  void key(const Key& key) {
    std::vector<std::string> parts = parts_of(key.path);
    const std::string leaf = parts.back();
    parts.pop_back();
    open(parts);
    if (const auto* list = std::get_if<ListField>(&key.field)) {
      if (list->size() == 0) line(leaf + ": []", key.path);
      return;  // elements open the list themselves
    }
    if (const auto* map = std::get_if<OpenMap*>(&key.field)) {
      const std::string section = key.path.substr(0, key.path.size() - 1);  // without "*"
      for (auto& [name, value] : **map) {
        Key field{section + name, const_cast<std::string*>(&value), any(), "", ""};
        line(name + ": " + value_text(field), field.path);
      }
      return;
    }
    line(leaf + ": " + value_text(key), key.path);
  }

  std::string take() { return std::move(out_); }

 private:
  // Prints the headers that lead from the sections now open to `parts`.
  void open(const std::vector<std::string>& parts) {
    std::size_t same = 0;
    while (same < parts.size() && same < open_.size() && parts[same] == open_[same]) ++same;
    for (std::size_t i = same; i < parts.size(); ++i) {
      const auto bracket = parts[i].find('[');
      if (bracket == std::string::npos) {
        out_ += std::string(2 * i, ' ') + parts[i] + ":\n";
        continue;
      }
      if (parts[i].substr(bracket) == "[0]")
        out_ += std::string(2 * i, ' ') + parts[i].substr(0, bracket) + ":\n";
      dash_ = true;  // the element's first key carries the dash
    }
    open_ = parts;
  }

  void line(const std::string& text, const std::string& path) {
    const bool in_list = !open_.empty() && open_.back().find('[') != std::string::npos;
    std::string start(2 * open_.size() + (in_list ? 2 : 0), ' ');
    if (dash_) start[start.size() - 2] = '-';
    dash_ = false;
    std::string full = start + text;
    if (with_origin_) {
      const auto origin = loaded_.origin.find(path);
      full.resize(std::max<std::size_t>(full.size() + 2, 44), ' ');
      full += "# " + (origin == loaded_.origin.end() ? "default" : origin->second);
    }
    out_ += full + "\n";
  }

  const Loaded& loaded_;
  const bool with_origin_;
  std::vector<std::string> open_;
  bool dash_ = false;
  std::string out_;
};

std::string print(const Loaded& loaded, bool with_origin) {
  Config config = loaded.config;  // the table binds to fields that may be written
  Printer printer(loaded, with_origin);
  for (const Key& key : all_keys(config)) printer.key(key);
  return printer.take();
}

}  // namespace

std::string to_yaml(const Config& config) {
  return print(Loaded{config, {}}, false);
}
std::string to_yaml(const Loaded& loaded) {
  return print(loaded, true);
}

}  // namespace desa2va::config
