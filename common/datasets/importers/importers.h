#pragma once

#include "common/datasets/importer.h"

// One function per family of sets, one file each; importers.cpp lists them.
namespace desa2va::datasets {

Importer refcoco_importer();
Importer refcoco_plus_importer();
Importer refcocog_importer();
Importer mevis_importer();
Importer refsav_importer();
Importer llava_importer();
Importer davis17_importer();
Importer rvos_importer();
Importer revos_importer();
Importer chat_univi_importer();
Importer gcg_importer();
Importer osprey_importer();

// Whether the split was asked for.
bool wants(const ImportRequest& request, std::string_view split);

}  // namespace desa2va::datasets
