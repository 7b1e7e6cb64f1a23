#include "common/messages/codec.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace desa2va::messages {
namespace {

HostTensor numbers(std::vector<std::int64_t> shape) {
  HostTensor tensor = HostTensor::empty(DType::I64, std::move(shape));
  std::int64_t next = 1;
  for (auto& value : tensor.mutable_values<std::int64_t>()) value = next++;
  return tensor;
}

HostTensor floats(std::vector<std::int64_t> shape) {
  HostTensor tensor = HostTensor::empty(DType::F32, std::move(shape));
  Random(1, "test", "floats").fill_uniform(tensor.mutable_values<float>());
  return tensor;
}

HostTensor bytes(std::vector<std::int64_t> shape) {
  HostTensor tensor = HostTensor::empty(DType::U8, std::move(shape));
  std::uint8_t next = 1;
  for (auto& value : tensor.mutable_values<std::uint8_t>()) value = next++;
  return tensor;
}

bool same(const HostTensor& a, const HostTensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape &&
         as_text(a.data.bytes()) == as_text(b.data.bytes());
}

Batch batch() {
  Batch batch;
  batch.ids = numbers({2, 5});
  batch.labels = numbers({2, 5});
  batch.lengths = numbers({2});
  batch.tiles_per_sample = numbers({2});
  batch.tiles = bytes({3, 3, 4, 4});
  batch.seg_counts = numbers({2});
  batch.real_text_ids = numbers({4, 3});
  batch.real_text_lengths = numbers({4});
  batch.regions_per_sample = numbers({2});  // 1 and 2
  batch.regions = bytes({3, 4, 4});
  return batch;
}

Frames frames() {
  Frames frames;
  frames.frames = bytes({2, 3, 8, 8});
  frames.frames_per_sample = numbers({1});
  frames.object_counts = numbers({1});
  frames.samples = numbers({1});
  frames.masks.push_back({9, 17, bytes({2, 9, 3})});
  frames.object_frame = numbers({0});
  frames.object_text = numbers({0});
  frames.reprompt = true;
  return frames;
}

TEST(Codec, ABatchComesBackAsItWas) {
  const Batch sent = batch();
  const auto back = decode<Batch>(encode(sent));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(same(back->ids, sent.ids));
  EXPECT_TRUE(same(back->real_text_ids, sent.real_text_ids));
  EXPECT_TRUE(same(back->tiles, sent.tiles));
}

TEST(Codec, FramesComeBackAsTheyWere) {
  const auto back = decode<Frames>(encode(frames()));
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->masks.size(), 1U);
  EXPECT_EQ(back->masks[0].width, 17);
  EXPECT_TRUE(back->reprompt);
}

TEST(Codec, MessagesWithoutRowsAreMessages) {
  SegStates sent{HostTensor::empty(DType::F32, {0, 8}), HostTensor::empty(DType::F32, {0, 8}),
                 HostTensor::empty(DType::I64, {0})};
  const auto back = decode<SegStates>(encode(sent));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->hidden.dim(1), 8);
}

TEST(Codec, PromptsAndGradientsComeBackAsTheyWere) {
  const Prompts prompts{floats({2, 4}), floats({2, 4}), floats({2, 4}), numbers({2})};
  const auto back = decode<Prompts>(encode(prompts));
  ASSERT_TRUE(back);
  EXPECT_TRUE(same(back->visual, prompts.visual));
  const PromptGradients gradients{floats({2, 4}), floats({2, 4}), floats({0, 4}), floats({2, 4})};
  const auto returned = decode<PromptGradients>(encode(gradients));
  ASSERT_TRUE(returned);
  EXPECT_TRUE(same(returned->reference, gradients.reference));
}

TEST(Codec, EveryControlMessageComesBackAsItWas) {
  EXPECT_EQ(decode<Hello>(encode(Hello{{Role::Sam2, 3}, 77, {{"threads", "1"}}}))->rank.index, 3);
  EXPECT_EQ(decode<Ready>(encode(Ready{12}))->step, 12U);
  EXPECT_EQ(decode<Losses>(encode(Losses{{{"llm", 0.5}}, 4}))->values[0].second, 0.5);
  EXPECT_EQ(decode<Prepared>(encode(Prepared{{{"w", 2.0}}, false, "w"}))->first_bad, "w");
  EXPECT_EQ(decode<Done>(encode(Done{{{"disc_loss", 1.0}}}))->metrics.size(), 1U);
  EXPECT_EQ(
      as_text(decode<Saved>(encode(Saved{Buffer::copy_of(as_bytes("abc"))}))->receipt.bytes()),
      "abc");
  EXPECT_EQ(decode<Failed>(encode(Failed{Errc::Corrupt, "bad", 3}))->code, Errc::Corrupt);
  EXPECT_EQ(decode<Figures>(encode(Figures{{{"late", 2.0}}}))->values[0].second, 2.0);
  EXPECT_EQ(decode<Event>(encode(Event{"save_failed", "{}"}))->kind, "save_failed");
  const Replaced replaced{{"set", "a/b/1"}, "a/b/2", "torn", Replaced::Why::OnRecord};
  const auto back = decode<Replaced>(encode(replaced));
  EXPECT_EQ(back->sample, replaced.sample);
  EXPECT_EQ(back->substitute + back->reason, "a/b/2torn");
  EXPECT_EQ(back->why, Replaced::Why::OnRecord);
  const Unusable unusable{{{"set", "a/b/1"}, {"other", "c"}}};
  EXPECT_EQ(decode<Unusable>(encode(unusable))->samples, unusable.samples);
  EXPECT_EQ(decode<Generation>(encode(Generation{3, 9}))->last_step, 9U);
  EXPECT_EQ(decode<Step>(encode(Step{1e-3, 0.25}))->progress, 0.25);
  EXPECT_EQ(decode<Commit>(encode(Commit{0.5}))->scale, 0.5);
  EXPECT_EQ(decode<Save>(encode(Save{8}))->step, 8U);
  EXPECT_EQ(decode<Stop>(encode(Stop{"done"}))->reason, "done");
}

TEST(Codec, RegionsMustBeAsManyAsTheirSamplesSay) {
  const auto good = decode<Batch>(encode(batch()));
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_TRUE(same(good->regions, batch().regions));
  for (const std::vector<std::int64_t>& counts : {std::vector<std::int64_t>{1, 1}, {4, -1}}) {
    Batch wrong = batch();
    wrong.regions_per_sample = HostTensor::of<std::int64_t>({2}, counts);
    const auto back = decode<Batch>(encode(wrong));
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().message().find("regionsPerSample"), std::string::npos);
  }
}

TEST(Codec, AFieldOfAnotherTypeIsNamed) {
  Batch wrong = batch();
  wrong.ids = floats({2, 5});
  const auto back = decode<Batch>(encode(wrong));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), Errc::Corrupt);
  EXPECT_NE(back.error().message().find("'ids'"), std::string::npos);
}

TEST(Codec, FieldsThatDisagreeAreNamed) {
  Batch wrong = batch();
  wrong.lengths = numbers({3});
  EXPECT_NE(decode<Batch>(encode(wrong)).error().message().find("'lengths'"), std::string::npos);
  Frames masks = frames();
  masks.masks[0].width = 25;  // four bytes a row, three came
  EXPECT_NE(decode<Frames>(encode(masks)).error().message().find("masks.bits"), std::string::npos);
}

TEST(Codec, APayloadOfAnotherSizeIsNamed) {
  auto message = encode(batch());
  message.payloads[0] = message.payloads[0].slice(0, 8);
  EXPECT_NE(decode<Batch>(message).error().message().find("8 bytes came"), std::string::npos);
}

TEST(Codec, AMissingPayloadIsNamed) {
  auto message = encode(batch());
  message.payloads.resize(2);
  EXPECT_EQ(decode<Batch>(message).error().code(), Errc::Corrupt);
}

TEST(Codec, ATruncatedHeaderIsCorrupt) {
  const auto whole = encode(frames());
  for (std::size_t size = 0; size + 8 < whole.header.size(); size += 8) {
    auto message = encode(frames());
    message.header = Buffer::copy_of(whole.header.bytes().first(size));
    EXPECT_FALSE(decode<Frames>(message)) << size;
  }
}

TEST(Codec, FlippedBitsOfAHeaderDoNoHarm) {
  const auto whole = encode(batch());
  const Random random(7, "test", "flips");
  for (std::uint64_t i = 0; i < 2000; ++i) {
    auto message = encode(batch());
    message.header = Buffer::copy_of(whole.header.bytes());
    const auto at = random.below(2 * i, static_cast<std::uint32_t>(message.header.size()));
    message.header.mutable_bytes()[at] ^= std::byte(1U << random.below(2 * i + 1, 8));
    const auto back = decode<Batch>(message);  // either way, without reading past what came
    if (back) {
      EXPECT_EQ(back->lengths.dim(0), back->ids.dim(0));
    }
  }
}

}  // namespace
}  // namespace desa2va::messages
