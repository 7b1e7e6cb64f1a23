#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace desa2va::launcher {

// How one quantity is distributed.
struct Histogram {
  struct Bin {
    double from = 0;  // included
    double to = 0;    // excluded, but for the last
    std::uint64_t count = 0;
  };
  std::string name;
  std::string unit;
  std::vector<Bin> bins;
  bool whole = true;  // all values are whole numbers
  std::uint64_t count = 0;
  std::uint64_t unknown = 0;  // values below 0
  double sum = 0;
  double smallest = 0;
  double median = 0;
  double p95 = 0;
  double largest = 0;
};

// At most 16 bins: one for each whole number where there are few, else of equal width, or of equal
// ratio where the values span more than a factor of 64. Negative values count as unknown.
Histogram make_histogram(std::string name, std::string unit, std::vector<double> values);

// "0.95", "12", "3400", "1.2M".
std::string short_number(double value);
std::string label_of(const Histogram& histogram, std::size_t bin);
// Several lines: name, summary, one line a bin with a bar.
std::string draw_text(const Histogram& histogram);

}  // namespace desa2va::launcher
