#pragma once

#include <string>
#include <vector>

namespace desa2va::supervision {

// What this test program does when it is started as one of its own children: --helper=MODE.
//   ready       says ready, ends well at SIGTERM
//   stubborn    says ready, ignores SIGTERM
//   exit        exits with 7 and a line on standard error
//   fail        reports a failure and exits with 3
//   lost        reports the loss of a peer and exits with 5
//   parent      has a child that ignores SIGTERM, then is like ready
//   launcher    starts two of "parent" under a Supervisor of its own and waits for ever
// With --hold=FD each of them writes one byte there when it is up; the pipe has a reader's end
// of file when all of them are gone.
int run_helper(const std::vector<std::string>& arguments);

std::string own_program();

}  // namespace desa2va::supervision
