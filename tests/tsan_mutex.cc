// Tells ThreadSanitizer what absl::Mutex orders.
//
// Linked into every program of the TSan build, and only there. The distribution's Abseil is not
// built with TSan, which therefore would not see that a mutex was locked and would report every
// guarded variable. These definitions stand before those of the shared library, which they call.
// Conditions are evaluated unseen, as TSan ignores what happens inside a lock operation.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace {

// The shared library's definition of the member function `ours`: the same name, further on.
template <typename Function>
Function Next(Function ours) {
  void* address = nullptr;
  std::memcpy(&address, &ours, sizeof address);
  Dl_info info = {};
  void* const next = dladdr(address, &info) != 0 && info.dli_sname != nullptr
                         ? dlsym(RTLD_NEXT, info.dli_sname)
                         : nullptr;
  if (next == nullptr || info.dli_saddr != address) std::abort();
  std::memcpy(&ours, &next, sizeof next);
  return ours;
}

// Abseil's functions call one another; only the outermost tells TSan.
thread_local int depth = 0;

struct Depth {
  Depth() { ++depth; }
  ~Depth() { --depth; }
};

// An operation that takes the mutex; it may first give it up (`held`).
template <typename Operation>
auto Taking(absl::Mutex* mutex, unsigned flags, bool held, Operation operation) {
  const bool outermost = depth == 0;
  const Depth inside;
  if (outermost && held) {
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
  }
  if (outermost) __tsan_mutex_pre_lock(mutex, flags);
  if constexpr (std::is_void_v<decltype(operation())>) {
    operation();
    if (outermost) __tsan_mutex_post_lock(mutex, flags, 0);
  } else {
    const bool result = operation();
    const bool failed = !result && (flags & __tsan_mutex_try_lock) != 0;
    if (outermost) {
      __tsan_mutex_post_lock(mutex, failed ? flags | __tsan_mutex_try_lock_failed : flags, 0);
    }
    return result;
  }
}

template <typename Operation>
void Releasing(absl::Mutex* mutex, unsigned flags, Operation operation) {
  const bool outermost = depth == 0;
  const Depth inside;
  if (outermost) __tsan_mutex_pre_unlock(mutex, flags);
  operation();
  if (outermost) __tsan_mutex_post_unlock(mutex, flags);
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto next = Next(&Mutex::Lock);
  Taking(this, 0, false, [&] { (this->*next)(); });
}

void Mutex::Unlock() {
  static const auto next = Next(&Mutex::Unlock);
  Releasing(this, 0, [&] { (this->*next)(); });
}

bool Mutex::TryLock() {
  static const auto next = Next(&Mutex::TryLock);
  return Taking(this, __tsan_mutex_try_lock, false, [&] { return (this->*next)(); });
}

void Mutex::ReaderLock() {
  static const auto next = Next(&Mutex::ReaderLock);
  Taking(this, __tsan_mutex_read_lock, false, [&] { (this->*next)(); });
}

void Mutex::ReaderUnlock() {
  static const auto next = Next(&Mutex::ReaderUnlock);
  Releasing(this, __tsan_mutex_read_lock, [&] { (this->*next)(); });
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto next = Next(&Mutex::LockWhen);
  Taking(this, 0, false, [&] { (this->*next)(condition); });
}

void Mutex::Await(const Condition& condition) {
  static const auto next = Next(&Mutex::Await);
  Taking(this, 0, true, [&] { (this->*next)(condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto next = Next(&Mutex::AwaitWithTimeout);
  return Taking(this, 0, true, [&] { return (this->*next)(condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto next = Next(&Mutex::AwaitWithDeadline);
  return Taking(this, 0, true, [&] { return (this->*next)(condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  static const auto next = Next(&CondVar::Wait);
  Taking(mutex, 0, true, [&] { (this->*next)(mutex); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto next = Next(&CondVar::WaitWithTimeout);
  return Taking(mutex, 0, true, [&] { return (this->*next)(mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto next = Next(&CondVar::WaitWithDeadline);
  return Taking(mutex, 0, true, [&] { return (this->*next)(mutex, deadline); });
}

ABSL_NAMESPACE_END
}  // namespace absl
