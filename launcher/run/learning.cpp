#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <numeric>

#include <nlohmann/json.hpp>

#include "common/config/run_files.h"
#include "launcher/run/console.h"
#include "launcher/run/report.h"

namespace desa2va::launcher {
namespace {

using nlohmann::json;

struct Row {
  std::uint64_t step = 0;
  std::string phase;
  std::map<std::string, double> values;  // every number of the line by its own name
};

void collect(const json& object, std::map<std::string, double>& values) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_number()) values[name] = value.get<double>();
    if (value.is_object() && name != "time") collect(value, values);
  }
}

std::vector<Row> read_rows(const std::string& run_dir) {
  std::vector<Row> rows;
  std::ifstream in(config::metrics_file(run_dir));
  for (std::string line; std::getline(in, line);) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("step")) continue;
    Row row{object.value("step", std::uint64_t{0}), object.value("phase", ""), {}};
    collect(object, row.values);
    rows.push_back(std::move(row));
  }
  return rows;
}

// The ranges of rows that one line of the table averages: each phase is cut into up to `parts`.
std::vector<std::pair<std::size_t, std::size_t>> windows(const std::vector<Row>& rows,
                                                         std::size_t parts) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin;
    while (end < rows.size() && rows[end].phase == rows[begin].phase) ++end;
    const std::size_t count = std::min(parts, end - begin);
    for (std::size_t i = 0; i < count; ++i)
      out.emplace_back(begin + (end - begin) * i / count, begin + (end - begin) * (i + 1) / count);
    begin = end;
  }
  return out;
}

struct Column {
  std::string_view name;     // in metrics.jsonl
  std::string_view heading;  // in the table
};

constexpr std::array<Column, 10> kMethod = {{{"disc_loss", "L_D"},
                                             {"disc_v_ref", "D_v(v*)"},
                                             {"disc_h_t", "D_v(h_t)"},
                                             {"disc_r_ref", "D_t(r*)"},
                                             {"disc_h_v", "D_t(h_v)"},
                                             {"adv", "L_adv"},
                                             {"mi_raw", "I_CLUB"},
                                             {"ortho", "L_ortho"},
                                             {"cos", "|cos(h_t,h_v)|"},
                                             {"alpha", "alpha"}}};

std::string averaged(const std::string& run_dir, std::span<const Column> columns) {
  const std::vector<Row> rows = read_rows(run_dir);
  std::vector<Column> present;
  for (const Column& column : columns) {
    if (std::any_of(rows.begin(), rows.end(),
                    [&](const Row& r) { return r.values.contains(std::string(column.name)); }))
      present.push_back(column);
  }
  if (present.empty()) return "";
  std::vector<std::vector<std::string>> cells = {{"phase", "steps"}};
  for (const Column& column : present) cells[0].emplace_back(column.heading);
  for (const auto& [begin, end] : windows(rows, 6)) {
    std::vector<std::string> line = {rows[begin].phase,
                                     fmt::format("{}-{}", rows[begin].step, rows[end - 1].step)};
    bool any = false;
    for (const Column& column : present) {
      double sum = 0;
      int count = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const auto found = rows[i].values.find(std::string(column.name));
        if (found == rows[i].values.end()) continue;
        sum += found->second;
        ++count;
      }
      any = any || count > 0;
      line.push_back(count > 0 ? fmt::format("{:.4f}", sum / count) : "-");
    }
    if (any) cells.push_back(std::move(line));
  }
  return table(cells);
}

}  // namespace

std::string learning_table(const std::string& run_dir) {
  constexpr std::array<Column, 10> kColumns = {{{"total", "total"},
                                                {"llm", "llm"},
                                                {"mask_visual", "mask visual"},
                                                {"dice_visual", "dice visual"},
                                                {"mask_text", "mask text"},
                                                {"dice_text", "dice text"},
                                                {"mask_fused", "mask fused"},
                                                {"dice_fused", "dice fused"},
                                                {"align", "align"},
                                                {"grad_norm", "grad norm"}}};
  return averaged(run_dir, kColumns);
}

std::string method_table(const std::string& run_dir) {
  return averaged(run_dir, kMethod);
}

std::string comparison_table(const std::string& with, const std::string& without) {
  const std::array<std::vector<Row>, 2> runs = {read_rows(with), read_rows(without)};
  std::vector<std::vector<std::string>> cells = {
      {"mean over 30 steps", "where they part", "with, at the end", "without, at the end"}};
  for (const Column& column : kMethod) {
    const auto values = [&](const std::vector<Row>& rows) {
      std::vector<double> found;
      for (const Row& row : rows) {
        const auto value = row.values.find(std::string(column.name));
        if (value != row.values.end()) found.push_back(value->second);
      }
      return found;
    };
    const auto a = values(runs[0]);
    const auto b = values(runs[1]);
    if (a.empty() || b.empty()) continue;
    const auto mean = [](const std::vector<double>& list, bool first) {
      const auto count = std::min<std::size_t>(list.size(), 30);
      const auto begin = first ? list.begin() : list.end() - static_cast<std::ptrdiff_t>(count);
      return fmt::format("{:.4f}",
                         std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(count), 0.0) /
                             static_cast<double>(count));
    };
    cells.push_back({std::string(column.heading), mean(a, true), mean(a, false), mean(b, false)});
  }
  for (const auto& [key, heading] :
       {std::pair("miou", "held-out mIoU"), std::pair("right_object", "held-out right object")}) {
    const auto score = [&, key = key](const std::string& run_dir) {
      const json report = json::parse(report_json(run_dir), nullptr, false);
      const json eval = report.value("eval", json::object());
      return eval.contains(key) ? fmt::format("{:.4f}", eval[key].get<double>()) : "-";
    };
    cells.push_back({heading, "-", score(with), score(without)});
  }
  return table(cells);
}

}  // namespace desa2va::launcher
