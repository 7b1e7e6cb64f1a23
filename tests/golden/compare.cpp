#include <cmath>
#include <limits>

#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "tests/golden/case.h"

// The half of Case that compares.
namespace desa2va::golden {
namespace {

constexpr double kNoise = 1e-5;  // of the norm of all stored gradients

// max|a - b| / max(1e-6, max|b|), in double; infinite if anything is not a number.
double relative_error(const at::Tensor& got, const at::Tensor& want) {
  if (want.numel() == 0) return 0;
  const auto b = want.to(at::kDouble).flatten();
  const auto difference = (got.detach().cpu().to(at::kDouble).flatten() - b).abs().max();
  const double scale = std::max(1e-6, b.abs().max().item<double>());
  const double error = difference.item<double>() / scale;
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

bool same_shape(at::IntArrayRef a, at::IntArrayRef b) {
  const auto scalar = [](at::IntArrayRef s) { return s.empty() || (s.size() == 1 && s[0] == 1); };
  return a == b || (scalar(a) && scalar(b));
}

// [mean, population standard deviation, min, max].
at::Tensor statistics(const at::Tensor& x) {
  const auto wide = x.detach().cpu().to(at::kDouble);
  return at::stack({wide.mean(), wide.std(/*unbiased=*/false), wide.min(), wide.max()});
}

double norm_of(const at::Tensor& x) {
  return x.detach().to(at::kDouble).norm().item<double>();
}

}  // namespace

double Case::tolerance(const char* kind) const {
  return spec_.contains("tolerance") ? spec_["tolerance"].value(kind, 0.0) : 0.0;
}

std::set<std::string> Case::names_in(const char* key) const {
  if (!spec_.contains(key)) return {};
  return spec_[key].get<std::set<std::string>>();
}

void Case::number(const std::string& what, double got, double expected, double tolerance) {
  const double error = std::abs(got - expected);
  const bool good = error <= tolerance;
  lines_.push_back(
      {what, error, good, good ? "" : fmt::format("{:.17g}, expected {:.17g}", got, expected)});
}

void Case::check(bool holds, const std::string& what) {
  lines_.push_back({what, 0, holds, holds ? "" : "does not hold"});
}

void Case::compare(const std::string& line, const at::Tensor& got, const std::string& stored_name,
                   double tolerance) {
  compared_.insert(stored_name);
  Line result{line, 0, true, ""};
  const auto want = stored(stored_name);
  if (!got.defined()) {
    result = {line, 0, false, "missing"};
  } else if (!same_shape(got.sizes(), want.sizes())) {
    result = {line, 0, false,
              fmt::format("{} elements in {} dimensions, expected {} in {}", got.numel(), got.dim(),
                          want.numel(), want.dim())};
  } else if (!at::isFloatingType(want.scalar_type())) {
    const auto differ =
        (got.detach().cpu().to(at::kDouble).flatten() != want.to(at::kDouble).flatten()).sum();
    const auto count = differ.item<std::int64_t>();
    result.good = count == 0;
    if (count > 0) result.remark = fmt::format("{} of {} integers differ", count, want.numel());
  } else {
    result.error = relative_error(got, want);
    result.good = result.error <= tolerance;
  }
  lines_.push_back(std::move(result));
}

bool Case::compare_any(const std::string& name, const std::string& sampled, const at::Tensor& got,
                       double tolerance) {
  bool any = false;
  if (has(name)) {
    compare(name, got, name, tolerance);
    any = true;
  }
  if (!has("sample/" + sampled)) return any;
  compared_.insert("index/" + sampled);
  if (!got.defined()) {
    compare("sample/" + sampled, got, "sample/" + sampled, tolerance);
    return true;
  }
  const auto shapes = spec_.value("shapes", nlohmann::json::object());
  if (shapes.contains(sampled)) {
    const auto shape = shapes[sampled].get<std::vector<std::int64_t>>();
    check(same_shape(got.sizes(), shape), "shape of " + sampled);
  }
  const auto picked = got.detach().cpu().flatten().index_select(0, stored("index/" + sampled));
  compare("sample/" + sampled, picked, "sample/" + sampled, tolerance);
  if (has("stat/" + sampled)) {
    compare("stat/" + sampled, statistics(got), "stat/" + sampled, tolerance);
  }
  return true;
}

void Case::out(const std::string& x, const at::Tensor& value) {
  outputs_[x] = value;
  if (!compare_any("out/" + x, x, value, tolerance("out"))) {
    check(has("cot/" + x), "the case knows an output " + x);
  }
}

void Case::backward(const at::Tensor& objective, const NamedTensors& inputs,
                    const NamedTensors& weights) {
  std::vector<at::Tensor> leaves;
  for (const auto* group : {&inputs, &weights}) {
    for (const auto& [name, tensor] : *group) {
      if (tensor.requires_grad()) leaves.push_back(tensor);
    }
  }
  const auto found =
      tensor::gradients({objective.sum()}, {objective.sum().detach().fill_(1)}, leaves);
  auto next = found.begin();
  NamedTensors gi, gw;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.requires_grad()) gi[name] = *next++;
  }
  for (const auto& [name, tensor] : weights) {
    if (tensor.requires_grad()) gw[name] = *next++;
  }
  gradients(gi, gw);
}

void Case::gradients(const NamedTensors& inputs, const NamedTensors& weights) {
  const double limit = tolerance("grad");
  const auto at = [](const NamedTensors& map, const std::string& name) {
    const auto found = map.find(name);
    return found == map.end() ? at::Tensor() : found->second;
  };
  std::set<std::string> in_names, weight_names;
  for (const auto& [name, tensor] : tensors_) {
    for (const char* prefix : {"gi/", "sample/gi/"}) {
      if (name.starts_with(prefix)) in_names.insert(name.substr(std::string(prefix).size()));
    }
    for (const char* prefix : {"gw/", "sample/gw/"}) {
      if (name.starts_with(prefix)) weight_names.insert(name.substr(std::string(prefix).size()));
    }
  }
  for (const auto& x : in_names) compare_any("gi/" + x, "gi/" + x, at(inputs, x), limit);
  for (const auto& x : weight_names) compare_any("gw/" + x, "gw/" + x, at(weights, x), limit);
  check_missing(inputs, weights);
}

// Names whose gradient is undefined, exactly zero, or rounding noise.
void Case::check_missing(const NamedTensors& inputs, const NamedTensors& weights) {
  double square = 0;
  for (const auto& [name, tensor] : tensors_) {
    if (name.starts_with("gi/") || name.starts_with("gw/")) {
      square += std::pow(norm_of(stored(name)), 2);
    }
  }
  // Names are of weights, with or without "gw/", or of inputs with "gi/".
  const auto gradient = [&](const std::string& name) {
    const bool of_input = name.starts_with("gi/");
    const auto& map = of_input ? inputs : weights;
    const auto found = map.find(of_input || name.starts_with("gw/") ? name.substr(3) : name);
    return found == map.end() ? at::Tensor() : found->second;
  };
  for (const char* key : {"no_grad", "grad_none"}) {
    for (const auto& name : names_in(key)) {
      if (gradient(name).defined()) check(false, "no gradient for " + name);
    }
  }
  for (const auto& name : names_in("grad_zero")) {
    const auto g = gradient(name);
    if (!g.defined() || norm_of(g) != 0) check(false, "a zero gradient for " + name);
  }
  for (const char* key : {"grad_noise", "zero_grad"}) {
    for (const auto& name : names_in(key)) {
      const auto g = gradient(name);
      if (g.defined() && !(norm_of(g) < kNoise * std::sqrt(square))) {
        check(false,
              fmt::format("only noise in the gradient of {} (norm {:.3g})", name, norm_of(g)));
      }
    }
  }
  if (!spec_.contains("trainable")) return;
  const auto trainable = names_in("trainable");
  for (const auto& [name, g] : weights) {
    if (g.defined() != trainable.contains(name)) {
      check(false, fmt::format("{} a gradient for {}", g.defined() ? "without" : "with", name));
    }
  }
}

void Case::finish() {
  if (!skipped_.empty()) return;
  for (const auto& [name, tensor] : tensors_) {
    const bool expected = name.starts_with("out/") || name.starts_with("sample/") ||
                          name.starts_with("gi/") || name.starts_with("gw/");
    if (expected && !compared_.contains(name)) lines_.push_back({name, 0, false, "not compared"});
  }
  if (lines_.empty()) lines_.push_back({"(nothing)", 0, false, "the case compared nothing"});
}

}  // namespace desa2va::golden
