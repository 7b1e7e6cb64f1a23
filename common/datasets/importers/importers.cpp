#include "common/datasets/importers/importers.h"

#include <algorithm>
#include <array>

namespace desa2va::datasets {

std::span<const Importer> importers() {
  static const std::array kAll = {
      refcoco_importer(), refcoco_plus_importer(), refcocog_importer(), mevis_importer(),
      revos_importer(),   rvos_importer(),         davis17_importer(),  refsav_importer(),
      llava_importer(),   chat_univi_importer(),   gcg_importer(),      osprey_importer(),
      seed_importer(),    videomme_importer(),
  };
  return kAll;
}

const Importer* find_importer(std::string_view dataset) {
  for (const Importer& importer : importers())
    if (importer.dataset == dataset) return &importer;
  return nullptr;
}

bool wants(const ImportRequest& request, std::string_view split) {
  return request.splits.empty() ||
         std::find(request.splits.begin(), request.splits.end(), split) != request.splits.end();
}

}  // namespace desa2va::datasets
