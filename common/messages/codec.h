#pragma once

#include "common/messages/control.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "common/messages/decoupler_to_sam2.h"
#include "common/messages/mllm_to_decoupler.h"
#include "common/runtime/transport/message.h"

// Value types <-> messages. Encoding shares the bytes of tensors; decoding checks every field
// (element type, rank, payload size, agreement between fields) and shares the payloads again.
// Decoding fails with Corrupt naming message and field; it never throws and never reads past the
// bytes that came. Free functions, any thread.
namespace desa2va::messages {

enum class Kind : std::uint16_t {
  Batch = 1,
  Frames,
  SegStates,
  SegGradients,
  Prompts,
  PromptGradients,
  Hello = 32,
  Ready,
  Losses,
  Prepared,
  Done,
  Saved,
  Failed,
  Event,
  Figures,
  Replaced,
  Generation = 64,
  Step,
  Commit,
  Skip,
  Committed,
  Save,
  Stop,
  Unusable
};
// "Batch", ...; "kind 77" for a number that is none.
std::string name(Kind kind);
inline Kind kind(const transport::Message& message) {
  return static_cast<Kind>(message.envelope.kind);
}

// A message with `envelope.kind` set; the caller fills in the rest of the envelope.
template <class T>
transport::Message encode(const T& value);

template <class T>
Result<T> decode(const transport::Message& message);

}  // namespace desa2va::messages
