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
Importer seed_importer();
Importer videomme_importer();

// The evaluation splits of the set "gcg", which are in a layout of their own; part of its importer.
std::vector<std::string> gcg_eval_splits(const std::filesystem::path& root);
Result<void> import_gcg_eval(const ImportRequest& request, ImportSink& sink);

// Whether the split was asked for.
bool wants(const ImportRequest& request, std::string_view split);

}  // namespace desa2va::datasets
