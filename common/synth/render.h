#pragma once

#include <vector>

#include "common/preprocess/image/image.h"
#include "common/preprocess/masks/rle.h"
#include "common/synth/scene.h"

// Scenes to pixels.
namespace desa2va::synth {

inline constexpr int kFramesPerAnnotation = 4;  // 24 frames a second, 6 of them annotated

// Pictures in order: one of an image, 4 (n - 1) + 1 of a video with n annotated frames.
std::vector<preprocess::Image> render(const SynthRecipe& recipe, const Scene& scene);

// What is visible of each object in annotated frame t, in the order of scene.objects.
std::vector<preprocess::Mask> masks(const SynthRecipe& recipe, const Scene& scene, int t);

// The outline of a mask as one polygon (x0, y0, x1, y1, ... at pixel corners) that
// preprocess::rasterize_polygon turns back into the mask exactly: holes and further parts hang
// on it by lines that go to and fro. Empty for an empty mask.
std::vector<double> outline(const preprocess::Mask& mask);

}  // namespace desa2va::synth
