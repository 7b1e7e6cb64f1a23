#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/datasets/sample.h"

// What is drawn at random for a sample: frames, objects, sentences.
namespace desa2va::data {

struct Place;

// The name a sample draws under: data set, key and repeat.
std::string site_of(const datasets::Sample& sample, std::uint64_t repeat);

// `count` objects with replacement.
std::vector<std::uint32_t> draw_objects(const datasets::Sample& sample, std::int64_t count,
                                        const Place& place);
// Up to `count` distinct objects (phase A).
std::vector<std::uint32_t> draw_distinct_objects(const datasets::Sample& sample, std::int64_t count,
                                                 const Place& place);
// `count` frames in order: without replacement where the video has more than count + 1, else with.
std::vector<std::uint32_t> draw_frames(const datasets::Sample& sample, std::int64_t count,
                                       const Place& place);
// One frame of each of `count` equal parts of [0, n); all of them where n <= count.
std::vector<std::uint32_t> draw_segments(const datasets::Sample& sample, std::uint32_t n,
                                         std::int64_t count, const Place& place);
// One of an expression's sentences: the same in the whole run.
const std::string& draw_sentence(const datasets::Sample& sample, std::uint32_t object,
                                 const Place& place);

}  // namespace desa2va::data
