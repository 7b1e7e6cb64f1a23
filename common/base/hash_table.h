#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/checksum.h"

namespace desa2va {

struct Nothing {};

// Values by content hash, in one block: sizeof(Value) + 16 bytes an entry at most three times over
// (HashTable<Nothing>: a set, 16 bytes). For millions of entries; the hash is its own position,
// since it is as good as random. Nothing is removed. The zero hash, which names no content, is
// never in it. Belongs to one thread.
template <class Value>
class HashTable {
 public:
  std::size_t size() const { return size_; }
  bool contains(const ContentHash& key) const { return find(key) != nullptr; }

  const Value* find(const ContentHash& key) const {
    if (slots_.empty() || key == ContentHash{}) return nullptr;
    const Slot& slot = slots_[position(key)];
    return slot.used() ? &slot.value : nullptr;
  }
  Value* find(const ContentHash& key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

  // The value, and whether it is new; one that was there stays as it is. `key` is not zero.
  std::pair<Value*, bool> insert(const ContentHash& key, Value value = {}) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    Slot& slot = slots_[position(key)];
    const bool fresh = !slot.used();
    if (fresh) {
      slot.key = key;
      slot.value = std::move(value);
      ++size_;
    }
    return {&slot.value, fresh};
  }

  // In no particular order.
  template <class Use>
  void each(Use&& use) const {
    for (const Slot& slot : slots_)
      if (slot.used()) use(slot.key, slot.value);
  }

 private:
  struct Slot {
    ContentHash key;
    [[no_unique_address]] Value value{};
    bool used() const { return key != ContentHash{}; }
  };

  // Of the key, or of the free slot where it belongs.
  std::size_t position(const ContentHash& key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = key.low & mask;
    while (slots_[at].used() && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old = std::exchange(slots_, {});
    slots_.resize(old.empty() ? 64 : 2 * old.size());
    for (Slot& slot : old)
      if (slot.used()) slots_[position(slot.key)] = std::move(slot);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace desa2va
