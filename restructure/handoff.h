// Shows ThreadSanitizer what passes between a thread and a task of oneTBB. The distributions'
// oneTBB is not built with it, which then does not see that a task begins after its spawning and
// ends before the wait for it. Nothing in other builds.

#ifndef RESTRUCTURE_HANDOFF_H_
#define RESTRUCTURE_HANDOFF_H_

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace restructure {

// Given after the task is made and before it is spawned, received as its first act; and the other
// way round at its end.
struct Handoff {
#if defined(__SANITIZE_THREAD__)
  static void Given() { __tsan_release(&point); }
  static void Received() { __tsan_acquire(&point); }
  static inline char point = 0;
#else
  static void Given() {}
  static void Received() {}
#endif
};

}  // namespace restructure

#endif  // RESTRUCTURE_HANDOFF_H_
