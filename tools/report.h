// What people see of a job: a live panel while it runs, a table when it is over.

#ifndef TOOLS_REPORT_H_
#define TOOLS_REPORT_H_

#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "restructure/progress.h"
#include "restructure/summary.h"

namespace tools {

// "1,234,567"
std::string FormatCount(std::int64_t count);

// "512 B", "1.0 kB", "12.3 MB": units of 1024, as PostgreSQL has them.
std::string FormatBytes(std::int64_t bytes);

// "0.4 ms", "12 ms", "3.4 s", "2m05s", "1h02m"; "unlimited" if infinite.
// (Not FormatDuration: Abseil's would be found for the argument as well.)
std::string FormatTimeSpan(absl::Duration duration);

// `text` cut to `columns` of a terminal, with "..." at the end if something was cut. Control
// characters and broken UTF-8, which a name may hold, become '?'.
std::string FitColumns(const std::string& text, int columns);

// The lines of the panel, none wider than `columns`; one more once the limits are known, and one
// while the operator has adjusted something. `phases` are the phases of this job in run order.
std::vector<std::string> PanelLines(const restructure::ProgressSnapshot& snapshot,
                                    const std::vector<std::string>& phases, int columns);

// The same in one line, for logs.
std::string ProgressLine(const restructure::ProgressSnapshot& snapshot);

// What set the pace of the batches, and for which share of the time; largest first.
std::vector<std::pair<std::string, double>> ReasonShares(const restructure::Summary& summary);

// The table at the end of a job; ends with a newline.
std::string RenderSummary(const restructure::Summary& summary);

// Shows a running job until it is stopped.
//
// Start, Stop and Print belong to one thread; the panel reads `progress` from a thread of its
// own. While it runs on a terminal, others must not write to the same terminal but through Print.
class Panel {
 public:
  enum class Mode {
    kTerminal,  // Redraws in place, twice a second.
    kLines,     // A line every 5 seconds and at each change of phase or step.
  };

  // Requires: `progress` and `out` outlive the panel. `phases` are the phases in run order.
  Panel(restructure::Progress& progress, std::FILE* out, Mode mode,
        std::vector<std::string> phases);

  // Stops.
  ~Panel();

  Panel(const Panel&) = delete;
  Panel& operator=(const Panel&) = delete;

  // Starts the thread; nothing if it runs already.
  void Start() ABSL_LOCKS_EXCLUDED(mutex_);

  // Shows the last state and ends the thread; nothing if it does not run. Takes milliseconds.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Prints a line of text above the panel, which stays at the bottom.
  void Print(const std::string& line) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Show(absl::Time now, bool last) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Redraw(const restructure::ProgressSnapshot& snapshot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddLine(const restructure::ProgressSnapshot& snapshot, absl::Time now, bool last)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  restructure::Progress& progress_;
  std::FILE* const out_;
  const Mode mode_;
  const std::vector<std::string> phases_;
  std::thread thread_;  // Touched by the owner's thread only.

  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  int lines_drawn_ ABSL_GUARDED_BY(mutex_) = 0;    // Lines between the cursor and the panel's top.
  std::string last_step_ ABSL_GUARDED_BY(mutex_);  // Phase and step of the last line.
  absl::Time last_line_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace tools

#endif  // TOOLS_REPORT_H_
