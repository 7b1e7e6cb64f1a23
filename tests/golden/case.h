#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

#include "common/base/host_tensor.h"
#include "common/models/weights/parameters.h"

// One golden case: its inputs and weights for the code under test, and the comparison of what that
// code returns with what the reference returned. The format is described in README.md.
namespace desa2va::golden {

using models::NamedTensors;

class Case {
 public:
  // For a safetensors case `spec` is its metadata, for a JSON case the whole document.
  // `device`: where the code under test computes.
  Case(std::filesystem::path path, nlohmann::json spec, std::map<std::string, HostTensor> tensors,
       std::vector<std::filesystem::path> data_folders, std::string device = "cpu");

  const std::filesystem::path& path() const { return path_; }
  const nlohmann::json& spec() const { return spec_; }
  const nlohmann::json& config() const { return spec_.at("config"); }

  // ---- what goes in
  // A stored tensor by its whole name ("in/labels"), copied; throws if it is not there.
  bool has(const std::string& name) const { return tensors_.contains(name); }
  at::Tensor stored(const std::string& name) const;
  const HostTensor& host(const std::string& name) const;
  const std::map<std::string, HostTensor>& tensors() const { return tensors_; }
  // The device of inputs and, once filled, weights; what the case stores stays on the CPU.
  at::Device device() const { return at::Device(device_); }
  // Input `x`: stored as in/x, or made by the formula.
  bool has_input(const std::string& x) const;
  at::Tensor input(const std::string& x) const;
  // The same, float and asking for a gradient where the case has gradients.
  at::Tensor leaf(const std::string& x) const;
  // Fills the model's tensors, given under their names in the case, as `weights` says: stored, from
  // a file, or by the formula. Every tensor must get a value and every stored value a tensor. Moves
  // them to the device.
  void fill_weights(const NamedTensors& model) const;
  // A file of the data folders ("qwen/qwen.tiktoken"); nullopt: not on this machine.
  std::optional<std::filesystem::path> asset(const std::string& name) const;

  // ---- what comes out
  // Compares with out/x, or with its stored sample; remembers `value` for the objective.
  void out(const std::string& x, const at::Tensor& value);
  bool expects(const std::string& x) const { return has("out/" + x) || has("sample/" + x); }
  // sum of cot * out over the outputs given so far.
  at::Tensor objective() const;
  // Gradients of `objective` for inputs (by x) and weights (by name): computed, then checked.
  void backward(const at::Tensor& objective, const NamedTensors& inputs,
                const NamedTensors& weights);
  // Checks gradients the case computed itself; undefined or absent means missing.
  void gradients(const NamedTensors& inputs, const NamedTensors& weights);
  // A number outside the tensors; the error is the difference.
  void number(const std::string& what, double got, double expected, double tolerance);
  // Any other fact.
  void check(bool holds, const std::string& what);
  // This case cannot run here.
  void skip(const std::string& reason) { skipped_ = reason; }

  // ---- the verdict
  struct Line {
    std::string tensor;
    double error = 0;  // largest relative error; 0 for integers that agree
    bool good = true;
    std::string remark;
  };
  // Also fails expected tensors that nobody compared.
  void finish();
  const std::vector<Line>& lines() const { return lines_; }
  const std::string& skipped() const { return skipped_; }

 private:
  at::Tensor input_on_host(const std::string& x) const;
  void fill_on_host(const NamedTensors& model) const;
  void compare(const std::string& line, const at::Tensor& got, const std::string& stored,
               double tolerance);
  // Compares with the stored whole or sample of `name`; false if the case has neither.
  bool compare_any(const std::string& name, const std::string& sampled, const at::Tensor& got,
                   double tolerance);
  void check_missing(const NamedTensors& inputs, const NamedTensors& weights);
  std::set<std::string> names_in(const char* key) const;
  double tolerance(const char* kind) const;

  std::filesystem::path path_;
  nlohmann::json spec_;
  std::map<std::string, HostTensor> tensors_;
  std::vector<std::filesystem::path> data_folders_;
  std::string device_;
  NamedTensors outputs_;
  std::set<std::string> compared_;
  std::vector<Line> lines_;
  std::string skipped_;
};

}  // namespace desa2va::golden
