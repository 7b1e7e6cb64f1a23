#include "services/mllm/config.h"

#include "common/preprocess/text/tokenizer.h"

namespace desa2va::mllm {

Result<Config> read_config(const config::Config& config) {
  const std::string folder =
      config.data.tokenizer.empty() ? config.data.shards + "/tokenizer" : config.data.tokenizer;
  DESA2VA_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::load(folder));
  if (tokenizer.size() > config.model.llm.vocab_size)
    return fail(Errc::InvalidArgument,
                "llm.vocab_size: {} rows for the {} tokens of {}; allowed: at least {}",
                config.model.llm.vocab_size, tokenizer.size(), folder, tokenizer.size())
        .with_exit(ExitCode::Usage);
  const auto& service = config.service(Role::Mllm);
  return Config{config.model,
                parameters::preset_of(config),
                static_cast<std::uint64_t>(config.run.seed),
                config.train.micro_batches,
                service.in_flight,
                tokenizer.special().img_context,
                tokenizer.special().seg,
                config.train,
                service.device,
                static_cast<int>(service.threads)};
}

}  // namespace desa2va::mllm
