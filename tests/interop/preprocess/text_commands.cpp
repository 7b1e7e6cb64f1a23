#include <optional>

#include "common/preprocess/text/tokenizer.h"
#include "tests/interop/preprocess/commands.h"

namespace desa2va::interop {

void add_text_commands(Commands& commands) {
  auto tokenizer = std::make_shared<std::optional<text::Tokenizer>>();
  commands["tokenizer"] = [tokenizer](const Request& request) -> Result<Reply> {
    Reply reply;
    auto loaded =
        timed(reply.nanoseconds, [&] { return text::Tokenizer::load(request.arguments.at(0)); });
    if (!loaded) return std::move(loaded.error());
    *tokenizer = std::move(*loaded);
    return reply;
  };
  commands["from_tiktoken"] = [](const Request& request) -> Result<Reply> {
    DESA2VA_ASSIGN(text::Vocabulary vocabulary, text::read_tiktoken(request.arguments.at(0)));
    vocabulary.added = text::qwen_added_tokens();
    DESA2VA_TRY(text::write_vocabulary(vocabulary, request.arguments.at(1)));
    return Reply{};
  };
  commands["encode"] = [tokenizer](const Request& request) -> Result<Reply> {
    if (!tokenizer->has_value()) return fail(Errc::InvalidArgument, "no tokenizer is loaded");
    Reply reply;
    const auto ids = timed(reply.nanoseconds,
                           [&] { return (*tokenizer)->encode(as_text(request.payload.bytes())); });
    reply.payload = Buffer::allocate(ids.size() * 4);
    auto* out = reinterpret_cast<std::int32_t*>(reply.payload.mutable_bytes().data());
    for (std::size_t i = 0; i < ids.size(); ++i) out[i] = static_cast<std::int32_t>(ids[i]);
    return reply;
  };
}

}  // namespace desa2va::interop
