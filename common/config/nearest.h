#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What somebody probably meant.
namespace desa2va::config {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, if any is near: within a third of its length, or with the same
// last part after a dot ("train.seed" means "run.seed"). The first of equally near ones.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

}  // namespace desa2va::config
