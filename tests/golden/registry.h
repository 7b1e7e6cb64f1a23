#pragma once

#include <functional>
#include <map>
#include <string>

#include "tests/golden/case.h"

// Which code runs which golden case. One file per family of modules adds its own:
//     void add_sam2_cases(Registry& registry) { registry.module("hiera", run_hiera); }
// and main.cpp calls the families in turn.
namespace desa2va::golden {

class Registry {
 public:
  // Throwing, and a tensor that differs, fail the case; other cases go on.
  using Run = std::function<void(Case&)>;

  // Cases in safetensors files whose `module` is `name`; the function looks at config.op itself.
  void module(const std::string& name, Run run) { modules_[name] = std::move(run); }
  // A JSON file of this name, "tokenizer_cases.json".
  void json_file(const std::string& name, Run run) { files_[name] = std::move(run); }

  // A safetensors file of this name that is no case by its metadata.
  void tensor_file(const std::string& name, Run run) { tensor_files_[name] = std::move(run); }

  const Run* find_module(const std::string& name) const { return find(modules_, name); }
  const Run* find_json_file(const std::string& name) const { return find(files_, name); }
  const Run* find_tensor_file(const std::string& name) const { return find(tensor_files_, name); }

 private:
  static const Run* find(const std::map<std::string, Run>& runs, const std::string& name) {
    const auto found = runs.find(name);
    return found == runs.end() ? nullptr : &found->second;
  }
  std::map<std::string, Run> modules_, files_, tensor_files_;
};

void add_mllm_cases(Registry& registry);
void add_optim_cases(Registry& registry);
void add_sam2_cases(Registry& registry);
void add_method_cases(Registry& registry);
void add_data_cases(Registry& registry);
void add_text_cases(Registry& registry);
void add_metrics_cases(Registry& registry);
void add_weights_cases(Registry& registry);

}  // namespace desa2va::golden
