#include <capnp/message.h>

#include "common/messages/fields.h"
#include "common/runtime/transport/capnp.h"
#include "schemas/data_to_mllm.capnp.h"
#include "schemas/data_to_sam2.capnp.h"
#include "schemas/decoupler_to_sam2.capnp.h"
#include "schemas/mllm_to_decoupler.capnp.h"

// The arrows that carry tensors, in the order of flow.
namespace desa2va::messages {
namespace {

transport::Message message_of(Kind kind) {
  transport::Message message;
  message.envelope.kind = static_cast<std::uint16_t>(kind);
  return message;
}

// decode_with<schema::Batch, Batch>(message, "Batch", [](reader, fields, value) {...})
template <class Schema, class Value, class Read>
Result<Value> decode_with(const transport::Message& message, std::string_view what, Read read) {
  return transport::read_capnp<Schema>(message.header.bytes(),
                                       [&](typename Schema::Reader reader) -> Result<Value> {
                                         TensorFields fields(what, message);
                                         Value value;
                                         read(reader, fields, value);
                                         if (!fields.ok())
                                           return std::move(std::move(fields).result().error());
                                         return value;
                                       });
}

bool adds_up(const HostTensor& counts, std::int64_t total) {
  for (const std::int64_t count : counts.values<std::int64_t>()) {
    if (count < 0 || count > total) return false;
    total -= count;
  }
  return total == 0;
}

}  // namespace

template <>
transport::Message encode(const Batch& value) {
  transport::Message message = message_of(Kind::Batch);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Batch>();
  put(root.initIds(), value.ids, message);
  put(root.initLabels(), value.labels, message);
  put(root.initLengths(), value.lengths, message);
  put(root.initTilesPerSample(), value.tiles_per_sample, message);
  put(root.initTiles(), value.tiles, message);
  put(root.initSegCounts(), value.seg_counts, message);
  put(root.initRealTextIds(), value.real_text_ids, message);
  put(root.initRealTextLengths(), value.real_text_lengths, message);
  put(root.initRegionsPerSample(), value.regions_per_sample, message);
  put(root.initRegions(), value.regions, message);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<Batch> decode(const transport::Message& message) {
  return decode_with<schema::Batch, Batch>(message, "Batch", [](auto root, auto& in, Batch& out) {
    out.ids = in.get("ids", root.getIds(), DType::I64, 2);
    out.labels = in.get("labels", root.getLabels(), DType::I64, 2);
    out.lengths = in.get("lengths", root.getLengths(), DType::I64, 1);
    out.tiles_per_sample = in.get("tilesPerSample", root.getTilesPerSample(), DType::I64, 1);
    out.tiles = in.get("tiles", root.getTiles(), DType::U8, 4);
    out.seg_counts = in.get("segCounts", root.getSegCounts(), DType::I64, 1);
    out.real_text_ids = in.get("realTextIds", root.getRealTextIds(), DType::I64, 2);
    out.real_text_lengths = in.get("realTextLengths", root.getRealTextLengths(), DType::I64, 1);
    out.regions_per_sample = in.get("regionsPerSample", root.getRegionsPerSample(), DType::I64, 1);
    out.regions = in.get("regions", root.getRegions(), DType::U8, 3);
    in.require(out.labels.shape == out.ids.shape, "labels", "the shape of ids");
    in.require(out.lengths.dim(0) == out.ids.dim(0), "lengths", "a number for each row of ids");
    in.require(out.seg_counts.dim(0) == out.ids.dim(0), "segCounts",
               "a number for each row of ids");
    in.require(out.tiles_per_sample.dim(0) == out.ids.dim(0), "tilesPerSample",
               "a number for each row of ids");
    in.require(out.real_text_lengths.dim(0) == out.real_text_ids.dim(0), "realTextLengths",
               "a number for each row of realTextIds");
    in.require(out.regions_per_sample.dim(0) == out.ids.dim(0), "regionsPerSample",
               "a number for each row of ids");
    in.require(!in.ok() || adds_up(out.regions_per_sample, out.regions.dim(0)), "regionsPerSample",
               "the numbers of regions, none negative");
  });
}

template <>
transport::Message encode(const Frames& value) {
  transport::Message message = message_of(Kind::Frames);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Frames>();
  put(root.initFrames(), value.frames, message);
  put(root.initFramesPerSample(), value.frames_per_sample, message);
  put(root.initObjectCounts(), value.object_counts, message);
  put(root.initSamples(), value.samples, message);
  put(root.initObjectFrame(), value.object_frame, message);
  put(root.initObjectText(), value.object_text, message);
  auto masks = root.initMasks(static_cast<unsigned>(value.masks.size()));
  for (unsigned i = 0; i < value.masks.size(); ++i) {
    masks[i].setHeight(static_cast<std::uint32_t>(value.masks[i].height));
    masks[i].setWidth(static_cast<std::uint32_t>(value.masks[i].width));
    put(masks[i].initBits(), value.masks[i].bits, message);
  }
  root.setReprompt(value.reprompt);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<Frames> decode(const transport::Message& message) {
  return decode_with<schema::Frames, Frames>(
      message, "Frames", [](auto root, auto& in, Frames& out) {
        out.frames = in.get("frames", root.getFrames(), DType::U8, 4);
        out.frames_per_sample = in.get("framesPerSample", root.getFramesPerSample(), DType::I64, 1);
        out.object_counts = in.get("objectCounts", root.getObjectCounts(), DType::I64, 1);
        out.samples = in.get("samples", root.getSamples(), DType::I64, 1);
        out.object_frame = in.get("objectFrame", root.getObjectFrame(), DType::I64, 1);
        out.object_text = in.get("objectText", root.getObjectText(), DType::I64, 1);
        in.require(out.object_counts.shape == out.frames_per_sample.shape, "objectCounts",
                   "a number for each of framesPerSample");
        in.require(out.samples.shape == out.frames_per_sample.shape, "samples",
                   "a number for each of framesPerSample");
        in.require(out.object_text.shape == out.object_frame.shape, "objectText",
                   "a number for each of objectFrame");
        for (auto masks : root.getMasks()) {
          Masks one;
          one.height = masks.getHeight();
          one.width = masks.getWidth();
          one.bits = in.get("masks.bits", masks.getBits(), DType::U8, 3);
          in.require(one.bits.dim(1) == one.height && one.bits.dim(2) == (one.width + 7) / 8,
                     "masks.bits", "the stated height and ceil(width / 8)");
          out.masks.push_back(std::move(one));
        }
        out.reprompt = root.getReprompt();
      });
}

template <>
transport::Message encode(const SegStates& value) {
  transport::Message message = message_of(Kind::SegStates);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::SegStates>();
  put(root.initHidden(), value.hidden, message);
  put(root.initRealText(), value.real_text, message);
  put(root.initSample(), value.sample, message);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<SegStates> decode(const transport::Message& message) {
  return decode_with<schema::SegStates, SegStates>(
      message, "SegStates", [](auto root, auto& in, SegStates& out) {
        out.hidden = in.get("hidden", root.getHidden(), DType::F32, 2);
        out.real_text = in.get("realText", root.getRealText(), DType::F32, 2);
        out.sample = in.get("sample", root.getSample(), DType::I64, 1);
        in.require(out.sample.dim(0) == out.hidden.dim(0), "sample", "a number for each [SEG]");
      });
}

template <>
transport::Message encode(const SegGradients& value) {
  transport::Message message = message_of(Kind::SegGradients);
  capnp::MallocMessageBuilder builder;
  put(builder.initRoot<schema::SegGradients>().initHidden(), value.hidden, message);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<SegGradients> decode(const transport::Message& message) {
  return decode_with<schema::SegGradients, SegGradients>(
      message, "SegGradients", [](auto root, auto& in, SegGradients& out) {
        out.hidden = in.get("hidden", root.getHidden(), DType::F32, 2);
      });
}

template <>
transport::Message encode(const Prompts& value) {
  transport::Message message = message_of(Kind::Prompts);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Prompts>();
  put(root.initText(), value.text, message);
  put(root.initVisual(), value.visual, message);
  put(root.initRealText(), value.real_text, message);
  put(root.initSample(), value.sample, message);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<Prompts> decode(const transport::Message& message) {
  return decode_with<schema::Prompts, Prompts>(
      message, "Prompts", [](auto root, auto& in, Prompts& out) {
        out.text = in.get("text", root.getText(), DType::F32, 2);
        out.visual = in.get("visual", root.getVisual(), DType::F32, 2);
        out.real_text = in.get("realText", root.getRealText(), DType::F32, 2);
        out.sample = in.get("sample", root.getSample(), DType::I64, 1);
        in.require(out.sample.dim(0) == out.visual.dim(0), "sample", "a number for each prompt");
      });
}

template <>
transport::Message encode(const PromptGradients& value) {
  transport::Message message = message_of(Kind::PromptGradients);
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::PromptGradients>();
  put(root.initText(), value.text, message);
  put(root.initVisual(), value.visual, message);
  put(root.initRealText(), value.real_text, message);
  put(root.initReference(), value.reference, message);
  message.header = transport::to_buffer(builder);
  return message;
}

template <>
Result<PromptGradients> decode(const transport::Message& message) {
  return decode_with<schema::PromptGradients, PromptGradients>(
      message, "PromptGradients", [](auto root, auto& in, PromptGradients& out) {
        out.text = in.get("text", root.getText(), DType::F32, 2);
        out.visual = in.get("visual", root.getVisual(), DType::F32, 2);
        out.real_text = in.get("realText", root.getRealText(), DType::F32, 2);
        out.reference = in.get("reference", root.getReference(), DType::F32, 2);
      });
}

}  // namespace desa2va::messages
