// Tells ThreadSanitizer what a oneTBB task may see: all that happened before it was spawned; and
// who waits for tasks: all that they did.
//
// Linked into every program of the TSan build, and only there. The distribution's oneTBB is not
// built with TSan, which therefore would report whatever is handed to a task. These definitions
// stand before those of the shared library, which they call.

#include <dlfcn.h>
#include <oneapi/tbb/task_group.h>
#include <sanitizer/tsan_interface.h>

#include <cstdlib>
#include <cstring>

namespace {

// The shared library's definition of the function `ours`: the same name, further on.
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

using tbb::detail::d1::execution_data;
using tbb::detail::d1::slot_id;
using tbb::detail::d1::task;
using tbb::detail::d1::task_group_context;
using tbb::detail::d1::wait_context;

// Stands for a task until it runs, in whichever thread.
class Envelope : public task {
 public:
  static Envelope& Of(task& inner) {
    auto* const envelope = new Envelope(inner);
    __tsan_release(envelope);
    return *envelope;
  }

  task* execute(execution_data& data) override { return Open()->execute(data); }
  task* cancel(execution_data& data) override { return Open()->cancel(data); }

 private:
  explicit Envelope(task& inner) : inner_(inner) {}

  task* Open() {
    __tsan_acquire(this);
    task* const inner = &inner_;
    delete this;
    return inner;
  }

  task& inner_;
};

}  // namespace

namespace tbb::detail::r1 {

void spawn(task& work, task_group_context& context) {
  static const auto next = Next(static_cast<void (*)(task&, task_group_context&)>(&spawn));
  next(Envelope::Of(work), context);
}

void spawn(task& work, task_group_context& context, slot_id slot) {
  static const auto next = Next(static_cast<void (*)(task&, task_group_context&, slot_id)>(&spawn));
  next(Envelope::Of(work), context, slot);
}

// The tasks counted themselves down in code of oneTBB's headers, which TSan saw; looking at the
// counter once more, as these do at their end, is to have waited.
void wait(wait_context& tasks, task_group_context& context) {
  static const auto next = Next(static_cast<void (*)(wait_context&, task_group_context&)>(&wait));
  next(tasks, context);
  tasks.reserve(0);
}

void execute_and_wait(task& work, task_group_context& context, wait_context& tasks,
                      task_group_context& tasks_context) {
  static const auto next = Next(&execute_and_wait);
  next(work, context, tasks, tasks_context);
  tasks.reserve(0);
}

}  // namespace tbb::detail::r1
