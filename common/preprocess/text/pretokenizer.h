#pragma once

#include <string_view>

// Cuts text into the pieces inside which byte pairs may merge (Qwen2.5).
namespace desa2va::text {

// The length in bytes of the first piece of `text` (valid UTF-8, not empty), as the expression
//
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
//   |\s*[\r\n]+|\s+(?!\S)|\s+
//
// matches it. A hand-written scanner: it looks at no byte more than a constant number of times,
// whatever the text, and needs no stack.
std::size_t next_piece(std::string_view text);

}  // namespace desa2va::text
