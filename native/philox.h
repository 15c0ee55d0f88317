#pragma once
#include <cstdint>

#include "lanes.h"

/** Philox 4×32-10 (Salmon, Moraes, Dror & Shaw, 2011), the same bits as src/tensor/philox.ts. */
namespace selfsame {

/** Blocks of four words that are made side by side. */
constexpr int kPhiloxBlocks = 16;
constexpr int kPhiloxWords = 4 * kPhiloxBlocks;

/** Turns sixteen counters, one a column, into sixteen blocks of four random words. */
SELFSAME_INLINE void philox(uint32_t (&c)[4][kPhiloxBlocks], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    for (int lane = 0; lane < kPhiloxBlocks; lane++) {
      const uint64_t product0 = uint64_t{0xd2511f53u} * c[0][lane];
      const uint64_t product1 = uint64_t{0xcd9e8d57u} * c[2][lane];
      c[0][lane] = static_cast<uint32_t>(product1 >> 32) ^ c[1][lane] ^ key0;
      c[1][lane] = static_cast<uint32_t>(product1);
      c[2][lane] = static_cast<uint32_t>(product0 >> 32) ^ c[3][lane] ^ key1;
      c[3][lane] = static_cast<uint32_t>(product0);
    }
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

/** A float in [0, 1) from the upper 24 bits of a word; exact. */
inline float uniformOf(uint32_t word) { return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f; }

}  // namespace selfsame
