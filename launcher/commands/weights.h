#pragma once

#include "launcher/commands/command.h"

namespace desa2va::launcher {

// `ckpt import` and `ckpt export`; called by add_ckpt.
void add_import(CLI::App& ckpt, Chosen& chosen);
void add_export(CLI::App& ckpt, Chosen& chosen);

}  // namespace desa2va::launcher
