#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/config/config.h"
#include "common/parameters/initial_values.h"
#include "launcher/weights/import_sources.h"

namespace desa2va::launcher {

// The bytes of each of our tensors at an import: from the files, and what they lack from the first
// values of an untrained model. One thread; everything given must outlive it.
class ImportedValues {
 public:
  // `keep_dtype`: in the element type of the file instead of float32.
  ImportedValues(const Match& match, const config::Config& config, bool keep_dtype);

  DType dtype(const std::string& name) const;
  // Bytes [first, first + out.size()) of the tensor as it is stored; whole elements.
  Result<void> read(const std::string& name, std::uint64_t first, MutableByteSpan out);

 private:
  // Elements behind those of the file.
  Result<void> read_fresh(const std::string& name, const Origin& origin, std::uint64_t element,
                          std::span<float> out);

  const Match& match_;
  const config::Config& config_;
  const parameters::InitialValues initial_;
  const bool keep_dtype_;
  std::map<std::string, std::vector<float>> means_;  // new rows around a mean, by tensor
  std::vector<std::byte> scratch_;
  std::vector<float> fresh_;
};

// `count` new rows for a matrix of `old` (rows, width): normal around the mean of the old rows,
// with 1e-9 of their covariance (`embed.init=mean`, what transformers' resize_token_embeddings does
// by default from 4.46 on). Noise is a sum over the old rows with normal weights, so no covariance
// matrix is formed; it is a function of (seed, name). One pass over the rows.
Result<std::vector<float>> rows_around_mean(const Origin& old, std::int64_t count,
                                            std::uint64_t seed, std::string_view name);

}  // namespace desa2va::launcher
