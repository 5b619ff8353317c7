#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::app {

// Fault::invalid for a URL that no document is fetched from: one that is none, or one over http to another machine.
Result<void> check_document_url(const std::string& url);

// Fetches documents over HTTPS (over HTTP from this machine only) from where the operator's egress rules let it. Sends
// no credentials; follows three redirects, each by the same rules; takes an answer of 200 and nothing else. Has a loop
// and its thread from the first fetch on. One caller at a time.
class DocumentFetch {
 public:
  // `egress`: see net::Egress; read at the first fetch, whose Fault::invalid names the rule that cannot be read.
  explicit DocumentFetch(std::vector<std::string> egress);
  ~DocumentFetch();

  // The body. Errors name the URL without its query, which may hold a secret.
  Result<std::string> get(const std::string& url, Deadline deadline);

 private:
  struct Way;
  std::vector<std::string> egress_;
  std::unique_ptr<Way> way_;
};

}  // namespace plumb::app
