// What the program's exit code tells a script. README and the help texts say the same.

#ifndef TOOLS_EXIT_CODES_H_
#define TOOLS_EXIT_CODES_H_

namespace tools {

enum ExitCode : int {
  kExitDone = 0,
  kExitInternalError = 1,
  kExitUsage = 2,
  kExitRefused = 3,          // By the plan, or because something does not fit. Nothing was changed.
  kExitResumable = 4,        // Failed or interrupted: the same `run`, or `resume`, goes on.
  kExitDifferences = 5,      // Verification found rows that differ. Nothing was swapped.
  kExitLockNotObtained = 6,  // A lock was not obtained within the patience. Resumable.
  kExitAborted = 7,          // The job was aborted and its objects are gone.
  kExitLeftovers = 8,        // Doctor found something of ours that should not be there.
  kExitHibernates = 9,       // Outside the window, as asked: to be started again in it.
};

struct ExitCodeMeaning {
  ExitCode code;
  const char* meaning;
};

// In the order of the codes, for the help texts.
inline constexpr ExitCodeMeaning kExitCodes[] = {
    {kExitDone, "done"},
    {kExitInternalError, "internal error"},
    {kExitUsage, "usage"},
    {kExitRefused, "refused, nothing was changed"},
    {kExitResumable, "failed or interrupted, resumable"},
    {kExitDifferences, "verification found differences"},
    {kExitLockNotObtained, "lock not obtained within the patience, resumable"},
    {kExitAborted, "aborted"},
    {kExitLeftovers, "doctor found leftovers"},
    {kExitHibernates, "rests outside its window (outside = hibernate), resumable"},
};

}  // namespace tools

#endif  // TOOLS_EXIT_CODES_H_
