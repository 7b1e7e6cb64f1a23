#include "tests/golden/case.h"

#include <utility>

#include <fmt/format.h>

#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/weights/safetensors.h"
#include "tests/golden/formula.h"

namespace desa2va::golden {
namespace {

using Shape = std::vector<std::int64_t>;

bool is_formula(const nlohmann::json& spec, const char* key, const std::string& x) {
  return spec.contains(key) && spec[key].contains(x) && spec[key][x] == "formula";
}

bool is_picture(const std::string& x) {
  return x == "pixel_values" || x == "images" || x == "image";
}

}  // namespace

Case::Case(std::filesystem::path path, nlohmann::json spec,
           std::map<std::string, HostTensor> tensors,
           std::vector<std::filesystem::path> data_folders, std::string device)
    : path_(std::move(path)),
      spec_(std::move(spec)),
      tensors_(std::move(tensors)),
      data_folders_(std::move(data_folders)),
      device_(std::move(device)) {}

const HostTensor& Case::host(const std::string& name) const {
  const auto found = tensors_.find(name);
  TORCH_CHECK(found != tensors_.end(), "the case has no tensor ", name);
  return found->second;
}

at::Tensor Case::stored(const std::string& name) const {
  return tensor::from_host(host(name)).clone();
}

bool Case::has_input(const std::string& x) const {
  return has("in/" + x) || is_formula(spec_, "in", x) ||
         (spec_.contains("inputs") && spec_["inputs"].contains(x));
}

at::Tensor Case::input(const std::string& x) const {
  return input_on_host(x).to(device());
}

at::Tensor Case::input_on_host(const std::string& x) const {
  if (has("in/" + x)) return stored("in/" + x);
  if (spec_.contains("inputs") && spec_["inputs"].contains(x)) {
    const auto& made = spec_["inputs"][x];
    return formula(made.at("formula"), made.at("shape").get<Shape>(), made.value("a", 1.0),
                   made.value("b", 0.0));
  }
  TORCH_CHECK(is_formula(spec_, "in", x), "the case has no input ", x);
  return formula("in/" + x, spec_.at("shapes").at("in/" + x).get<Shape>(),
                 is_picture(x) ? 1.5 : 1.0, 0);
}

at::Tensor Case::leaf(const std::string& x) const {
  return input(x).to(at::kFloat).requires_grad_(true);
}

void Case::fill_weights(const NamedTensors& model) const {
  fill_on_host(model);
  if (device().is_cpu()) return;
  for (const auto& [name, tensor] : model) tensor.set_data(tensor.to(device()));
}

void Case::fill_on_host(const NamedTensors& model) const {
  const std::string source = spec_.at("weights");
  const tensor::NoGradient no_gradient;
  if (source == "formula") {
    for (const auto& [name, tensor] : model) {
      tensor.copy_(formula_weight(name, tensor.sizes().vec()));
    }
    if (!spec_.contains("parameters")) return;
    for (const auto& [name, shape] : spec_["parameters"].items()) {
      TORCH_CHECK(model.contains(name), "the model has no tensor ", name);
      TORCH_CHECK(model.at(name).sizes() == at::IntArrayRef(shape.get<Shape>()), name, " is ",
                  model.at(name).sizes(), ", the reference's ", shape.dump());
    }
    return;
  }
  std::map<std::string, HostTensor> weights;
  if (source == "file") {
    auto file = weights::read_safetensors(path_.parent_path() / spec_.at("weights_file"));
    TORCH_CHECK(file.has_value(), file.error().message());
    weights = std::move(file->tensors);
  } else {
    for (const auto& [name, value] : tensors_) {
      if (name.starts_with("w/")) weights.emplace(name.substr(2), value);
    }
  }
  models::load(model, weights);
}

std::optional<std::filesystem::path> Case::asset(const std::string& name) const {
  for (const auto& folder : data_folders_) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored)) return folder / name;
  }
  return std::nullopt;
}

at::Tensor Case::objective() const {
  at::Tensor sum;
  for (const auto& [x, value] : outputs_) {
    at::Tensor cotangent;
    if (has("cot/" + x)) {
      cotangent = stored("cot/" + x);
    } else if (is_formula(spec_, "cot", x)) {
      cotangent = formula("cot/" + x, value.sizes().vec(), 1, 0);
    } else {
      continue;
    }
    const auto term = (value * cotangent.view(value.sizes()).to(value.device())).sum();
    sum = sum.defined() ? sum + term : term;
  }
  TORCH_CHECK(sum.defined(), "the case has no cotangent for any output");
  return sum;
}

}  // namespace desa2va::golden
