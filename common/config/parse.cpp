#include "common/config/parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <yaml-cpp/yaml.h>

#include "common/config/keys.h"
#include "common/config/nearest.h"

namespace desa2va::config {
namespace {

Error bad(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

std::string place(const Layer& layer, const YAML::Mark& mark) {
  if (!layer.has_lines || mark.is_null()) return layer.name;
  return fmt::format("{}:{}:{}", layer.name, mark.line + 1, mark.column + 1);
}

template <class T>
bool read_number(const std::string& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// Reads nodes into the field of one key. Every call returns "" or what is wrong with the value.
struct Assign {
  const YAML::Node& node;
  const Key& key;

  std::string wrong_type() const {
    const std::string given = node.IsScalar()     ? "\"" + node.Scalar() + "\""
                              : node.IsNull()     ? "null"
                              : node.IsSequence() ? "a list"
                                                  : "a mapping";
    return fmt::format("expected {}, got {}", type_text(key), given);
  }
  std::string in_range(double value, const std::string& text) const {
    const Allowed& a = key.allowed;
    if (std::isfinite(value) && value <= a.max && (a.above ? value > a.min : value >= a.min))
      return "";
    return fmt::format("{} is not allowed: must be {}", text, a.describe());
  }
  std::string one(const YAML::Node& from, std::int64_t& out) const {
    std::int64_t value = 0;
    if (!from.IsScalar() || !read_number(from.Scalar(), value)) return wrong_type();
    out = value;
    return in_range(static_cast<double>(value), from.Scalar());
  }
  std::string one(const YAML::Node& from, double& out) const {
    double value = 0;
    if (!from.IsScalar() || !read_number(from.Scalar(), value)) return wrong_type();
    out = value;
    return in_range(value, from.Scalar());
  }
  std::string one(const YAML::Node& from, std::string& out) const {
    if (!from.IsScalar()) return wrong_type();
    const auto& words = key.allowed.one_of;
    out = from.Scalar();
    if (words.empty() || std::find(words.begin(), words.end(), out) != words.end()) return "";
    return not_a_choice(out);
  }
  std::string not_a_choice(const std::string& given) const {
    const auto& words = key.allowed.one_of;
    const auto near = nearest(given, std::vector<std::string>(words.begin(), words.end()));
    return fmt::format("\"{}\" is not allowed: must be {}{}", given, key.allowed.describe(),
                       near && !near->empty() ? fmt::format("; did you mean {}?", *near) : "");
  }

  std::string operator()(bool* field) const {
    if (!node.IsScalar() || (node.Scalar() != "true" && node.Scalar() != "false"))
      return wrong_type();
    *field = node.Scalar() == "true";
    return "";
  }
  std::string operator()(std::int64_t* field) const { return one(node, *field); }
  std::string operator()(double* field) const { return one(node, *field); }
  std::string operator()(std::string* field) const {
    if (node.IsNull()) return field->clear(), "";
    return one(node, *field);
  }
  template <class T>
  std::string operator()(std::optional<T>* field) const {
    field->reset();
    if (node.IsNull()) return "";
    return one(node, field->emplace());
  }
  template <class T>
  std::string operator()(std::vector<T>* field) const {
    if (!node.IsSequence()) return wrong_type();
    field->clear();
    for (const auto& element : node) {
      if (auto wrong = one(element, field->emplace_back()); !wrong.empty()) return wrong;
    }
    if (field->size() >= key.allowed.min_count) return "";
    return fmt::format("{} elements are too few: at least {}", field->size(),
                       key.allowed.min_count);
  }
  template <class T>
  std::string operator()(std::span<T> field) const {
    if (!node.IsSequence() || node.size() != field.size()) return wrong_type();
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (auto wrong = one(node[i], field[i]); !wrong.empty()) return wrong;
    }
    return "";
  }
  std::string operator()(EnumField field) const {
    if (!node.IsScalar()) return wrong_type();
    const auto& words = key.allowed.one_of;
    const auto found = std::find(words.begin(), words.end(), node.Scalar());
    if (found == words.end()) return not_a_choice(node.Scalar());
    *field.value = static_cast<std::uint8_t>(found - words.begin());
    return "";
  }
  std::string operator()(const ListField& /*field*/) const { return wrong_type(); }
  std::string operator()(OpenMap* /*field*/) const { return wrong_type(); }
};

class LayerReader {
 public:
  LayerReader(const Layer& layer, Loaded& loaded) : layer_(layer), loaded_(loaded) { refresh(); }

  Result<void> apply(const YAML::Node& node, const YAML::Mark& key_mark, const std::string& path) {
    const auto key =
        std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.path == path; });
    if (key != keys_.end()) {
      if (!seen_.insert(path).second)
        return bad(fmt::format("{}: {}: given twice", place(layer_, key_mark), path));
      if (const auto* list = std::get_if<ListField>(&key->field))
        return apply_list(node, *list, path);
      const std::string wrong = std::visit(Assign{node, *key}, key->field);
      if (!wrong.empty())
        return bad(
            fmt::format("{}: {}: {} ({})", place(layer_, node.Mark()), path, wrong, key->meaning));
      remember(path, node.Mark());
      return {};
    }
    if (is_section(path)) return apply_section(node, path);
    if (apply_open(node, path)) return {};
    if (layer_.stored && is_retired(path)) return {};
    return unknown(key_mark, path);
  }

 private:
  void refresh() { keys_ = all_keys(loaded_.config); }

  bool is_section(const std::string& path) const {
    return path.empty() || std::any_of(keys_.begin(), keys_.end(), [&](const Key& k) {
             return k.path.starts_with(path + ".");
           });
  }

  Result<void> apply_section(const YAML::Node& node, const std::string& path) {
    if (node.IsNull()) return {};
    if (!node.IsMap())
      return bad(fmt::format("{}: {}: expected a mapping of keys", place(layer_, node.Mark()),
                             path.empty() ? "the file" : path));
    for (const auto& entry : node) {
      const YAML::Node& name = entry.first;
      const YAML::Node& value = entry.second;
      if (!name.IsScalar())
        return bad(fmt::format("{}: a key must be a word", place(layer_, name.Mark())));
      DESA2VA_TRY(
          apply(value, name.Mark(), path.empty() ? name.Scalar() : path + "." + name.Scalar()));
    }
    return {};
  }

  Result<void> apply_list(const YAML::Node& node, const ListField& list, const std::string& path) {
    if (!node.IsSequence() && !node.IsNull())
      return bad(
          fmt::format("{}: {}: expected a list of mappings", place(layer_, node.Mark()), path));
    const ListField field = list;  // `list` lives in keys_, which refresh() replaces
    field.resize(0);               // elements of a lower layer leave nothing behind
    field.resize(node.IsNull() ? 0 : node.size());
    refresh();
    std::erase_if(loaded_.origin, [&](const auto& o) { return o.first.starts_with(path + "["); });
    remember(path, node.Mark());
    for (std::size_t i = 0; i < field.size(); ++i) {
      const std::string element = fmt::format("{}[{}]", path, i);
      if (!node[i].IsMap())
        return bad(fmt::format("{}: {}: expected a mapping of keys", place(layer_, node[i].Mark()),
                               element));
      DESA2VA_TRY(apply_section(node[i], element));
    }
    return {};
  }

  // "data.recipe.videos" where the table has the open map "data.recipe.*".
  bool apply_open(const YAML::Node& node, const std::string& path) {
    const auto dot = path.rfind('.');
    if (dot == std::string::npos || !node.IsScalar()) return false;
    for (Key& key : keys_) {
      auto* const* map = std::get_if<OpenMap*>(&key.field);
      if (map == nullptr || key.path != path.substr(0, dot) + ".*") continue;
      (**map)[path.substr(dot + 1)] = node.Scalar();
      remember(path, node.Mark());
      return true;
    }
    return false;
  }

  Error unknown(const YAML::Mark& mark, const std::string& path) const {
    if (is_retired(path))
      return bad(fmt::format("{}: {}: this key had no effect and is gone; remove the line",
                             place(layer_, mark), path));
    std::vector<std::string> paths;
    for (const Key& key : keys_) paths.push_back(key.path);
    const auto near = nearest(path, paths);
    return bad(fmt::format(
        "{}: {}: unknown key; {}", place(layer_, mark), path,
        near ? fmt::format("did you mean {}?", *near) : "`desa2va run --help-config` lists all"));
  }

  void remember(const std::string& path, const YAML::Mark& mark) {
    loaded_.origin[path] = layer_.has_lines && !mark.is_null()
                               ? fmt::format("{}:{}", layer_.name, mark.line + 1)
                               : layer_.name;
  }

  const Layer& layer_;
  Loaded& loaded_;
  std::vector<Key> keys_;
  std::set<std::string> seen_;
};

// yaml-cpp throws; this folder is where that ends.
template <class F>
auto yaml_guarded(const Layer& layer, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const YAML::Exception& error) {
    return bad(fmt::format("{}: {}", place(layer, error.mark), error.msg));
  }
}

}  // namespace

Result<void> apply_yaml(std::string_view text, const Layer& layer, Loaded& loaded) {
  return yaml_guarded(layer, [&]() -> Result<void> {
    const YAML::Node root = YAML::Load(std::string(text));
    return LayerReader(layer, loaded).apply(root, root.Mark(), "");
  });
}

Result<void> apply_override(std::string_view assignment, Loaded& loaded) {
  const Layer layer{"command line"};
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return bad(fmt::format("command line: \"{}\": expected KEY=VALUE, such as train.steps=200",
                           assignment));
  return yaml_guarded(layer, [&]() -> Result<void> {
    const YAML::Node value = YAML::Load(std::string(assignment.substr(equals + 1)));
    return LayerReader(layer, loaded)
        .apply(value, value.Mark(), std::string(assignment.substr(0, equals)));
  });
}

Result<std::string> peek_yaml(std::string_view text, const Layer& layer, std::string_view key) {
  return yaml_guarded(layer, [&]() -> Result<std::string> {
    const YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) return std::string();
    for (const auto& entry : root) {
      const YAML::Node& name = entry.first;
      const YAML::Node& value = entry.second;
      if (!name.IsScalar() || !value.IsDefined()) continue;
      if (name.Scalar() == key && value.IsScalar()) return value.Scalar();
      // One level down is enough: "sam2.variant".
      if (!value.IsMap()) continue;
      for (const auto& inner : value) {
        if (inner.first.IsScalar() && inner.second.IsScalar() &&
            name.Scalar() + "." + inner.first.Scalar() == key)
          return inner.second.Scalar();
      }
    }
    return std::string();
  });
}

}  // namespace desa2va::config
