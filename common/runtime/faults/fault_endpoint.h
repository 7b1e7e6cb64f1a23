#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/transport/edge.h"

// Faults on purpose: what tests and `desa2va inject` do to an edge.
namespace desa2va::faults {

enum class Fault : std::uint8_t { Delay, Lose, Duplicate, Corrupt, Die };

// "mllm->decoupler:corrupt@3": the third message in that direction. "sam2-1->decoupler-0:delay@2x4"
// holds message 2 until four more calls to receive came by (a count, not a time: deterministic).
// A role without a number means each of its ranks.
struct FaultRule {
  std::string from;
  std::string to;
  Fault fault = Fault::Lose;
  std::uint64_t at = 1;
  std::uint64_t amount = 1;  // delay: how many receive calls

  static Result<FaultRule> parse(std::string_view text);
  bool applies_to(Rank from, Rank to) const;
};

// An endpoint with faults in front. Corrupt (a byte of the first payload, or of the header if there
// is none, is flipped after the checksums were taken) and Die (the endpoint vanishes without a
// goodbye) happen at the sending end, Delay, Lose and Duplicate at the receiving end; the inbox
// above sees a gap or a repetition. Wrap both ends, or the one that the rule needs. `self` is whose
// end it is.
std::unique_ptr<transport::Endpoint> with_faults(std::unique_ptr<transport::Endpoint> inner,
                                                 Rank self, Rank peer,
                                                 const std::vector<FaultRule>& rules);

// A network whose endpoints have faults.
class FaultNetwork final : public transport::Network {
 public:
  FaultNetwork(transport::Network& inner, std::vector<FaultRule> rules);
  Result<std::unique_ptr<transport::Endpoint>> open(const transport::Edge& edge, Rank self,
                                                    const transport::EdgeOptions& options) override;

 private:
  transport::Network& inner_;
  std::vector<FaultRule> rules_;
};

}  // namespace desa2va::faults
