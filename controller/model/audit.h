#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/plan.h"

namespace plumb {

// One line of the audit log. `digest` chains it to the one before: it is the SHA-256 of `previous`
// and the canonical JSON of all other members.
struct AuditRecord {
  enum class Stage {
    intent,    // durable before the target is touched
    done,      // closes an intent: acknowledged by the target
    failed,    // closes an intent: refused by the target, nothing written
    unknown,   // no answer came; the intent stays open until the target was looked at
    settled,   // closes an intent after looking: `message` says what was found
    denied,    // a policy or a guard refused the change
    held,      // waits for an approval
    approval,  // a person approved a plan
    note,      // anything else worth keeping: adoption, take-over, start
  };
  std::uint64_t sequence = 0;  // 1-based, without gaps
  SystemTime at{};
  Stage stage = Stage::note;
  std::string operation;  // joins intent and closing record
  std::string target;
  std::string plan;  // digest
  std::string revision;
  std::string actor;  // who ran this: "root@host", "controller"
  ResourceKey key;
  std::vector<Action> actions;
  std::string id, handle, handle_after;
  std::vector<FieldChange> fields;  // sensitive values left out
  std::string message;
  bool security = false;  // somebody was refused, or may be who they are not
  std::string previous, digest;
};
std::string_view to_string(AuditRecord::Stage stage);
std::optional<AuditRecord::Stage> parse_stage(std::string_view text);

}  // namespace plumb
