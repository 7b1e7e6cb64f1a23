#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/datasets/shard_import.h"
#include "common/storage/shards/shard_writer.h"
#include "common/synth/synth.h"
#include "services/data/look_ahead.h"
#include "services/data/memory.h"
#include "services/data/stage.h"
#include "tests/support/temp_dir.h"

// The data stream: how long until it begins, what its order costs, what it delivers. Neighbours of
// a ratio are measured alternately; medians are printed.
//
// Beside seconds stands the processor time they took, which a busy machine does not change.
//
//   bench_stream [PART=all] [SAMPLES=1200000] [ROUNDS=5]      PART: order, start, delivery, memory
//   bench_stream serve [SAMPLES=1200000]    our side of bench_stream.py, which makes a peer take
//                                           turns: answers each line of standard input with the
//                                           processor seconds it took; lines: order, grouped, start
namespace desa2va {
namespace {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

struct Took {
  double seconds = 0;
  double processor = 0;
};

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Took took_by(const std::function<void()>& work) {
  const SystemClock clock;
  const auto start = clock.now_ns();
  const double before = processor_seconds();
  work();
  return {static_cast<double>(clock.now_ns() - start) * 1e-9, processor_seconds() - before};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Took median(const std::vector<Took>& all) {
  std::vector<double> seconds, processor;
  for (const Took& one : all) {
    seconds.push_back(one.seconds);
    processor.push_back(one.processor);
  }
  return {median(seconds), median(processor)};
}

double resident_mib() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident * 4096) / (1 << 20);
}

// The recipe's mixture in small: a third of it video, in numbers of samples.
data::Order small_mixture(std::uint64_t samples, data::GroupBy by, bool heaviest_first) {
  const auto work = [](std::uint64_t item) { return 100 + item * 2654435761U % 4000; };
  const std::vector<data::MixtureMember> members = {{samples / 8, 4, 100, 1, work},
                                                    {samples / 40, 10, 10'000, 1, work},
                                                    {samples / 16, 4, 20'000, 1, work}};
  data::Grouping grouping{2, 4, 32, 8};
  grouping.by = by;
  grouping.heaviest_first = heaviest_first;
  return must(data::Order::make(members, 42, "BC", grouping));
}

// Every microbatch of an epoch; the sum of the items, so that none can be left out.
std::uint64_t read_order(const data::Order& order) {
  std::uint64_t sum = 0;
  data::OrderReader reader(order);
  for (std::uint64_t k = 0; k < order.size() / 2; ++k) {
    for (const data::Pick& pick : reader.microbatch(k)) sum += pick.item;
  }
  return sum;
}

void bench_order(std::uint64_t samples, int rounds) {
  struct Way {
    const char* name;
    data::GroupBy by;
    bool heaviest_first;
  };
  for (const Way& way : {Way{"as they come", data::GroupBy::Nothing, false},
                         Way{"by length class", data::GroupBy::Class, false},
                         Way{"by cost, steps by cost", data::GroupBy::Work, true}}) {
    const auto order = small_mixture(samples, way.by, way.heaviest_first);
    std::vector<Took> took;
    std::uint64_t sum = 0;
    for (int round = 0; round < rounds; ++round)
      took.push_back(took_by([&] { sum += read_order(order); }));
    fmt::print("order: {:>8} samples, {:24} {:7.3f} s, processor {:.3f} s   (sum {})\n",
               order.size(), way.name, median(took).seconds, median(took).processor, sum % 1000);
  }
}

// Conversations without pictures: what is left is the stream's own.
void write_texts(const fs::path& dir, std::uint64_t count) {
  shards::WriterOptions options;
  options.dataset = options.kind = "llava";
  options.created_by = "bench";
  options.facts = {{"splits", "train"}, {"split/train", fmt::format("{} samples", count)}};
  auto writer = must(shards::ShardWriter::create(dir, options));
  for (std::uint64_t i = 0; i < count; ++i) {
    datasets::Sample sample;
    sample.dataset = "llava";
    sample.split = "train";
    sample.id = std::to_string(i);
    sample.kind = datasets::SampleKind::ImageQa;
    sample.turns = {{"What is said of " + sample.id + "?", "That it is a number."}};
    shards::SampleCost cost;
    cost.text_bytes = static_cast<std::int64_t>(40 + i % 200);
    must(writer.sample({describe(sample), {}, "", datasets::encode_sample(sample)}, cost));
  }
  must(writer.finish());
}

config::Config base_config(const fs::path& shards) {
  config::Config config;
  config.data.shards = shards.string();
  config.data.batch = 2;
  config.train.micro_batches = 32;
  config.train.accumulation = 4;
  config.phase_a.images = 8;
  config.model.sam2.image_size = 1024;
  return config;
}

config::DatasetConfig member(const std::string& name) {
  config::DatasetConfig dataset;
  dataset.name = name;
  return dataset;
}

// Start with this many samples, and how long until the first microbatch of a step.
void bench_start(const fs::path& shards, std::uint64_t samples, int rounds) {
  fmt::print("writing {} samples\n", samples);
  write_texts(shards / "texts", samples);
  config::Config config = base_config(shards);
  config.data.mixture = {member("texts")};
  for (const auto grouping : {config::DataGrouping::Reference, config::DataGrouping::Cost}) {
    config.data.grouping = grouping;
    const bool by_cost = grouping == config::DataGrouping::Cost;
    std::vector<Took> open, early, late;
    for (int round = 0; round < rounds; ++round) {
      open.push_back(took_by([&] { must(data::DataStage::open(config)); }));
      const auto first = [&](std::uint64_t step) {
        auto fresh = must(data::DataStage::open(config));
        return took_by([&] { must(fresh.make(Phase::C, step * 32, step * 32)); });
      };
      early.push_back(first(10));
      late.push_back(first(1'000'000));
    }
    const auto print = [](const char* what, const Took& took) {
      fmt::print("  {:42} {:9.4f} s, processor {:.4f} s\n", what, took.seconds, took.processor);
    };
    fmt::print("start: {} samples, grouped by {}\n", samples, by_cost ? "cost" : "class");
    print("open", median(open));
    print("first microbatch of step 10", median(early));
    print("first microbatch of step 1000000", median(late));
    fmt::print("  ratio of the last two, processor {:21.2f}\n",
               median(late).processor / median(early).processor);
  }
}

// Our side of bench_stream.py. A start ends with the first microbatch.
void serve(const fs::path& shards, std::uint64_t samples) {
  write_texts(shards / "texts", samples);
  config::Config config = base_config(shards);
  config.data.mixture = {member("texts")};
  const auto plain = small_mixture(1'000'000, data::GroupBy::Nothing, false);
  const auto grouped = small_mixture(1'000'000, data::GroupBy::Class, false);
  std::uint64_t sum = 0;
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const Took took = took_by([&] {
      if (line == "start") {
        auto stage = must(data::DataStage::open(config));
        must(stage.make(Phase::C, 0, 0));
      } else {
        sum += read_order(line == "grouped" ? grouped : plain);
      }
    });
    fmt::print("{:.9f}\n", took.processor);
    std::fflush(stdout);
  }
  if (sum == 1) fmt::print("\n");  // the sums are used
}

struct Delivered {
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::uint64_t bytes = 0;
};

// `count` microbatches of C from `first` on through a look-ahead, as the service does.
Delivered deliver(data::DataStage& stage, int workers, std::uint64_t first, std::uint64_t count) {
  std::counting_semaphore<1 << 20> woken{0};
  data::LookAhead ahead([&](const data::Plan& plan) { return stage.assemble(plan); },
                        {workers, 8, std::size_t{256} << 20U}, [&] { woken.release(); });
  Delivered sum;
  std::uint64_t planned = first;
  for (std::uint64_t taken = 0; taken < count;) {
    for (; planned < first + count && ahead.wants(); ++planned)
      ahead.add(must(stage.plan(Phase::C, planned, planned)));
    auto made = must(ahead.take());
    if (!made) {
      woken.acquire();
      continue;
    }
    sum.samples += made->microbatch.samples;
    sum.tokens += made->microbatch.tokens();
    sum.bytes += made->microbatch.bytes();
    ++taken;
  }
  return sum;
}

void import(const std::string& importer, const fs::path& root, const fs::path& out) {
  datasets::ShardImport job;
  job.dataset = importer;
  job.request = {root, {"train"}};
  job.out = out;
  must(datasets::import_to_shards(job));
}

// Pictures and videos of 480 x 480 at the sizes of the published models.
data::DataStage shapes_stage(const fs::path& work) {
  synth::SynthRecipe recipe;
  recipe.train_images = 48;
  recipe.train_videos = 8;
  recipe.heldout_images = recipe.heldout_videos = 1;
  recipe.qa_images = 16;
  recipe.image_size = 480;
  const auto made = must(synth::make(recipe, work / "synth"));
  const fs::path shards = work / "shapes";
  fs::create_directories(shards);
  fs::copy(made.tokenizer(), shards / "tokenizer", fs::copy_options::recursive);
  import("refcoco", made.train(), shards / "images");
  import("refsav", made.train(), shards / "videos");
  import("llava", made.train(), shards / "answers");
  config::Config config = base_config(shards);
  config.data.mixture = {member("images"), member("videos"), member("answers")};
  return must(data::DataStage::open(config));
}

// What decoding, tiling and packing allow, with workers and without.
void bench_delivery(data::DataStage& stage, int rounds) {
  const std::uint64_t epoch = stage.epoch_size() / 2;
  constexpr std::array kWorkers = {0, 1, 2};
  std::array<std::vector<Took>, kWorkers.size()> took;
  Delivered sum;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t w = 0; w < kWorkers.size(); ++w) {
      took[w].push_back(took_by([&] { sum = deliver(stage, kWorkers[w], 0, epoch); }));
    }
  }
  const auto samples = static_cast<double>(sum.samples);
  const auto tokens = static_cast<double>(sum.tokens);
  for (std::size_t w = 0; w < kWorkers.size(); ++w) {
    const Took t = median(took[w]);
    fmt::print(
        "delivery: {} workers {:7.1f} samples/s {:8.0f} tokens/s {:7.1f} MiB/s  a processor "
        "second: "
        "{:.1f} samples, {:.0f} tokens\n",
        kWorkers[w], samples / t.seconds, tokens / t.seconds,
        static_cast<double>(sum.bytes) / t.seconds / (1 << 20), samples / t.processor,
        tokens / t.processor);
  }
}

void bench_memory(data::DataStage& stage) {
  const std::uint64_t epoch = stage.epoch_size() / 2;
  fmt::print("resident memory after each of ten epochs, MiB:");
  for (std::uint64_t pass = 0; pass < 10; ++pass) {
    deliver(stage, 2, pass * epoch, epoch);
    fmt::print(" {:.0f}", resident_mib());
  }
  fmt::print("\n");
}

int run(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "all";
  const std::uint64_t samples = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'200'000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  const bool all = part == "all";
  data::keep_memory_flat();
  const test::TempDir dir;
  if (all || part == "order") bench_order(1'000'000, rounds);
  if (all || part == "delivery" || part == "memory") {
    auto stage = shapes_stage(dir.path());
    if (part != "memory") bench_delivery(stage, rounds);
    if (part != "delivery") bench_memory(stage);
  }
  if (all || part == "start" || part == "serve") {
    // Any tokenizer will do.
    synth::SynthRecipe recipe;
    recipe.train_images = recipe.train_videos = recipe.heldout_images = recipe.heldout_videos = 1;
    recipe.qa_images = 1;
    const auto made = must(synth::make(recipe, dir.path() / "words"));
    fs::create_directories(dir.path() / "start");
    fs::copy(made.tokenizer(), dir.path() / "start" / "tokenizer", fs::copy_options::recursive);
    if (part == "serve") {
      serve(dir.path() / "start", samples);
    } else {
      bench_start(dir.path() / "start", samples, rounds);
    }
  }
  return 0;
}

}  // namespace
}  // namespace desa2va

int main(int argc, char** argv) {
  try {
    return desa2va::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_stream: {}\n", error.what());
    return 1;
  }
}
