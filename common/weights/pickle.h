#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/weights/tensor_source.h"

namespace desa2va::weights {

// A tensor as a pickle of torch.save describes it: a view into a storage that lies elsewhere.
struct PickledTensor {
  TensorInfo info;
  std::string storage;                // key: the entry <root>/data/<key>
  std::int64_t storage_numel = 0;     // elements claimed
  std::int64_t offset = 0;            // elements
  std::vector<std::int64_t> strides;  // elements
};

// The state dict in `data.pkl`: of the top dictionary's key `model` or `state_dict`, else the top
// dictionary itself. What lies beside it is passed over.
//
// The program in the bytes is run by a machine that makes numbers, texts, tuples, lists,
// dictionaries and tensors and knows five names: collections.OrderedDict,
// torch._utils._rebuild_tensor_v2 and _rebuild_parameter, and torch.<Type>Storage. It calls
// nothing; any other name or opcode is InvalidArgument, and named. Corrupt where the program
// contradicts itself, or a tensor reaches outside its storage. Time and memory are linear in
// `program`, however deep its values nest; at most 64 MiB are read.
Result<std::map<std::string, PickledTensor>> read_state_dict(ByteSpan program);

}  // namespace desa2va::weights
