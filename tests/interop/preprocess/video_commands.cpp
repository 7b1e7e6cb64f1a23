#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "common/preprocess/video/reader.h"
#include "tests/interop/preprocess/commands.h"

namespace desa2va::interop {

void add_video_commands(Commands&) {}

}  // namespace desa2va::interop
