#include "common/datasets/choice_questions.h"

#include <array>

#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

constexpr std::array kGroups = {"question_type", "question_type_id", "duration", "domain",
                                "sub_category",  "task_type",        "category"};

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "A. apples" is apples.
std::string without_letter(const std::string& option, char letter) {
  const bool lettered = option.size() >= 2 && option[0] == letter &&
                        (option[1] == '.' || option[1] == ')' || option[1] == ':');
  return strip(lettered ? option.substr(2) : option);
}

Options options_of(const Json& question) {
  Options options;
  for (char letter = 'A'; letter <= 'H'; ++letter) {
    const std::string small(1, static_cast<char>(letter - 'A' + 'a'));
    for (const std::string& key : {"choice_" + small, std::string(1, letter)}) {
      const auto found = question.find(key);
      if (found != question.end() && !found->is_null()) options[letter] = as_text(*found);
    }
  }
  const auto list = question.find("options");
  if (list == question.end()) return options;
  char next = 'A';
  for (const auto& [key, value] : list->items()) {
    const char letter = list->is_object() && key.size() == 1 ? key[0] : next;
    options[letter] = without_letter(as_text(value), letter);
    ++next;
  }
  return options;
}

struct Inherited {
  std::map<std::string, std::string> groups;
  bool videomme = false;
  std::string media;
  const Json* type_names = nullptr;  // SEED-Bench: {"Scene Understanding": 1}
};

Inherited inherit(const Json& object, Inherited from) {
  for (const char* group : kGroups) {
    const auto found = object.find(group);
    if (found != object.end() && (found->is_string() || found->is_number()))
      from.groups[group] = as_text(*found);
  }
  if (from.type_names != nullptr && from.groups.contains("question_type_id")) {
    for (const auto& [name, number] : from.type_names->items())
      if (as_text(number) == from.groups["question_type_id"]) from.groups["question_type"] = name;
    from.groups.erase("question_type_id");
  }
  for (const char* key : {"data_id", "video_id", "videoID"}) {
    const auto found = object.find(key);
    if (found != object.end()) from.media = as_text(*found);
  }
  from.videomme = from.videomme || object.contains("videoID") || object.contains("duration");
  return from;
}

Result<void> read_question(const Json& value, const Inherited& above,
                           std::vector<ChoiceQuestion>& into) {
  ChoiceQuestion question;
  for (const char* key : {"question_id", "id", "index"}) {
    if (question.id.empty() && value.contains(key)) question.id = as_text(value.at(key));
  }
  if (question.id.empty())
    return fail(Errc::Corrupt, "question {} of the file has no \"question_id\"", into.size());
  question.text = value.value("question", "");
  question.data_type = value.value("data_type", "");
  question.options = options_of(value);
  const Inherited own = inherit(value, above);
  question.groups = own.groups;
  question.videomme = own.videomme;
  question.media = own.media;
  const auto answer = value.find("answer");
  if (answer == value.end())
    return fail(Errc::Corrupt, "question '{}' has no \"answer\"", question.id);
  const std::string letter = strip(as_text(*answer));
  if (!letter.empty()) question.answer = letter[0];
  if (letter.size() != 1 || !question.options.contains(question.answer)) {
    std::string allowed;
    for (const auto& [option, _] : question.options) allowed += std::string(" ") + option;
    return fail(Errc::Corrupt, "question '{}': answer '{}' is none of its options{}", question.id,
                letter.substr(0, 40), allowed.empty() ? " (it has none)" : allowed);
  }
  into.push_back(std::move(question));
  return {};
}

Result<void> read_any(const Json& value, const Inherited& above,
                      std::vector<ChoiceQuestion>& into) {
  if (value.is_array()) {
    for (const Json& one : value) DESA2VA_TRY(read_any(one, above, into));
    return {};
  }
  if (!value.is_object())
    return fail(Errc::Corrupt, "wanted are questions: objects with \"question_id\" and \"answer\"");
  const auto questions = value.find("questions");
  if (questions == value.end()) return read_question(value, above, into);
  Inherited below = above;
  const auto types = value.find("question_type");
  if (types != value.end() && types->is_object()) below.type_names = &*types;
  return read_any(*questions, inherit(value, below), into);
}

}  // namespace

Result<void> read_choice_questions(const Json& document, std::vector<ChoiceQuestion>& into) {
  return read_any(document, {}, into);
}

std::string choice_prompt(const ChoiceQuestion& question) {
  std::string text = question.text;
  for (const auto& [letter, option] : question.options)
    text += std::string("\n") + letter + ". " + option;
  return text + "\nAnswer with the option's letter from the given choices directly.";
}

}  // namespace desa2va::datasets
