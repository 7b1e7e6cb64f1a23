#include <map>

#include <fmt/format.h>

#include "common/datasets/choice_questions.h"
#include "common/evaluation/choice.h"
#include "common/evaluation/files/json_input.h"
#include "common/evaluation/files/report.h"

namespace desa2va::evaluation {

namespace {

namespace fs = std::filesystem;

using datasets::ChoiceQuestion;
using Answers = std::map<std::string, std::string>;

Result<void> add_answer(Answers& answers, const std::string& id, const Json& text) {
  std::string value;
  if (!text.is_null()) {
    if (!text.is_string()) return fail(Errc::Corrupt, "the answer to question '{}' is no text", id);
    value = text.get<std::string>();
  }
  if (!answers.emplace(id, std::move(value)).second)
    return fail(Errc::Corrupt, "question '{}' is answered twice", id);
  return {};
}

// A list of {question_id, prediction}, the same per video, or {question_id: text}.
Result<void> read_answers(const Json& document, Answers& answers) {
  if (document.is_array()) {
    for (const Json& one : document) DESA2VA_TRY(read_answers(one, answers));
    return {};
  }
  if (!document.is_object()) return fail(Errc::Corrupt, "wanted are objects with \"question_id\"");
  if (const Json* questions = member(document, {"questions", "results"}))
    return read_answers(*questions, answers);
  const Json* id = member(document, {"question_id", "id", "index"});
  if (id == nullptr) {
    for (const auto& [key, text] : document.items()) DESA2VA_TRY(add_answer(answers, key, text));
    return {};
  }
  DESA2VA_ASSIGN(const std::string name, text_id(*id, "question_id"));
  const Json* text = member(document, {"prediction", "response", "output", "text", "answer"});
  if (text == nullptr) return fail(Errc::Corrupt, "question '{}' has no \"prediction\"", name);
  return add_answer(answers, name, *text);
}

struct Tally {
  std::uint64_t questions = 0;
  std::uint64_t correct = 0;
  double accuracy() const {
    return questions == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(questions);
  }
};

}  // namespace

Result<ScoreReport> score_choice(const ScoreRequest& request) {
  std::vector<ChoiceQuestion> questions;
  DESA2VA_TRY(each_json_file(request.truth, [&](const fs::path&, const Json& document) {
    return datasets::read_choice_questions(document, questions);
  }));
  Answers answers;
  DESA2VA_TRY(each_json_file(request.predictions, [&](const fs::path&, const Json& document) {
    return read_answers(document, answers);
  }));
  if (!request.rule.empty() && request.rule != "seed" && request.rule != "videomme")
    return fail(Errc::InvalidArgument, "--rule {}: allowed are seed, videomme", request.rule);

  ScoreReport out;
  std::vector<std::string> warnings;
  std::map<std::string, std::map<std::string, Tally>> groups;
  Tally all;
  std::uint64_t answered = 0;
  std::uint64_t without_option = 0;
  std::uint64_t other_media = 0;
  bool videomme = false;
  auto per_question = nlohmann::ordered_json::array();
  std::map<std::string, bool> known;
  for (const ChoiceQuestion& question : questions) {
    if (!known.emplace(question.id, true).second)
      return fail(Errc::Corrupt, "{}: question '{}' is there twice", request.truth.string(),
                  question.id);
    if (!question.data_type.empty() && question.data_type != "image" &&
        !answers.contains(question.id)) {
      ++other_media;  // SEED-Bench's video questions: not asked here
      continue;
    }
    const bool by_videomme = request.rule.empty() ? question.videomme : request.rule == "videomme";
    videomme = videomme || by_videomme;
    const auto found = answers.find(question.id);
    std::optional<char> choice;
    if (found == answers.end()) {
      warnings.push_back(fmt::format("question {}: no prediction, counted as wrong", question.id));
    } else {
      ++answered;
      choice = by_videomme ? videomme_choice(found->second, question.options)
                           : seed_choice(found->second, question.options);
      without_option += choice ? 0 : 1;
    }
    const bool correct = choice && *choice == question.answer;
    const auto count = [&](Tally& tally) {
      ++tally.questions;
      tally.correct += correct ? 1 : 0;
    };
    count(all);
    for (const auto& [group, value] : question.groups) count(groups[group][value]);
    per_question.push_back({{"question_id", question.id},
                            {"choice", choice ? nlohmann::ordered_json(std::string(1, *choice))
                                              : nlohmann::ordered_json()},
                            {"answer", std::string(1, question.answer)},
                            {"correct", correct}});
  }
  if (answered == 0)
    return fail(Errc::NotFound, "no question of {} is answered in {}: the truth has '{}'{}",
                request.truth.string(), request.predictions.string(),
                questions.empty() ? "" : questions[0].id,
                answers.empty() ? "" : ", the predictions '" + answers.begin()->first + "'");
  for (const auto& [id, _] : answers)
    if (!known.contains(id))
      warnings.push_back(fmt::format("question {}: not in the truth, ignored", id));
  if (other_media > 0)
    warnings.push_back(fmt::format("{} questions about videos are not counted", other_media));

  out.document = {{"rule", videomme ? "videomme" : "seed"},
                  {"questions", all.questions},
                  {"answered", answered},
                  {"without_option", without_option},
                  {"correct", all.correct},
                  {"accuracy", all.accuracy()},
                  {"accuracy_percent", 100 * all.accuracy()}};
  out.table.push_back({"group", "questions", "correct", "accuracy"});
  const auto row = [&](const std::string& name, const Tally& tally) {
    out.table.push_back({name, std::to_string(tally.questions), std::to_string(tally.correct),
                         fmt::format("{:.2f}", 100 * tally.accuracy())});
  };
  for (const auto& [group, values] : groups) {
    for (const auto& [value, tally] : values) {
      out.document["by"][group][value] = {{"questions", tally.questions},
                                          {"correct", tally.correct},
                                          {"accuracy", tally.accuracy()}};
      row(group + " " + value, tally);
    }
  }
  row("all", all);
  out.document["per_question"] = std::move(per_question);
  finish_warnings(out, warnings);
  return out;
}

}  // namespace desa2va::evaluation
