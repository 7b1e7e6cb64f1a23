#pragma once

#include <cstdint>
#include <functional>

#include "common/base/result.h"

namespace desa2va {

// Runs work(0) .. work(count - 1), begun in this order, on at most `threads` threads of which the
// caller's is one (0: as many as there are cores); returns when all have ended. The failure of the
// lowest number is returned, after which no more are begun. `progress`, which may be empty, hears
// how many of `count` are done, by one thread at a time.
//
// Results that must not depend on the number of threads go to a place of their number.
Result<void> for_each_parallel(
    std::uint64_t count, unsigned threads, const std::function<Result<void>(std::uint64_t)>& work,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace desa2va
