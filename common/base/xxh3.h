#pragma once

// XXH3 by the widest vectors of this processor, for the few files that hash: the plain functions of
// a distribution's libxxhash are compiled for the oldest processor it runs on. Same values.
#include <xxhash.h>

// Installed where the library has a version for each kind of processor; puts the names of the
// chosen functions in place of the plain ones.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif
