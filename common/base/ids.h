#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The few names that every part of the trainer shares.
namespace desa2va {

// In the order of flow.
enum class Role : std::uint8_t { Data, Mllm, Decoupler, Sam2, Coordinator };
inline constexpr std::array kRoles = {Role::Data, Role::Mllm, Role::Decoupler, Role::Sam2,
                                      Role::Coordinator};

constexpr std::string_view name(Role role) {
  constexpr std::array<std::string_view, 5> kNames = {"data", "mllm", "decoupler", "sam2",
                                                      "coordinator"};
  return kNames[static_cast<std::size_t>(role)];
}
constexpr std::optional<Role> role_from(std::string_view text) {
  for (const Role role : kRoles) {
    if (name(role) == text) return role;
  }
  return std::nullopt;
}

// One process of the job: the role and which of its replicas, from 0.
struct Rank {
  Role role = Role::Data;
  int index = 0;
  auto operator<=>(const Rank&) const = default;
};
inline std::string to_string(Rank rank) {  // "sam2-1"
  return std::string(name(rank.role)) + "-" + std::to_string(rank.index);
}

// A: text pre-training, B: decoupling, C: joint. A preset without B gives all to C.
enum class Phase : std::uint8_t { A, B, C };
constexpr char letter(Phase phase) {
  return static_cast<char>('A' + static_cast<int>(phase));
}

}  // namespace desa2va
