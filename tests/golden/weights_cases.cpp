#include <filesystem>
#include <fstream>
#include <set>

#include "common/config/load.h"
#include "common/parameters/inventory.h"
#include "common/weights/convert.h"
#include "common/weights/tensor_source.h"
#include "tests/golden/registry.h"

// Files of weights: the names of the published models, and what a .pt file says. A hostile one is
// refused; nothing in it is called, whatever it asks for.
namespace desa2va::golden {
namespace {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, HostTensor>;

Result<Tensors> read_pt(const fs::path& path) {
  DESA2VA_ASSIGN(const auto source, weights::open_source(path.string()));
  DESA2VA_TRY(source->verify());
  Tensors tensors;
  for (const auto& [name, info] : source->tensors()) {
    DESA2VA_ASSIGN(tensors[name], source->read_all(name));
  }
  return tensors;
}

// Half floats are expected as floats; everything else bit for bit.
bool equal(const HostTensor& got, const HostTensor& expected) {
  if (got.shape != expected.shape || !weights::converts(got.dtype, expected.dtype)) return false;
  HostTensor same = HostTensor::empty(expected.dtype, expected.shape);
  weights::convert(got.data.bytes(), got.dtype, same.data.mutable_bytes(), expected.dtype);
  return as_text(same.data.bytes()) == as_text(expected.data.bytes());
}

// "views.strided" among the expected ones, by its last part and, where it exists, the file's name.
const HostTensor* expected_for(Case& c, const std::string& group, const std::string& name) {
  const auto exact = c.tensors().find(group + "." + name);
  if (exact != c.tensors().end()) return &exact->second;
  for (const auto& [key, tensor] : c.tensors()) {
    if (!key.starts_with("malformed.") && key.ends_with("." + name)) return &tensor;
  }
  return nullptr;
}

// pt_expected.safetensors: the tensors of every pt_*.pt beside it.
void run_pt_expected(Case& c) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(c.path().parent_path())) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".pt" || !stem.starts_with("pt_")) continue;
    ++files;
    const auto tensors = read_pt(entry.path());
    c.check(tensors.has_value(), stem + (tensors ? " is read" : ": " + tensors.error().message()));
    if (!tensors) continue;
    for (const auto& [name, tensor] : *tensors) {
      const HostTensor* expected = expected_for(c, stem.substr(3), name);
      c.check(expected != nullptr && equal(tensor, *expected), stem + "." + name);
    }
  }
  c.check(files > 0, "there are pt files");
}

// A .pt beside the safetensors file of the same name holds the same.
void run_twin(Case& c) {
  auto twin = c.path();
  twin.replace_extension(".pt");
  const auto tensors = read_pt(twin);
  c.check(tensors.has_value(), tensors ? "the .pt is read" : tensors.error().message());
  if (!tensors) return;
  c.check(tensors->size() == c.tensors().size(), "as many tensors");
  for (const auto& [name, tensor] : *tensors)
    c.check(c.has(name) && equal(tensor, c.host(name)), name);
}

void run_malformed(Case& c) {
  const auto beside = c.path().parent_path().parent_path() / "pt_expected.safetensors";
  Tensors expected;
  if (const auto file = weights::open_source(beside.string())) {
    for (const auto& [name, info] : (*file)->tensors()) {
      if (name.starts_with("malformed."))
        expected[name.substr(10)] = (*file)->read_all(name).value();
    }
  }
  for (const auto& [name, fields] : c.spec().items()) {
    const std::string expect = fields.at("expect");
    const auto tensors = read_pt(c.path().parent_path() / name);
    if (!tensors) {
      c.check(expect != "load", name + ": " + tensors.error().message());
      continue;
    }
    c.check(expect != "refuse", name + ": was loaded");
    for (const auto& [key, tensor] : *tensors)
      c.check(expected.contains(key) && equal(tensor, expected[key]), name + ", tensor " + key);
  }
}

// names_<variant>_<version>.json against the inventory.
void run_names(Case& c) {
  static const std::map<std::string, std::string> kVariants = {{"large", "hiera_l"},
                                                               {"base_plus", "hiera_b+"},
                                                               {"base", "hiera_b+"},
                                                               {"small", "hiera_s"},
                                                               {"tiny", "hiera_t"}};
  const std::string stem = c.path().stem().string();  // names_large_20
  const auto last = stem.rfind('_');
  const auto variant = kVariants.find(stem.substr(6, last - 6));
  c.check(variant != kVariants.end(), "the variant is known");
  if (variant == kVariants.end()) return;
  const auto config =
      config::load_text(fmt::format("sam2: {{variant: {}, version: \"{}.{}\"}}", variant->second,
                                    stem.substr(last + 1, 1), stem.substr(last + 2)),
                        "names", {}, "");
  c.check(config.has_value(), config ? "the configuration" : config.error().message());
  if (!config) return;
  constexpr std::string_view kPrefix = "grounding_encoder.sam2_model.";
  std::map<std::string, std::vector<std::int64_t>> ours;
  for (const auto& parameter : parameters::inventory(config->config.model, {})) {
    if (parameter.name.starts_with(kPrefix))
      ours[parameter.name.substr(kPrefix.size())] = parameter.shape;
  }
  c.check(ours.size() == c.spec().size(), fmt::format("{} names", c.spec().size()));
  for (const auto& [name, shape] : c.spec().items())
    c.check(ours.contains(name) && ours[name] == shape.get<std::vector<std::int64_t>>(), name);
}

}  // namespace

void add_weights_cases(Registry& registry) {
  registry.tensor_file("pt_expected.safetensors", run_pt_expected);
  registry.module("sam2_checkpoint", run_twin);
  registry.json_file("malformed.json", run_malformed);
  for (const char* variant : {"large", "base_plus", "small", "tiny"}) {
    for (const char* version : {"20", "21"})
      registry.json_file(fmt::format("names_{}_{}.json", variant, version), run_names);
  }
}

}  // namespace desa2va::golden
