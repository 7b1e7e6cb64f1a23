#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace desa2va::synth {

// The value as a Python pickle of protocol 2, as the published reference files are: null, booleans,
// integers below 2^31, doubles, text, lists and dictionaries with text keys; nothing is memoised.
// Other integers and discarded values are a bug of the caller (they are written as None).
std::string to_pickle(const nlohmann::json& value);

}  // namespace desa2va::synth
