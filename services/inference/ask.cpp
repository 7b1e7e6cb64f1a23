#include "services/inference/ask.h"

#include <algorithm>
#include <array>

#include "common/preprocess/image/resize.h"
#include "common/preprocess/image/tiles.h"
#include "common/preprocess/text/templates.h"
#include "common/preprocess/text/unicode.h"

namespace desa2va::inference {
namespace {

constexpr std::array<std::string_view, 64> kFirstWords = {
    "please",    "segment",   "outline",  "mark",   "find",    "show",    "locate",   "identify",
    "highlight", "mask",      "draw",     "give",   "return",  "point",   "track",    "select",
    "pick",      "detect",    "describe", "tell",   "explain", "name",    "list",     "count",
    "summarize", "summarise", "write",    "answer", "caption", "provide", "generate", "output",
    "look",      "let",       "what",     "which",  "where",   "who",     "whom",     "whose",
    "when",      "why",       "how",      "can",    "could",   "would",   "will",     "should",
    "is",        "are",       "was",      "were",   "do",      "does",    "did",      "has",
    "have",      "am",        "may",      "must",   "i'd",     "i",       "help",     "compare"};

std::string_view first_word(std::string_view text) {
  const auto end = text.find_first_of(" \t\r\n,:;");
  return text.substr(0, end);
}

}  // namespace

Result<Asking> asking_from(std::string_view name) {
  if (name == "auto") return Asking::Auto;
  if (name == "verbatim") return Asking::Verbatim;
  if (name == "segment") return Asking::Segment;
  return fail(Errc::InvalidArgument, "--ask={}: allowed are auto, verbatim, segment", name)
      .with_exit(ExitCode::Usage);
}

bool reads_as_request(std::string_view text) {
  if (text.find('?') != std::string_view::npos) return true;
  const std::string word = text::lower(first_word(text::strip(text)));
  return std::ranges::find(kFirstWords, word) != kFirstWords.end();
}

std::string question_of(std::string_view text, Asking how) {
  std::string_view clean = text::strip(text);
  if (how == Asking::Verbatim || (how == Asking::Auto && reads_as_request(clean)))
    return std::string(clean);
  if (clean.ends_with('.')) clean.remove_suffix(1);
  return text::fill(text::segmentation_questions()[0], clean);
}

Result<void> check_text(std::string_view text, const text::Tokenizer& tokenizer) {
  if (text::strip(text).empty())
    return fail(Errc::InvalidArgument,
                "--text is empty: say what to look for, as in --text \"the dog on the left\"")
        .with_exit(ExitCode::Usage);
  const auto refuse = [](std::string_view mark) {
    return fail(Errc::InvalidArgument,
                "--text contains {}, which has a meaning of its own in a prompt: leave it out",
                mark)
        .with_exit(ExitCode::Usage);
  };
  if (text.find("<image>") != std::string_view::npos) return refuse("<image>");
  const auto& marks = tokenizer.special();
  const auto ids = tokenizer.encode(text);
  for (const auto mark : {marks.endoftext, marks.im_start, marks.im_end, marks.img, marks.img_end,
                          marks.img_context}) {
    if (std::ranges::find(ids, mark) != ids.end())
      return refuse(tokenizer.decode(std::array{mark}));
  }
  return {};
}

Result<Prompt> make_prompt(const config::Config& config, const text::Tokenizer& tokenizer,
                           MediaKind kind, const std::vector<preprocess::Image>& frames,
                           std::string_view question) {
  DESA2VA_ASSIGN(const auto form, text::prompt_template(config.prompt.template_name));
  const auto& vit = config.model.vit;
  const int side = static_cast<int>(vit.image_size);
  Prompt prompt;
  text::PromptOptions options;
  options.prompt_template = &form;
  options.image.tokens_per_tile = vit.tokens_per_tile();
  std::string opening = "<image>";
  if (kind == MediaKind::Image) {
    prompt.tiles = preprocess::make_tiles(
        frames[0], {static_cast<int>(vit.min_tiles), static_cast<int>(vit.max_tiles), side,
                    vit.use_thumbnail});
    options.image.kind = text::ImageBlock::Kind::Image;
    options.image.tiles = static_cast<std::int64_t>(prompt.tiles.size());
    opening += "\n";
  } else {
    for (const auto& frame : frames)
      prompt.tiles.push_back(preprocess::resize_bicubic(frame, side, side));
    options.image.kind = text::ImageBlock::Kind::Video;
    options.image.frames = static_cast<std::int64_t>(prompt.tiles.size());
  }
  prompt.ids = text::encode_instruction(tokenizer, opening + std::string(question), options);
  const auto length = static_cast<std::int64_t>(prompt.ids.size());
  if (length >= config.model.llm.max_length)
    return fail(Errc::InvalidArgument,
                "a prompt of {} tokens ({} of them pictures) with llm.max_length={}: shorten the "
                "text",
                length, static_cast<std::int64_t>(prompt.tiles.size()) * vit.tokens_per_tile(),
                config.model.llm.max_length)
        .with_exit(ExitCode::Usage);
  return prompt;
}

}  // namespace desa2va::inference
