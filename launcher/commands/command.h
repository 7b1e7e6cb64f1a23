#pragma once

#include <functional>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "common/base/result.h"

// How a command joins `desa2va`: one file a group of commands, one `add_*` function each, listed in
// launcher/main.cpp. CLI11 is seen in this folder only.
//
//   void add_ckpt(CLI::App& app, Chosen& chosen) {
//     auto* group = app.add_subcommand("ckpt", "list, show, compare and verify checkpoints");
//     group->require_subcommand(1);
//     struct Options { std::string run; bool json = false; };
//     auto options = std::make_shared<Options>();
//     auto* ls = group->add_subcommand("ls", "steps that can be resumed");
//     ls->add_option("run", options->run, "run directory or store")->required();
//     ls->add_flag("--json", options->json, "one JSON document on standard output");
//     ls->callback([&chosen, options] { chosen.action = [options] { return list(*options); }; });
//   }
namespace desa2va::launcher {

// What a command does once the command line is understood: the exit code (or Done), or an Error,
// which main prints as "desa2va: MESSAGE" on standard error; exit_code() of it, else by its code
// (InvalidArgument, NotFound: 2; Corrupt: 3; Unavailable, Timeout: 5; Overloaded: 6; Cancelled:
// 130; Internal: 70).
using Action = std::function<Result<ExitCode>()>;
struct Chosen {
  Action action;
};

// In the order of `desa2va --help`; each in launcher/commands/<name>*.cpp.
void add_run(CLI::App& app, Chosen& chosen);
void add_demo(CLI::App& app, Chosen& chosen);
void add_segment(CLI::App& app, Chosen& chosen);
void add_eval(CLI::App& app, Chosen& chosen);
void add_shards(CLI::App& app, Chosen& chosen);
void add_shards_import(CLI::App& shards, Chosen& chosen);  // these four: called by add_shards
void add_shards_tools(CLI::App& shards, Chosen& chosen);
void add_shards_stats(CLI::App& shards, Chosen& chosen);
void add_synth(CLI::App& shards, Chosen& chosen);  // `shards synth`
void add_ckpt(CLI::App& app, Chosen& chosen);
void add_ckpt_fork(CLI::App& ckpt, Chosen& chosen);  // `ckpt fork`; called by add_ckpt
void add_trace(CLI::App& app, Chosen& chosen);
void add_doctor(CLI::App& app, Chosen& chosen);

}  // namespace desa2va::launcher
