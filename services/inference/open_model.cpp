#include "services/inference/open_model.h"

#include <filesystem>

#include "common/config/load.h"
#include "common/config/run_files.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "common/tensor/guarded.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;

Result<text::Tokenizer> load_tokenizer(const config::Config& config, const std::string& dir) {
  const std::string own = config::run_file(dir, "tokenizer");
  if (fs::exists(own)) return text::Tokenizer::load(own);
  const std::string folder =
      config.data.tokenizer.empty() ? config.data.shards + "/tokenizer" : config.data.tokenizer;
  if (!fs::exists(folder))
    return fail(Errc::NotFound,
                "the tokenizer of {} is not there: neither {} nor {} exists; copy vocab.json, "
                "merges.txt and added_tokens.json into {}",
                dir, own, folder, own)
        .with_exit(ExitCode::Usage);
  return text::Tokenizer::load(folder);
}

Result<checkpoint::CheckpointReader> open_reader(const std::string& dir,
                                                 std::optional<std::uint64_t> step) {
  const std::string store = config::checkpoint_dir(dir);
  auto catalog = checkpoint::Catalog::open_read_only(store);
  if (!catalog) return std::move(catalog.error()).in(dir).with_exit(ExitCode::Usage);
  if (!step) {
    DESA2VA_ASSIGN(step, catalog->last_step());
  }
  if (!step)
    return fail(Errc::NotFound, "{} has no checkpoint yet", dir).with_exit(ExitCode::Usage);
  auto manifest = catalog->load(*step);
  if (!manifest) {
    const bool absent = manifest.error().code() == Errc::NotFound;
    return std::move(manifest.error())
        .in(dir)
        .with_exit(absent ? ExitCode::Usage : ExitCode::Storage);
  }
  return checkpoint::CheckpointReader::open(store, std::move(*manifest));
}

// "DIR", "DIR@step": a run directory or a store, as init.from has it.
Result<checkpoint::CheckpointReader> open_address(const std::string& text) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(text));
  DESA2VA_ASSIGN(auto manifest, checkpoint::load(address));
  return checkpoint::CheckpointReader::open(address.store, std::move(manifest));
}

// A damaged checkpoint is a matter of storage.
Error of_storage(Error error) {
  return std::move(error).in("load the checkpoint").with_exit(ExitCode::Storage);
}

}  // namespace

Result<OpenedModel> open_model(const std::string& dir, std::optional<std::uint64_t> step) {
  if (!fs::exists(config::config_file(dir)))
    return fail(Errc::NotFound,
                "{}: no run directory (it has no config.yaml); `desa2va run` makes one, and "
                "`desa2va "
                "ckpt import` makes one of published weights",
                dir)
        .with_exit(ExitCode::Usage);
  DESA2VA_ASSIGN(config::Config config, config::load_run(dir));
  DESA2VA_ASSIGN(text::Tokenizer tokenizer, load_tokenizer(config, dir));
  DESA2VA_ASSIGN(const auto reader, open_reader(dir, step));
  if (tokenizer.size() > config.model.llm.vocab_size)
    return fail(Errc::InvalidArgument,
                "the tokenizer of {} has {} tokens, the model llm.vocab_size={}: they do not "
                "belong together",
                dir, tokenizer.size(), config.model.llm.vocab_size)
        .with_exit(ExitCode::Usage);
  auto model = tensor::guarded([&] {
    auto made = std::make_unique<Model>(config, tokenizer.special().img_context,
                                        tokenizer.special().seg, Model::First::Unset);
    made->load(reader);
    return made;
  });
  if (!model) return of_storage(std::move(model.error()));
  return OpenedModel{std::move(config), std::move(tokenizer), std::move(*model),
                     reader.manifest().step};
}

Result<void> load_original(OpenedModel& opened, const std::string& dir, const std::string& source) {
  // The weights named for it, else what the model itself began with: its step 0, or where that came
  // from.
  auto reader = source.empty() ? open_reader(dir, 0) : open_address(source);
  if (!reader && source.empty() && !opened.config.model.init_from.empty())
    reader = open_address(opened.config.model.init_from);
  if (!reader) {
    if (!source.empty()) return Error(reader.error()).in("infer.sam2_original");
    return fail(Errc::NotFound,
                "infer.video_mode=consistent needs SAM-2's decoder as it was before training, and "
                "{} "
                "keeps no step 0: name a directory that `desa2va ckpt import --sam2 FILE.pt` made "
                "with "
                "--sam2-original (or infer.sam2_original), or use --video-mode sa2va",
                dir)
        .with_exit(ExitCode::Usage);
  }
  auto done = tensor::guarded([&] { opened.model->load_original(*reader); });
  if (!done) return std::move(done.error()).in("infer.sam2_original").with_exit(ExitCode::Usage);
  return {};
}

}  // namespace desa2va::inference
