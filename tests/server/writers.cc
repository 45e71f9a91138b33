#include "tests/server/writers.h"

#include "absl/strings/str_cat.h"
#include "tests/server/members.h"

namespace server {

Writers::Writers(const Target& target, int count, const WriterOptions& options)
    : count_(count), reports_(static_cast<std::size_t>(count)) {
  for (int i = 0; i < count; ++i) {
    threads_.emplace_back([this, target, i, options] { Run(target, i + 1, options); });
  }
}

Writers::~Writers() { Stop(); }

void Writers::Run(const Target& target, int residue, const WriterOptions& options) {
  WriterReport& report = reports_[static_cast<std::size_t>(residue - 1)];
  try {
    Writer writer(target, residue, options);
    while (!stopping_) {
      writer.Step();
      ++transactions_;
      std::this_thread::sleep_for(options.pause);
    }
    report = writer.report();
  } catch (const std::exception& error) {
    report.errors.push_back(absl::StrCat("writer", residue, " died: ", error.what()));
  }
}

bool Writers::Await(std::int64_t transactions) {
  const std::int64_t goal = transactions_ + transactions;
  return Eventually([this, goal] { return transactions_ >= goal; });
}

void Writers::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

const WriterReport& Writers::Report() {
  Stop();
  together_ = WriterReport();
  for (const WriterReport& report : reports_) {
    together_.transactions += report.transactions;
    together_.lost_connections += report.lost_connections;
    together_.serialization_failures += report.serialization_failures;
    together_.errors.insert(together_.errors.end(), report.errors.begin(), report.errors.end());
    together_.ledger.insert(report.ledger.begin(), report.ledger.end());
    if (report.longest_statement > together_.longest_statement) {
      together_.longest_statement = report.longest_statement;
      together_.longest_sql = report.longest_sql;
    }
  }
  return together_;
}

std::vector<std::string> Writers::Complaints(Client& client) {
  const WriterReport& report = Report();
  std::vector<int> residues;
  for (int i = 1; i <= count_; ++i) residues.push_back(i);
  std::vector<std::string> complaints = CheckLedger(client, report.ledger, residues);
  complaints.insert(complaints.end(), report.errors.begin(), report.errors.end());
  return complaints;
}

}  // namespace server
