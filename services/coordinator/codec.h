#pragma once

#include "common/messages/codec.h"
#include "services/coordinator/stage.h"

// Messages of ranks as events of the stage, and its commands as messages.
namespace desa2va::coordinator {

// Corrupt names a message that is malformed or not for the coordinator.
Result<FromRank> decode(Rank from, const transport::Message& message);

}  // namespace desa2va::coordinator
