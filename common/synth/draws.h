#pragma once

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace desa2va::synth {

// Numbers of one scene, one after another. A scene is drawn by one function in one order, so its
// numbers depend on the seed and its name alone.
class Draws {
 public:
  Draws(std::uint64_t seed, std::string_view site) : random_(seed, "synth", site) {}

  double uniform(double least = 0, double most = 1) {
    return least + (most - least) * random_.uniform(next_++);
  }
  bool chance(double probability) { return uniform() < probability; }
  std::size_t below(std::size_t n) { return random_.below(next_++, static_cast<std::uint32_t>(n)); }
  double normal(double deviation) {  // Box-Muller
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return deviation * radius * std::cos(6.283185307179586 * uniform());
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  Random random_;
  std::uint64_t next_ = 0;
};

}  // namespace desa2va::synth
