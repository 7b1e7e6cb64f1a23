#include <algorithm>
#include <charconv>

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "common/storage/checkpoint/layout.h"

namespace desa2va::checkpoint {

Result<Address> parse_address(std::string_view text) {
  Address address;
  std::string_view path = text;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto digits = text.substr(at + 1);
    std::uint64_t step = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    const bool number = error == std::errc() && stop == digits.data() + digits.size();
    if (number) {
      address.step = step;
      path = text.substr(0, at);
    } else if (!std::filesystem::exists(text)) {  // a folder may have an @ in its name
      return fail(Errc::InvalidArgument, "'{}': expected a step number behind @", text);
    }
  }
  for (const auto& store :
       {std::filesystem::path(path) / "checkpoints", std::filesystem::path(path)}) {
    if (std::filesystem::exists(store / kCatalogFolder / "CURRENT")) {
      address.store = store;
      return address;
    }
  }
  return fail(Errc::NotFound, "'{}' is neither a run directory with checkpoints nor a store", path);
}

Result<Manifest> load(const Address& address) {
  DESA2VA_ASSIGN(const auto catalog, Catalog::open_read_only(address.store));
  auto step = address.step;
  if (!step) {
    DESA2VA_ASSIGN(step, catalog.last_step());
    if (!step) {
      return fail(Errc::NotFound, "no checkpoint was committed in {} yet", address.store.string());
    }
  }
  return catalog.load(*step);
}

}  // namespace desa2va::checkpoint
