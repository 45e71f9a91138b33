// What all tests of indexes need.

#ifndef TESTS_SERVER_INDEXES_H_
#define TESTS_SERVER_INDEXES_H_

#include <string>

#include "tests/server/fixture.h"

namespace server {

class IndexesTest : public ServerTest {
 protected:
  static Arguments RunIndex(const std::string& name, const Arguments& more);

  // All indexes of a table, as the server writes them; names of the job's own would show.
  std::string Indexes(const std::string& table);

  // Neither its objects nor names.
  void ExpectNothingOfOurs();
};

}  // namespace server

#endif  // TESTS_SERVER_INDEXES_H_
