#include "launcher/run/report.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "common/config/run_files.h"
#include "launcher/run/console.h"
#include "launcher/run/progress.h"

namespace desa2va::launcher {
namespace {

using nlohmann::json;

json read_report(const std::string& run_dir) {
  std::ifstream in(config::report_file(run_dir));
  const json report = json::parse(in, nullptr, false);
  return report.is_object() ? report : json::object();
}

// The role that computes most of the time, if it stands out.
json bottleneck_of(const LaunchResult& result) {
  const auto most =
      std::max_element(result.busy.begin(), result.busy.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool enough = result.last_step >= result.first_step + 5;
  if (most == result.busy.end() || !enough || most->second < 0.5) return "not enough evidence";
  return std::string(name(most->first));
}

std::string percent(double share) {
  return fmt::format("{:.0f}%", 100 * share);
}

std::string score_cell(const json& scores, const char* key, bool as_percent) {
  const auto found = scores.find(key);
  if (found == scores.end() || !found->is_number()) return "-";
  const double value = found->get<double>();
  return as_percent ? fmt::format("{:.1f} %", 100 * value) : fmt::format("{:.3f}", value);
}

// The branches of the model, then what it must beat.
std::string eval_text(const json& eval) {
  std::vector<std::vector<std::string>> rows = {
      {eval.value("held_out", true) ? "held-out data" : "training data", "mIoU", "right object",
       "by colour", "beyond colour"}};
  const auto add = [&](const std::string& name, const json& scores) {
    rows.push_back({name, score_cell(scores, "miou", false),
                    score_cell(scores, "right_object", true),
                    score_cell(scores, "right_object_colour", true),
                    score_cell(scores, "right_object_beyond_colour", true)});
  };
  const json none = json::object();
  const json branches = eval.value("branches", none);
  for (const char* branch : {"visual", "text", "fused", "reprompted"}) {
    if (branches.contains(branch)) add(branch, branches[branch]);
  }
  if (branches.empty()) add("trained", eval);
  if (eval.contains("untrained")) add("untrained", eval["untrained"]);
  const json baselines = eval.value("baselines", none);
  for (const auto& [name, scores] : baselines.items()) add("baseline: " + name, scores);
  return fmt::format("\n{}{} samples, checkpoint of step {}\n", table(rows),
                     eval.value("samples", 0), eval.value("step", 0));
}

}  // namespace

Result<void> write_report(const std::string& run_dir, const LaunchResult& result,
                          std::uint64_t total_steps) {
  json report = read_report(run_dir);
  const double before = report.value("seconds", 0.0);
  const std::uint64_t steps = result.last_step - result.first_step;
  report["exit_code"] = result.exit_code;
  report["complete"] = result.exit_code == 0 && total_steps > 0 && result.last_step >= total_steps;
  report["steps"] = result.last_step;
  report["total_steps"] = total_steps;
  report["seconds"] = before + result.seconds;
  report["bottleneck"] = bottleneck_of(result);
  json& step_time = report["step_time"];
  step_time["mean"] = steps > 0 ? json(result.seconds / static_cast<double>(steps)) : json();
  step_time["measured"] = result.step_time ? json(result.step_time->measured) : step_time["mean"];
  step_time["predicted"] = result.step_time ? json(result.step_time->predicted) : json();
  report["samples_per_second"] =
      result.seconds > 0 ? static_cast<double>(result.samples) / result.seconds : 0.0;
  report["busy"] = json::object();
  for (const auto& [role, share] : result.busy) report["busy"][std::string(name(role))] = share;
  report.erase("failure");
  if (result.failure)
    report["failure"] = {{"process", result.failure->process},
                         {"reason", result.failure->reason},
                         {"remedy", result.failure->remedy}};
  return replace_file(config::report_file(run_dir), report.dump(2) + "\n");
}

bool is_complete(const std::string& run_dir) {
  return read_report(run_dir).value("complete", false);
}

std::string report_json(const std::string& run_dir) {
  return read_report(run_dir).dump(2);
}

std::string report_text(const std::string& run_dir) {
  const json report = read_report(run_dir);
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const std::string& value) {
    rows.push_back({name, value});
  };
  const bool complete = report.value("complete", false);
  add("run", run_dir);
  add("state", complete ? "complete" : "not complete: the same command goes on");
  add("steps", fmt::format("{}/{}", report.value("steps", 0), report.value("total_steps", 0)));
  add("time", format_seconds(report.value("seconds", 0.0)));
  add("speed", fmt::format("{:.1f} samples/s", report.value("samples_per_second", 0.0)));
  const json step_time = report.value("step_time", json::object());
  if (step_time.contains("predicted") && step_time["predicted"].is_number())
    add("step",
        fmt::format("{:.3f} s measured at the end, {:.3f} s predicted from its stages",
                    step_time["measured"].get<double>(), step_time["predicted"].get<double>()));
  std::string busy;
  const json shares = report.value("busy", json::object());
  for (const auto& [role, share] : shares.items())
    busy += fmt::format("{}{} {}", busy.empty() ? "" : ", ", role, percent(share.get<double>()));
  if (!busy.empty()) add("busy", busy);
  if (report.contains("bottleneck") && report["bottleneck"].is_string())
    add("bottleneck", report["bottleneck"]);
  std::string text = table(rows);
  if (report.contains("eval") && report["eval"].is_object()) text += eval_text(report["eval"]);
  return text;
}

}  // namespace desa2va::launcher
