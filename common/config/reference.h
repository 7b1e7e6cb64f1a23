#pragma once

#include <string>

namespace desa2va::config {

// Every key with type, default, range, unit and meaning, as Markdown: docs/configuration.md, which
// a test compares with it.
std::string reference_markdown();

}  // namespace desa2va::config
