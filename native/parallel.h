#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>

/**
 * Compiles a function once for each of three instruction sets and picks at load time. For the loops that carry the
 * work; a lambda or inline function that such a loop calls is compiled along with it. Where the compiler or the system
 * cannot do it (it needs ifunc), the portable code alone remains.
 */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define SELFSAME_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SELFSAME_CLONES
#endif

namespace selfsame {

/**
 * The least simple work (a load, an addition, a store of four bytes) that is worth a second thread: to wake one takes
 * tens of microseconds.
 */
constexpr int64_t kGrain = 32768;

/**
 * Runs body(begin, end) over parts of [0, count), on all threads when each gets at least `grain`, else on this one.
 * The parts depend on the number of threads, so the result of an element must not depend on its part. `body` must not
 * throw.
 */
template <class Body>
void parallel(int64_t count, int64_t grain, const Body& body) {
  // All threads or one: libgomp would end the threads that a smaller team leaves out, and start them again.
  if (count < 2 * grain || omp_get_max_threads() == 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
#pragma omp parallel
  {
    const int64_t thread = omp_get_thread_num();
    const int64_t threads = omp_get_num_threads();
    const int64_t begin = count * thread / threads;
    const int64_t end = count * (thread + 1) / threads;
    if (begin < end) body(begin, end);
  }
}

/** ⌈size / tile⌉ */
inline int64_t tiles(int64_t size, int64_t tile) { return (size + tile - 1) / tile; }

}  // namespace selfsame
