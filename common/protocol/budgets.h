#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/config/config.h"

// What the messages of one microbatch weigh, known from the configuration alone.
namespace desa2va::protocol {

// Bytes of payload of the largest ordinary message of an edge, each way, as far as the
// configuration fixes it. Not in it, since only the data tell: masks at their own size, answers
// with more phrases than data.objects_per_sample, lengths of rows beyond one tile and one question.
struct EdgeNeed {
  std::uint64_t message = 0;  // forward
  std::uint64_t reply = 0;    // gradients; 0 where nothing returns
};
EdgeNeed need_of(const config::Config& config, config::Edge edge);

// A budget that cannot hold one largest message would stop the run at its first, and one that
// cannot hold the replies of all open microbatches (services.mllm.in_flight) could lock it up. Exit
// code 2 names the key, its value, what is needed and what could be lowered instead.
Result<void> check_budgets(const config::Config& config);

}  // namespace desa2va::protocol
