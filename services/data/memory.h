#pragma once

namespace desa2va::data {

// Makes large buffers come from the system and go back to it when they are freed, whatever was
// freed before. Left alone, glibc learns from the first large buffer that is freed to keep such
// ones, and buffers of many sizes made by several threads then leave holes that add up over the
// epochs. For the whole process; call it first.
void keep_memory_flat();

}  // namespace desa2va::data
