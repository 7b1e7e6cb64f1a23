#include <algorithm>
#include <map>
#include <set>

#include "common/base/random.h"
#include "common/messages/codec.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/runtime/transport/loopback/loopback.h"
#include "common/storage/shards/shard_writer.h"
#include "data_fixture.h"
#include "services/data/service.h"

// The books of the data role: what its consumers get, through the real service and transport, for
// any number of replicas, with replicas dying and coming back in other numbers.
namespace desa2va::data {
namespace {

using datasets::Sample;
using LedgerTest = test::DataFixture;

constexpr int kSamples = 48;
constexpr std::int64_t kMicrobatches = 12;  // of a step, two samples each: two steps an epoch
constexpr std::uint64_t kSteps = 6;

// Texts that say which one they are.
void write_numbers(const std::filesystem::path& dir) {
  shards::WriterOptions options;
  options.dataset = options.kind = "llava";
  options.created_by = "test";
  options.facts = {{"splits", "train"}};
  auto writer = shards::ShardWriter::create(dir, options);
  ASSERT_TRUE(writer) << writer.error().message();
  for (int i = 0; i < kSamples; ++i) {
    Sample sample;
    sample.dataset = "llava";
    sample.split = "train";
    sample.id = std::to_string(i);
    sample.kind = datasets::SampleKind::ImageQa;
    sample.turns = {{"Say it", "#" + std::to_string(i) + std::string(i % 7 * 20, '.')}};
    shards::SampleCost cost;
    cost.text_bytes = 10 + i % 7 * 20;
    ASSERT_TRUE(writer->sample({describe(sample), {}, "", datasets::encode_sample(sample)}, cost));
  }
  ASSERT_TRUE(writer->finish());
}

config::Config ledger_config(config::DataGrouping grouping) {
  config::Config config = LedgerTest::config();
  config.preset = config::Preset::Baseline;  // one phase
  config.data.mixture = {LedgerTest::member("numbers", 1)};
  config.data.batch = 2;
  config.data.grouping = grouping;
  config.train.steps = kSteps;
  config.train.micro_batches = kMicrobatches;
  config.train.accumulation = 4;
  config.services[Role::Sam2].replicas = 2;
  return config;
}

// What arrived: microbatch -> the samples in it.
using Ledger = std::map<std::uint64_t, std::vector<int>>;

// One end of a role, with its edges to all that it talks to.
struct End {
  explicit End(Rank rank) : courier(rank, 7, inbox, tracer) {}
  transport::Inbox inbox;
  tracing::Tracer tracer;
  protocol::Courier courier;
};

// The data role of `replicas` and those it talks to, until it has done all or dies.
class World {
 public:
  World(const config::Config& config, DataStage& stage, const text::Tokenizer& tokenizer)
      : config_(config),
        tokenizer_(tokenizer),
        routes_(config),
        plan_(protocol::RunPlan::of(config).value()),
        coordinator_({Role::Coordinator, 0}),
        mllm_({Role::Mllm, 0}) {
    for (int i = 0; i < 2; ++i) sam2_.push_back(std::make_unique<End>(Rank{Role::Sam2, i}));
    const int replicas = static_cast<int>(config.service(Role::Data).replicas);
    for (int i = 0; i < replicas; ++i) {
      const Rank rank{Role::Data, i};
      data_.push_back(std::make_unique<End>(rank));
      join({{Role::Coordinator, 0}, rank}, coordinator_, *data_.back());
      join({rank, {Role::Mllm, 0}}, *data_.back(), mllm_);
      for (int s = 0; s < 2; ++s) join({rank, {Role::Sam2, s}}, *data_.back(), *sam2_[s]);
      services_.push_back(std::make_unique<Service>(rank, config_, routes_, plan_, stage,
                                                    data_.back()->courier, clock_,
                                                    [this] { mllm_.inbox.wake(); }));
    }
  }

  // Goes on after `restore` until `dies_after` microbatches have arrived, or all.
  void run(std::uint64_t restore, std::size_t dies_after, Ledger& ledger) {
    for (auto& service : services_) ASSERT_TRUE(service->start({}));
    for (auto& data : data_) {
      ASSERT_TRUE(coordinator_.courier.send(data->courier.self(),
                                            messages::Generation{restore, kSteps}, {}));
    }
    const std::size_t all = (kSteps - restore) * kMicrobatches;
    std::size_t frames = 0, batches = 0;
    for (int round = 0; batches < std::min(dies_after, all) || frames < std::min(dies_after, all);
         ++round) {
      ASSERT_LT(round, 100'000);
      bool worked = false;
      for (auto& service : services_) {
        const auto pumped = service->pump();
        ASSERT_TRUE(pumped) << pumped.error().message();
        worked = worked || *pumped;
      }
      batches += take_batches(ledger);
      for (auto& sam2 : sam2_) frames += take_frames(*sam2);
      while (coordinator_.courier.next()->has_value()) worked = true;
      if (!worked) mllm_.inbox.wait(100);
    }
  }

 private:
  void join(const transport::Edge& edge, End& from, End& to) {
    auto [first, second] = transport::loopback_pair(edge, {1 << 16, 1 << 16});
    from.inbox.add(edge.to, std::move(first));
    to.inbox.add(edge.from, std::move(second));
  }

  std::size_t take_batches(Ledger& ledger) {
    std::size_t taken = 0;
    while (true) {
      auto arrival = mllm_.courier.next();
      EXPECT_TRUE(arrival);
      if (!arrival || !*arrival) return taken;
      const auto& message = (*arrival)->message;
      const std::uint64_t number = message.envelope.microbatch;
      EXPECT_EQ((*arrival)->from, routes_.at(Role::Data, routes_.within_step(number)));
      const auto batch = messages::decode<messages::Batch>(message);
      EXPECT_TRUE(batch);
      EXPECT_FALSE(ledger.contains(number)) << number << " came twice";
      ledger[number] = samples_of(*batch);
      ++taken;
    }
  }
  static std::size_t take_frames(End& sam2) {
    std::size_t taken = 0;
    while (sam2.courier.next()->has_value()) ++taken;
    return taken;
  }
  std::vector<int> samples_of(const messages::Batch& batch) const {
    std::vector<int> samples;
    const auto ids = batch.ids.values<std::int64_t>();
    const auto width = static_cast<std::size_t>(batch.ids.shape[1]);
    for (std::size_t row = 0; row < static_cast<std::size_t>(batch.ids.shape[0]); ++row) {
      const std::string text = tokenizer_.decode(ids.subspan(row * width, width));
      samples.push_back(std::stoi(text.substr(text.find('#') + 1)));
    }
    return samples;
  }

  const config::Config config_;
  const text::Tokenizer& tokenizer_;
  const protocol::Routes routes_;
  const protocol::RunPlan plan_;
  const SystemClock clock_;
  End coordinator_;
  End mllm_;
  std::vector<std::unique_ptr<End>> sam2_;
  std::vector<std::unique_ptr<End>> data_;
  std::vector<std::unique_ptr<Service>> services_;
};

// Every sample exactly once an epoch, which is two steps.
void expect_balanced(const Ledger& ledger) {
  ASSERT_EQ(ledger.size(), kSteps * kMicrobatches);
  std::map<std::uint64_t, std::multiset<int>> epochs;
  for (const auto& [number, samples] : ledger) {
    epochs[number / (2 * kMicrobatches)].insert(samples.begin(), samples.end());
  }
  for (const auto& [epoch, samples] : epochs) {
    EXPECT_EQ(samples.size(), static_cast<std::size_t>(kSamples)) << "epoch " << epoch;
    EXPECT_EQ(std::set<int>(samples.begin(), samples.end()).size(),
              static_cast<std::size_t>(kSamples))
        << "epoch " << epoch;
  }
}

TEST_F(LedgerTest, NothingIsLostOrRepeatedForAnyReplicasWorkersAndKills) {
  write_numbers(shards() / "numbers");
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  for (const auto grouping :
       {config::DataGrouping::Reference, config::DataGrouping::Cost, config::DataGrouping::None}) {
    config::Config config = ledger_config(grouping);
    auto stage = DataStage::open(config);
    ASSERT_TRUE(stage) << stage.error().message();
    Ledger straight;
    World(config, *stage, *tokenizer).run(0, ~std::size_t{0}, straight);
    expect_balanced(straight);

    std::uint64_t draw = 0;
    const Random random(11, "test", std::to_string(static_cast<int>(grouping)));
    for (const int replicas : {1, 2, 3, 4, 6, 8}) {
      for (const int workers : {0, 3}) {
        config.services[Role::Data].workers = workers;
        Ledger ledger;
        std::uint64_t committed = 0;
        config.services[Role::Data].replicas = replicas;
        while (committed < kSteps) {
          // Dies anywhere in the next two steps; what was not committed is done again, by as many
          // replicas as there happen to be then.
          World(config, *stage, *tokenizer)
              .run(committed, 1 + random.below(draw++, 2 * kMicrobatches), ledger);
          ASSERT_FALSE(HasFatalFailure());
          std::uint64_t got = committed * kMicrobatches;
          while (ledger.contains(got)) ++got;
          committed = got / kMicrobatches;
          ledger.erase(ledger.lower_bound(committed * kMicrobatches), ledger.end());
          if (random.below(draw++, 2) == 0)
            config.services[Role::Data].replicas = 1 + random.below(draw++, 8);
        }
        EXPECT_EQ(ledger, straight) << replicas << " replicas, " << workers << " workers";
      }
    }
  }
}

}  // namespace
}  // namespace desa2va::data
