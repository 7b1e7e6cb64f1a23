#include "common/datasets/conversation.h"

#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

std::vector<Turn> read_conversation(const Json& messages, bool strip_questions) {
  std::vector<Turn> turns;
  std::string question;
  bool asked = false;
  for (const Json& message : messages) {
    auto value = message.at("value").get<std::string>();
    if (message.at("from") == "human") {
      question += strip_questions ? strip(value) : value;
      asked = true;
    } else if (asked) {
      turns.push_back({std::move(question), std::move(value)});
      question.clear();
      asked = false;
    }
  }
  return turns;
}

}  // namespace desa2va::datasets
