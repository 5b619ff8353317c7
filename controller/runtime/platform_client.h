#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/model/live.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_store.h"
#include "controller/runtime/platform_settings.h"

namespace plumb::runtime {

// An HttpSender as whoever may wait sees it: posts to the loop and waits there. It knows route and limits.
using BlockingSend = std::function<HttpSender::Answer(HttpRequest request, Deadline deadline)>;

// The API of an Itential Platform, as far as it is used. One caller at a time; calls block until the deadline.
//
// It signs in when first needed, again before a token ends, and once more where a call is answered 401. Faults:
// not_found (404), conflict (exists already, which a Platform says as 500 with a text), invalid (400: what it says
// about the document), denied (401 and 403), unavailable and timeout. Every error names the route and what can be done,
// and no secret: what a Platform says is shown with the secrets of the request masked.
class PlatformClient {
 public:
  // References must outlive it. Secrets are fetched when it signs in, and not kept.
  PlatformClient(PlatformSettings settings, BlockingSend send, SecretStore& secrets, const Clock& clock);

  // All of them, proven: pages overlap by one entry, the total is the same in all of them, and each name is there
  // once. A list that moves under the reading is read again; Fault::conflict where it does not hold still.
  Result<Complete<std::vector<Value>>> integrations(Deadline deadline);  // the `data` of each
  Result<Complete<std::vector<Value>>> models(Deadline deadline);        // {model, versionId, description, properties}

  Result<Value> integration(const std::string& name, Deadline deadline);  // `data`
  Result<Value> document(const std::string& version_id, Deadline deadline);
  // What became of it, as the Platform says: `data`, in which the name may be another one than was asked for.
  Result<Value> create_integration(const Value& service, Deadline deadline);
  Result<void> replace_integration(const std::string& name, const Value& service, Deadline deadline);
  Result<void> replace_settings(const std::string& name, const Value& settings, Deadline deadline);
  Result<void> remove_integration(const std::string& name, Deadline deadline);
  Result<void> import_model(const Value& document, Deadline deadline);
  // Fault::invalid says what an import would complain about. After any other fault nothing is known of the document.
  Result<void> validate_model(const Value& document, Deadline deadline);
  // Fault::denied where this Platform cannot (6.5.2 answers 500).
  Result<void> replace_model(const Value& document, Deadline deadline);
  Result<void> remove_model(const std::string& version_id, Deadline deadline);

 private:
  struct List {
    std::string route, member, name, sort;  // name: pointer into an entry; sort: field of the query
  };
  struct Page {
    std::vector<Value> entries;
    std::size_t total = 0;
  };
  Result<std::vector<Value>> read_once(const List& list, Deadline deadline);
  Result<Complete<std::vector<Value>>> read_all(const List& list, Deadline deadline);
  Result<Page> page(const List& list, std::size_t skip, Deadline deadline);

  Result<Value> call(const std::string& method, const std::string& route, const Value* body, Deadline deadline);
  Result<HttpResponse> exchange(HttpRequest request, const std::string& what, Deadline deadline);
  Result<void> authorize(HttpRequest& request, Deadline deadline);
  Result<void> sign_in(Deadline deadline);
  Result<void> log_in(const Secret& password, Deadline deadline);
  Result<void> oauth(const Secret& secret, Deadline deadline);
  Result<void> check_token(Deadline deadline);
  HttpRequest request(const std::string& method, const std::string& route) const;

  PlatformSettings settings_;
  BlockingSend send_;
  SecretStore& secrets_;
  const Clock& clock_;
  Secret token_;
  std::optional<SteadyTime> token_ends_;
};

}  // namespace plumb::runtime
