#include <algorithm>
#include <map>

#include "common/synth/render.h"

namespace desa2va::synth {

namespace {

struct Corner {
  int x = 0, y = 0;
  auto operator<=>(const Corner&) const = default;
};

// The borders of the mask as closed walks over pixel corners with the mask on the right hand. Where
// four borders meet in a corner (pixels that touch diagonally) either way on closes a walk.
std::vector<std::vector<Corner>> walks(const preprocess::Mask& mask) {
  const auto set = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < mask.width && y < mask.height &&
           mask.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(mask.width) +
                       static_cast<std::size_t>(x)] != 0;
  };
  std::multimap<Corner, Corner> edges;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!set(x, y)) continue;
      if (!set(x, y - 1)) edges.insert({{x, y}, {x + 1, y}});
      if (!set(x + 1, y)) edges.insert({{x + 1, y}, {x + 1, y + 1}});
      if (!set(x, y + 1)) edges.insert({{x + 1, y + 1}, {x, y + 1}});
      if (!set(x - 1, y)) edges.insert({{x, y + 1}, {x, y}});
    }
  }
  std::vector<std::vector<Corner>> out;
  while (!edges.empty()) {
    std::vector<Corner> walk;
    for (auto edge = edges.begin(); edge != edges.end(); edge = edges.find(walk.back())) {
      if (walk.empty()) walk.push_back(edge->first);
      walk.push_back(edge->second);
      edges.erase(edge);
    }
    out.push_back(std::move(walk));
  }
  return out;
}

// Corners where the walk turns; first and last stay.
std::vector<Corner> simplified(const std::vector<Corner>& walk) {
  std::vector<Corner> out;
  for (std::size_t i = 0; i < walk.size(); ++i) {
    const bool between = i > 0 && i + 1 < walk.size();
    const bool straight = between && ((walk[i - 1].x == walk[i].x && walk[i].x == walk[i + 1].x) ||
                                      (walk[i - 1].y == walk[i].y && walk[i].y == walk[i + 1].y));
    if (!straight) out.push_back(walk[i]);
  }
  return out;
}

}  // namespace

std::vector<double> outline(const preprocess::Mask& mask) {
  std::vector<Corner> path;
  for (const std::vector<Corner>& walk : walks(mask)) {
    const std::vector<Corner> turns = simplified(walk);
    if (path.empty()) {
      path = turns;
      continue;
    }
    // From the first corner of all along the axes to this walk, around it, and the same way back.
    const Corner start = path.front();
    const Corner bend = {turns.front().x, start.y};
    path.push_back(bend);
    path.insert(path.end(), turns.begin(), turns.end());
    path.push_back(bend);
    path.push_back(start);
  }
  std::vector<double> out;
  for (const Corner& corner : path) {
    if (out.size() >= 2 && out[out.size() - 2] == corner.x && out.back() == corner.y) continue;
    out.push_back(corner.x);
    out.push_back(corner.y);
  }
  if (out.size() > 2 && out[0] == out[out.size() - 2] && out[1] == out.back())
    out.resize(out.size() - 2);
  return out;
}

}  // namespace desa2va::synth
