#pragma once

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::datasets {

// What a pickle file holds, and how it says so.
struct Pickle {
  // Lists and tuples become arrays, dictionaries objects (numbers as keys become their decimal
  // text), byte strings and texts become strings: UTF-8 where they are, else read as Latin-1.
  nlohmann::json value;
  int protocol = 0;               // 0 to 5
  std::set<std::string> opcodes;  // names as Python's pickletools gives them
};

// Reads plain data out of a Python pickle, protocols 0 to 5, in the dialects of Python 2 and 3.
// Nothing is ever called: the one function accepted is `_codecs.encode(text, "latin1")`, by which
// Python 3 writes bytes in the old protocols, and that is done here. Anything else that asks for
// code is InvalidArgument and names it; a file that ends early, contradicts itself or repeats its
// values without end is Corrupt. Memory is linear in the size of the file.
Result<Pickle> read_pickle(ByteSpan file);

}  // namespace desa2va::datasets
