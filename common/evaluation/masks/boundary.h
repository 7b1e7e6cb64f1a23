#pragma once

#include "common/base/result.h"
#include "common/preprocess/masks/rle.h"

// J and F of one object in one frame, as DAVIS defines them (Perazzi et al. 2016; the reference is
// davis2017/metrics.py). Functions of values; any thread.
namespace desa2va::evaluation {

using preprocess::Mask;

// The inner boundary: a pixel differs from its right, lower or lower right neighbour. The last row
// looks right only, the last column down only, the corner is never one.
Mask boundary(const Mask& mask);

// How far apart two boundary pixels may be to count as one: ceil(0.008 * diagonal), in pixels.
int boundary_radius(int width, int height);

struct JF {
  double j = 0;
  double f = 0;
};

// Region overlap |P and G| / |P or G|, 1 where both are empty. InvalidArgument naming both sizes
// where they differ, here and below: nothing is resized.
Result<double> region_j(const Mask& truth, const Mask& prediction);

// Boundary F: harmonic mean of the shares of boundary pixels of the one within `radius` (a disk,
// dx^2 + dy^2 <= r^2) of the other's. No boundary on either side: 1; on one side only: 0.
Result<double> boundary_f(const Mask& truth, const Mask& prediction, int radius);

// Both, with the radius of the frame's size.
Result<JF> region_and_boundary(const Mask& truth, const Mask& prediction);

}  // namespace desa2va::evaluation
