#pragma once

#include <string>
#include <string_view>

// Values that come as a bundle, below those of the file: YAML that apply_yaml takes.
namespace desa2va::config {

// What `preset: NAME` sets; "" for desa2va, whose values are the defaults, and for unknown names.
std::string_view preset_layer(std::string_view preset);

// What `sam2.variant: NAME` sets: the trunk's sizes; "" for hiera_l (the defaults), custom and
// unknown names.
std::string_view variant_layer(std::string_view variant);

}  // namespace desa2va::config
