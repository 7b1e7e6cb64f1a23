#pragma once

#include "tests/unit/storage/checkpoint/store.h"

// What the program that is killed and the test that looks at the rest agree on.
namespace desa2va::checkpoint::test {

inline constexpr std::size_t kKeep = 3;

// The state at `step`: some of it frozen, some changing now and then, some at every step.
inline Tensors state_at(std::uint64_t step) {
  const auto number = static_cast<std::uint32_t>(step);
  return {{"frozen", random_tensor({600, 1000}, 7)},
          {"sometimes", random_tensor({300, 1000}, 100 + number / 3)},
          {"always", random_tensor({200, 1000}, 1000 + number)}};
}

}  // namespace desa2va::checkpoint::test
