// A float32 in two halves of 16 bits: the bfloat16 nearest to it, of two as near the one further from zero, and what its bits are beyond those.
#pragma once

#include <cstdint>
#include <cstring>

namespace evo {

inline float joined(std::uint16_t high, std::int16_t rest) {
  const std::uint32_t bits = (static_cast<std::uint32_t>(high) << 16) + static_cast<std::uint32_t>(static_cast<std::int32_t>(rest));
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline void part(float x, std::uint16_t& high, std::int16_t& rest) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) bits = 0x7fc00000;  // others would become a number
  high = static_cast<std::uint16_t>((bits + 0x8000u) >> 16);
  rest = static_cast<std::int16_t>(bits - (static_cast<std::uint32_t>(high) << 16));
}

}  // namespace evo
