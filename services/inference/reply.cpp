#include "services/inference/reply.h"

#include <algorithm>

#include "common/tensor/guarded.h"
#include "services/inference/answer.h"
#include "services/inference/ask.h"

namespace desa2va::inference {

Result<Reply> reply_to(OpenedModel& opened, MediaKind kind,
                       const std::vector<preprocess::Image>& shown, std::string_view question,
                       const std::function<void(std::string_view)>& say,
                       const std::function<bool()>& stopped) {
  const auto& config = opened.config;
  DESA2VA_ASSIGN(const Prompt prompt, make_prompt(config, opened.tokenizer, kind, shown, question));
  DESA2VA_ASSIGN(const auto form, text::prompt_template(config.prompt.template_name));
  std::vector<std::int64_t> stop_ids;
  for (const auto& word : form.stop_words) {
    if (const auto id = opened.tokenizer.id_of(word)) stop_ids.push_back(*id);
  }
  AnswerStream stream(opened.tokenizer, form.stop_words, say);
  bool cancelled = false;
  const auto room = config.model.llm.max_length - static_cast<std::int64_t>(prompt.ids.size());
  DESA2VA_ASSIGN(const auto made, tensor::guarded([&] {
                                    return opened.model->answer(
                                        prompt.ids, prompt.tiles,
                                        std::min(config.infer.max_new_tokens, room), stop_ids,
                                        [&](std::int64_t id) {
                                          cancelled = stopped();
                                          return stream.add(id) && !cancelled;
                                        });
                                  }).in("answer"));
  stream.finish();
  if (cancelled) return interrupted();
  return Reply{stream.text(), static_cast<std::int64_t>(made.ids.size()), stream.stopped(),
               made.seg_hidden};
}

Error interrupted() {
  return Error(Errc::Cancelled, "interrupted").with_exit(ExitCode::Interrupted);
}

}  // namespace desa2va::inference
