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

  Result<void> set_field(Value& service, const FieldChange& field);
  Result<void> set_secret(Value& settings, const std::string& path, const std::string& noted);
  // Puts back what a Platform hides of a service, from where it was taken from when it was written.
  Result<void> fill_hidden(Value& settings, const std::vector<std::string>& paths);
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
  Outcome recreate(const Change& change, const std::string& old_id, const Value& old_document,
                   const std::string& new_id, const Value& document, Deadline deadline);

  PlatformClient& client_;
  const PlatformReader& reader_;
  const PlatformParts& parts_;
  // This Platform forgets what a PUT leaves out: learnt when it first did.
  bool forgets_ = false;
};

}  // namespace plumb::runtime
