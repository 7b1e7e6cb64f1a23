#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/parameters/inventory.h"
#include "common/weights/tensor_source.h"

// Which published tensor becomes which of ours.
namespace desa2va::launcher {

// What kind of file a source is, which decides how its names are read.
enum class SourceKind {
  InternVl,    // `vision_model.*`, `mlp1.*`, `language_model.*`
  Sam2,        // official names without prefix
  Sa2va,       // the published Sa2VA layout: both, `.g_weight` for `.gamma`, `text_hidden_fcs.*`
  Checkpoint,  // the reference trainer's names, and our own; a part of the model is enough
};

struct NamedSource {
  SourceKind kind = SourceKind::InternVl;
  weights::SourcePtr source;
};

// Canonical name of a tensor of such a file.
std::string our_name(SourceKind kind, const std::string& name);

// Where one of our tensors comes from.
struct Origin {
  const weights::TensorSource* source = nullptr;  // null: initial values
  std::string name;                               // in the source
  weights::TensorInfo info;                       // there
};

struct Match {
  std::map<std::string, Origin> origins;  // by canonical name, every tensor of the inventory
  // What no source has and another tensor's values stand for: the head that is a copy of the
  // embedding, the text decoder that is one of the visual decoder.
  std::vector<std::string> copied;
  std::vector<std::string> missing, unexpected, wrong_shape;  // sentences for the user

  bool good() const { return missing.empty() && unexpected.empty() && wrong_shape.empty(); }
  std::string describe() const;
};

// Exact: every tensor of the published model must be there with its shape, and every tensor of a
// source must have a place; later sources win. What the method adds (decoupler, text decoder, LoRA,
// fusion) may be missing: then it starts as an untrained model does. Embedding and head may have
// fewer rows than ours, the rest then starts anew; a missing head is the embedding's copy.
Match match(const std::vector<NamedSource>& sources,
            const std::vector<parameters::Parameter>& inventory);

}  // namespace desa2va::launcher
