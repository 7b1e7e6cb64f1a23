#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/datasets/sample.h"

// The evaluation sets of model.md 9: what is asked about a sample of a shard. The model answers;
// what its answers are worth is in records.h.
namespace desa2va::evaluation {

enum class SetKind : std::uint8_t {
  Referring,  // one mask on one picture: cIoU
  Video,      // one mask a frame: J&F
  Grounded,   // a caption with masks: GCG
  Choice      // an option letter
};

struct EvaluationSet {
  std::string_view name;     // as users call it: "refdavis"
  std::string_view dataset;  // as its samples call it: "davis17"
  SetKind kind;
  std::string_view split;  // the one that is scored by default
  bool revos = false;      // groups, accuracy and robustness as in ReVOS
};

// refcoco, refcoco+, refcocog, mevis, refdavis, reytvos, revos, refsav, gcg, seed, videomme.
std::span<const EvaluationSet> evaluation_sets();
// InvalidArgument names them all.
Result<const EvaluationSet*> find_set(std::string_view name);

// One question about one sample.
struct Query {
  std::string id;              // unique in the set: "mevis/valid_u/b2e7dog00009/0"
  std::string question;        // what follows the picture or video in the prompt
  std::size_t expression = 0;  // which of the sample's expressions it is about; Grounded, Choice: 0
  // How many [SEG] of the answer count, from the first: 0 none, 1 in referring sets.
  std::size_t masks = 0;
  // Video-MME: the language model sees this many frames, evenly spread; 0: as infer.mllm_frames
  // says.
  std::size_t spread_frames = 0;
};

// What is asked about a sample, in order. A broken sample has no queries. Pure. InvalidArgument for
// a sample of another set.
Result<std::vector<Query>> queries_of(const EvaluationSet& set, const datasets::Sample& sample);

}  // namespace desa2va::evaluation
