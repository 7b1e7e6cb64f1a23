#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "common/evaluation/captions/meteor.h"
#include "common/evaluation/captions/ngrams.h"
#include "common/evaluation/captions/ptb.h"
#include "common/evaluation/masks/overlap.h"
#include "common/evaluation/sets/records.h"

namespace desa2va::evaluation {

namespace {

constexpr std::array kBranchOrder = {"visual", "text", "fused", "reprompted"};

std::string percent(double value) {
  return fmt::format("{:.2f}", 100 * value);
}

double mean(double sum, std::uint64_t count) {
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

std::vector<std::string> branches_in(const std::vector<Record>& records) {
  std::set<std::string> found;
  for (const Record& record : records)
    if (record.contains("branches"))
      for (const auto& [branch, _] : record["branches"].items()) found.insert(branch);
  std::vector<std::string> out;
  for (const char* branch : kBranchOrder)
    if (found.erase(branch) > 0) out.emplace_back(branch);
  out.insert(out.end(), found.begin(), found.end());
  return out;
}

// The scores of one branch; a pair of names and values for the table.
struct BranchReport {
  Record document;
  std::vector<std::pair<std::string, double>> columns;
};

BranchReport referring_report(const std::vector<const Record*>& scores) {
  ReferringScore total;
  for (const Record* one : scores) {
    if (one->contains("union")) {
      total.add(Overlap{one->at("intersection"), one->at("union"), one->at("truth")});
    } else {
      total.add_unanswered(one->at("truth"));
    }
  }
  return {{{"queries", total.queries()},
           {"answered", total.answered()},
           {"cIoU",
            {{"count_missing_false", total.ciou(false)}, {"count_missing_true", total.ciou(true)}}},
           {"gIoU",
            {{"answered_only", total.giou_answered()},
             {"missing_as_zero", total.giou_missing_as_zero()},
             {"reference", total.giou_reference()}}}},
          {{"cIoU", total.ciou(false)},
           {"cIoU, unanswered counted", total.ciou(true)},
           {"gIoU", total.giou_reference()}}};
}

struct VideoMeans {
  std::uint64_t count = 0;
  double j = 0, f = 0, a = 0, r = 0;

  void add(const Record& one, bool rounded) {
    // ReVOS rounds J and F of each expression to two decimals of percent.
    const auto value = [&](const char* key) {
      const double score = one.at(key);
      return rounded ? std::nearbyint(score * 10000) / 10000 : score;
    };
    ++count;
    j += value("J");
    f += value("F");
    if (one.contains("A")) {
      a += one.at("A").get<double>();
      r += one.at("R").get<double>();
    }
  }
  double mean_of(double VideoMeans::*sum) const { return mean(this->*sum, count); }
  double jf() const { return (mean_of(&VideoMeans::j) + mean_of(&VideoMeans::f)) / 2; }
};

Record video_means(const VideoMeans& means, bool revos) {
  Record out = {{"queries", means.count},
                {"J_mean", means.mean_of(&VideoMeans::j)},
                {"F_mean", means.mean_of(&VideoMeans::f)},
                {"JF", means.jf()}};
  if (revos) {
    out["A"] = means.mean_of(&VideoMeans::a);
    out["R"] = means.mean_of(&VideoMeans::r);
  }
  return out;
}

BranchReport video_report(const std::vector<const Record*>& scores) {
  VideoMeans all;
  std::uint64_t answered = 0;
  for (const Record* one : scores) {
    all.add(*one, false);
    answered += one->at("answered").get<bool>() ? 1 : 0;
  }
  Record document = video_means(all, false);
  document["answered"] = answered;
  return {
      document,
      {{"J", all.mean_of(&VideoMeans::j)}, {"F", all.mean_of(&VideoMeans::f)}, {"J&F", all.jf()}}};
}

// The overall score is the mean of two groups, not of all expressions.
BranchReport grouped_report(const EvaluationSet& set, const std::vector<const Record*>& scores,
                            const std::vector<std::string>& groups) {
  const std::array<std::string, 2> counted =
      set.name == "refsav" ? std::array<std::string, 2>{"long", "short"}
                           : std::array<std::string, 2>{"referring", "reasoning"};
  std::map<std::string, VideoMeans> means;
  std::uint64_t answered = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    means[groups[i]].add(*scores[i], set.name == "revos");
    answered += scores[i]->at("answered").get<bool>() ? 1 : 0;
  }
  BranchReport out;
  out.document = {{"queries", scores.size()}, {"answered", answered}};
  std::array<double, 5> sum{};
  for (const std::string& group : counted) {
    const VideoMeans& of_group = means[group];
    sum[0] += of_group.mean_of(&VideoMeans::j) / 2;
    sum[1] += of_group.mean_of(&VideoMeans::f) / 2;
    sum[2] += of_group.jf() / 2;
    sum[3] += of_group.mean_of(&VideoMeans::a) / 2;
    sum[4] += of_group.mean_of(&VideoMeans::r) / 2;
    out.columns.emplace_back(group + " J&F", of_group.jf());
  }
  out.document["overall"] = {
      {"J_mean", sum[0]}, {"F_mean", sum[1]}, {"JF", sum[2]}, {"A", sum[3]}, {"R", sum[4]}};
  for (const auto& [group, of_group] : means)
    out.document["groups"][group] = video_means(of_group, true);
  out.columns.emplace_back("overall J&F", sum[2]);
  out.columns.emplace_back("A", sum[3]);
  out.columns.emplace_back("R", sum[4]);
  return out;
}

BranchReport grounded_report(const std::vector<const Record*>& scores,
                             const std::vector<std::string>& ids) {
  std::vector<GcgImageScore> images(scores.size());
  std::vector<const GcgImageScore*> pointers;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const Record& one = *scores[i];
    GcgImageScore& image = images[i];
    image.id = ids[i];
    image.miou = one.at("mIoU");
    image.matches = one.at("matches").get<std::vector<std::pair<std::size_t, std::size_t>>>();
    image.truth_phrases = one.at("truth_phrases");
    image.positives = one.at("positives");
    image.confidence = one.at("confidence").get<std::vector<double>>();
    image.hit = one.at("hit").get<std::vector<std::vector<bool>>>();
    image.ignored = one.at("ignored").get<std::vector<std::vector<bool>>>();
    pointers.push_back(&image);
  }
  const GcgScore total = score_gcg(pointers);
  return {{{"images", scores.size()},
           {"AP", total.ap},
           {"AP50", total.ap50},
           {"AP75", total.ap75},
           {"AR100", total.ar100},
           {"mIoU", total.miou},
           {"recall", total.recall}},
          {{"AP50", total.ap50}, {"mIoU", total.miou}, {"recall", total.recall}}};
}

Record caption_scores(const std::vector<Record>& records) {
  std::vector<CaptionPair> pairs;
  MeteorStats stats;
  double rouge = 0;
  for (const Record& record : records) {
    const std::string candidate = record.at("caption");
    const std::vector<std::string> references = {
        ptb_line(record.at("reference").get<std::string>())};
    pairs.push_back(
        {ptb_tokens(candidate), {ptb_tokens(record.at("reference").get<std::string>())}});
    stats.add(meteor(ptb_line(candidate), references));
    rouge += rouge_l(pairs.back());
  }
  return {{"images", pairs.size()},
          {"METEOR-es", stats.score()},
          {"CIDEr", cider(pairs).mean},
          {"ROUGE-L", mean(rouge, pairs.size())},
          {"BLEU", bleu(pairs).corpus}};
}

// The caption does not depend on the branch: every row of the table ends with its scores.
void add_captions(const Record& captions, std::vector<std::vector<std::string>>& table) {
  for (std::size_t row = 0; row < table.size(); ++row)
    for (const char* name : {"METEOR-es", "CIDEr"})
      table[row].push_back(row == 0 ? name : percent(captions.at(name)));
}

ScoreReport choice_report(const EvaluationSet& set, const std::vector<Record>& records) {
  struct Tally {
    std::uint64_t questions = 0, correct = 0;
  };
  std::map<std::string, std::map<std::string, Tally>> groups;
  Tally all;
  std::uint64_t without = 0;
  for (const Record& record : records) {
    const bool correct = record.at("correct");
    const auto count = [&](Tally& tally) {
      ++tally.questions;
      tally.correct += correct ? 1 : 0;
    };
    count(all);
    without += record.at("choice").is_null() ? 1 : 0;
    for (const auto& [group, value] : record.at("groups").items())
      count(groups[group][value.get<std::string>()]);
  }
  ScoreReport out;
  const auto accuracy = [](const Tally& t) {
    return mean(static_cast<double>(t.correct), t.questions);
  };
  out.document = {{"set", set.name},           {"questions", all.questions},
                  {"without_option", without}, {"correct", all.correct},
                  {"accuracy", accuracy(all)}, {"accuracy_percent", 100 * accuracy(all)}};
  out.table.push_back({"group", "questions", "accuracy"});
  for (const auto& [group, values] : groups) {
    for (const auto& [value, tally] : values) {
      out.document["by"][group][value] = {{"questions", tally.questions},
                                          {"correct", tally.correct},
                                          {"accuracy", accuracy(tally)}};
      out.table.push_back(
          {group + " " + value, std::to_string(tally.questions), percent(accuracy(tally))});
    }
  }
  out.table.push_back({"all", std::to_string(all.questions), percent(accuracy(all))});
  return out;
}

BranchReport branch_report(const EvaluationSet& set, const std::vector<Record>& records,
                           const std::string& branch) {
  std::vector<const Record*> scores;
  std::vector<std::string> ids, groups;
  for (const Record& record : records) {
    if (!record.value("has_truth", true) || !record.at("branches").contains(branch)) continue;
    scores.push_back(&record["branches"][branch]);
    ids.push_back(record.at("id"));
    groups.push_back(record.value("group", ""));
  }
  switch (set.kind) {
    case SetKind::Referring:
      return referring_report(scores);
    case SetKind::Grounded:
      return grounded_report(scores, ids);
    default:
      return set.revos ? grouped_report(set, scores, groups) : video_report(scores);
  }
}

ScoreReport masks_report(const EvaluationSet& set, const std::vector<Record>& records,
                         const ReportOptions& options) {
  ScoreReport out;
  out.document = {{"set", set.name}, {"queries", records.size()}};
  const auto with_truth = std::count_if(records.begin(), records.end(), [](const Record& record) {
    return record.value("has_truth", true);
  });
  if (static_cast<std::size_t>(with_truth) < records.size())
    out.warnings.push_back(
        fmt::format("{} of {} queries have no truth in this split: their predictions are for the "
                    "server of the set",
                    static_cast<std::ptrdiff_t>(records.size()) - with_truth, records.size()));
  const auto branches = branches_in(records);
  std::string main = options.branch;
  if (main.empty() && !branches.empty()) {
    for (const char* branch : kBranchOrder)
      if (std::find(branches.begin(), branches.end(), branch) != branches.end()) main = branch;
    if (main.empty()) main = branches.back();
  }
  for (const std::string& branch : branches) {
    if (with_truth == 0) break;
    BranchReport one = branch_report(set, records, branch);
    if (out.table.empty()) {
      out.table.push_back({"branch"});
      for (const auto& [name, _] : one.columns) out.table[0].push_back(name);
    }
    out.table.push_back({branch});
    for (const auto& [_, value] : one.columns) out.table.back().push_back(percent(value));
    if (branch == main) {
      out.document["branch"] = branch;
      for (const auto& [key, value] : one.document.items()) out.document[key] = value;
    }
    out.document["branches"][branch] = std::move(one.document);
  }
  if (set.kind == SetKind::Grounded) {
    out.document["text_similarity"] = options.text_similarity;
    out.document["captions"] = caption_scores(records);
    add_captions(out.document["captions"], out.table);
  }
  return out;
}

}  // namespace

Result<ScoreReport> report_of(const EvaluationSet& set, const std::vector<Record>& records,
                              const ReportOptions& options) {
  try {
    ScoreReport out = set.kind == SetKind::Choice ? choice_report(set, records)
                                                  : masks_report(set, records, options);
    out.document["warnings"] = out.warnings;
    return out;
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::Corrupt, "a record of the set {} cannot be read: {}", set.name, error.what());
  }
}

}  // namespace desa2va::evaluation
