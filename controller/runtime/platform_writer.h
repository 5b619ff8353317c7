#pragma once

#include <string>
#include <vector>

#include "controller/model/plan.h"
#include "controller/ports/target.h"
#include "controller/runtime/platform_client.h"
#include "controller/runtime/platform_objects.h"
#include "controller/runtime/platform_target.h"

namespace plumb::runtime {

// Carries out single changes on a Platform; see make_platform_target. References must outlive it.
class PlatformWriter {
 public:
  PlatformWriter(PlatformClient& client, const PlatformReader& reader, const PlatformParts& parts)
      : client_(client), reader_(reader), parts_(parts) {}
  Outcome write(const Change& change, const std::string& operation, Deadline deadline);

 private:
  Result<std::string> create_integration(const Change& change, const std::string& operation, Deadline deadline);
  Outcome update_integration(const Change& change, Deadline deadline);
  Result<std::string> remove_integration(const Change& change, Deadline deadline);
  Result<std::string> create_model(const Change& change, const std::string& operation, Deadline deadline);
  Outcome update_model(const Change& change, Deadline deadline);
  Result<std::string> remove_model(const Change& change, Deadline deadline);

  Result<void> set_fields(Value& service, const std::vector<FieldChange>& fields);
  Result<void> set_field(Value& service, const FieldChange& field);
  Result<void> set_secret(Value& service, const std::string& path, const std::string& noted);
  void take_remnants(Value& service, const std::vector<FieldChange>& fields) const;
  // Of a service in which the fields were set: what it still hides, and would be wiped by as it was read.
  std::vector<std::string> left_hidden(const Value& service, const std::vector<FieldChange>& fields) const;
  // Those of the paths of which nobody here knows where their values came from.
  std::vector<std::string> unknown(const Value& service, const std::vector<std::string>& paths) const;
  // Puts back what a Platform hides of a service, from where it was taken from when it was written. Fault::denied,
  // and nothing is fetched, where that is not known of all paths.
  Result<void> fill_hidden(Value& service, const std::vector<std::string>& paths);
  // After a Platform forgot the blocks that were left out: sends all of the service.
  Result<void> send_again(const std::string& name, Value& service, bool whole, const std::vector<std::string>& hidden,
                          Deadline deadline);
  Result<void> send(const std::string& name, const Value& service, bool whole, Deadline deadline);
  // Whether the service, as it is read back, is as it was to be.
  Result<void> confirm(const Change& change, const std::vector<FieldChange>& fields, const Value& back) const;
  Result<std::vector<FieldChange>> still_to_do(const Change& change, const Value& service) const;

  Result<Value> marked_document(const std::string& digest, const std::string& marker) const;
  struct Dependant {
    std::string name;
    Value before, after;  // services; with their secrets
  };
  Result<std::vector<Dependant>> dependants(const std::string& old_id, const std::string& new_id, Deadline deadline);
  Result<void> clear(const std::vector<std::string>& names, const std::string& version_id, Deadline deadline);
  Result<void> bring_back(const std::string& version_id, const Value& document, const std::vector<Dependant>& users,
                          Deadline deadline);
  bool imported(const Result<void>& answer, const std::string& version_id, const Value& document, Deadline deadline);
  // Deletes and makes anew; where that fails, brings back what it deleted.
  Result<void> replace_all(const std::vector<Dependant>& users, const std::string& old_id, const Value& old_document,
                           const std::string& new_id, const Value& document, Deadline deadline);
  Outcome recreate(const Change& change, const std::string& old_id, const Value& old_document,
                   const std::string& new_id, const Value& document, Deadline deadline);

  PlatformClient& client_;
  const PlatformReader& reader_;
  const PlatformParts& parts_;
  // This Platform forgets what a PUT leaves out: learnt when it first did.
  bool forgets_ = false;
};

}  // namespace plumb::runtime
