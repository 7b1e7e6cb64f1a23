#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "launcher/run/launch.h"

// What remains of a run for people and scripts: report.json and tables of its figures.
namespace desa2va::launcher {

// Writes report.json: exit_code, complete, steps, seconds (of all launches), step_time, bottleneck,
// failure. What others put there (`eval`) stays.
Result<void> write_report(const std::string& run_dir, const LaunchResult& result,
                          std::uint64_t total_steps);

// All steps are done and the end was good; false without a report.
bool is_complete(const std::string& run_dir);

// report.json as text, "{}" when there is none.
std::string report_json(const std::string& run_dir);

// The report in words and figures.
std::string report_text(const std::string& run_dir);

// Losses over the run: a row for the first and last steps of each phase and some between, each the
// mean over a few steps; columns that the run has. "" without metrics.
std::string learning_table(const std::string& run_dir);
// The same for the terms that the method adds: discriminators, I_CLUB, L_ortho, |cos(h_t, h_v)|.
std::string method_table(const std::string& run_dir);
// Two runs that parted at some step, in their method's terms: where they parted, and at the end of
// each (means over the last steps); then their held-out scores.
std::string comparison_table(const std::string& with, const std::string& without);

}  // namespace desa2va::launcher
