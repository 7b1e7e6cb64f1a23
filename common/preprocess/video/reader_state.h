#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/preprocess/video/decoder_pool.h"
#include "common/preprocess/video/ffmpeg.h"
#include "common/preprocess/video/packet_traits.h"
#include "common/preprocess/video/plan.h"
#include "common/preprocess/video/reader.h"

// What a VideoReader holds; for reader.cpp and scan.cpp.
namespace desa2va::preprocess {

struct VideoReader::State final : PacketFacts {
  Container container;
  std::unique_ptr<Decoder> decoder;
  DecoderPool* pool = nullptr;
  FrameConverter converter;
  PacketReader syntax;
  Deadline deadline;
  DecodeCounts counts;

  // The decoder stands after `next_packet - 1`, having started at some start; nothing is fed
  // behind the end.
  std::uint32_t next_packet = 0;
  bool ended = true;
  // A decoder that complained, or whose parameters were changed by packets, is of no use to others.
  bool spoilt = false;
  // Packets [from, to) that were, or may be predicted from, damaged ones: up to the next start.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> damage;

  State(Container opened, DecoderPool* decoders);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override;

  std::uint32_t packet_count() const {
    return static_cast<std::uint32_t>(container.packets.size());
  }
  bool is_start(std::uint32_t packet) const { return container.packets[packet].key; }
  std::int64_t pts(std::uint32_t packet) const { return container.packets[packet].pts; }
  std::vector<std::uint32_t> claimed_starts() const;
  bool disposable(std::uint32_t packet) const override {
    return syntax.traits(container.packets[packet].bytes).disposable;
  }

  void start_at(std::uint32_t packet, bool show_all = false);
  void note_damage(std::uint32_t packet);
  // Frames shown before the next start hang on the damage too, though they follow it in the file.
  bool is_damaged(std::uint32_t packet) const;

  using Deliver = std::function<Result<void>(const AVFrame&, bool damaged)>;
  // Feeds the next packet, or the end when there is none or `end` asks for it, and hands on every
  // frame that comes of it. `first_error` keeps what the decoder complained about first.
  Result<void> advance(std::string& first_error, const Deliver& deliver, bool end = false);
};

// What a visitor sees; valid as long as `frame`.
class DecodedFrame final : public Frame {
 public:
  DecodedFrame(const AVFrame& frame, FrameConverter& converter, int rotation, std::uint32_t number,
               const FrameEntry& entry)
      : frame_(frame), converter_(converter), rotation_(rotation), number_(number), entry_(entry) {}

  std::uint32_t number() const override { return number_; }
  const FrameEntry& entry() const override { return entry_; }
  bool interlaced() const override { return frame_.interlaced_frame != 0; }
  Result<std::vector<std::uint8_t>> planes() const override {
    return FrameConverter::to_planes(frame_);
  }
  Result<Image> rgb() const override { return converter_.to_rgb(frame_, rotation_); }

 private:
  const AVFrame& frame_;
  FrameConverter& converter_;
  int rotation_;
  std::uint32_t number_;
  const FrameEntry& entry_;
};

}  // namespace desa2va::preprocess
