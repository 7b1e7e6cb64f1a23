#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/result.h"

// Between the coordinator and every rank (schemas/control.capnp, which tells who speaks when).
namespace desa2va::messages {

using NamedNumbers = std::vector<std::pair<std::string, double>>;

// rank -> coordinator
struct Hello {
  Rank rank;
  std::uint32_t pid = 0;
  std::vector<std::pair<std::string, std::string>> facts;  // what equal bits depend on
};
struct Ready {
  std::uint64_t step = 0;  // the step whose state the rank now holds; 0: initial
};
struct Losses {  // of one microbatch, not divided by M
  NamedNumbers values;
  std::uint32_t samples = 0;
};
struct Prepared {
  NamedNumbers norms;  // squared gradient norm of each tensor this rank owns
  bool finite = true;
  std::string first_bad;  // the first tensor that is not finite
};
struct Done {
  NamedNumbers metrics;  // what the commit measured (discriminator accuracies, club fit, ...)
};
struct Saved {
  Buffer receipt;  // storage::checkpoint's PartReceipt
};
struct Failed {
  Errc code = Errc::Internal;
  std::string message;
  int exit_code = 0;
};
struct Figures {  // what a rank measured of itself since it last said so; never the same twice
  NamedNumbers values;
};
struct Event {
  std::string kind;
  std::string json;  // an object; becomes part of the line in events.jsonl
};
struct SampleName {
  std::string dataset;  // its name in data.mixture
  std::string key;      // "set/split/id" within it
  auto operator<=>(const SampleName&) const = default;
};
struct Replaced {  // a sample that could not be used; the envelope says in which microbatch
  // What is drawn for a place, as a cut that leaves no [SEG], comes out the same whoever makes it
  // and when. A failure to read need not (a deadline), so it is put on record and obeyed.
  enum class Why : std::uint8_t { Draw, Reading, OnRecord };
  SampleName sample;
  std::string substitute;  // the key that took its place
  std::string reason;
  Why why = Why::Draw;
};

// coordinator -> rank
struct Generation {
  std::uint64_t restore_step = 0;  // 0: from the start
  std::uint64_t last_step = 0;
};
struct Step {
  double learning_rate = 0;
  double progress = 0;  // p of B and C, in [0, 1)
};
struct Commit {
  double scale = 1;  // of the gradients: global-norm clipping
};
struct Skip {};
struct Committed {};
struct Save {
  std::uint64_t step = 0;
};
struct Stop {
  std::string reason;
};
struct Unusable {  // to data: samples on record, to be replaced without a try
  std::vector<SampleName> samples;
};

}  // namespace desa2va::messages
